//! A server's worker threads: what serving costs in the simulator.

use std::{
    sync::{
        Arc,
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
use tokio::{sync::Semaphore, time::sleep};

use super::spec::ServerSpec;
use crate::recorder::Recorder;

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
        if factor <= 1.0 {
            return time;
        }
        self.slowed.fetch_add(1, Ordering::Relaxed);
        time.mul_f64(factor)
    }
}

/// The workers and the queue of one start of a pod.
pub(crate) struct Workers {
    server: ServerSpec,
    places: Arc<Semaphore>,
    waiting: Arc<AtomicU32>,
    pace: Pace,
    rng: Rng,
    recorder: Recorder,
    host: Name,
    alive: Arc<AtomicBool>,
}

impl Workers {
    /// `rng` is the pod's stream of service times; `alive` is true until the process has ended.
    pub(crate) fn new(
        server: ServerSpec,
        pace: Pace,
        rng: Rng,
        recorder: Recorder,
        host: Name,
        alive: Arc<AtomicBool>,
    ) -> Self {
        let workers = usize::try_from(server.workers).expect("a usize has at least 32 bits");
        Self {
            server,
            places: Arc::new(Semaphore::new(workers)),
            waiting: Arc::default(),
            pace,
            rng,
            recorder,
            host,
            alive,
        }
    }

    fn cost(&self, method: &str, route: &str) -> Duration {
        let named = self.server.routes.iter();
        let range = named
            .clone()
            .find(|cost| cost.method == method && cost.route == route)
            .map_or(self.server.other_routes, |cost| cost.time);
        self.pace.stretch(range.draw(&self.rng))
    }
}

impl Admission for Workers {
    /// Requests wait in the order they came. The time is spent on the worker, before the handler.
    fn admit(&self, method: &str, route: &str) -> BoxFuture<'_, Option<Permit>> {
        let (method, route) = (method.to_owned(), route.to_owned());
        Box::pin(async move {
            let place = match Arc::clone(&self.places).try_acquire_owned() {
                Ok(place) => place,
                Err(_) => {
                    let waiting = Waiting::join(&self.waiting, self.server.queue)?;
                    let place = Arc::clone(&self.places).acquire_owned().await;
                    drop(waiting);
                    place.expect("the workers' semaphore is never closed")
                }
            };
            sleep(self.cost(&method, &route)).await;
            let served = Served {
                recorder: self.recorder.clone(),
                host: Arc::clone(&self.host),
                alive: Arc::clone(&self.alive),
                name: self.recorder.name(&format!("served {method} {route}")),
            };
            Some(Permit::new((place, served)))
        })
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
