//! A test double: a database whose network fails in the order it is told to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Commit, Database, Key, Lease, OutboxRow, Page, Query, Receipt, Record, StoreError};
use crate::BoxFuture;

/// What befalls one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Nothing.
    None,
    /// The call is not executed, and the caller knows it.
    Unreachable,
    /// The call is not executed, and the caller cannot know.
    Request,
    /// The call is executed, and the caller cannot know.
    Reply,
    /// The call is not executed, and no answer ever comes.
    Silence,
}

/// Loses requests and replies of `inner`, call by call as planned, then none.
#[derive(Clone)]
pub struct Lossy {
    inner: Arc<dyn Database>,
    plan: Arc<Mutex<VecDeque<Loss>>>,
}

impl Lossy {
    /// The n-th call suffers the n-th loss.
    pub fn new(inner: impl Database, plan: impl IntoIterator<Item = Loss>) -> Self {
        Self {
            inner: Arc::new(inner),
            plan: Arc::new(Mutex::new(plan.into_iter().collect())),
        }
    }

    /// Losses that have not happened yet.
    pub fn left(&self) -> usize {
        self.plan
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    fn suffer<'a, T: Send + 'a>(
        &'a self,
        call: BoxFuture<'a, Result<T, StoreError>>,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        Box::pin(async move {
            let loss = self
                .plan
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            match loss.unwrap_or(Loss::None) {
                Loss::None => call.await,
                Loss::Unreachable => Err(StoreError::Unavailable("planned".to_owned())),
                Loss::Request => Err(StoreError::Unknown("planned".to_owned())),
                Loss::Reply => {
                    let _lost = call.await;
                    Err(StoreError::Unknown("planned".to_owned()))
                }
                Loss::Silence => std::future::pending().await,
            }
        })
    }
}

impl Database for Lossy {
    fn load(&self, key: Key) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        self.suffer(self.inner.load(key))
    }

    fn query(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.suffer(self.inner.query(query))
    }

    fn allocate(&self, collection: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.suffer(self.inner.allocate(collection))
    }

    fn commit<'a>(&'a self, commit: &'a Commit) -> BoxFuture<'a, Result<Receipt, StoreError>> {
        self.suffer(self.inner.commit(commit))
    }

    fn receipt(&self, commit_id: String) -> BoxFuture<'_, Result<Option<Receipt>, StoreError>> {
        self.suffer(self.inner.receipt(commit_id))
    }

    fn lease(
        &self,
        owner: String,
        ttl_ms: u64,
    ) -> BoxFuture<'_, Result<Option<Lease>, StoreError>> {
        self.suffer(self.inner.lease(owner, ttl_ms))
    }

    fn outbox(
        &self,
        limit: u64,
        wait_ms: u64,
    ) -> BoxFuture<'_, Result<Vec<OutboxRow>, StoreError>> {
        self.suffer(self.inner.outbox(limit, wait_ms))
    }

    fn published(&self, lease: Lease, row_id: u64) -> BoxFuture<'_, Result<(), StoreError>> {
        self.suffer(self.inner.published(lease, row_id))
    }
}
