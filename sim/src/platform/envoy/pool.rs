//! Connections of one sidecar to the hosts of one service, and the requests that wait for them
//! (Envoy: conn_pool_base.cc, circuit_breaking.rst; Istio: `connectionPool`; platform: §5).
//!
//! A connection carries one request at a time (HTTP/1.1). A request that finds none idle at its
//! host *waits*, also while a new one is being made for it alone: with
//! `http1MaxPendingRequests: 1`, two requests at one instant make one overflow however many
//! connections there may be. The limits hold over all hosts of the service; only, a host that was
//! picked and has no connection always gets one.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use squall_reports::history::Name;

use super::route::Reset;
use crate::objects::mesh::ConnectionPool;

/// A request's number, unique in its pool.
pub type RequestId = u64;
/// A connection's number, unique in its pool.
pub type ConnectionId = u64;

/// Connections made at once for a queue that finds too few under way (Envoy:
/// `tryCreateNewConnections`).
const CONNECTS_AT_ONCE: usize = 3;

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make this connection; tell [`Pool::connected`] or [`Pool::connect_failed`].
    Connect {
        /// To whom.
        host: Name,
        /// Its number.
        connection: ConnectionId,
    },
    /// Send the request; tell [`Pool::finished`], or [`Pool::closed`] if it broke.
    Send {
        /// Which.
        request: RequestId,
        /// On which connection; it is idle.
        connection: ConnectionId,
    },
    /// The request is not sent.
    Refuse {
        /// Which.
        request: RequestId,
        /// Why.
        reset: Reset,
    },
    /// Close the connection; it is idle, and forgotten here.
    Close {
        /// Which.
        connection: ConnectionId,
    },
}

/// All connections and waiting requests.
#[derive(Clone, Debug)]
pub struct Pool {
    limits: ConnectionPool,
    hosts: BTreeMap<Name, HostPool>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// Requests that wait, and at which host.
    waiting: BTreeMap<RequestId, Name>,
    active: u32,
    retries: u32,
    /// Connections made so far.
    made: u64,
}

#[derive(Clone, Debug, Default)]
struct HostPool {
    /// Idle connections; the last one used is the next one used.
    idle: Vec<ConnectionId>,
    waiting: VecDeque<RequestId>,
    connecting: usize,
    /// Connections in any state.
    open: usize,
    active: u32,
    /// No longer one of the service's: idle connections close, waiting requests are still served.
    leaving: bool,
}

#[derive(Clone, Debug)]
struct Connection {
    host: Name,
    phase: Phase,
    /// Requests sent on it.
    sent: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Connecting,
    Idle,
    Busy,
}

// === impl Pool ===

impl Pool {
    /// No connection yet.
    pub fn new(limits: ConnectionPool) -> Self {
        Self {
            limits,
            hosts: BTreeMap::new(),
            connections: BTreeMap::new(),
            waiting: BTreeMap::new(),
            active: 0,
            retries: 0,
            made: 0,
        }
    }

    /// The limits from now on. What is open or waits already stays. (Envoy makes the cluster anew
    /// and lets the old connections drain.)
    pub fn set_limits(&mut self, limits: ConnectionPool) {
        self.limits = limits;
    }

    /// The limits in force.
    pub fn limits(&self) -> &ConnectionPool {
        &self.limits
    }

    /// Requests that this host has and has not answered.
    pub fn active_at(&self, host: &str) -> u32 {
        self.hosts.get(host).map_or(0, |host| host.active)
    }

    /// Requests sent and not answered, over all hosts.
    pub fn active(&self) -> u32 {
        self.active
    }

    /// Connections in any state, over all hosts.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Requests that wait for a connection.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// True while the request waits for a connection.
    pub fn is_waiting(&self, request: RequestId) -> bool {
        self.waiting.contains_key(&request)
    }

    /// A new request for a host that was picked for it (Envoy: `newStreamImpl`).
    pub fn request(&mut self, host: &Name, request: RequestId) -> Vec<Step> {
        let mut steps = Vec::new();
        let at_host = self.hosts.entry(Arc::clone(host)).or_default();
        if let Some(connection) = at_host.idle.pop() {
            self.attach(host, connection, request, &mut steps);
            return steps;
        }
        if !below(self.waiting.len(), self.limits.max_pending_requests) {
            let reset = Reset::Overflow;
            steps.push(Step::Refuse { request, reset });
            self.forget_if_unused(host);
            return steps;
        }
        at_host.waiting.push_back(request);
        self.waiting.insert(request, Arc::clone(host));
        self.connect_for_waiting(host, &mut steps);
        steps
    }

    /// A connection stands. Whoever has waited longest gets it (Envoy: `onUpstreamReady`).
    pub fn connected(&mut self, connection: ConnectionId) -> Vec<Step> {
        let mut steps = Vec::new();
        let Some(made) = self.connections.get_mut(&connection) else {
            return steps;
        };
        assert_eq!(made.phase, Phase::Connecting, "a connection stands once");
        made.phase = Phase::Idle;
        let host = Arc::clone(&made.host);
        let at_host = self.at(&host);
        at_host.connecting -= 1;
        at_host.idle.push(connection);
        self.serve_waiting(&host, &mut steps);
        steps
    }

    /// A connection could not be made: nobody goes on waiting at that host (Envoy: "if we see a
    /// connect failure, we purge all pending streams").
    pub fn connect_failed(&mut self, connection: ConnectionId, reset: Reset) -> Vec<Step> {
        let mut steps = Vec::new();
        let Some(host) = self.remove(connection) else {
            return steps;
        };
        for request in std::mem::take(&mut self.at(&host).waiting) {
            self.waiting.remove(&request);
            steps.push(Step::Refuse { request, reset });
        }
        self.forget_if_unused(&host);
        steps
    }

    /// The request on this connection has its answer. Not `reusable`: the peer closes it, or has.
    pub fn finished(&mut self, connection: ConnectionId, reusable: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let Some(used) = self.connections.get_mut(&connection) else {
            return steps;
        };
        assert_eq!(used.phase, Phase::Busy, "only a sent request is answered");
        used.phase = Phase::Idle;
        let (host, sent) = (Arc::clone(&used.host), used.sent);
        self.active -= 1;
        let max = self.limits.max_requests_per_connection;
        let at_host = self.at(&host);
        at_host.active -= 1;
        at_host.idle.push(connection);
        if !reusable || max.is_some_and(|max| max > 0 && sent >= max) {
            self.close(connection, &mut steps);
            self.connect_for_waiting(&host, &mut steps);
        } else {
            self.serve_waiting(&host, &mut steps);
        }
        self.forget_if_unused(&host);
        steps
    }

    /// A connection is gone, in whatever state. One that carried a request took it along. Unknown
    /// ones were closed from here.
    pub fn closed(&mut self, connection: ConnectionId) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Some(host) = self.remove(connection) {
            self.connect_for_waiting(&host, &mut steps);
            self.forget_if_unused(&host);
        }
        steps
    }

    /// Nobody wants the answer any more. True: it was waiting, and was never sent. A connection
    /// that is being made for it is made all the same (Envoy: `CancelPolicy::Default`).
    pub fn cancel(&mut self, request: RequestId) -> bool {
        let Some(host) = self.waiting.remove(&request) else {
            return false;
        };
        self.at(&host).waiting.retain(|waiting| *waiting != request);
        self.forget_if_unused(&host);
        true
    }

    /// The service has these hosts, and no others: idle connections to others close (Envoy:
    /// `drainConnPools`).
    pub fn set_hosts(&mut self, hosts: &BTreeSet<Name>) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut idle = Vec::new();
        for (name, host) in &mut self.hosts {
            host.leaving = !hosts.contains(name);
            if host.leaving {
                idle.extend(&host.idle);
            }
        }
        for connection in idle {
            self.close(connection, &mut steps);
        }
        self.hosts.retain(|_, host| !host.is_unused());
        steps
    }

    /// Takes a place for a retry; false: `maxRetries` are under way (Envoy:
    /// `upstream_rq_retry_overflow`). Istio cannot express 0: it counts as unset.
    pub fn begin_retry(&mut self) -> bool {
        let max = self.limits.max_retries.filter(|max| *max > 0);
        let may = below(self.retries as usize, max);
        self.retries += u32::from(may);
        may
    }

    /// Gives the place back.
    pub fn end_retry(&mut self) {
        assert!(self.retries > 0, "a place that was taken is given back");
        self.retries -= 1;
    }

    /// Hands the request to an idle connection, unless too many are under way (Envoy:
    /// `attachStreamToClient`).
    fn attach(
        &mut self,
        host: &Name,
        connection: ConnectionId,
        request: RequestId,
        steps: &mut Vec<Step>,
    ) {
        if !below(self.active as usize, self.limits.max_requests) {
            self.at(host).idle.push(connection);
            let reset = Reset::Overflow;
            steps.push(Step::Refuse { request, reset });
            return;
        }
        self.active += 1;
        self.at(host).active += 1;
        let used = self.connections.get_mut(&connection);
        let used = used.expect("an idle connection is open");
        (used.phase, used.sent) = (Phase::Busy, used.sent.saturating_add(1));
        steps.push(Step::Send {
            request,
            connection,
        });
    }

    fn serve_waiting(&mut self, host: &Name, steps: &mut Vec<Step>) {
        while let Some(connection) = self.at(host).idle.pop() {
            let Some(request) = self.at(host).waiting.pop_front() else {
                self.at(host).idle.push(connection);
                break;
            };
            self.waiting.remove(&request);
            self.attach(host, connection, request, steps);
        }
        if self.at(host).leaving {
            for connection in self.at(host).idle.clone() {
                self.close(connection, steps);
            }
        }
    }

    /// Makes connections for those who wait, as far as the limit lets it; one always, where there
    /// is none.
    fn connect_for_waiting(&mut self, host: &Name, steps: &mut Vec<Step>) {
        for _ in 0..CONNECTS_AT_ONCE {
            let may = below(self.connections.len(), self.limits.max_connections);
            let at_host = self.at(host);
            if at_host.waiting.len() <= at_host.connecting || (!may && at_host.open > 0) {
                break;
            }
            (at_host.connecting, at_host.open) = (at_host.connecting + 1, at_host.open + 1);
            self.made += 1;
            let connection = self.made;
            let new = Connection {
                host: Arc::clone(host),
                phase: Phase::Connecting,
                sent: 0,
            };
            self.connections.insert(connection, new);
            let host = Arc::clone(host);
            steps.push(Step::Connect { host, connection });
        }
    }

    fn close(&mut self, connection: ConnectionId, steps: &mut Vec<Step>) {
        let host = self.remove(connection);
        assert!(host.is_some(), "only an open connection is closed");
        steps.push(Step::Close { connection });
    }

    /// Forgets a connection; gives its host.
    fn remove(&mut self, connection: ConnectionId) -> Option<Name> {
        let Connection { host, phase, .. } = self.connections.remove(&connection)?;
        let at_host = self.at(&host);
        at_host.open -= 1;
        match phase {
            Phase::Connecting => at_host.connecting -= 1,
            Phase::Idle => at_host.idle.retain(|idle| *idle != connection),
            Phase::Busy => {
                at_host.active -= 1;
                self.active -= 1;
            }
        }
        Some(host)
    }

    fn at(&mut self, host: &Name) -> &mut HostPool {
        let at_host = self.hosts.get_mut(host);
        at_host.expect("a host stays as long as it has a connection or a request")
    }

    fn forget_if_unused(&mut self, host: &Name) {
        if self.hosts.get(host).is_some_and(HostPool::is_unused) {
            self.hosts.remove(host);
        }
    }
}

impl HostPool {
    fn is_unused(&self) -> bool {
        self.open == 0 && self.waiting.is_empty()
    }
}

/// True when one more is allowed.
fn below(count: usize, max: Option<u32>) -> bool {
    max.is_none_or(|max| count < max as usize)
}

#[cfg(test)]
mod tests;
