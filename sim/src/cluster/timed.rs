//! What databases and the broker cost in the simulator: decorators that spend modelled time, and,
//! when a fault says so, deliver events a second time.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use squall_kit::{
    BoxFuture,
    bus::{Batch, Broker, BusError, Delivery, Member, Position},
    event::Event,
    rng::Rng,
    store::{Commit, Database, Key, Lease, OutboxRow, Page, Query, Receipt, Record, StoreError},
};
use tokio::time::sleep;

use super::admission::Pace;
use crate::{model::StoreModel, range::TimeRange};

/// A database that takes time.
pub(crate) struct TimedDatabase {
    pub(crate) inner: Arc<dyn Database>,
    pub(crate) model: Arc<StoreModel>,
    pub(crate) pace: Pace,
    /// The store's own stream.
    pub(crate) rng: Rng,
}

impl TimedDatabase {
    async fn read(&self) {
        sleep(self.pace.stretch(self.model.read_ms.draw(&self.rng))).await;
    }

    async fn write(&self) {
        sleep(self.pace.stretch(self.model.commit_ms.draw(&self.rng))).await;
    }
}

impl Database for TimedDatabase {
    fn load(&self, key: Key) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        Box::pin(async move {
            self.read().await;
            self.inner.load(key).await
        })
    }

    fn query(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        Box::pin(async move {
            self.read().await;
            self.inner.query(query).await
        })
    }

    fn allocate(&self, collection: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            self.read().await;
            self.inner.allocate(collection).await
        })
    }

    fn commit<'a>(&'a self, commit: &'a Commit) -> BoxFuture<'a, Result<Receipt, StoreError>> {
        Box::pin(async move {
            self.write().await;
            self.inner.commit(commit).await
        })
    }

    fn receipt(&self, commit_id: String) -> BoxFuture<'_, Result<Option<Receipt>, StoreError>> {
        Box::pin(async move {
            self.read().await;
            self.inner.receipt(commit_id).await
        })
    }

    fn lease(
        &self,
        owner: String,
        ttl_ms: u64,
    ) -> BoxFuture<'_, Result<Option<Lease>, StoreError>> {
        self.inner.lease(owner, ttl_ms)
    }

    fn outbox(
        &self,
        limit: u64,
        wait_ms: u64,
    ) -> BoxFuture<'_, Result<Vec<OutboxRow>, StoreError>> {
        self.inner.outbox(limit, wait_ms)
    }

    fn published(&self, lease: Lease, row_id: u64) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.write().await;
            self.inner.published(lease, row_id).await
        })
    }
}

/// How often the broker delivers again. Clones are the same.
#[derive(Clone)]
pub(crate) struct Repeats {
    share: Arc<AtomicU64>,
    done: Arc<AtomicU64>,
    rng: Rng,
}

impl Repeats {
    /// `rng` is drawn from only while the share is above zero.
    pub(crate) fn none(rng: Rng) -> Self {
        Self {
            share: Arc::new(AtomicU64::new(0.0_f64.to_bits())),
            done: Arc::default(),
            rng,
        }
    }

    pub(crate) fn set(&self, share: f64) {
        self.share.store(share.to_bits(), Ordering::Relaxed);
    }

    /// Deliveries repeated so far.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn share(&self) -> f64 {
        f64::from_bits(self.share.load(Ordering::Relaxed))
    }
}

/// A broker that takes time, and repeats itself on demand.
pub(crate) struct TimedBroker<B> {
    inner: B,
    append: TimeRange,
    rng: Rng,
    repeats: Repeats,
    /// What each member was given last, while a fault repeats deliveries.
    last: Mutex<BTreeMap<Member, (u64, Vec<Delivery>)>>,
}

impl<B: Broker> TimedBroker<B> {
    pub(crate) fn new(inner: B, append: TimeRange, rng: Rng, repeats: Repeats) -> Self {
        Self {
            inner,
            append,
            rng,
            repeats,
            last: Mutex::default(),
        }
    }

    /// Puts events of the member's last batch before this one, as after a consumer that came back
    /// from an offset committed too late: in order, but again.
    fn repeat(&self, member: Member, batch: &mut Batch) {
        let share = self.repeats.share();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if share <= 0.0 {
            last.clear();
            return;
        }
        let fresh = batch.deliveries.clone();
        let generation = batch.assignment.generation;
        let former = last.insert(member, (generation, fresh));
        let Some((_, former)) = former.filter(|(of, _)| *of == generation) else {
            return;
        };
        let known: Vec<Position> = batch.deliveries.iter().map(|d| d.position).collect();
        let again = former
            .into_iter()
            .filter(|delivery| !known.contains(&delivery.position))
            .filter(|_| self.repeats.rng.chance(share));
        let again: Vec<Delivery> = again.collect();
        self.repeats
            .done
            .fetch_add(again.len() as u64, Ordering::Relaxed);
        batch.deliveries.splice(0..0, again);
    }
}

impl<B: Broker> Broker for TimedBroker<B> {
    fn append(
        &self,
        topic: String,
        events: Vec<Event>,
    ) -> BoxFuture<'_, Result<Vec<Position>, BusError>> {
        Box::pin(async move {
            sleep(self.append.draw(&self.rng)).await;
            self.inner.append(topic, events).await
        })
    }

    fn poll(
        &self,
        member: Member,
        limit: u64,
        wait_ms: u64,
    ) -> BoxFuture<'_, Result<Batch, BusError>> {
        Box::pin(async move {
            let mut batch = self.inner.poll(member.clone(), limit, wait_ms).await?;
            // A limit of 0 is a heartbeat.
            if limit > 0 {
                self.repeat(member, &mut batch);
            }
            Ok(batch)
        })
    }

    fn acknowledge(
        &self,
        member: Member,
        generation: u64,
        handled: Vec<Position>,
    ) -> BoxFuture<'_, Result<(), BusError>> {
        self.inner.acknowledge(member, generation, handled)
    }

    fn leave(&self, member: Member) -> BoxFuture<'_, Result<(), BusError>> {
        self.inner.leave(member)
    }

    fn lag(&self, topic: String, group: String) -> BoxFuture<'_, Result<u64, BusError>> {
        self.inner.lag(topic, group)
    }
}
