//! The database of a context that has none.

use squall_kit::{
    BoxFuture,
    store::{Commit, Database, Key, Lease, OutboxRow, Page, Query, Receipt, Record, StoreError},
};

/// Refuses everything.
pub(crate) struct Absent;

fn refuse<'a, T: Send + 'a>() -> BoxFuture<'a, Result<T, StoreError>> {
    let text = "this deployment has no store".to_owned();
    Box::pin(std::future::ready(Err(StoreError::Failed(text))))
}

impl Database for Absent {
    fn load(&self, _key: Key) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        refuse()
    }

    fn query(&self, _query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        refuse()
    }

    fn allocate(&self, _collection: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        refuse()
    }

    fn commit<'a>(&'a self, _commit: &'a Commit) -> BoxFuture<'a, Result<Receipt, StoreError>> {
        refuse()
    }

    fn receipt(&self, _commit_id: String) -> BoxFuture<'_, Result<Option<Receipt>, StoreError>> {
        refuse()
    }

    fn lease(
        &self,
        _owner: String,
        _ttl_ms: u64,
    ) -> BoxFuture<'_, Result<Option<Lease>, StoreError>> {
        refuse()
    }

    fn outbox(
        &self,
        _limit: u64,
        _wait_ms: u64,
    ) -> BoxFuture<'_, Result<Vec<OutboxRow>, StoreError>> {
        refuse()
    }

    fn published(&self, _lease: Lease, _row_id: u64) -> BoxFuture<'_, Result<(), StoreError>> {
        refuse()
    }
}
