//! How far the wall clock of one host is off, and who noticed.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// The error of a wall clock.
#[derive(Debug, Default)]
pub(super) struct Skew {
    by_ms: AtomicI64,
    /// Reads while it was wrong.
    reads: AtomicU64,
}

impl Skew {
    pub(super) fn set(&self, by_ms: i64) {
        self.by_ms.store(by_ms, Ordering::Relaxed);
    }

    /// The time that the clock shows.
    pub(super) fn read(&self, true_ms: u64) -> u64 {
        let by_ms = self.by_ms.load(Ordering::Relaxed);
        self.reads
            .fetch_add(u64::from(by_ms != 0), Ordering::Relaxed);
        true_ms.saturating_add_signed(by_ms)
    }

    /// How often it was read while it was wrong.
    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
}
