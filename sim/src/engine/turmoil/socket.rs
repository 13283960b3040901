//! `kit`'s transport over turmoil's sockets.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use ::turmoil::net::{TcpListener, TcpStream};
use squall_kit::{
    BoxFuture,
    net::{BoxStream, Listener, Net, Transport},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{super::world::Resolver, address, home::SimHost};

const CONNECT: u64 = 1;
const ACCEPT: u64 = 2;
const READ: u64 = 3;
const WRITE: u64 = 4;

struct SimTransport {
    host: Arc<SimHost>,
    resolver: Arc<dyn Resolver>,
}

/// The network as seen from `host`.
pub(super) fn net(host: Arc<SimHost>, resolver: Arc<dyn Resolver>) -> Net {
    Net::new(SimTransport { host, resolver })
}

impl Transport for SimTransport {
    fn bind(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
            let host = self.host.clone();
            Ok(Box::new(SimListener { host, listener }) as Box<dyn Listener>)
        })
    }

    fn connect(&self, host: &str, port: u16) -> BoxFuture<'_, io::Result<BoxStream>> {
        let endpoint = self.resolver.resolve(host, port);
        Box::pin(async move {
            let endpoint = endpoint?;
            let ip = if endpoint.host.slot == self.host.slot {
                Ipv4Addr::LOCALHOST.into()
            } else {
                address(endpoint.host.slot)
            };
            let stream = TcpStream::connect(SocketAddr::new(ip, endpoint.port)).await?;
            self.host.run.note(self.host.slot, CONNECT, 0);
            let host = self.host.clone();
            Ok(Box::new(SimStream { host, stream }) as BoxStream)
        })
    }
}

struct SimListener {
    host: Arc<SimHost>,
    listener: TcpListener,
}

impl Listener for SimListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxStream, String)>> {
        Box::pin(async move {
            let (stream, peer) = self.listener.accept().await?;
            self.host.run.note(self.host.slot, ACCEPT, 0);
            let host = self.host.clone();
            Ok((
                Box::new(SimStream { host, stream }) as BoxStream,
                peer.to_string(),
            ))
        })
    }
}

struct SimStream {
    host: Arc<SimHost>,
    stream: TcpStream,
}

impl AsyncRead for SimStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        self.host.run.note(self.host.slot, READ, read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.host.run.note(self.host.slot, WRITE, written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
