//! A network inside one process, without latency or faults: for what never leaves a machine, and
//! for tests under paused time, where a real socket would let the clock run ahead of its bytes.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::mpsc;

use super::{BoxStream, Listener, Transport};
use crate::BoxFuture;

/// Bytes under way in one direction of a connection.
const WINDOW_BYTES: usize = 16 * 1024;
/// Connections that wait to be accepted; one more is refused.
const BACKLOG: usize = 1024;

type Ports = Arc<Mutex<BTreeMap<u16, mpsc::Sender<BoxStream>>>>;

/// One machine that every name stands for. Clones are the same machine.
#[derive(Clone, Default)]
pub struct Memory(Ports);

struct MemoryListener(mpsc::Receiver<BoxStream>);

impl Listener for MemoryListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxStream, String)>> {
        Box::pin(async {
            let stream = self.0.recv().await;
            let stream = stream.ok_or_else(|| io::Error::other("the network is gone"))?;
            Ok((stream, "memory".to_owned()))
        })
    }
}

impl Transport for Memory {
    fn bind(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let mut ports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if ports.get(&port).is_some_and(|taken| !taken.is_closed()) {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            let (sender, receiver) = mpsc::channel(BACKLOG);
            ports.insert(port, sender);
            Ok(Box::new(MemoryListener(receiver)) as Box<dyn Listener>)
        })
    }

    fn connect(&self, _host: &str, port: u16) -> BoxFuture<'_, io::Result<BoxStream>> {
        let ports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let listener = ports.get(&port).cloned();
        Box::pin(async move {
            let (near, far) = tokio::io::duplex(WINDOW_BYTES);
            let accepted =
                listener.is_some_and(|listener| listener.try_send(Box::new(far)).is_ok());
            if !accepted {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            Ok(Box::new(near) as BoxStream)
        })
    }
}
