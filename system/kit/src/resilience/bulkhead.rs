//! A bulkhead: so many calls at once, so many waiting, the rest turned away.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A limit on calls at once. Clones share it: Hystrix gives all commands of one client one pool.
#[derive(Clone, Debug)]
pub struct Bulkhead {
    slots: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    queue: usize,
}

/// A call's place; dropping it lets the next one in.
#[derive(Debug)]
#[must_use = "a slot dropped at once limits nothing"]
pub struct Slot(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Bulkhead {
    /// `slots` calls at once, `queue` more waiting in order of arrival.
    pub fn new(slots: usize, queue: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(slots.min(Semaphore::MAX_PERMITS))),
            waiting: Arc::default(),
            queue,
        }
    }

    /// A slot now, or not at all.
    pub fn try_enter(&self) -> Option<Slot> {
        self.slots.clone().try_acquire_owned().ok().map(Slot)
    }

    /// A slot, perhaps after waiting; `None` at once when the queue is full, too. Cancel-safe: who
    /// stops waiting leaves the queue.
    pub async fn enter(&self) -> Option<Slot> {
        if let Some(slot) = self.try_enter() {
            return Some(slot);
        }
        if self.waiting.load(Ordering::Relaxed) >= self.queue {
            return None;
        }
        let _place = Place::take(&self.waiting);
        self.slots.clone().acquire_owned().await.ok().map(Slot)
    }
}

struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_queue_is_bounded_and_left_by_who_stops_waiting() {
        let bulkhead = Bulkhead::new(1, 1);
        let slot = bulkhead.enter().await.expect("it is empty");
        let second = Duration::from_secs(1);
        for _ in 0..3 {
            timeout(second, bulkhead.enter())
                .await
                .expect_err("it waits in the queue");
        }
        let waiting = bulkhead.clone();
        let waiting = crate::spawn::Spawn::tokio()
            .result("waits", async move { waiting.enter().await.is_some() });
        tokio::task::yield_now().await;
        assert!(bulkhead.enter().await.is_none(), "slot and queue are taken");
        drop(slot);
        assert_eq!(waiting.await, Some(true));
    }
}
