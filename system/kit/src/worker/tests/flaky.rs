//! Broker and database behind a bad network, by seed.

use tokio::time::{Duration, sleep};

use crate::{
    BoxFuture,
    bus::{Batch, Broker, BusError, Member, Position, log::Log},
    event::Event,
    rng::Rng,
    store::{
        Commit, Database, Key, Lease, OutboxRow, Page, Query, Receipt, Record, StoreError,
        sqlite::Sqlite,
    },
};

/// Shares of the calls, 0 to 1.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) seed: u64,
    /// Requests lost before they are executed.
    pub(super) request: f64,
    /// Replies lost after the request was executed.
    pub(super) reply: f64,
    /// Deliveries that come twice in their batch.
    pub(super) duplicate: f64,
}

/// Takes a millisecond for each call, and loses some.
struct Line {
    faults: Faults,
    rng: Rng,
}

impl Line {
    fn new(faults: Faults, name: &str) -> Self {
        let rng = Rng::stream(faults.seed, name);
        Self { faults, rng }
    }

    /// `lost`: (request, reply).
    async fn call<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>>,
        lost: [fn(String) -> E; 2],
    ) -> Result<T, E> {
        sleep(Duration::from_millis(1)).await;
        if self.rng.chance(self.faults.request) {
            return Err(lost[0]("request lost".to_owned()));
        }
        let result = call.await;
        if self.rng.chance(self.faults.reply) {
            return Err(lost[1]("reply lost".to_owned()));
        }
        result
    }
}

pub(super) struct FlakyBroker {
    log: Log,
    line: Line,
}

impl FlakyBroker {
    pub(super) fn new(log: Log, faults: Faults, name: &str) -> Self {
        let line = Line::new(faults, &format!("{name}/broker"));
        Self { log, line }
    }

    fn call<'a, T: Send + 'a>(
        &'a self,
        call: BoxFuture<'a, Result<T, BusError>>,
    ) -> BoxFuture<'a, Result<T, BusError>> {
        Box::pin(self.line.call(call, [BusError::Unavailable; 2]))
    }
}

impl Broker for FlakyBroker {
    fn append(
        &self,
        topic: String,
        events: Vec<Event>,
    ) -> BoxFuture<'_, Result<Vec<Position>, BusError>> {
        self.call(self.log.append(topic, events))
    }

    fn poll(
        &self,
        member: Member,
        limit: u64,
        wait_ms: u64,
    ) -> BoxFuture<'_, Result<Batch, BusError>> {
        Box::pin(async move {
            let mut batch = self.call(self.log.poll(member, limit, wait_ms)).await?;
            let Line { faults, rng } = &self.line;
            for delivery in std::mem::take(&mut batch.deliveries) {
                if rng.chance(faults.duplicate) {
                    batch.deliveries.push(delivery.clone());
                }
                batch.deliveries.push(delivery);
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
        self.call(self.log.acknowledge(member, generation, handled))
    }

    fn leave(&self, member: Member) -> BoxFuture<'_, Result<(), BusError>> {
        self.call(self.log.leave(member))
    }

    fn lag(&self, topic: String, group: String) -> BoxFuture<'_, Result<u64, BusError>> {
        self.call(self.log.lag(topic, group))
    }
}

pub(super) struct FlakyDatabase {
    database: Sqlite,
    line: Line,
}

impl FlakyDatabase {
    pub(super) fn new(database: Sqlite, faults: Faults, name: &str) -> Self {
        let line = Line::new(faults, &format!("{name}/database"));
        Self { database, line }
    }

    fn call<'a, T: Send + 'a>(
        &'a self,
        call: BoxFuture<'a, Result<T, StoreError>>,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        let lost = [StoreError::Unavailable, StoreError::Unknown];
        Box::pin(self.line.call(call, lost))
    }
}

impl Database for FlakyDatabase {
    fn load(&self, key: Key) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        self.call(self.database.load(key))
    }

    fn query(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.call(self.database.query(query))
    }

    fn allocate(&self, collection: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.call(self.database.allocate(collection))
    }

    fn commit<'a>(&'a self, commit: &'a Commit) -> BoxFuture<'a, Result<Receipt, StoreError>> {
        self.call(self.database.commit(commit))
    }

    fn receipt(&self, commit_id: String) -> BoxFuture<'_, Result<Option<Receipt>, StoreError>> {
        self.call(self.database.receipt(commit_id))
    }

    fn lease(
        &self,
        owner: String,
        ttl_ms: u64,
    ) -> BoxFuture<'_, Result<Option<Lease>, StoreError>> {
        self.call(self.database.lease(owner, ttl_ms))
    }

    fn outbox(
        &self,
        limit: u64,
        wait_ms: u64,
    ) -> BoxFuture<'_, Result<Vec<OutboxRow>, StoreError>> {
        self.call(self.database.outbox(limit, wait_ms))
    }

    fn published(&self, lease: Lease, row_id: u64) -> BoxFuture<'_, Result<(), StoreError>> {
        self.call(self.database.published(lease, row_id))
    }
}
