//! What all connections of a sidecar share: its view of each service, and what waits there.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use squall_kit::net::Net;
use squall_reports::history::{Name, SidecarAct, What};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::{
    Destination, Seat,
    connection::{self, Dial, Job, TryResult, Unanswered},
};
use crate::platform::envoy::{
    outlier::Finding,
    pool::{ConnectionId, Pool, RequestId, Step},
    route::Reset,
    upstream::Upstream,
};

/// A service's name and port.
pub(super) type Key = (Name, u16);

/// A sidecar's state.
pub(super) struct Hub {
    pub(super) net: Net,
    pub(super) seat: Seat,
    /// When it was used first: its machines count from there.
    epoch: OnceLock<Instant>,
    services: Mutex<BTreeMap<Key, Service>>,
}

/// One service in use.
struct Service {
    upstream: Upstream,
    /// Requests that wait for a connection. No more than the pod's program has under way.
    waiting: BTreeMap<RequestId, Job>,
    /// The way to each open connection; one request at a time.
    queues: BTreeMap<ConnectionId, mpsc::Sender<Job>>,
    requests: u64,
    target_port: u16,
    /// A task waits for the next sweep.
    sweeping: bool,
}

/// A try under way. Dropping it gives it up.
pub(super) struct Ticket {
    hub: Arc<Hub>,
    key: Key,
    request: RequestId,
    reply: oneshot::Receiver<TryResult>,
}

/// A place among the parallel retries, given back when dropped.
pub(super) struct RetryPlace {
    hub: Arc<Hub>,
    key: Key,
}

// === impl Hub ===

impl Hub {
    pub(super) fn new(net: Net, seat: Seat) -> Self {
        Self {
            net,
            seat,
            epoch: OnceLock::new(),
            services: Mutex::default(),
        }
    }

    /// True when the service exists.
    pub(super) fn knows(&self, service: &str, port: u16) -> bool {
        self.seat.mesh.destination(service, port).is_some()
    }

    /// What is known of the service now.
    pub(super) fn destination(&self, key: &Key) -> Option<Destination> {
        self.seat.mesh.destination(&key.0, key.1)
    }

    /// Picks a pod for a try; `None`: UH.
    pub(super) fn pick(
        self: &Arc<Self>,
        key: &Key,
        destination: &Destination,
        tried: &BTreeSet<Name>,
    ) -> Option<Name> {
        let (now, rng) = (self.now(), &self.seat.rng);
        let rule = destination.rule.as_deref();
        let mut services = self.services();
        let service = services.entry(key.clone()).or_insert_with(|| Service {
            upstream: Upstream::new(now, rule, rng),
            waiting: BTreeMap::new(),
            queues: BTreeMap::new(),
            requests: 0,
            target_port: destination.port,
            sweeping: false,
        });
        service.target_port = destination.port;
        let findings = service.upstream.advance(now);
        let steps = service.upstream.observe(now, &destination.pods, rule);
        self.follow(key, service, steps);
        let picked = service.upstream.pick(tried, rng);
        drop(services);
        self.tell(key, findings);
        picked
    }

    /// Asks the pod, as soon as the pool lets it.
    pub(super) fn submit(
        self: &Arc<Self>,
        key: &Key,
        pod: &Name,
        request: Request<Bytes>,
        limit: Option<Duration>,
    ) -> Ticket {
        let (reply, receiver) = oneshot::channel();
        let mut services = self.services();
        let service = Self::service(&mut services, key);
        service.requests += 1;
        let number = service.requests;
        let job = Job {
            request,
            limit,
            reply,
        };
        service.waiting.insert(number, job);
        let steps = service.upstream.pool.request(pod, number);
        self.follow(key, service, steps);
        Ticket {
            hub: Arc::clone(self),
            key: key.clone(),
            request: number,
            reply: receiver,
        }
    }

    /// Tells the pool of a connection's fate, and does what follows.
    pub(super) fn settle(self: &Arc<Self>, key: &Key, event: impl FnOnce(&mut Pool) -> Vec<Step>) {
        let mut services = self.services();
        let service = Self::service(&mut services, key);
        let steps = event(&mut service.upstream.pool);
        self.follow(key, service, steps);
    }

    /// Counts the end of a try against the pod, or for it.
    pub(super) fn charge(self: &Arc<Self>, key: &Key, pod: &str, status: u16) {
        let now = self.now();
        let mut services = self.services();
        let service = Self::service(&mut services, key);
        let mut findings = service.upstream.advance(now);
        findings.extend(service.upstream.charge(now, pod, status));
        let waits = service.upstream.next_deadline().is_some();
        let start = waits && !std::mem::replace(&mut service.sweeping, waits);
        drop(services);
        self.tell(key, findings);
        if start {
            let sweeper = Arc::clone(self).sweep(key.clone());
            self.seat.spawn.task("sidecar sweep", sweeper);
        }
    }

    /// A place among the parallel retries, if there is one.
    pub(super) fn begin_retry(self: &Arc<Self>, key: &Key) -> Option<RetryPlace> {
        let begun = Self::service(&mut self.services(), key)
            .upstream
            .pool
            .begin_retry();
        begun.then(|| RetryPlace {
            hub: Arc::clone(self),
            key: key.clone(),
        })
    }

    /// Writes down what the sidecar did.
    pub(super) fn record(&self, key: &Key, did: SidecarAct) {
        let upstream = Arc::clone(&key.0);
        self.seat
            .recorder
            .record(&self.seat.pod, What::Sidecar { upstream, did });
    }

    /// Takes hosts back at the sweeps, as long as any is out.
    async fn sweep(self: Arc<Self>, key: Key) {
        loop {
            let deadline = {
                let mut services = self.services();
                let service = Self::service(&mut services, &key);
                let deadline = service.upstream.next_deadline();
                service.sweeping = deadline.is_some();
                deadline
            };
            let Some(deadline) = deadline else {
                return;
            };
            sleep_until(self.epoch() + deadline).await;
            let now = self.now();
            let findings = Self::service(&mut self.services(), &key)
                .upstream
                .advance(now);
            self.tell(&key, findings);
        }
    }

    fn follow(self: &Arc<Self>, key: &Key, service: &mut Service, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Connect { host, connection } => self.dial(key, service, host, connection),
                Step::Send {
                    request,
                    connection,
                } => {
                    let job = service.waiting.remove(&request);
                    let job = job.expect("a request is sent once");
                    let queue = service.queues.get(&connection);
                    let queue = queue.expect("an open connection has a queue");
                    if let Err(unsent) = queue.try_send(job) {
                        // Its task has just ended, and tells the pool next.
                        let job = unsent.into_inner();
                        let reset = Unanswered::Reset(Reset::Termination);
                        let _ = job.reply.send(Err(reset));
                    }
                }
                Step::Refuse { request, reset } => {
                    let job = service.waiting.remove(&request);
                    let job = job.expect("a request is refused once");
                    // Who asked may be gone.
                    let _ = job.reply.send(Err(Unanswered::Reset(reset)));
                }
                Step::Close { connection } => {
                    service.queues.remove(&connection);
                }
            }
        }
    }

    fn dial(
        self: &Arc<Self>,
        key: &Key,
        service: &mut Service,
        pod: Name,
        connection: ConnectionId,
    ) {
        let (queue, jobs) = mpsc::channel(1);
        service.queues.insert(connection, queue);
        let limits = service.upstream.pool.limits();
        let dial = Dial {
            hub: Arc::clone(self),
            key: key.clone(),
            pod,
            port: service.target_port,
            connection,
            connect_timeout: limits.connect_timeout,
            idle_timeout: limits.idle_timeout,
        };
        let task = connection::run(dial, jobs);
        self.seat.spawn.task("sidecar connection", task);
    }

    /// A connection's task has ended.
    pub(super) fn forget(self: &Arc<Self>, key: &Key, connection: ConnectionId) {
        let mut services = self.services();
        let service = Self::service(&mut services, key);
        service.queues.remove(&connection);
        let steps = service.upstream.pool.closed(connection);
        self.follow(key, service, steps);
    }

    fn tell(&self, key: &Key, findings: Vec<Finding>) {
        for finding in findings {
            let did = match finding {
                Finding::Ejected(pod) => SidecarAct::Ejected { pod },
                Finding::Overflow(pod) => SidecarAct::EjectionOverflow { pod },
                Finding::Readmitted(pod) => SidecarAct::Readmitted { pod },
            };
            self.record(key, did);
        }
    }

    fn epoch(&self) -> Instant {
        *self.epoch.get_or_init(Instant::now)
    }

    fn now(&self) -> Duration {
        Instant::now().saturating_duration_since(self.epoch())
    }

    fn service<'a>(services: &'a mut BTreeMap<Key, Service>, key: &Key) -> &'a mut Service {
        let service = services.get_mut(key);
        service.expect("a service is known from its first pick on")
    }

    fn services(&self) -> MutexGuard<'_, BTreeMap<Key, Service>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Ticket ===

impl Ticket {
    /// How the try ends. Cancel-safe.
    pub(super) async fn reply(&mut self) -> TryResult {
        let reply = (&mut self.reply).await;
        reply.unwrap_or(Err(Unanswered::Reset(Reset::Termination)))
    }

    /// True once the request was handed to its pod, and as long as it was not refused.
    pub(super) fn was_sent(&self) -> bool {
        let mut services = self.hub.services();
        let service = Hub::service(&mut services, &self.key);
        !service.upstream.pool.is_waiting(self.request)
    }
}

impl Drop for Ticket {
    /// What still waits is withdrawn. A connection that carries the request notices that nobody
    /// waits for its answer, and closes.
    fn drop(&mut self) {
        let mut services = self.hub.services();
        let service = Hub::service(&mut services, &self.key);
        if service.upstream.pool.cancel(self.request) {
            service.waiting.remove(&self.request);
        }
    }
}

impl Drop for RetryPlace {
    fn drop(&mut self) {
        let mut services = self.hub.services();
        Hub::service(&mut services, &self.key)
            .upstream
            .pool
            .end_retry();
    }
}
