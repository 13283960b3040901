//! The stop signal: SIGTERM in the cluster, Ctrl-C at a terminal.

use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

/// Raised once, seen by every clone. After it a context stops accepting, finishes what it has,
/// ends.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    raised: CancellationToken,
    under_way: TaskTracker,
}

/// Something that is to be finished before the process ends; its drop says that it is.
#[derive(Debug)]
#[must_use = "dropped at once it holds nothing back"]
pub struct Hold(#[expect(dead_code, reason = "held for its drop")] TaskTrackerToken);

impl Stop {
    /// A signal not yet raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everyone who holds this signal to end.
    pub fn raise(&self) {
        self.raised.cancel();
    }

    /// True once raised.
    pub fn is_raised(&self) -> bool {
        self.raised.is_cancelled()
    }

    /// Waits until raised; returns at once if it already is. Cancel-safe.
    pub async fn raised(&self) {
        self.raised.cancelled().await;
    }

    /// Holds the end of the process back, also when nobody waits for an answer any more.
    pub fn hold(&self) -> Hold {
        Hold(self.under_way.token())
    }

    /// Waits until nothing holds the end back. Cancel-safe.
    pub async fn released(&self) {
        self.under_way.close();
        self.under_way.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::Stop;

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_whoever_holds_it_back() {
        let stop = Stop::new();
        let (first, second) = (stop.hold(), stop.clone().hold());
        stop.raise();
        drop(first);
        let soon = Duration::from_secs(1);
        assert!(timeout(soon, stop.released()).await.is_err());
        drop(second);
        assert!(timeout(soon, stop.released()).await.is_ok());
    }
}
