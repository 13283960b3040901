//! The calling side: one connection, made when needed, shared by all calls.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{ReadHalf, WriteHalf},
    sync::{Semaphore, oneshot},
    time::timeout,
};
use tokio_util::{
    codec::{FramedRead, FramedWrite, LengthDelimitedCodec},
    sync::{CancellationToken, DropGuard},
};

use super::{Frame, Kind, MAX_CALLS, RpcError, codec};
use crate::{
    net::{BoxStream, Net},
    spawn::Spawn,
};

/// How a client treats its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bound on making a connection, within each call's own timeout.
    pub connect_timeout: Duration,
}

/// Calls one server. Clones share the connection; it closes when the last clone is gone.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    net: Net,
    spawn: Spawn,
    host: String,
    port: u16,
    settings: Settings,
    places: Semaphore,
    /// Held while connecting, so that simultaneous calls share one attempt.
    current: tokio::sync::Mutex<Option<Arc<Connection>>>,
}

impl Client {
    /// A client of `host:port`. Nothing is connected before the first call.
    pub fn new(net: Net, spawn: Spawn, host: &str, port: u16, settings: Settings) -> Self {
        Self(Arc::new(Inner {
            net,
            spawn,
            host: host.to_owned(),
            port,
            settings,
            places: Semaphore::new(MAX_CALLS),
            current: tokio::sync::Mutex::new(None),
        }))
    }

    /// Sends `request` and waits for its answer, both together for at most `limit`. Dropping the
    /// returned future gives the answer up; the server may execute the request all the same.
    ///
    /// # Errors
    /// See [`RpcError`]. After an unanswered call the connection is left to the calls already on it
    /// and later ones get a new one: its peer may have died without a word.
    pub async fn call<Req: Serialize + Sync + ?Sized, Rep: DeserializeOwned>(
        &self,
        request: &Req,
        limit: Duration,
    ) -> Result<Rep, RpcError> {
        let mut progress = Progress::Waiting;
        match timeout(limit, self.0.exchange(request, &mut progress)).await {
            Ok(Ok(reply)) => parse(&reply),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(self.0.give_up(progress, limit).await),
        }
    }
}

/// How far a call has come: decides what its timeout means.
enum Progress {
    Waiting,
    Sent(Arc<Connection>),
}

impl Inner {
    async fn exchange(
        &self,
        request: &(impl Serialize + Sync + ?Sized),
        progress: &mut Progress,
    ) -> Result<Frame, RpcError> {
        let _place = self.places.acquire().await.map_err(not_sent)?;
        let connection = self.connection().await?;
        let (ticket, reply) = connection.register()?;
        let content =
            Frame::content(ticket.call, Kind::Message, request).map_err(RpcError::Refused)?;
        let mut writer = connection.writer.lock().await;
        // From here on a part of the request may be on the wire, whatever happens to this future.
        *progress = Progress::Sent(Arc::clone(&connection));
        let sent = writer.send(content).await;
        drop(writer);
        if let Err(error) = sent {
            connection.close();
            return Err(RpcError::Unknown(error.to_string()));
        }
        reply
            .await
            .map_err(|_| RpcError::Unknown(format!("{} closed the connection", self.peer())))
    }

    async fn connection(&self) -> Result<Arc<Connection>, RpcError> {
        let mut current = self.current.lock().await;
        if let Some(connection) = current.as_ref().filter(|connection| connection.is_open()) {
            return Ok(Arc::clone(connection));
        }
        *current = None;
        let connecting = self.net.connect(&self.host, self.port);
        let stream = timeout(self.settings.connect_timeout, connecting)
            .await
            .map_err(|_| RpcError::NotSent(format!("connecting to {} timed out", self.peer())))?
            .map_err(|error| RpcError::NotSent(format!("{}: {error}", self.peer())))?;
        let connection = Arc::new(Connection::start(stream, &self.spawn));
        *current = Some(Arc::clone(&connection));
        Ok(connection)
    }

    async fn give_up(&self, progress: Progress, limit: Duration) -> RpcError {
        let text = format!("{} within {limit:?}", self.peer());
        let Progress::Sent(silent) = progress else {
            return RpcError::NotSent(text);
        };
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|it| Arc::ptr_eq(it, &silent)) {
            *current = None;
        }
        RpcError::Unknown(text)
    }

    fn peer(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

fn not_sent(error: impl std::fmt::Display) -> RpcError {
    RpcError::NotSent(error.to_string())
}

fn parse<Rep: DeserializeOwned>(reply: &Frame) -> Result<Rep, RpcError> {
    if reply.kind == Kind::Refusal {
        let reason = serde_json::from_slice(&reply.body);
        return Err(RpcError::Refused(reason.unwrap_or_default()));
    }
    serde_json::from_slice(&reply.body).map_err(|error| RpcError::Refused(error.to_string()))
}

// === impl Connection ===

type Writer = FramedWrite<WriteHalf<BoxStream>, LengthDelimitedCodec>;
type Reader = FramedRead<ReadHalf<BoxStream>, LengthDelimitedCodec>;

/// One stream with the calls on it.
struct Connection {
    writer: tokio::sync::Mutex<Writer>,
    calls: Arc<Mutex<Calls>>,
    /// Ends the reader when the last user of the connection is gone.
    _reader: DropGuard,
}

/// The calls that wait for their replies.
struct Calls {
    next: u64,
    /// `None` once the connection has died.
    waiting: Option<BTreeMap<u64, oneshot::Sender<Frame>>>,
}

/// A call's place among those that wait; given up when dropped.
struct Ticket {
    call: u64,
    calls: Arc<Mutex<Calls>>,
}

impl Connection {
    fn start(stream: BoxStream, spawn: &Spawn) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        let calls = Arc::new(Mutex::new(Calls {
            next: 1,
            waiting: Some(BTreeMap::new()),
        }));
        let end = CancellationToken::new();
        let reader = FramedRead::new(reader, codec());
        spawn.task("rpc-replies", {
            let (calls, end) = (Arc::clone(&calls), end.clone());
            async move {
                tokio::select! {
                    biased;
                    () = end.cancelled() => {}
                    () = receive(reader, &calls) => {}
                }
                locked(&calls).waiting = None;
            }
        });
        Self {
            writer: tokio::sync::Mutex::new(FramedWrite::new(writer, codec())),
            calls,
            _reader: end.drop_guard(),
        }
    }

    fn is_open(&self) -> bool {
        locked(&self.calls).waiting.is_some()
    }

    /// Lets nobody use this connection again, and ends the calls on it.
    fn close(&self) {
        locked(&self.calls).waiting = None;
    }

    fn register(&self) -> Result<(Ticket, oneshot::Receiver<Frame>), RpcError> {
        let mut calls = locked(&self.calls);
        let call = calls.next;
        calls.next += 1;
        let Some(waiting) = &mut calls.waiting else {
            return Err(not_sent("the connection has just closed"));
        };
        let (sender, reply) = oneshot::channel();
        waiting.insert(call, sender);
        let calls = Arc::clone(&self.calls);
        Ok((Ticket { call, calls }, reply))
    }
}

/// Hands out replies until the stream ends, for whatever reason.
async fn receive(mut reader: Reader, calls: &Mutex<Calls>) {
    while let Some(Ok(content)) = reader.next().await {
        let Some(frame) = Frame::parse(Bytes::from(content)) else {
            return;
        };
        let mut calls = locked(calls);
        let Some(waiting) = &mut calls.waiting else {
            return;
        };
        if let Some(caller) = waiting.remove(&frame.call) {
            // The caller may have given up; nobody else wants the reply.
            let _ = caller.send(frame);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(waiting) = &mut locked(&self.calls).waiting {
            waiting.remove(&self.call);
        }
    }
}

fn locked(calls: &Mutex<Calls>) -> MutexGuard<'_, Calls> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}
