//! A bound port of a host.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use turmoil_net::shim::tokio::net::{TcpListener, TcpStream};

use super::shared::{Host, lock};

/// A listener with its accept queue.
pub(super) struct Port {
    /// Where it is.
    pub host: Arc<Host>,
    /// The port as the process knows it.
    pub known: u16,
    /// The port in the socket layer: another one for each bind, because after a kill the old one
    /// may stay in use.
    pub real: u16,
    /// Connections admitted and not yet accepted.
    pub waiting: AtomicUsize,
    listener: Mutex<Option<TcpListener>>,
    /// What [`Port::withdraw`] took out of the socket layer on its way.
    queue: Mutex<VecDeque<(TcpStream, SocketAddr)>>,
}

impl Port {
    pub(super) fn new(host: Arc<Host>, known: u16, real: u16, listener: TcpListener) -> Self {
        Self {
            host,
            known,
            real,
            waiting: AtomicUsize::new(0),
            listener: Mutex::new(Some(listener)),
            queue: Mutex::default(),
        }
    }

    /// True when one more SYN finds no room. Linux: `sk_acceptq_is_full`, which admits one more
    /// than the backlog says.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > self.host.backlog.load(Ordering::Relaxed)
    }

    /// One connection more that waits for `accept`.
    pub(super) fn admit(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// One less. Saturates: connections of a host to itself never counted.
    pub(super) fn release(&self) {
        let waiting = self.waiting.load(Ordering::Relaxed);
        self.waiting
            .store(waiting.saturating_sub(1), Ordering::Relaxed);
    }

    /// The next connection.
    pub(super) fn poll_accept(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<(TcpStream, SocketAddr)>> {
        if let Some(next) = lock(&self.queue).pop_front() {
            return Poll::Ready(Ok(next));
        }
        self.host.select();
        match lock(&self.listener).as_ref() {
            Some(listener) => listener.poll_accept(context),
            None => Poll::Ready(Err(std::io::ErrorKind::NotConnected.into())),
        }
    }

    /// Takes the connection of `peer` out of the accept queue, so that nobody ever accepts it.
    pub(super) fn withdraw(&self, peer: SocketAddr) {
        self.host.select();
        let mut queue = lock(&self.queue);
        if let Some(listener) = lock(&self.listener).as_ref() {
            let mut context = Context::from_waker(Waker::noop());
            while let Poll::Ready(Ok(next)) = listener.poll_accept(&mut context) {
                queue.push_back(next);
            }
        }
        queue.retain(|(_, other)| *other != peer);
        self.release();
    }

    /// Stops listening: what nobody accepted is reset.
    pub(super) fn close(&self) {
        self.host.select();
        lock(&self.listener).take();
        lock(&self.queue).clear();
    }
}
