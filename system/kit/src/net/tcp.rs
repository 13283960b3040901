//! The real network.

use std::{collections::BTreeMap, io, net::SocketAddr};

use super::{BoxStream, Listener, Transport};
use crate::BoxFuture;

/// TCP on this machine. Names are looked up in a table of services first (`pay:8080` may be
/// `127.0.0.1:8083` here), then by DNS.
#[derive(Clone, Debug, Default)]
pub struct Tcp {
    /// Where each named service listens: (service, port it is dialled at) → real address.
    pub services: BTreeMap<(String, u16), SocketAddr>,
    /// Port that a bind of the key really takes (8080 → 8081).
    pub binds: BTreeMap<u16, u16>,
}

#[expect(clippy::disallowed_types, reason = "the real adapter")]
struct TcpListener(tokio::net::TcpListener);

impl Listener for TcpListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxStream, String)>> {
        Box::pin(async {
            let (stream, peer) = self.0.accept().await?;
            stream.set_nodelay(true)?;
            Ok((Box::new(stream) as BoxStream, peer.to_string()))
        })
    }
}

#[expect(clippy::disallowed_types, reason = "the real adapter")]
impl Transport for Tcp {
    fn bind(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Listener>>> {
        let port = self.binds.get(&port).copied().unwrap_or(port);
        Box::pin(async move {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
            Ok(Box::new(TcpListener(listener)) as Box<dyn Listener>)
        })
    }

    fn connect(&self, host: &str, port: u16) -> BoxFuture<'_, io::Result<BoxStream>> {
        let known = self.services.get(&(host.to_owned(), port)).copied();
        let host = host.to_owned();
        Box::pin(async move {
            let stream = match known {
                Some(address) => tokio::net::TcpStream::connect(address).await?,
                None => tokio::net::TcpStream::connect((host.as_str(), port)).await?,
            };
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as BoxStream)
        })
    }
}
