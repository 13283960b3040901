//! A blocking HTTP/1.1 client: one request a connection, answered whole.

use std::{
    io::{self, Read, Write},
    net::Ipv4Addr,
    time::Duration,
};

use serde_json::Value;

/// Longer than any answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    /// `Null` when there was none.
    pub(crate) body: Value,
}

impl Reply {
    /// The value of a header, named in lower case.
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .next()
            .unwrap_or_default()
    }

    /// The id at the end of the `location` header.
    pub(crate) fn id(&self) -> u64 {
        let id = self.header("location").rsplit('/').next();
        id.and_then(|id| id.parse().ok())
            .unwrap_or_else(|| panic!("no id in {self:?}"))
    }
}

/// A request whose last byte is held back until [`Request::finish`].
#[expect(
    clippy::disallowed_types,
    reason = "the real program is asked over TCP"
)]
pub(crate) struct Request {
    stream: std::net::TcpStream,
    last: Vec<u8>,
}

#[expect(
    clippy::disallowed_types,
    reason = "the real program is asked over TCP"
)]
impl Request {
    /// Connects and sends all but the last byte.
    pub(crate) fn begin(method: &str, port: u16, path: &str, body: &[u8]) -> io::Result<Self> {
        let mut stream = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let mut text = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        text.extend_from_slice(body);
        let last = text.split_off(text.len() - 1);
        stream.write_all(&text)?;
        Ok(Self { stream, last })
    }

    /// Sends the rest and reads the answer.
    pub(crate) fn finish(mut self) -> io::Result<Reply> {
        // Who is refused for its size is answered, and cut off, before it has said everything.
        let _ = self.stream.write_all(&self.last);
        let mut answer = Vec::new();
        let read = self.stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let Some((head, body)) = answer.split_once("\r\n\r\n") else {
            read?;
            return Err(io::Error::other(format!("no answer but {answer:?}")));
        };
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let body = match body {
            "" => Value::Null,
            text => serde_json::from_str(text).map_err(io::Error::other)?,
        };
        Ok(Reply {
            status: status.ok_or_else(|| io::Error::other(head.to_owned()))?,
            head: head.to_owned(),
            body,
        })
    }
}

/// Sends a request with a body and reads the answer.
pub(crate) fn call(method: &str, port: u16, path: &str, body: &[u8]) -> io::Result<Reply> {
    Request::begin(method, port, path, body)?.finish()
}
