//! The network as services see it: listen with a router, call by name.
//!
//! [`Transport`] is the port. [`Tcp`](tcp::Tcp) is the real adapter; the simulator brings its own.

pub mod call;
pub mod client;
pub mod memory;
mod report;
pub mod server;
pub mod tcp;
#[cfg(test)]
mod tests;

use std::{io, sync::Arc};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::BoxFuture;

/// A connected byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connected byte stream of either world.
pub type BoxStream = Box<dyn Stream>;

/// A bound port.
pub trait Listener: Send {
    /// The next connection, with the peer's address for logs.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxStream, String)>>;
}

/// The two things a network does. Dialling a *service name* is where load balancing acts.
pub trait Transport: Send + Sync + 'static {
    /// Listens on `port` of this pod.
    fn bind(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Listener>>>;

    /// Connects to `port` of the service or host called `host`. May hang as long as the network
    /// does: callers bound it.
    ///
    /// # Errors
    /// `ConnectionRefused` when nobody listens or the service has no ready endpoint; `NotFound` for
    /// an unknown name. After any error nothing was sent.
    fn connect(&self, host: &str, port: u16) -> BoxFuture<'_, io::Result<BoxStream>>;
}

/// A pod's network.
#[derive(Clone)]
pub struct Net(Arc<dyn Transport>);

impl Net {
    /// Wraps a transport.
    pub fn new(transport: impl Transport) -> Self {
        Self(Arc::new(transport))
    }

    /// See [`Transport::bind`].
    ///
    /// # Errors
    /// As the transport says.
    pub async fn bind(&self, port: u16) -> io::Result<Box<dyn Listener>> {
        self.0.bind(port).await
    }

    /// See [`Transport::connect`].
    ///
    /// # Errors
    /// As the transport says.
    pub async fn connect(&self, host: &str, port: u16) -> io::Result<BoxStream> {
        self.0.connect(host, port).await
    }
}
