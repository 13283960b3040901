//! Coming back from `run_until` in the middle of an instant.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Ends the present `run_until`, or the next one when none is running. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Interrupter(Arc<AtomicBool>);

impl Interrupter {
    /// See [`World::interrupter`](super::World::interrupter).
    pub fn interrupt(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once after each interrupt.
    pub(super) fn take(&self) -> bool {
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Relaxed)
    }
}
