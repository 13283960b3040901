//! A pod's pool of connections to its database.

use std::time::Duration;

use squall_kit::{
    BoxFuture,
    store::{Commit, Database, Key, Lease, OutboxRow, Page, Query, Receipt, Record, StoreError},
};
use tokio::{sync::Semaphore, time::timeout};

/// How long a call waits for a connection (HikariCP: `connectionTimeout`, 30 s).
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);

/// A database to which only so many calls go at once; others wait, in the order they came, and
/// after [`CONNECTION_TIMEOUT`] are told [`StoreError::Unavailable`]. Callers whose patience is
/// shorter, as a `Store`'s is, give up before.
///
/// The relay's look at the outbox has a connection of its own: it is a subscription that waits
/// until there is something, and would block a pooled one most of the time.
pub(crate) struct Pooled<D> {
    inner: D,
    connections: Semaphore,
    size: u32,
}

impl<D: Database> Pooled<D> {
    /// `inner` behind `size` connections.
    ///
    /// # Panics
    /// When `size` is 0: nothing could ever be asked.
    pub(crate) fn new(inner: D, size: u32) -> Self {
        assert!(size > 0, "a pool without connections");
        let connections = usize::try_from(size).expect("a usize has at least 32 bits");
        Self {
            inner,
            connections: Semaphore::new(connections),
            size,
        }
    }

    /// Makes `call` once there is a connection for it.
    fn through<'a, T: Send + 'a>(
        &'a self,
        call: BoxFuture<'a, Result<T, StoreError>>,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        Box::pin(async move {
            let Ok(connection) = timeout(CONNECTION_TIMEOUT, self.connections.acquire()).await
            else {
                return Err(StoreError::Unavailable(format!(
                    "all {} connections of the pool were busy for {CONNECTION_TIMEOUT:?}",
                    self.size
                )));
            };
            let _connection = connection.expect("the pool's semaphore is never closed");
            call.await
        })
    }
}

impl<D: Database> Database for Pooled<D> {
    fn load(&self, key: Key) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        self.through(self.inner.load(key))
    }

    fn query(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.through(self.inner.query(query))
    }

    fn allocate(&self, collection: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.through(self.inner.allocate(collection))
    }

    fn commit<'a>(&'a self, commit: &'a Commit) -> BoxFuture<'a, Result<Receipt, StoreError>> {
        self.through(self.inner.commit(commit))
    }

    fn receipt(&self, commit_id: String) -> BoxFuture<'_, Result<Option<Receipt>, StoreError>> {
        self.through(self.inner.receipt(commit_id))
    }

    fn lease(
        &self,
        owner: String,
        ttl_ms: u64,
    ) -> BoxFuture<'_, Result<Option<Lease>, StoreError>> {
        self.through(self.inner.lease(owner, ttl_ms))
    }

    fn outbox(
        &self,
        limit: u64,
        wait_ms: u64,
    ) -> BoxFuture<'_, Result<Vec<OutboxRow>, StoreError>> {
        self.inner.outbox(limit, wait_ms)
    }

    fn published(&self, lease: Lease, row_id: u64) -> BoxFuture<'_, Result<(), StoreError>> {
        self.through(self.inner.published(lease, row_id))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{
        FutureExt,
        future::{join, join_all},
    };
    use squall_kit::{clock::Clock, rng::Rng, store::sqlite::Sqlite};
    use std::sync::Arc;
    use tokio::time::Instant;

    use super::*;
    use crate::{
        cluster::{admission::Pace, timed::TimedDatabase},
        model::StoreModel,
        range::TimeRange,
    };

    /// A database of two connections whose reads take `read_ms`.
    fn pooled(read_ms: u64) -> Pooled<TimedDatabase> {
        let database = TimedDatabase {
            inner: Arc::new(Sqlite::memory(Clock::system()).expect("memory")),
            model: Arc::new(StoreModel {
                commit_ms: TimeRange::ZERO,
                read_ms: TimeRange::ms(read_ms, read_ms),
                data: String::new(),
                unfinished: Vec::new(),
            }),
            pace: Pace::normal(),
            rng: Rng::stream(1, "reads"),
        };
        Pooled::new(database, 2)
    }

    #[tokio::test(start_paused = true)]
    async fn two_connections_serve_two_calls_at_once() {
        let pooled = pooled(100);
        let start = Instant::now();
        let reads = (0..5).map(|_| {
            let read = pooled.receipt("none".to_owned());
            read.map(|read| (read, start.elapsed().as_millis() / 100))
        });
        let done: Vec<u128> = join_all(reads)
            .await
            .into_iter()
            .map(|(_, at)| at)
            .collect();
        assert_eq!(done, [1, 1, 2, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gets_no_connection_in_time_was_surely_not_executed() {
        let pooled = pooled(40_000);
        let start = Instant::now();
        let busy = join(
            pooled.receipt("a".to_owned()),
            pooled.receipt("b".to_owned()),
        );
        let late = async {
            let refused = pooled.receipt("c".to_owned()).await;
            assert!(
                matches!(refused, Err(StoreError::Unavailable(_))),
                "{refused:?}"
            );
            assert_eq!(start.elapsed(), CONNECTION_TIMEOUT);
            // The relay's watch needs no pooled connection.
            assert_eq!(pooled.outbox(1, 0).await, Ok(Vec::new()));
            assert_eq!(start.elapsed(), CONNECTION_TIMEOUT);
        };
        let ((first, second), ()) = join(busy, late).await;
        assert_eq!((first, second), (Ok(None), Ok(None)));
        assert_eq!(
            pooled.receipt("d".to_owned()).await,
            Ok(None),
            "it is free again"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_gives_up_gives_its_connection_back() {
        let pooled = pooled(40_000);
        let calls = join(
            pooled.receipt("a".to_owned()),
            pooled.receipt("b".to_owned()),
        );
        let given_up = timeout(Duration::from_secs(1), calls).await;
        assert!(given_up.is_err());
        assert_eq!(pooled.receipt("c".to_owned()).await, Ok(None));
    }
}
