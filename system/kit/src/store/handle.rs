//! The [`Store`] that every pod has: typed reads, and a commit that does not give up at the first
//! lost reply.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Commit, Database, Entity, Key, Page, Query, Receipt, StoreError, Stored, Unit};
use crate::{BoxFuture, clock::Clock, hints, rng::Rng, signal::Signals};

/// Most entities that [`Store::find`] and [`Unit::find`] give.
pub const FIND_LIMIT: u64 = 1_000;

/// Longest wait before the second try; it doubles with each further one.
const BACK_OFF_FIRST: Duration = Duration::from_millis(20);
/// Longest wait between two tries.
const BACK_OFF_CAP: Duration = Duration::from_secs(1);

/// How a context uses its database.
#[derive(Clone)]
pub struct Settings {
    /// The context, `order`: the [`source`](crate::event::Event::source) of all its events.
    pub source: String,
    /// Dates events and makes fresh commit ids.
    pub clock: Clock,
    /// Spreads repetitions and makes fresh commit ids. Every start of a pod needs a stream of its
    /// own.
    pub rng: Rng,
    /// How long reads and commits are repeated while the database is silent or out of reach.
    pub patience: Duration,
    /// Hear of what rarely becomes of a commit.
    pub signals: Signals,
}

/// A pod's database. Cloning is cheap.
#[derive(Clone)]
pub struct Store {
    database: Arc<dyn Database>,
    settings: Arc<Settings>,
    #[cfg(feature = "planted")]
    straight: super::straight::Straight,
}

impl Store {
    /// Wraps an adapter.
    pub fn new(database: impl Database, settings: Settings) -> Self {
        Self::shared(Arc::new(database), settings)
    }

    /// Wraps an adapter that others use too.
    pub fn shared(database: Arc<dyn Database>, settings: Settings) -> Self {
        Self {
            database,
            settings: Arc::new(settings),
            #[cfg(feature = "planted")]
            straight: super::straight::Straight::default(),
        }
    }

    /// The same database, with other patience: long for workers, short where a caller waits.
    #[must_use]
    pub fn patient(&self, patience: Duration) -> Self {
        let mut settings = Settings::clone(&self.settings);
        settings.patience = patience;
        Self {
            settings: Arc::new(settings),
            ..self.clone()
        }
    }

    /// The adapter itself, for relay and contract tests. Nothing is repeated there.
    pub fn database(&self) -> &dyn Database {
        &*self.database
    }

    /// The way to the broker past the outbox.
    #[cfg(feature = "planted")]
    pub(crate) fn straight(&self) -> &super::straight::Straight {
        &self.straight
    }

    /// How the context uses its database.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Starts a unit of work whose commit will have this id. Two units with one id are one and the
    /// same work: only the first is executed.
    pub fn unit(&self, commit_id: impl Into<String>) -> Unit {
        Unit::new(self.clone(), commit_id.into())
    }

    /// A commit id never used before, for work that nobody repeats under a key of its own.
    pub fn fresh_id(&self) -> String {
        let Settings { clock, rng, .. } = &*self.settings;
        format!("{:012x}-{:016x}", clock.now_ms(), rng.bits())
    }

    /// One entity by id.
    ///
    /// # Errors
    /// Any of [`StoreError`] that a read can have, after patience has ended.
    pub async fn get<T: Entity>(&self, id: u64) -> Result<Option<Stored<T>>, StoreError> {
        let key = Key {
            collection: T::COLLECTION.to_owned(),
            id,
        };
        let record = self.repeat(|| self.database.load(key.clone())).await?;
        record.map(Stored::decode).transpose()
    }

    /// Entities for which every (index, value) holds, by id; the first [`FIND_LIMIT`] of them.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn find<T: Entity>(
        &self,
        filter: &[(&str, &str)],
    ) -> Result<Vec<Stored<T>>, StoreError> {
        let query = Query::of::<T>().page(0, FIND_LIMIT);
        let query = filter
            .iter()
            .fold(query, |query, (index, value)| query.filter(index, value));
        Ok(self.page(query).await?.0)
    }

    /// One page of a query, and how many entities all pages have.
    ///
    /// # Errors
    /// As [`Store::get`]; [`StoreError::BadQuery`] for a field that cannot be sorted by.
    pub async fn page<T: Entity>(&self, query: Query) -> Result<(Vec<Stored<T>>, u64), StoreError> {
        assert_eq!(query.collection, T::COLLECTION, "a query of another type");
        let page = self.query(query).await?;
        let stored: Result<_, _> = page.records.into_iter().map(Stored::decode).collect();
        Ok((stored?, page.total))
    }

    /// One page of a query, as JSON.
    ///
    /// # Errors
    /// As [`Store::page`].
    pub async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.repeat(|| self.database.query(query.clone())).await
    }

    /// The next unused id of a collection. Repetitions may leave gaps.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn allocate(&self, collection: &str) -> Result<u64, StoreError> {
        self.repeat(|| self.database.allocate(collection.to_owned()))
            .await
    }

    /// The answer stored with a commit id, if one was executed.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn receipt(&self, commit_id: &str) -> Result<Option<Receipt>, StoreError> {
        self.repeat(|| self.database.receipt(commit_id.to_owned()))
            .await
    }

    /// Executes `commit`, repeating the same one while nobody knows whether it was executed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] only when **no** try reached the database: nothing was written.
    /// [`StoreError::Unknown`] when any try may have been executed and no later one could tell.
    /// All others are answers: nothing was written.
    pub async fn commit(&self, commit: &Commit) -> Result<Receipt, StoreError> {
        let committed = self.repeat(|| self.database.commit(commit)).await;
        let place = match &committed {
            Ok(receipt) if receipt.replayed => hints::COMMIT_REPLAYED,
            Err(StoreError::Conflict { .. }) => hints::VERSION_CONFLICT,
            Err(StoreError::Unknown(_)) => hints::COMMIT_UNKNOWN,
            _ => return committed,
        };
        self.settings.signals.hint(place);
        committed
    }

    /// Tries until there is an answer or patience ends, with capped exponential back-off and full
    /// jitter (AWS Architecture Blog: "Exponential Backoff And Jitter").
    async fn repeat<'a, T>(
        &self,
        attempt: impl Fn() -> BoxFuture<'a, Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let end = Instant::now() + self.settings.patience;
        let mut longest = BACK_OFF_FIRST;
        let mut doubt = None;
        loop {
            let silent = || StoreError::Unknown("patience ended first".to_owned());
            let error = match timeout_at(end, attempt())
                .await
                .unwrap_or_else(|_| Err(silent()))
            {
                Err(error @ StoreError::Unknown(_)) => doubt.insert(error).clone(),
                Err(error @ StoreError::Unavailable(_)) => error,
                // A broken database cannot tell what became of an earlier try.
                Err(error @ StoreError::Failed(_)) => return Err(doubt.unwrap_or(error)),
                answer => return answer,
            };
            let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
            let again = Instant::now() + Duration::from_micros(self.settings.rng.below(micros) + 1);
            if again >= end {
                return Err(doubt.unwrap_or(error));
            }
            sleep_until(again).await;
            longest = (longest * 2).min(BACK_OFF_CAP);
        }
    }
}
