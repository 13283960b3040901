//! The answering side: every connection is one task, its calls run side by side in it.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream::FuturesUnordered};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{sleep, timeout};
use tokio_util::{
    codec::{FramedRead, FramedWrite},
    task::TaskTracker,
};

use super::{Frame, Kind, MAX_CALLS, codec};
use crate::{
    BoxFuture,
    net::{BoxStream, Net},
    spawn::Spawn,
    stop::Stop,
};

/// Bound on handing one reply to the network; a peer that reads nothing for so long is cut off.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// After the stop signal, calls under way get this long; calls that only wait are then cut short.
const DRAIN: Duration = Duration::from_secs(1);
/// Pause after a failed accept (the machine may be out of descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Of a refusal's text.
const MAX_REASON_CHARS: usize = 300;

type Handler<Req, Rep> = dyn Fn(Req) -> BoxFuture<'static, Rep> + Send + Sync;

/// Answers requests on `port` until `stop` is raised, then lets the calls under way end. At most
/// [`MAX_CALLS`] run per connection. A connection that dies takes its unfinished calls with it.
///
/// # Errors
/// When the port cannot be bound.
pub async fn serve<Req, Rep>(
    net: &Net,
    spawn: &Spawn,
    stop: &Stop,
    port: u16,
    handler: impl Fn(Req) -> BoxFuture<'static, Rep> + Send + Sync + 'static,
) -> io::Result<()>
where
    Req: DeserializeOwned + Send + 'static,
    Rep: Serialize + Send + 'static,
{
    let mut listener = net.bind(port).await?;
    let handler: Arc<Handler<Req, Rep>> = Arc::new(handler);
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.raised() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _peer)) => {
                let answering = answer(stream, Arc::clone(&handler), stop.clone());
                spawn.task("rpc-connection", connections.track_future(answering));
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
    Ok(())
}

/// Serves one connection until its peer leaves, breaks the protocol, or `stop` is raised.
async fn answer<Req, Rep>(stream: BoxStream, handler: Arc<Handler<Req, Rep>>, stop: Stop)
where
    Req: DeserializeOwned + Send + 'static,
    Rep: Serialize + Send + 'static,
{
    let (reader, writer) = tokio::io::split(stream);
    let mut requests = FramedRead::new(reader, codec());
    let mut replies = FramedWrite::new(writer, codec());
    let mut calls = FuturesUnordered::new();
    loop {
        let reply = tokio::select! {
            biased;
            () = stop.raised() => break,
            Some(reply) = calls.next() => reply,
            request = requests.next(), if calls.len() < MAX_CALLS => {
                let Some(Ok(content)) = request else { return };
                let Some(frame) = Frame::parse(Bytes::from(content)) else { return };
                calls.push(execute(frame, &*handler));
                continue;
            }
        };
        if !matches!(
            timeout(WRITE_TIMEOUT, replies.send(reply)).await,
            Ok(Ok(()))
        ) {
            return;
        }
    }
    let drain = async {
        while let Some(reply) = calls.next().await {
            if replies.send(reply).await.is_err() {
                return;
            }
        }
    };
    // Too late is no harm: the caller sees the connection end and knows that it does not know.
    let _ = timeout(DRAIN, drain).await;
}

/// One call, from its request to the content of its reply.
async fn execute<Req: DeserializeOwned, Rep: Serialize>(
    frame: Frame,
    handler: &Handler<Req, Rep>,
) -> Bytes {
    let reply = match rmp_serde::from_slice(&frame.body) {
        Ok(request) => {
            let reply = handler(request).await;
            Frame::content(frame.call, Kind::Message, &reply)
        }
        Err(error) => Err(error.to_string()),
    };
    reply.unwrap_or_else(|reason| {
        // The reason may quote the request, and that may be huge.
        let reason: String = reason.chars().take(MAX_REASON_CHARS).collect();
        Frame::content(frame.call, Kind::Refusal, &reason).expect("a short text fits a frame")
    })
}
