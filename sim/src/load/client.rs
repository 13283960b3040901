//! A user's side of HTTP: one request, one answer, and exact knowledge of whether it was sent.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use squall_kit::{net::Net, spawn::Spawn};
use tokio::time::{Instant, timeout_at};

/// Of an answer's body, in bytes; a longer one ends the request.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// A request with everything filled in.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub(super) method: &'static str,
    pub(super) target: &'static str,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<String>,
}

/// A complete answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Of head and body.
    pub(super) bytes: u64,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoReply {
    /// Nothing was sent.
    NotSent(String),
    /// It was sent, or may have been.
    Unknown(String),
}

type Connection = SendRequest<Full<Bytes>>;

/// One user's connections.
pub(super) struct Client {
    net: Net,
    spawn: Spawn,
    keep_alive: bool,
    kept: BTreeMap<&'static str, Connection>,
}

impl Client {
    pub(super) fn new(net: Net, spawn: Spawn, keep_alive: bool) -> Self {
        Self {
            net,
            spawn,
            keep_alive,
            kept: BTreeMap::new(),
        }
    }

    /// Sends once. Never sends again what may have been sent.
    pub(super) async fn send(&mut self, ready: &Ready, limit: Duration) -> Result<Reply, NoReply> {
        let deadline = Instant::now() + limit;
        let request = self.request(ready)?;
        let mut connection = match self.kept.remove(ready.target) {
            Some(kept) if kept.is_ready() => kept,
            _ => self.connect(ready.target, deadline).await?,
        };
        let sending = connection.send_request(request);
        let reply = timeout_at(deadline, async move {
            let response = sending.await.map_err(|error| {
                if error.is_canceled() {
                    NoReply::NotSent(in_words(&error))
                } else {
                    NoReply::Unknown(in_words(&error))
                }
            })?;
            read(response).await
        })
        .await
        .unwrap_or_else(|_| Err(NoReply::Unknown("timed out".into())))?;
        if self.keep_alive {
            self.kept.insert(ready.target, connection);
        }
        Ok(reply)
    }

    async fn connect(&self, target: &str, deadline: Instant) -> Result<Connection, NoReply> {
        let not_sent = |error: &dyn std::error::Error| NoReply::NotSent(in_words(error));
        let (host, port) = address(target).map_err(NoReply::NotSent)?;
        let connecting = async {
            let stream = self
                .net
                .connect(host, port)
                .await
                .map_err(|e| not_sent(&e))?;
            http1::handshake(TokioIo::new(stream))
                .await
                .map_err(|e| not_sent(&e))
        };
        let (connection, driver) = timeout_at(deadline, connecting)
            .await
            .unwrap_or_else(|_| Err(NoReply::NotSent("connect timed out".into())))?;
        self.spawn.task("load connection", async move {
            // Whoever waits for an answer on it hears of the error there.
            let _ = driver.await;
        });
        Ok(connection)
    }

    fn request(&self, ready: &Ready) -> Result<http::Request<Full<Bytes>>, NoReply> {
        let mut builder = http::Request::builder()
            .method(ready.method)
            .uri(ready.path.as_str())
            .header(header::HOST, ready.target);
        if !self.keep_alive {
            builder = builder.header(header::CONNECTION, "close");
        }
        if ready.body.is_some() {
            builder = builder.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in &ready.headers {
            builder = builder.header(*name, value);
        }
        let body = Full::new(Bytes::from(ready.body.clone().unwrap_or_default()));
        builder
            .body(body)
            .map_err(|error| NoReply::NotSent(in_words(&error)))
    }
}

/// Host and port of `gateway:8080`.
///
/// # Errors
/// In words.
pub(super) fn address(target: &str) -> Result<(&str, u16), String> {
    target
        .split_once(':')
        .and_then(|(host, port)| Some((host, port.parse().ok()?)))
        .ok_or_else(|| format!("target is {target:?}, expected host:port"))
}

async fn read(response: http::Response<hyper::body::Incoming>) -> Result<Reply, NoReply> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MAX_BODY_BYTES)
        .collect()
        .await
        .map_err(|error| NoReply::Unknown(in_words(&*error)))?
        .to_bytes();
    let line = "HTTP/1.1 200 \r\n".len() + head.status.canonical_reason().map_or(0, str::len);
    let fields = head.headers.iter();
    let fields: usize = fields.map(|(n, v)| n.as_str().len() + v.len() + 4).sum();
    let bytes = line + fields + 2 + body.len();
    Ok(Reply {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
        bytes: bytes as u64,
    })
}

fn in_words(error: &dyn std::error::Error) -> String {
    // The last cause says it best: "connection refused" rather than "error trying to connect".
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
