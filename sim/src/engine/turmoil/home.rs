//! What a run on `turmoil::Sim` shares with its tasks, clocks and sockets.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use squall_kit::{
    BoxFuture,
    clock::{Clock, WallClock},
    spawn::{Spawn, Spawner},
};

use tokio::sync::Notify;

use super::super::{
    interrupt::Interrupter, shared::lock, skew::Skew, task::Home, trace::Trace, world::TaskPanic,
};

/// One run.
pub(super) struct SimRun {
    pub epoch_ms: u64,
    /// Virtual time at the end of the last step.
    pub now_ms: AtomicU64,
    pub interrupter: Interrupter,
    pub panics: Mutex<Vec<TaskPanic>>,
    /// Connects, accepts, reads and writes, as turmoil shows no packets.
    pub trace: Mutex<Trace>,
}

impl SimRun {
    pub(super) fn new(epoch_ms: u64) -> Self {
        Self {
            epoch_ms,
            now_ms: AtomicU64::new(0),
            interrupter: Interrupter::default(),
            panics: Mutex::default(),
            trace: Mutex::default(),
        }
    }

    /// Adds something that a host's socket did to the fingerprint.
    pub(super) fn note(&self, slot: u16, what: u64, amount: usize) {
        let mut trace = lock(&self.trace);
        trace.mix(self.now_ms.load(Ordering::Relaxed));
        trace.mix(u64::from(slot) << 8 | what);
        trace.mix(amount as u64);
    }
}

/// One host.
pub(super) struct SimHost {
    pub run: Arc<SimRun>,
    pub name: String,
    pub slot: u16,
    /// A process runs there.
    pub running: AtomicBool,
    /// Tasks spawned and not yet started.
    pub inbox: Mutex<Vec<(&'static str, BoxFuture<'static, ()>)>>,
    /// Tells the host's runtime that something waits.
    pub wake: Notify,
    pub skew: Skew,
}

impl SimHost {
    pub(super) fn new(run: Arc<SimRun>, name: &str, slot: u16) -> Self {
        Self {
            run,
            name: name.to_owned(),
            slot,
            running: AtomicBool::new(false),
            inbox: Mutex::default(),
            wake: Notify::new(),
            skew: Skew::default(),
        }
    }
}

impl Home for SimHost {
    fn name(&self) -> &str {
        &self.name
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.run.now_ms.load(Ordering::Relaxed))
    }

    fn panics(&self) -> &Mutex<Vec<TaskPanic>> {
        &self.run.panics
    }
}

struct SimSpawner(Arc<SimHost>);

impl Spawner for SimSpawner {
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) {
        if self.0.running.load(Ordering::Relaxed) {
            lock(&self.0.inbox).push((name, task));
            self.0.wake.notify_one();
        }
    }
}

/// The task starter of `host`.
pub(super) fn spawner(host: Arc<SimHost>) -> Spawn {
    Spawn::new(SimSpawner(host))
}

struct SimClock(Arc<SimHost>);

impl WallClock for SimClock {
    fn now_ms(&self) -> u64 {
        let now_ms = self.0.run.now_ms.load(Ordering::Relaxed);
        self.0.skew.read(self.0.run.epoch_ms + now_ms)
    }
}

/// The wall clock of `host`.
pub(super) fn clock(host: Arc<SimHost>) -> Clock {
    Clock::new(SimClock(host))
}
