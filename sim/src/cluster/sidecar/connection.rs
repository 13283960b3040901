//! One connection from a sidecar to a pod: dialled, used for one request at a time, closed when
//! idle for too long, when the pod closes it, or when the pool says so.

use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use squall_kit::net::BoxStream;
use squall_reports::history::Name;
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

use super::hub::{Hub, Key};
use crate::platform::envoy::{pool::ConnectionId, route::Reset};

/// The largest body of an answer.
const ANSWER_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// A request on its way to a pod.
pub(super) struct Job {
    pub(super) request: Request<Bytes>,
    /// `perTryTimeout`, from the moment it is sent.
    pub(super) limit: Option<Duration>,
    pub(super) reply: oneshot::Sender<TryResult>,
}

/// How a try ended.
pub(super) type TryResult = Result<Response<Bytes>, Unanswered>;

/// Why a try has no answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unanswered {
    /// Nothing of an answer came.
    Reset(Reset),
    /// It began with this status and broke off, or was larger than the sidecar takes.
    Broken(u16),
}

/// Whom to dial, and how.
pub(super) struct Dial {
    pub(super) hub: Arc<Hub>,
    pub(super) key: Key,
    pub(super) pod: Name,
    pub(super) port: u16,
    pub(super) connection: ConnectionId,
    pub(super) connect_timeout: Duration,
    pub(super) idle_timeout: Duration,
}

/// The connection's whole life.
pub(super) async fn run(dial: Dial, jobs: mpsc::Receiver<Job>) {
    let (hub, key, connection) = (&dial.hub, &dial.key, dial.connection);
    let dialling = hub.net.connect(&dial.pod, dial.port);
    let dialled = match timeout(dial.connect_timeout, dialling).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(_refused)) => Err(Reset::ConnectFailure),
        Err(_elapsed) => Err(Reset::ConnectTimeout),
    };
    match dialled {
        Ok(stream) => converse(&dial, stream, jobs).await,
        Err(reset) => hub.settle(key, |pool| pool.connect_failed(connection, reset)),
    }
    hub.forget(key, connection);
}

async fn converse(dial: &Dial, stream: BoxStream, mut jobs: mpsc::Receiver<Job>) {
    let (hub, key, number) = (&dial.hub, &dial.key, dial.connection);
    let Ok((mut sender, connection)) = http1::handshake(TokioIo::new(stream)).await else {
        let reset = Reset::ConnectFailure;
        return hub.settle(key, |pool| pool.connect_failed(number, reset));
    };
    let mut connection = pin!(connection);
    hub.settle(key, |pool| pool.connected(number));
    loop {
        let job = tokio::select! {
            biased;
            job = jobs.recv() => job,
            _closed = connection.as_mut() => None,
            () = sleep(dial.idle_timeout) => None,
        };
        let Some(mut job) = job else { return };
        let mut open = true;
        let result = {
            let mut exchange = pin!(exchange(&mut sender, job.request, job.limit));
            loop {
                tokio::select! {
                    biased;
                    result = exchange.as_mut() => break result,
                    // What has come before the end is still read.
                    _closed = connection.as_mut(), if open => open = false,
                    // Nobody waits any more (Envoy: DC, or a timeout): HTTP/1.1 has no other way
                    // to say so than to close.
                    () = job.reply.closed() => return,
                }
            }
        };
        let answered = result.is_ok();
        // If its receiver is gone in this very instant, the answer is nobody's.
        let _ = job.reply.send(result);
        let reusable = answered
            && open
            && tokio::select! {
                biased;
                ready = sender.ready() => ready.is_ok(),
                _closed = connection.as_mut() => false,
            };
        if !answered {
            return;
        }
        hub.settle(key, |pool| pool.finished(number, reusable));
        if !reusable {
            return;
        }
    }
}

async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Bytes>,
    limit: Option<Duration>,
) -> TryResult {
    let answering = async {
        let head = sender.send_request(request.map(Full::new)).await;
        let head = head.map_err(|_| Unanswered::Reset(Reset::Termination))?;
        let (parts, body) = head.into_parts();
        let body = Limited::new(body, ANSWER_LIMIT_BYTES).collect().await;
        let body = body.map_err(|_| Unanswered::Broken(parts.status.as_u16()))?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    };
    match limit {
        None => answering.await,
        Some(limit) => timeout(limit, answering)
            .await
            .unwrap_or(Err(Unanswered::Reset(Reset::TryTimeout))),
    }
}
