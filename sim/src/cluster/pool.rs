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
