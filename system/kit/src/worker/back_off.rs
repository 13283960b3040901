//! Waiting between tries of a worker.

use tokio::time::{Duration, sleep};

use crate::{Pod, signal::Signal};

/// The first wait is drawn between half of this and all of it; each further one is twice as long.
const FIRST_MS: u64 = 50;
/// The longest wait.
const CAP_MS: u64 = 2_000;

/// Capped exponential back-off with jitter. The number of tries has no bound: giving up would skip.
pub(super) struct BackOff<'a> {
    pod: &'a Pod,
    what: &'a str,
    next_ms: u64,
}

impl<'a> BackOff<'a> {
    /// For tries of `what`.
    pub(super) fn new(pod: &'a Pod, what: &'a str) -> Self {
        Self {
            pod,
            what,
            next_ms: FIRST_MS,
        }
    }

    /// A try succeeded.
    pub(super) fn reset(&mut self) {
        self.next_ms = FIRST_MS;
    }

    /// Waits after a failed try; the first failure of a series is noted. False: the pod is to stop.
    pub(super) async fn pause(&mut self, error: &(impl std::fmt::Display + Sync)) -> bool {
        if self.next_ms == FIRST_MS {
            let text = format!("{}: {error}; trying again", self.what);
            self.pod.signals.tell(Signal::Note(text));
        }
        let wait = Duration::from_millis(self.pod.rng.between(self.next_ms / 2, self.next_ms));
        self.next_ms = (self.next_ms * 2).min(CAP_MS);
        tokio::select! {
            biased;
            () = self.pod.stop.raised() => false,
            () = sleep(wait) => true,
        }
    }
}
