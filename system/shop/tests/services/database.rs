//! A database whose replies to some commits get lost, and whose other replies may take time.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

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
    delay_ms: Arc<AtomicU64>,
}

impl Forgetful {
    pub(crate) fn new(inner: Sqlite) -> Self {
        Self {
            inner,
            lost: Arc::default(),
            delay_ms: Arc::default(),
        }
    }

    /// Replies to commits whose id contains `part` get lost.
    pub(crate) fn lose_replies(&self, part: Option<&'static str>) {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = part;
    }

    /// Replies take so long on their way, so that others' calls come in between.
    pub(crate) fn delay_replies(&self, ms: u64) {
        self.delay_ms.store(ms, Ordering::Relaxed);
    }

    fn delayed<'a, T: Send + 'a>(
        &'a self,
        call: BoxFuture<'a, Result<T, StoreError>>,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        Box::pin(async move {
            let answer = call.await;
            let delay_ms = self.delay_ms.load(Ordering::Relaxed);
            if delay_ms > 0 {
                tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            }
            answer
        })
    }
}

impl Database for Forgetful {
    fn commit<'a>(&'a self, commit: &'a Commit) -> BoxFuture<'a, Result<Receipt, StoreError>> {
        Box::pin(async move {
            let answer = self.delayed(self.inner.commit(commit)).await;
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
        self.delayed(self.inner.load(key))
    }

    fn query(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.delayed(self.inner.query(query))
    }

    fn allocate(&self, collection: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.delayed(self.inner.allocate(collection))
    }

    fn receipt(&self, commit_id: String) -> BoxFuture<'_, Result<Option<Receipt>, StoreError>> {
        self.delayed(self.inner.receipt(commit_id))
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
