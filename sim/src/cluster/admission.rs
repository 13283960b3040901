//! A server's worker threads: what serving costs in the simulator.
//!
//! A request takes a worker, or waits in the queue for one, or is answered 503 when the queue is
//! full. On its worker it computes ([`Processor`]), then waits, both as the model says, then runs
//! its handler; the worker is free again when the answer is ready.
//!
//! **Against Tomcat.** Its `maxThreads` (200) are the workers here. It accepts connections up to
//! `maxConnections` (8192), and requests on them wait for a thread in a queue without a bound of
//! its own, so it never answers 503 for being busy: what it has is `queue = maxConnections −
//! maxThreads`. A smaller queue is a server that sheds load (Jetty's and undertow's bounded pools
//! do). Connections beyond `maxConnections` wait in the kernel's backlog, `acceptCount` (100): the
//! kit's server accepts as Tomcat does, `SERVER_CONNECTIONS` being its `maxConnections`, so the
//! backlog fills only when that many are open, never because all workers are busy.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    future::pending,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use squall_kit::{
    BoxFuture,
    rng::Rng,
    work::{Admission, Permit},
};
use squall_reports::history::{Name, What};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

use super::processor::{Processor, whole_ms};
use crate::{
    model::{Cost, ProgramModel},
    recorder::Recorder,
};

/// How many times as long a host takes for everything; 1 unless a fault says otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    factor: Arc<AtomicU64>,
    slowed: Arc<AtomicU64>,
}

impl Pace {
    pub(crate) fn normal() -> Self {
        Self {
            factor: Arc::new(AtomicU64::new(1.0_f64.to_bits())),
            slowed: Arc::default(),
        }
    }

    pub(crate) fn set(&self, factor: f64) {
        self.factor.store(factor.to_bits(), Ordering::Relaxed);
    }

    /// How often something took longer than it should.
    pub(crate) fn slowed(&self) -> u64 {
        self.slowed.load(Ordering::Relaxed)
    }

    /// `time` at this pace.
    pub(crate) fn stretch(&self, time: Duration) -> Duration {
        let factor = f64::from_bits(self.factor.load(Ordering::Relaxed));
        if factor <= 1.0 || time.is_zero() {
            return time;
        }
        self.slowed.fetch_add(1, Ordering::Relaxed);
        time.mul_f64(factor)
    }
}

/// A process that hangs, as in a deadlock: connections are accepted, and nothing is ever answered.
/// Made anew for each start of a container; clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hang(Arc<AtomicBool>);

impl Hang {
    /// From now on no request gets to its handler, and none is refused. What is in a handler ends.
    pub(crate) fn hang(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True from [`Hang::hang`] on.
    pub(crate) fn is_hung(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Goes on at once, or never.
    async fn pass(&self) {
        if self.is_hung() {
            pending::<()>().await;
        }
    }
}

/// Whether a pod answers everything with 503, as one does that lost something it cannot do without.
/// Unlike a hang it lasts over restarts of its container; clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failing {
    on: Arc<AtomicBool>,
    failed: Arc<AtomicU64>,
}

impl Failing {
    pub(crate) fn set(&self, failing: bool) {
        self.on.store(failing, Ordering::Relaxed);
    }

    /// Requests answered so.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// True when the request that asks is one of them.
    fn strikes(&self) -> bool {
        let on = self.on.load(Ordering::Relaxed);
        self.failed.fetch_add(u64::from(on), Ordering::Relaxed);
        on
    }
}

/// One start of a container, as its server sees it.
pub(crate) struct Container {
    /// Its cores.
    pub(crate) processor: Processor,
    /// Whether it hangs.
    pub(crate) hang: Hang,
    /// Whether its pod answers nothing but 503.
    pub(crate) failing: Failing,
    /// How fast it is.
    pub(crate) pace: Pace,
    /// The pod's stream of service times.
    pub(crate) rng: Rng,
    /// Where it tells what it served.
    pub(crate) recorder: Recorder,
    /// The pod.
    pub(crate) host: Name,
    /// True until its process has ended.
    pub(crate) alive: Arc<AtomicBool>,
}

/// The workers and the queue of one start of a container.
pub(crate) struct Workers {
    container: Container,
    queue: u32,
    /// By method and route, those that the model does not name from their first request on.
    errands: Mutex<Vec<(String, String, Errand)>>,
    other_routes: Cost,
    places: Arc<Semaphore>,
    waiting: Arc<AtomicU32>,
    freed: Freed,
}

impl Workers {
    /// The server of a program that runs in `container`.
    pub(crate) fn new(model: &ProgramModel, container: Container) -> Self {
        let workers = usize::try_from(model.workers).expect("a usize has at least 32 bits");
        let errands = model.routes.iter().map(|one| {
            let errand = Errand::new(&container.recorder, &one.method, &one.route, one.cost);
            (one.method.clone(), one.route.clone(), errand)
        });
        let errands = Mutex::new(errands.collect());
        Self {
            container,
            queue: model.queue,
            errands,
            other_routes: model.other_routes,
            places: Arc::new(Semaphore::new(workers)),
            waiting: Arc::default(),
            freed: Freed::default(),
        }
    }

    fn errand(&self, method: &str, route: &str) -> Errand {
        let mut errands = self.errands.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = errands.iter();
        if let Some((.., errand)) = known.find(|(m, r, _)| m == method && r == route) {
            return errand.clone();
        }
        let errand = Errand::new(&self.container.recorder, method, route, self.other_routes);
        errands.push((method.to_owned(), route.to_owned(), errand.clone()));
        errand
    }

    /// A worker, and since when it has been there for this request. `None`: the queue is full.
    async fn worker(&self) -> Option<(OwnedSemaphorePermit, Duration)> {
        let arrived = self.container.processor.now();
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Some((place, arrived));
        }
        let waiting = Waiting::join(&self.waiting, self.queue)?;
        let place = Arc::clone(&self.places).acquire_owned().await;
        drop(waiting);
        let place = place.expect("the workers' semaphore is never closed");
        let since = self.freed.take(self.container.processor.now());
        Some((place, since.max(arrived)))
    }

    /// Spends what this request costs. Tells how late its end was noticed: less than the grain of
    /// the clock.
    async fn spend(&self, since: Duration, cost: Cost) -> Duration {
        let Container {
            processor,
            pace,
            rng,
            ..
        } = &self.container;
        let compute = pace.stretch(cost.cpu_ms.draw(rng));
        let wait = pace.stretch(cost.wait_ms.draw(rng));
        let done = processor.compute(since, compute).await + wait;
        let now = processor.now();
        if done > now {
            sleep(whole_ms(done) - now).await;
        }
        processor.now().saturating_sub(done)
    }
}

impl Admission for Workers {
    /// Requests wait in the order they came. The time is spent on the worker, before the handler.
    fn admit(&self, method: &str, route: &str) -> BoxFuture<'_, Option<Permit>> {
        let Errand { cost, served } = self.errand(method, route);
        Box::pin(async move {
            let Container {
                hang,
                failing,
                recorder,
                ..
            } = &self.container;
            hang.pass().await;
            if failing.strikes() {
                return None;
            }
            let (place, since) = self.worker().await?;
            hang.pass().await;
            let late = self.spend(since, cost).await;
            hang.pass().await;
            let served = Served {
                recorder: recorder.clone(),
                host: Arc::clone(&self.container.host),
                alive: Arc::clone(&self.container.alive),
                name: served,
            };
            let busy = Busy {
                processor: self.container.processor.clone(),
                late,
                waiting: Arc::clone(&self.waiting),
                freed: self.freed.clone(),
                _place: place,
            };
            Some(Permit::new((busy, served)))
        })
    }
}

/// What serving a route is about.
#[derive(Clone)]
struct Errand {
    cost: Cost,
    /// How history names that it was served.
    served: Name,
}

impl Errand {
    fn new(recorder: &Recorder, method: &str, route: &str, cost: Cost) -> Self {
        let served = recorder.name(&format!("served {method} {route}"));
        Self { cost, served }
    }
}

/// Workers that were freed at this instant of the clock, and when exactly, in the order in which
/// they go to those who wait. Of other instants nothing is kept.
#[derive(Clone, Default)]
struct Freed(Arc<Mutex<VecDeque<(Duration, Duration)>>>);

impl Freed {
    fn put(&self, now: Duration, exactly: Duration) {
        let mut freed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        freed.retain(|(at, _)| *at == now);
        freed.push_back((now, exactly));
    }

    fn take(&self, now: Duration) -> Duration {
        let mut freed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        freed.retain(|(at, _)| *at == now);
        freed.pop_front().map_or(now, |(_, exactly)| exactly)
    }
}

/// A worker in a handler. What it began late it also ends late, by as much: the next request in the
/// queue gets it from the exact time on, or a saturated server would lose half a millisecond a
/// request.
struct Busy {
    processor: Processor,
    late: Duration,
    waiting: Arc<AtomicU32>,
    freed: Freed,
    /// Last, as it wakes who waits.
    _place: OwnedSemaphorePermit,
}

impl Drop for Busy {
    fn drop(&mut self) {
        // At most as many as wait, so its queue's bound is theirs.
        if self.waiting.load(Ordering::Relaxed) > 0 {
            let now = self.processor.now();
            self.freed.put(now, now.saturating_sub(self.late));
        }
    }
}

/// A place in the queue; given up also when the caller goes away.
struct Waiting(Arc<AtomicU32>);

impl Waiting {
    fn join(waiting: &Arc<AtomicU32>, bound: u32) -> Option<Self> {
        if waiting.load(Ordering::Relaxed) >= bound {
            return None;
        }
        waiting.fetch_add(1, Ordering::Relaxed);
        Some(Self(Arc::clone(waiting)))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Tells, when the answer is ready and not yet sent, that the request was executed.
struct Served {
    recorder: Recorder,
    host: Name,
    alive: Arc<AtomicBool>,
    name: Name,
}

impl Drop for Served {
    fn drop(&mut self) {
        // The dead tell nothing.
        if self.alive.load(Ordering::Relaxed) {
            let name = Arc::clone(&self.name);
            self.recorder.record(&self.host, What::Hint { name });
        }
    }
}
