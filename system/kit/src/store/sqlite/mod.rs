//! The embedded database: SQLite, in a file or in memory.
//!
//! A file is in WAL mode with `synchronous=FULL`: what was answered survives a SIGKILL and a power
//! cut. It belongs to one process at a time. SQLite's own `random()` and `now` are never used, so
//! that a run in memory is a function of the calls made.

mod commit;
mod query;
mod relay;
mod schema;

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use super::{
    Body, Commit, Database, Key, Lease, OutboxRow, Page, Query, Receipt, Record, StoreError,
};
use crate::{BoxFuture, clock::Clock};

/// Prepared statements kept: all fixed ones, and a few dozen shapes of queries.
const STATEMENTS: usize = 64;

/// Where a call does its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// In the calling task, for in-memory databases and single-threaded runtimes.
    Inline,
    /// In the calling task, too, but the multi-threaded runtime is told that it may block. On a
    /// single-threaded runtime every call panics.
    MayBlock,
}

/// A SQLite database. Clones are the same database.
#[derive(Clone)]
pub struct Sqlite(Arc<Inner>);

struct Inner {
    /// What error messages call it: the path, or `memory`.
    name: String,
    connection: Mutex<Connection>,
    /// Wakes those who wait for outbox rows.
    appended: Notify,
    clock: Clock,
    threads: Threads,
}

impl Sqlite {
    /// An empty database that lives as long as its last clone.
    ///
    /// # Errors
    /// [`StoreError::Failed`] when there is no memory for it.
    pub fn memory(clock: Clock) -> Result<Self, StoreError> {
        let connection = Connection::open_in_memory();
        Self::open(connection, "memory".to_owned(), clock, Threads::Inline)
    }

    /// The database in the file at `path`; created when absent (its directory must exist).
    ///
    /// # Errors
    /// [`StoreError::Failed`], with the path, when the file cannot be read or written, is no
    /// database of this kind, is of a newer schema, or is open in another process.
    pub fn file(path: &Path, clock: Clock, threads: Threads) -> Result<Self, StoreError> {
        let name = path.display().to_string();
        Self::open(Connection::open(path), name, clock, threads)
    }

    /// Every record with its key, in the order of keys: for inspection after a run.
    ///
    /// # Errors
    /// [`StoreError::Failed`] when they cannot be read.
    pub fn records(&self) -> Result<Vec<(Key, Value)>, StoreError> {
        self.0.run(|connection| {
            let mut all = connection.prepare_cached(schema::RECORDS)?;
            let rows = all.query_map([], |row| {
                let key = Key {
                    collection: row.get(0)?,
                    id: unsigned(row, 1)?,
                };
                Ok((key, json(row, 2)?))
            })?;
            let mut records = Vec::new();
            for row in rows {
                let (key, body) = row?;
                records.push((key, body?));
            }
            Ok(records)
        })
    }

    fn open(
        connection: rusqlite::Result<Connection>,
        name: String,
        clock: Clock,
        threads: Threads,
    ) -> Result<Self, StoreError> {
        let prepare = || {
            let mut connection = connection.map_err(Failure::Sqlite)?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS);
            schema::prepare(&mut connection)?;
            Ok(connection)
        };
        let connection = prepare().map_err(|failure: Failure| failure.in_database(&name))?;
        Ok(Self(Arc::new(Inner {
            name,
            connection: Mutex::new(connection),
            appended: Notify::new(),
            clock,
            threads,
        })))
    }
}

impl Inner {
    fn run<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let locked = || {
            let mut connection = self
                .connection
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            work(&mut connection).map_err(|failure| failure.in_database(&self.name))
        };
        match self.threads {
            Threads::Inline => locked(),
            #[expect(clippy::disallowed_methods, reason = "only chosen for the real binary")]
            Threads::MayBlock => tokio::task::block_in_place(locked),
        }
    }
}

impl Database for Sqlite {
    fn load(&self, key: Key) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        Box::pin(async move { self.0.run(|connection| load(connection, &key)) })
    }

    fn query(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        Box::pin(async move { self.0.run(|connection| query::run(connection, &query)) })
    }

    fn allocate(&self, collection: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            self.0.run(|connection| {
                let mut next = connection.prepare_cached(schema::ALLOCATE)?;
                Ok(next.query_row([collection], |row| unsigned(row, 0))?)
            })
        })
    }

    fn commit<'a>(&'a self, commit: &'a Commit) -> BoxFuture<'a, Result<Receipt, StoreError>> {
        Box::pin(async move {
            let receipt = self.0.run(|connection| commit::run(connection, commit))?;
            if !receipt.replayed && !commit.outbox.is_empty() {
                self.0.appended.notify_waiters();
            }
            Ok(receipt)
        })
    }

    fn receipt(&self, commit_id: String) -> BoxFuture<'_, Result<Option<Receipt>, StoreError>> {
        Box::pin(async move {
            self.0
                .run(|connection| commit::receipt(connection, &commit_id))
        })
    }

    fn lease(
        &self,
        owner: String,
        ttl_ms: u64,
    ) -> BoxFuture<'_, Result<Option<Lease>, StoreError>> {
        Box::pin(async move {
            let now_ms = self.0.clock.now_ms();
            self.0
                .run(|connection| relay::lease(connection, &owner, ttl_ms, now_ms))
        })
    }

    fn outbox(
        &self,
        limit: u64,
        wait_ms: u64,
    ) -> BoxFuture<'_, Result<Vec<OutboxRow>, StoreError>> {
        Box::pin(async move {
            let end = Instant::now() + Duration::from_millis(wait_ms);
            loop {
                let appended = self.0.appended.notified();
                tokio::pin!(appended);
                // Counted as waiting before the look, so that no commit slips in between.
                appended.as_mut().enable();
                let rows = self.0.run(|connection| relay::outbox(connection, limit))?;
                if !rows.is_empty() || timeout_at(end, appended).await.is_err() {
                    return Ok(rows);
                }
            }
        })
    }

    fn published(&self, lease: Lease, row_id: u64) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.0
                .run(|connection| relay::published(connection, lease, row_id))
        })
    }
}

fn load(connection: &Connection, key: &Key) -> Result<Option<Record>, Failure> {
    let Ok(id) = i64::try_from(key.id) else {
        return Ok(None);
    };
    let mut select = connection.prepare_cached(schema::LOAD)?;
    let found = select.query_row(params![key.collection, id], record);
    Ok(found.optional()?)
}

/// Reads the columns (id, version, body).
fn record(row: &rusqlite::Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        id: unsigned(row, 0)?,
        version: unsigned(row, 1)?,
        body: Body::from(row.get::<_, String>(2)?),
    })
}

fn json(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Result<Value, Failure>> {
    let text = row.get_ref(column)?.as_str()?;
    Ok(serde_json::from_str(text).map_err(|error| Failure::Corrupt(error.to_string())))
}

/// Reads a column that only this adapter writes, and never negative.
fn unsigned(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

/// A number for SQLite, which has 63 bits for it.
fn signed(number: u64) -> Result<i64, Failure> {
    i64::try_from(number).map_err(|_| Failure::Corrupt(format!("{number} is out of range")))
}

/// Why a call failed, before the database's name is put to it.
enum Failure {
    /// SQLite says so.
    Sqlite(rusqlite::Error),
    /// What is stored, or to be stored, makes no sense.
    Corrupt(String),
    /// An answer of the port.
    Answer(StoreError),
}

impl Failure {
    fn in_database(self, name: &str) -> StoreError {
        match self {
            Self::Sqlite(error) => StoreError::Failed(format!("{name}: {error}")),
            Self::Corrupt(text) => StoreError::Failed(format!("{name}: {text}")),
            Self::Answer(answer) => answer,
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Failure {
    fn from(answer: StoreError) -> Self {
        Self::Answer(answer)
    }
}
