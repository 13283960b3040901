//! The network of one host: `kit`'s transport over the socket layer.
//!
//! A descriptor of the socket layer is a number *of its host*. Every operation here, drops
//! included, selects the host first; used under another one it would hit a stranger's socket.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use squall_kit::{
    BoxFuture,
    net::{BoxStream, Listener, Net, Transport},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil_net::shim::tokio::net::{TcpListener, TcpStream};

use super::{
    connection::{CLIENT, Child, Connection, End, Key, Phase, SERVER, address},
    port::Port,
    shared::{Host, Request, Run, lock},
    world::{Endpoint, Resolver},
};

/// The receive buffer of a socket. Windows reopen only on reads of half of it or more, so every
/// read asks for all of it.
pub(super) const RECEIVE_BUFFER: usize = 64 * 1024;

/// Real ports: above the well-known ones, below those the socket layer gives to clients.
const REAL_PORTS: std::ops::RangeInclusive<u16> = 1024..=49_151;

/// A real port where nobody ever listens.
const NOBODY: u16 = 1;

struct HostTransport {
    host: Arc<Host>,
    resolver: Arc<dyn Resolver>,
}

/// The network as seen from `host`.
pub(super) fn net(host: Arc<Host>, resolver: Arc<dyn Resolver>) -> Net {
    Net::new(HostTransport { host, resolver })
}

impl Transport for HostTransport {
    fn bind(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let port = bind(&self.host, port).await?;
            Ok(Box::new(SimListener(port)) as Box<dyn Listener>)
        })
    }

    fn connect(&self, host: &str, port: u16) -> BoxFuture<'_, io::Result<BoxStream>> {
        let endpoint = self.resolver.resolve(host, port);
        Box::pin(async move {
            let server = real_end(&self.host.run, endpoint?);
            let stream = Dial::new(self.host.clone(), server).await?;
            Ok(Box::new(stream) as BoxStream)
        })
    }
}

/// Binds `known` on a real port of its own.
async fn bind(host: &Arc<Host>, known: u16) -> io::Result<Arc<Port>> {
    let run = &host.run;
    if lock(&run.ports).contains_key(&(host.slot, known)) {
        return Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            format!("port {known} of {} is bound already", host.name),
        ));
    }
    for _ in REAL_PORTS {
        let real = next_port(host);
        host.select();
        // Ready at once: the socket layer's bind waits for nothing.
        match TcpListener::bind(SocketAddr::new(address(host.slot), real)).await {
            Ok(listener) => {
                let port = Arc::new(Port::new(host.clone(), known, real, listener));
                lock(&run.ports).insert((host.slot, known), port.clone());
                lock(&run.real_ports).insert((host.slot, real), port.clone());
                return Ok(port);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// A real port that was not used for long on this slot.
fn next_port(host: &Host) -> u16 {
    let mut ports = lock(&host.run.next_ports);
    let next = ports.entry(host.slot).or_insert(*REAL_PORTS.start());
    let port = *next;
    *next = if port < *REAL_PORTS.end() {
        port + 1
    } else {
        *REAL_PORTS.start()
    };
    port
}

/// The real end behind an endpoint; where nobody listens, one that answers with a reset.
fn real_end(run: &Run, endpoint: Endpoint) -> End {
    let slot = endpoint.host.slot;
    let port = match lock(&run.ports).get(&(slot, endpoint.port)) {
        Some(port) if port.host.tenancy == endpoint.host.tenancy => port.real,
        _ => NOBODY,
    };
    End { slot, port }
}

/// A bound port, as the process holds it.
struct SimListener(Arc<Port>);

impl Listener for SimListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxStream, String)>> {
        Box::pin(async move {
            let port = &self.0;
            let (stream, peer) = std::future::poll_fn(|context| port.poll_accept(context)).await?;
            port.release();
            let key = Key {
                client: End::from(peer),
                server: End {
                    slot: port.host.slot,
                    port: port.real,
                },
            };
            let connection = lock(&port.host.run.connections).get(&key).cloned();
            let stream = SimStream::new(port.host.clone(), stream, connection, SERVER);
            Ok((Box::new(stream) as BoxStream, peer.to_string()))
        })
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        let port = &self.0;
        let run = &port.host.run;
        if !run.alive.load(Ordering::Relaxed) {
            return;
        }
        lock(&run.ports).remove(&(port.host.slot, port.known));
        lock(&run.real_ports).remove(&(port.host.slot, port.real));
        port.close();
        run.touch();
    }
}

/// A connect that has not been answered.
struct Dial {
    host: Arc<Host>,
    /// `None` when a host calls itself: the socket layer keeps that to itself.
    connection: Option<Arc<Connection>>,
    /// `None` once it has been answered.
    pending: Option<BoxFuture<'static, io::Result<TcpStream>>>,
    started: bool,
}

impl Dial {
    fn new(host: Arc<Host>, server: End) -> Self {
        let connection = (server.slot != host.slot).then(|| Connection::dial(host.slot, server));
        Self {
            host,
            connection,
            pending: Some(Box::pin(TcpStream::connect(server.address()))),
            started: false,
        }
    }

    /// The first poll sends the SYN; the wire finds by order whose it is.
    fn announce(&mut self) {
        self.started = true;
        let run = &self.host.run;
        if let Some(connection) = &self.connection {
            let mut dials = lock(&run.dials);
            let queue = dials.entry(self.host.slot).or_default();
            queue.push_back(connection.clone());
        }
        run.touch();
    }

    /// The connect failed. A reset after the last SYN retry is the wire's way to say so.
    fn refused(&self, connection: Option<Arc<Connection>>, error: io::Error) -> io::Error {
        let (true, Some(connection)) = (self.started, connection) else {
            return error;
        };
        let timed_out = {
            let mut state = lock(&connection.state);
            state.sides[CLIENT].closed = true;
            state.timed_out
        };
        self.host.run.request(Request::Closed(connection));
        if timed_out {
            io::ErrorKind::TimedOut.into()
        } else {
            error
        }
    }
}

impl Future for Dial {
    type Output = io::Result<SimStream>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.host.select();
        let Some(pending) = self.pending.as_mut() else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let polled = pending.as_mut().poll(context);
        if !self.started && polled.is_pending() {
            self.announce();
        }
        let Poll::Ready(answer) = polled else {
            return Poll::Pending;
        };
        self.pending = None;
        let connection = self.connection.take();
        Poll::Ready(match answer {
            Ok(stream) => Ok(SimStream::new(
                self.host.clone(),
                stream,
                connection,
                CLIENT,
            )),
            Err(error) => Err(self.refused(connection, error)),
        })
    }
}

impl Drop for Dial {
    fn drop(&mut self) {
        let run = self.host.run.clone();
        if !run.alive.load(Ordering::Relaxed) {
            // Its sockets are gone already, and so is whatever they would be closed in.
            std::mem::forget(self.pending.take());
            return;
        }
        if self.pending.is_none() || !self.started {
            return;
        }
        self.host.select();
        self.pending = None;
        let Some(connection) = self.connection.take() else {
            return;
        };
        let given_up = {
            let mut state = lock(&connection.state);
            state.sides[CLIENT].closed = true;
            state.sides[CLIENT].shut = true;
            let given_up = state.phase == Phase::Dialing;
            if given_up {
                state.phase = Phase::GivenUp;
            }
            given_up
        };
        run.request(if given_up {
            Request::GiveUp(connection)
        } else {
            Request::Closed(connection)
        });
    }
}

/// A connected stream.
struct SimStream {
    host: Arc<Host>,
    /// `None` after the end of the run only.
    stream: Option<TcpStream>,
    connection: Option<Arc<Connection>>,
    side: usize,
    /// Read from the socket and not yet by the application.
    unread: Bytes,
}

impl SimStream {
    fn new(
        host: Arc<Host>,
        stream: TcpStream,
        connection: Option<Arc<Connection>>,
        side: usize,
    ) -> Self {
        if let (SERVER, Some(connection)) = (side, &connection) {
            lock(&connection.state).child = Child::Accepted;
        }
        Self {
            host,
            stream: Some(stream),
            connection,
            side,
            unread: Bytes::new(),
        }
    }

    fn socket(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.host.select();
        let stream = self.stream.as_mut();
        stream
            .map(Pin::new)
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.unread.is_empty() {
            let run = this.host.run.clone();
            let mut scratch = lock(&run.scratch);
            let mut all = ReadBuf::new(&mut scratch);
            std::task::ready!(this.socket()?.poll_read(context, &mut all))?;
            let read = all.filled();
            if read.len() >= RECEIVE_BUFFER / 2 {
                run.touch();
            }
            let now = read.len().min(buffer.remaining());
            buffer.put_slice(&read[..now]);
            this.unread = Bytes::copy_from_slice(&read[now..]);
        } else {
            let now = this.unread.len().min(buffer.remaining());
            buffer.put_slice(&this.unread[..now]);
            this.unread.advance(now);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = std::task::ready!(self.socket()?.poll_write(context, bytes))?;
        if let Some(connection) = &self.connection {
            lock(&connection.state).sides[self.side].written += written as u64;
        }
        self.host.run.touch();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.socket()?.poll_shutdown(context))?;
        if let Some(connection) = &self.connection {
            lock(&connection.state).sides[self.side].shut = true;
        }
        self.host.run.touch();
        Poll::Ready(Ok(()))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else {
            return;
        };
        let run = self.host.run.clone();
        if !run.alive.load(Ordering::Relaxed) {
            std::mem::forget(stream);
            return;
        }
        self.host.select();
        drop(stream);
        run.touch();
        let Some(connection) = self.connection.take() else {
            return;
        };
        {
            let mut state = lock(&connection.state);
            state.sides[self.side].closed = true;
            state.sides[self.side].shut = true;
        }
        // Linux resets a connection that is closed with bytes unread.
        run.request(if self.unread.is_empty() {
            Request::Closed(connection)
        } else {
            Request::Abort(connection, self.side)
        });
    }
}
