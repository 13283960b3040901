//! A database whose replies to some commits get lost.

use std::sync::{Arc, Mutex, PoisonError};

use squall_kit::{
    BoxFuture,
    store::{
        Commit, Database, Key, Lease, OutboxRow, Page, Query, Receipt, Record, StoreError,
        sqlite::Sqlite,
    },
};

/// Executes everything, and answers all but certain commits.
#[derive(Clone)]
pub(crate) struct Forgetful {
    inner: Sqlite,
    lost: Arc<Mutex<Option<&'static str>>>,
}

impl Forgetful {
    pub(crate) fn new(inner: Sqlite) -> Self {
        Self {
            inner,
            lost: Arc::default(),
        }
    }

    /// Replies to commits whose id contains `part` get lost.
    pub(crate) fn lose_replies(&self, part: Option<&'static str>) {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = part;
    }
}

impl Database for Forgetful {
    fn commit<'a>(&'a self, commit: &'a Commit) -> BoxFuture<'a, Result<Receipt, StoreError>> {
        Box::pin(async move {
            let answer = self.inner.commit(commit).await;
            let lost = *self.lost.lock().unwrap_or_else(PoisonError::into_inner);
            match lost {
                Some(part) if commit.id.contains(part) => {
                    Err(StoreError::Unknown("the reply was lost".to_owned()))
                }
                _ => answer,
            }
        })
    }

    fn load(&self, key: Key) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        self.inner.load(key)
    }

    fn query(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.inner.query(query)
    }

    fn allocate(&self, collection: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.inner.allocate(collection)
    }

    fn receipt(&self, commit_id: String) -> BoxFuture<'_, Result<Option<Receipt>, StoreError>> {
        self.inner.receipt(commit_id)
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
        self.inner.published(lease, row_id)
    }
}
