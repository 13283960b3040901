//! The database as services see it: loads by key, queries by index, and one commit.
//!
//! A unit of work is any number of loads, then **one** [`Commit`]: expected versions, writes,
//! outbox events and the inbox entry, all or nothing. [`Database`] is the port; every adapter
//! passes one contract test.
//!
//! **Lost replies are normal life.** Every commit carries an id that is stored with it: committing
//! the same id again does nothing and gives the first answer. After [`StoreError::Unknown`] a
//! caller therefore repeats the same commit until it knows; [`Store::commit`] does.
//!
//! **Where to start reading:** services use [`Store`] and [`Unit`] with their own [`Entity`] types;
//! everything else in this file is the port, for adapters and the relay.

mod body;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod entity;
mod handle;
#[cfg(any(test, feature = "contract"))]
pub mod lossy;
pub mod remote;
pub mod sqlite;
#[cfg(feature = "planted")]
mod straight;
#[cfg(test)]
mod tests;
mod unit;

pub use body::Body;
pub use entity::{Entity, Stored};
pub use handle::{FIND_LIMIT, Settings, Store};
pub use unit::Unit;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{BoxFuture, event::Event};

/// A resource's address in a database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// The collection, `orders`.
    pub collection: String,
    /// Counted from 1 in each collection.
    pub id: u64,
}

/// A stored resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its id in its collection.
    pub id: u64,
    /// 1 after the first write, one more after each.
    pub version: u64,
    /// The resource.
    pub body: Body,
}

/// One write of a commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Write {
    /// What is written.
    pub key: Key,
    /// The new body; `None` deletes.
    pub body: Option<Value>,
    /// The values it is found by: (index, value). Replaces the former ones.
    pub indexes: Vec<(String, String)>,
}

/// Proof that an event took effect: recorded in the same commit as the effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxEntry {
    /// The consumer.
    pub consumer: String,
    /// The event's id. One consumer takes one id once.
    pub event_id: String,
}

/// A unit of work's one commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// Stored with the commit: repeating it gives the first answer.
    pub id: String,
    /// Versions that must still stand; 0 = the key must be absent.
    pub expected: Vec<(Key, u64)>,
    /// What is written.
    pub writes: Vec<Write>,
    /// What is published: the transactional outbox.
    pub outbox: Vec<Event>,
    /// What was consumed.
    pub inbox: Option<InboxEntry>,
    /// Kept with the id, and given back by every repetition.
    pub answer: Value,
}

/// What a commit gave, the first time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// [`Commit::answer`] of the commit that was executed under this id.
    pub answer: Value,
    /// True when this call executed nothing because an earlier one had.
    pub replayed: bool,
}

impl Receipt {
    /// The answer as the type it was written from.
    ///
    /// # Errors
    /// [`StoreError::Failed`] when it is of another shape.
    pub fn answer<A: DeserializeOwned>(&self) -> Result<A, StoreError> {
        A::deserialize(&self.answer)
            .map_err(|error| StoreError::Failed(format!("a stored answer: {error}")))
    }
}

/// Sort order of a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    /// A top-level member of the body, or `id`. Letters, digits and `_` only, and some record of
    /// the collection must have it: else [`StoreError::BadQuery`]. Absent and null come before
    /// numbers, numbers before texts.
    pub field: String,
    /// Greatest first.
    pub descending: bool,
}

/// A query by index and page. Ties, and queries without `sort`, are in the order of ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// Where.
    pub collection: String,
    /// Every (index, value) must hold.
    pub filter: Vec<(String, String)>,
    /// In what order.
    pub sort: Vec<Sort>,
    /// From 0.
    pub page: u64,
    /// Records a page, at least 1.
    pub size: u64,
}

impl Query {
    /// All resources of one kind, the first 20 by id.
    pub fn of<T: Entity>() -> Self {
        Self {
            collection: T::COLLECTION.to_owned(),
            filter: Vec::new(),
            sort: Vec::new(),
            page: 0,
            size: 20,
        }
    }

    /// Only those found under `value` in `index`.
    #[must_use]
    pub fn filter(mut self, index: &str, value: &str) -> Self {
        self.filter.push((index.to_owned(), value.to_owned()));
        self
    }

    /// By `field` next.
    #[must_use]
    pub fn sort(mut self, field: &str, descending: bool) -> Self {
        let field = field.to_owned();
        self.sort.push(Sort { field, descending });
        self
    }

    /// The page `page` (from 0) of `size` resources each (at least 1).
    #[must_use]
    pub fn page(mut self, page: u64, size: u64) -> Self {
        (self.page, self.size) = (page, size);
        self
    }
}

/// One page of a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// The page's records.
    pub records: Vec<Record>,
    /// Records on all pages.
    pub total: u64,
}

/// An outbox row that waits for the relay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// Rows are published in the order of their ids, none skipped.
    pub id: u64,
    /// The event.
    pub event: Event,
}

/// The right to relay, for a while. `epoch` grows with every change of owner and fences old ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The fencing number.
    pub epoch: u64,
}

/// Why a database did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum StoreError {
    /// An expected version no longer stands. Nothing was written.
    #[error("{}/{} is not at the expected version", key.collection, key.id)]
    Conflict {
        /// The key that moved on.
        key: Key,
    },
    /// The inbox already has this event. Nothing was written.
    #[error("event {event_id} was already consumed")]
    AlreadyConsumed {
        /// The event.
        event_id: String,
    },
    /// The query cannot be answered as it stands.
    #[error("bad query: {0}")]
    BadQuery(String),
    /// The relay's lease is another's. Nothing was written.
    #[error("the relay lease was lost")]
    LeaseLost,
    /// The database was surely not reached. Nothing was written.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// No answer came: it may or may not have been executed.
    #[error("the database did not answer: {0}")]
    Unknown(String),
    /// The database refused in a way that repeating cannot mend.
    #[error("the database failed: {0}")]
    Failed(String),
}

/// A database. Adapters: SQLite (local), a remote one over the network; MySQL and PostgreSQL later.
pub trait Database: Send + Sync + 'static {
    /// One record by key.
    fn load(&self, key: Key) -> BoxFuture<'_, Result<Option<Record>, StoreError>>;

    /// Records by index and page.
    fn query(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>>;

    /// The next unused id of a collection, from 1. An id that is never written stays a gap.
    fn allocate(&self, collection: String) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Executes a commit, or gives the first answer of an earlier one with the same id.
    fn commit<'a>(&'a self, commit: &'a Commit) -> BoxFuture<'a, Result<Receipt, StoreError>>;

    /// The answer stored with a commit id, if one was executed. `replayed` is true.
    fn receipt(&self, commit_id: String) -> BoxFuture<'_, Result<Option<Receipt>, StoreError>>;

    /// Takes or renews the relay lease; `None` while another owner holds it. Time is the database's
    /// wall clock, which may jump: hence the epoch. A `ttl_ms` of 0 gives it back.
    fn lease(&self, owner: String, ttl_ms: u64)
    -> BoxFuture<'_, Result<Option<Lease>, StoreError>>;

    /// Unpublished rows by id. Waits up to `wait_ms` for the first one; empty when none came.
    fn outbox(&self, limit: u64, wait_ms: u64)
    -> BoxFuture<'_, Result<Vec<OutboxRow>, StoreError>>;

    /// Marks rows up to and including `row_id` as published, under a lease that must still stand.
    fn published(&self, lease: Lease, row_id: u64) -> BoxFuture<'_, Result<(), StoreError>>;
}
