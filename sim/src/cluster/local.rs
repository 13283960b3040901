//! A pod's second door: from its own machine.
//!
//! A kubelet probes the pods of its own machine, over the bridge that the machine has for them (a
//! Kubernetes network has to let a node's agents reach all pods of that node). That path takes next
//! to no time, loses nothing, and no partition between hosts cuts it, so it does not go over the
//! simulated network either. What is the same at both doors: a port that nobody listens on refuses,
//! a process that ends closes its connections, and whoever comes in waits for the same `accept`.

use std::io;

use squall_kit::{
    BoxFuture,
    net::{BoxStream, Listener, Net, Transport, memory::Memory},
};

/// A pod's network that hears its machine too.
pub(crate) struct Local {
    net: Net,
    machine: Memory,
}

impl Local {
    /// Wraps `net`; what connects to `machine` comes in as well.
    pub(crate) fn net(net: Net, machine: Memory) -> Net {
        Net::new(Self { net, machine })
    }
}

impl Transport for Local {
    fn bind(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener = TwoDoors {
                network: self.net.bind(port).await?,
                machine: self.machine.bind(port).await?,
            };
            Ok(Box::new(listener) as Box<dyn Listener>)
        })
    }

    fn connect(&self, host: &str, port: u16) -> BoxFuture<'_, io::Result<BoxStream>> {
        let host = host.to_owned();
        Box::pin(async move { self.net.connect(&host, port).await })
    }
}

/// A port at both doors.
struct TwoDoors {
    network: Box<dyn Listener>,
    machine: Box<dyn Listener>,
}

impl Listener for TwoDoors {
    /// Who waits at the network's door goes first: a server that is too busy to accept is found out
    /// by its probes, too.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxStream, String)>> {
        Box::pin(async {
            tokio::select! {
                biased;
                accepted = self.network.accept() => accepted,
                accepted = self.machine.accept() => accepted,
            }
        })
    }
}
