//! A pod's sidecar: what its program dials by a service's name goes through a proxy on the pod's
//! own host, as iptables redirection does it (Istio: `istio-proxy`). The rules are
//! [`crate::platform::envoy`]'s; here are the connections.
//!
//! Left out: the callee's inbound sidecar, mTLS, HTTP/2 between sidecars, the headers that Envoy
//! adds, and any time or CPU of the proxy's own. Bodies of both directions are buffered, so a try
//! counts as unanswered until its answer is complete. What is dialled by a host's own name
//! (databases, the broker) passes untouched.

mod connection;
mod exchange;
mod hub;
#[cfg(test)]
mod tests;

use std::{io, sync::Arc};

use squall_kit::{
    BoxFuture,
    net::{BoxStream, Listener, Net, Transport},
    rng::Rng,
    spawn::Spawn,
};
use squall_reports::history::Name;

use self::hub::Hub;
use crate::{
    objects::mesh::{DestinationRule, VirtualService},
    recorder::Recorder,
};

/// Bytes under way between a program and its sidecar, each direction.
const WINDOW_BYTES: usize = 64 * 1024;

/// Says on an answer of the sidecar's own that no try of the request was handed to anybody, and
/// which flags it had: it surely was without effect. Envoy's flags alone do not tell: a request
/// may be sent, reset, tried again, and then find no host (UH). A real mesh can be told to put its
/// flags into a header, too (`local_reply_config`, `%RESPONSE_FLAGS%`); only who judges a run reads
/// this one, no service does.
pub(crate) const NEVER_SENT: &str = "x-squall-never-sent";

/// What the control plane tells sidecars (Istio: istiod, over xDS). Asked for every connection and
/// every try: what has changed is in force at once.
pub(crate) trait Mesh: Send + Sync + 'static {
    /// The Service of this name and port; `None` when there is none: then the sidecar passes the
    /// connection through.
    fn destination(&self, service: &str, port: u16) -> Option<Destination>;
}

/// A Service as sidecars know it.
pub(crate) struct Destination {
    /// Its ready pods, in the order of their names. Each can be dialled by its name.
    pub(crate) pods: Vec<Name>,
    /// Where their containers listen (`targetPort`).
    pub(crate) port: u16,
    /// Its DestinationRule.
    pub(crate) rule: Option<Arc<DestinationRule>>,
    /// Its VirtualService.
    pub(crate) route: Option<Arc<VirtualService>>,
}

/// What a sidecar gets from the cluster.
pub(crate) struct Seat {
    /// Its pod: the host of what it records.
    pub(crate) pod: Name,
    /// Starts tasks on the pod's host; they die with it.
    pub(crate) spawn: Spawn,
    /// Its own stream, `sidecar/<pod>`.
    pub(crate) rng: Rng,
    /// The run's history.
    pub(crate) recorder: Recorder,
    /// What it knows of others.
    pub(crate) mesh: Arc<dyn Mesh>,
}

/// A network with a sidecar in it.
pub(crate) struct Sidecar {
    net: Net,
    hub: Arc<Hub>,
}

impl Sidecar {
    /// What the pod's program gets instead of `net`, the network of its host. One for each start of
    /// the pod: a sidecar that starts again has forgotten everything.
    pub(crate) fn net(net: Net, seat: Seat) -> Net {
        let hub = Arc::new(Hub::new(net.clone(), seat));
        Net::new(Self { net, hub })
    }
}

impl Transport for Sidecar {
    /// Inbound traffic is not redirected.
    fn bind(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Listener>>> {
        Box::pin(self.net.bind(port))
    }

    /// The sidecar accepts every connection to a service: whether anybody is behind it shows in
    /// the answers.
    fn connect(&self, host: &str, port: u16) -> BoxFuture<'_, io::Result<BoxStream>> {
        let host = host.to_owned();
        Box::pin(async move {
            if !self.hub.knows(&host, port) {
                return self.net.connect(&host, port).await;
            }
            let (near, far) = tokio::io::duplex(WINDOW_BYTES);
            exchange::serve(&self.hub, host.into(), port, far);
            Ok(Box::new(near) as BoxStream)
        })
    }
}
