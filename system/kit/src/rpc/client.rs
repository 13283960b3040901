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
        let mut sent = false;
        match timeout(limit, self.0.exchange(request, &mut sent)).await {
            Ok(reply) => parse(&reply?),
            Err(_) => {
                let text = format!("{} within {limit:?}", self.0.peer());
                Err(if sent {
                    RpcError::Unknown(text)
                } else {
                    RpcError::NotSent(text)
                })
            }
        }
    }
}

impl Inner {
    /// One call. `sent` tells how far it has come, also when it is cut short.
    async fn exchange(
        &self,
        request: &(impl Serialize + Sync + ?Sized),
        sent: &mut bool,
    ) -> Result<Frame, RpcError> {
        let _place = self.places.acquire().await.map_err(not_sent)?;
        let connection = self.connection().await?;
        let call = connection.next_call();
        let content = Frame::content(call, Kind::Message, request).map_err(RpcError::Refused)?;
        let (_ticket, reply) = connection.register(call)?;
        let mut writer = connection.writer.lock().await;
        // From here on a part of the request may be on the wire, whatever happens to this future.
        *sent = true;
        let written = writer.send(content).await;
        drop(writer);
        if let Err(error) = written {
            connection.close();
            return Err(RpcError::Unknown(error.to_string()));
        }
        reply
            .await
            .map_err(|_| RpcError::Unknown(format!("{} closed the connection", self.peer())))
    }

    async fn connection(&self) -> Result<Arc<Connection>, RpcError> {
        let mut current = self.current.lock().await;
        if let Some(connection) = current.as_ref().filter(|connection| connection.is_usable()) {
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

    fn peer(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

fn not_sent(error: impl std::fmt::Display) -> RpcError {
    RpcError::NotSent(error.to_string())
}

fn parse<Rep: DeserializeOwned>(reply: &Frame) -> Result<Rep, RpcError> {
    if reply.kind == Kind::Refusal {
        let reason = rmp_serde::from_slice(&reply.body);
        return Err(RpcError::Refused(reason.unwrap_or_default()));
    }
    rmp_serde::from_slice(&reply.body).map_err(|error| RpcError::Refused(error.to_string()))
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
    /// Once a caller had enough of waiting, the peer may be dead: no new calls on this connection.
    doubtful: bool,
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
            doubtful: false,
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

    fn is_usable(&self) -> bool {
        let calls = locked(&self.calls);
        calls.waiting.is_some() && !calls.doubtful
    }

    /// Lets nobody use this connection again, and ends the calls on it.
    fn close(&self) {
        locked(&self.calls).waiting = None;
    }

    fn next_call(&self) -> u64 {
        let mut calls = locked(&self.calls);
        let call = calls.next;
        calls.next += 1;
        call
    }

    fn register(&self, call: u64) -> Result<(Ticket, oneshot::Receiver<Frame>), RpcError> {
        let (sender, reply) = oneshot::channel();
        let Some(waiting) = &mut locked(&self.calls).waiting else {
            return Err(not_sent("the connection has just closed"));
        };
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
        let mut calls = locked(&self.calls);
        let unanswered = calls
            .waiting
            .as_mut()
            .and_then(|waiting| waiting.remove(&self.call));
        calls.doubtful |= unanswered.is_some();
    }
}

fn locked(calls: &Mutex<Calls>) -> MutexGuard<'_, Calls> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}
