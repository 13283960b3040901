//! Calling other services: pooled HTTP/1 connections, a timeout on every call, no silent resends.
//!
//! What a caller can know of its call's effect is in the types: [`CallError::NotSent`] surely had
//! none, [`CallError::Unknown`] may have had one.

use std::{
    collections::BTreeMap,
    error::Error as _,
    io,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{CaptureConnection, Connected, Connection, capture_connection},
    },
    rt::{TokioIo, TokioTimer},
};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};

pub use super::call::{Answer, Call, CallError, surely_without_effect};
use super::{BoxStream, Net, report::Report};
use crate::{BoxFuture, Pod, signal::Signals, spawn::Spawn};

/// Limits of a client, each for one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientSettings {
    /// How long a connection may take to stand.
    pub connect_timeout: Duration,
    /// How long a connection is kept for the next call.
    pub idle: Duration,
    /// Connections kept for the next call; 0 means a fresh connection for every call, and
    /// `Connection: close` in its head (siege's default).
    pub idle_connections: usize,
    /// Calls under way at once; further ones wait, within their timeout.
    pub calls: usize,
    /// The largest body of an answer.
    pub answer_limit_bytes: usize,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            idle: Duration::from_secs(15),
            idle_connections: 64,
            calls: 1024,
            answer_limit_bytes: 8 * 1024 * 1024,
        }
    }
}

impl ClientSettings {
    /// A fresh connection for every call: how siege calls, and one pick of a pod per call.
    pub fn fresh() -> Self {
        Self {
            idle_connections: 0,
            ..Self::default()
        }
    }
}

/// Calls services by name. Clones share the connections.
#[derive(Clone)]
pub struct HttpClient(Arc<Inner>);

struct Inner {
    net: Net,
    spawn: Spawn,
    signals: Signals,
    settings: ClientSettings,
    /// One client per authority. hyper-util's own pool would keep them in an unordered map.
    targets: Mutex<BTreeMap<String, Target>>,
}

#[derive(Clone)]
struct Target {
    client: Client<Connector, Full<Bytes>>,
    slots: Arc<Semaphore>,
}

impl HttpClient {
    /// A client with no connection yet. Its background tasks are `spawn`'s.
    pub fn new(net: Net, spawn: Spawn, signals: Signals, settings: ClientSettings) -> Self {
        Self(Arc::new(Inner {
            net,
            spawn,
            signals,
            settings,
            targets: Mutex::default(),
        }))
    }

    /// Calls once and waits for the whole answer, at most the call's timeout.
    ///
    /// # Errors
    /// [`CallError`], which says whether the call may have had an effect. An answer of any status
    /// is no error.
    pub async fn call(&self, call: Call) -> Result<Answer, CallError> {
        let deadline = Instant::now() + call.timeout;
        let mut report = Report::new(self.0.signals.clone(), &call);
        let result = self.exchange(call, deadline, &mut report).await;
        report.ended(&result);
        result
    }

    async fn exchange(
        &self,
        call: Call,
        deadline: Instant,
        report: &mut Report,
    ) -> Result<Answer, CallError> {
        let target = self.target(&call.target);
        let mut request = call.into_request()?;
        if self.0.settings.idle_connections == 0 {
            let close = http::HeaderValue::from_static("close");
            request
                .headers_mut()
                .insert(http::header::CONNECTION, close);
        }
        let late = |_| CallError::NotSent("no call before it ended within the timeout".into());
        let slot = timeout_at(deadline, target.slots.acquire()).await;
        let _slot = slot.map_err(late)?;

        let mut captured = capture_connection(&mut request);
        let answer = self.answer(&target, request);
        let mut answer = pin!(timeout_at(deadline, answer));
        let done = tokio::select! {
            biased;
            done = answer.as_mut() => done,
            () = connected(&mut captured) => {
                report.sent();
                answer.await
            }
        };
        match done {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Failure::Request(error))) => Err(classified(&error, &captured)),
            Ok(Err(Failure::Body(reason))) => Err(CallError::Unknown(reason)),
            Err(_elapsed) if is_connected(&captured) => {
                Err(CallError::Unknown("no answer within the timeout".into()))
            }
            Err(_elapsed) => Err(CallError::NotSent(
                "no connection within the timeout".into(),
            )),
        }
    }

    async fn answer(
        &self,
        target: &Target,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, Failure> {
        let head = target.client.request(request).await;
        let (parts, body) = head.map_err(Failure::Request)?.into_parts();
        let body = Limited::new(body, self.0.settings.answer_limit_bytes);
        let body = body
            .collect()
            .await
            .map_err(|error| Failure::Body(error.to_string()))?;
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.to_bytes(),
        })
    }

    fn target(&self, name: &str) -> Target {
        let mut targets = self
            .0
            .targets
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = targets.get(name) {
            return target.clone();
        }
        let settings = self.0.settings;
        let connector = Connector {
            net: self.0.net.clone(),
            timeout: settings.connect_timeout,
        };
        let target = Target {
            client: Client::builder(Executor(self.0.spawn.clone()))
                .timer(TokioTimer::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(settings.idle)
                .pool_max_idle_per_host(settings.idle_connections)
                .retry_canceled_requests(false)
                .build(connector),
            slots: Arc::new(Semaphore::new(settings.calls)),
        };
        targets.insert(name.to_owned(), target.clone());
        target
    }
}

impl Pod {
    /// A client with connections of its own: make one, clone it.
    pub fn client(&self, settings: ClientSettings) -> HttpClient {
        let (spawn, signals) = (self.spawn.clone(), self.signals.clone());
        HttpClient::new(self.net.clone(), spawn, signals, settings)
    }
}

enum Failure {
    Request(hyper_util::client::legacy::Error),
    Body(String),
}

/// Without a connection nothing was sent. With one, hyper gives a request back as `canceled` only
/// if it never began to write it (a pooled connection that had just closed); the rest is unknown.
fn classified(
    error: &hyper_util::client::legacy::Error,
    captured: &CaptureConnection,
) -> CallError {
    let mut reason = error.to_string();
    let mut source = error.source();
    let mut given_back = false;
    while let Some(inner) = source {
        reason = format!("{reason}: {inner}");
        given_back |= inner
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_canceled);
        source = inner.source();
    }
    if given_back || !is_connected(captured) {
        CallError::NotSent(reason)
    } else {
        CallError::Unknown(reason)
    }
}

/// Resolves at the moment the request has a connection, before its first byte is written.
async fn connected(captured: &mut CaptureConnection) {
    let stands = captured.wait_for_connection_metadata().await.is_some();
    if !stands {
        // The request ended without one; its own result tells why.
        std::future::pending::<()>().await;
    }
}

fn is_connected(captured: &CaptureConnection) -> bool {
    captured.connection_metadata().is_some()
}

/// Runs hyper's background tasks as the pod's.
#[derive(Clone)]
struct Executor(Spawn);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Executor {
    fn execute(&self, task: F) {
        self.0.task("http client", task);
    }
}

#[derive(Clone)]
struct Connector {
    net: Net,
    timeout: Duration,
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<BoxStream>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<TokioIo<BoxStream>>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Self {
            net,
            timeout: limit,
        } = self.clone();
        Box::pin(async move {
            let host = uri.host().unwrap_or_default();
            let connecting = net.connect(host, uri.port_u16().unwrap_or(80));
            match timeout(limit, connecting).await {
                Ok(connected) => connected.map(TokioIo::new),
                Err(_elapsed) => Err(io::ErrorKind::TimedOut.into()),
            }
        })
    }
}

impl Connection for BoxStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
