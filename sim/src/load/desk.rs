//! What all users of one load share: the history, the counts, and the end of their time.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use squall_kit::stop::Stop;
use squall_reports::history::{Name, What};

use super::{Load, siege::Camp};
use crate::recorder::Recorder;

/// Counts of a whole run, over all its loads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    requests: Arc<AtomicU64>,
    in_flight: Arc<AtomicU64>,
}

impl Counts {
    /// Requests issued so far.
    pub(crate) fn issued(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Requests under way at this moment.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Numbers a request, from 1, and counts it as under way until the guard is dropped.
    pub(super) fn issue(&self) -> (u64, Gauge) {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        (number, Gauge::raise(&self.in_flight))
    }
}

/// Counts one while it lives.
pub(super) struct Gauge(Arc<AtomicU64>);

impl Gauge {
    pub(super) fn raise(counter: &Arc<AtomicU64>) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counter))
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One load's desk.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) load: Load,
    pub(super) recorder: Recorder,
    pub(super) counts: Counts,
    /// Raised when the load's time is up.
    pub(super) ended: Stop,
    /// Where it is a siege.
    pub(super) camp: Camp,
}

impl Desk {
    /// Writes an entry about something on a load host.
    pub(super) fn record(&self, host: &Name, what: What) {
        self.recorder.record(host, what);
    }
}
