//! A unit of work: loads, changes in memory, one commit.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Commit, Entity, FIND_LIMIT, InboxEntry, Key, Query, Receipt, Record, Store, StoreError, Stored,
    Write, entity::encode,
};
use crate::{
    event::Event,
    planted::{self, Bug},
};

/// Work that takes effect as a whole or not at all.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use squall_kit::store::{Entity, Settings, Store, StoreError, sqlite::Sqlite};
/// # use squall_kit::{clock::Clock, rng::Rng};
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Parcel { to: String, shipped: bool }
///
/// impl Entity for Parcel {
///     const COLLECTION: &'static str = "parcels";
///
///     fn indexes(&self) -> Vec<(&'static str, String)> {
///         vec![("to", self.to.clone())]
///     }
/// }
///
/// async fn pack(store: &Store, to: &str) -> Result<u64, StoreError> {
///     let mut unit = store.unit(store.fresh_id());
///     let id = unit.insert(&Parcel { to: to.to_owned(), shipped: false }).await?;
///     unit.publish("Packed", &id.to_string(), &to);
///     unit.commit(&id).await?;
///     Ok(id)
/// }
///
/// async fn ship_all(store: &Store, to: &str) -> Result<(), StoreError> {
///     let mut unit = store.unit(store.fresh_id());
///     for mut parcel in unit.find::<Parcel>("to", to).await? {
///         parcel.value.shipped = true;
///         unit.put(parcel.id, &parcel.value);
///         unit.publish("Shipped", &parcel.id.to_string(), &to);
///     }
///     unit.commit(&()).await?;
///     Ok(())
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), StoreError> {
/// # let settings = Settings {
/// #     source: "packing".to_owned(),
/// #     clock: Clock::system(),
/// #     rng: Rng::stream(1, "doc"),
/// #     patience: std::time::Duration::from_secs(5),
/// #     signals: squall_kit::signal::Signals::silent(),
/// # };
/// # let store = Store::new(Sqlite::memory(Clock::system())?, settings);
///
/// let id = pack(&store, "Ann").await?;
/// ship_all(&store, "Ann").await?;
/// assert!(store.get::<Parcel>(id).await?.is_some_and(|parcel| parcel.value.shipped));
/// # Ok(())
/// # }
/// ```
///
/// Whatever was loaded must still stand at commit, else [`StoreError::Conflict`]: then start again
/// with a new unit **of the same commit id**. A search guards what it found, not what it did not
/// find. Loads and searches see the unit's own changes. Dropping a unit changes nothing.
pub struct Unit {
    store: Store,
    commit_id: String,
    expected: BTreeMap<Key, u64>,
    writes: BTreeMap<Key, Write>,
    outbox: Vec<Event>,
    inbox: Option<InboxEntry>,
    looked: bool,
    hints: Vec<&'static str>,
}

impl Unit {
    pub(super) fn new(store: Store, commit_id: String) -> Self {
        Self {
            store,
            commit_id,
            expected: BTreeMap::new(),
            writes: BTreeMap::new(),
            outbox: Vec::new(),
            inbox: None,
            looked: false,
            hints: Vec::new(),
        }
    }

    /// The id that the commit will have.
    pub fn commit_id(&self) -> &str {
        &self.commit_id
    }

    /// One entity by id. `None` guards, too: the commit fails if somebody creates it meanwhile.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn load<T: Entity>(&mut self, id: u64) -> Result<Option<Stored<T>>, StoreError> {
        let key = key::<T>(id);
        if let Some(write) = self.writes.get(&key) {
            return own(write).map(Stored::decode).transpose();
        }
        self.looked = true;
        let stored = self.store.get::<T>(id).await?;
        self.guard(key, stored.as_ref().map_or(0, |stored| stored.version));
        Ok(stored)
    }

    /// Entities found under `value` in `index`, by id; the first [`FIND_LIMIT`] of them.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn find<T: Entity>(
        &mut self,
        index: &str,
        value: &str,
    ) -> Result<Vec<Stored<T>>, StoreError> {
        let query = Query::of::<T>().filter(index, value).page(0, FIND_LIMIT);
        let found = self.search::<T>(query, index, value).await?;
        Ok(found.into_values().collect())
    }

    /// Of the entities found under `value` in `index`, the one with the greatest id.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn newest<T: Entity>(
        &mut self,
        index: &str,
        value: &str,
    ) -> Result<Option<Stored<T>>, StoreError> {
        // One more than this unit has changed: so many may no longer belong to the result.
        let changed = u64::try_from(self.writes.len()).unwrap_or(u64::MAX);
        let query = Query::of::<T>()
            .filter(index, value)
            .sort("id", true)
            .page(0, changed.saturating_add(1));
        let found = self.search::<T>(query, index, value).await?;
        Ok(found.into_values().next_back())
    }

    /// Of the entities found under `value` in `index`, the `limit` with the smallest ids, in their
    /// order: the head of a queue.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn oldest<T: Entity>(
        &mut self,
        index: &str,
        value: &str,
        limit: usize,
    ) -> Result<Vec<Stored<T>>, StoreError> {
        // As many more as this unit has changed: so many may no longer belong to the result.
        let size = limit.saturating_add(self.writes.len()).max(1);
        let query = Query::of::<T>()
            .filter(index, value)
            .page(0, u64::try_from(size).unwrap_or(u64::MAX));
        let found = self.search::<T>(query, index, value).await?;
        Ok(found.into_values().take(limit).collect())
    }

    /// Creates an entity under the next unused id, and gives that id.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn insert<T: Entity>(&mut self, value: &T) -> Result<u64, StoreError> {
        let id = self.store.allocate(T::COLLECTION).await?;
        self.guard(key::<T>(id), 0);
        self.put(id, value);
        Ok(id)
    }

    /// Writes an entity that this unit has looked at: loaded, found, or found absent.
    ///
    /// # Panics
    /// When it has not: a blind write would silently undo somebody else's.
    pub fn put<T: Entity>(&mut self, id: u64, value: &T) {
        let indexes = value.indexes().into_iter();
        let indexes = indexes.map(|(index, value)| (index.to_owned(), value));
        self.write(Write {
            key: key::<T>(id),
            body: Some(encode(value)),
            indexes: indexes.collect(),
        });
    }

    /// Deletes an entity that this unit has looked at.
    ///
    /// # Panics
    /// When it has not.
    pub fn delete<T: Entity>(&mut self, id: u64) {
        self.write(Write {
            key: key::<T>(id),
            body: None,
            indexes: Vec::new(),
        });
    }

    /// States a fact: it will be published once, and only if, this unit is committed. `key` is the
    /// front aggregate's: events of one key keep their order.
    pub fn publish(&mut self, kind: &str, key: &str, body: &(impl Serialize + ?Sized)) {
        let settings = self.store.settings();
        self.outbox.push(Event {
            id: format!("{}#{}", self.commit_id, self.outbox.len() + 1),
            kind: kind.to_owned(),
            key: key.to_owned(),
            source: settings.source.clone(),
            at_ms: settings.clock.now_ms(),
            body: encode(body),
        });
    }

    /// True once the unit has loaded or searched, whatever it found: what was decided in it may be
    /// decided otherwise another time.
    pub fn has_looked(&self) -> bool {
        self.looked
    }

    /// Drops what was written and published. What was looked at must still stand at commit.
    pub fn forget_changes(&mut self) {
        self.writes.clear();
        self.outbox.clear();
        self.hints.clear();
    }

    /// Names a place that the pod tells of once this unit is committed: see
    /// [`hints`](crate::hints).
    pub fn hint(&mut self, place: &'static str) {
        self.hints.push(place);
    }

    /// Records the event that this unit is the effect of. If it already had its effect, the commit
    /// fails with [`StoreError::AlreadyConsumed`].
    ///
    /// # Panics
    /// When called twice: one unit is the effect of one event.
    pub fn consumed(&mut self, entry: InboxEntry) {
        let former = self.inbox.replace(entry);
        assert_eq!(former, None, "a unit of work consumes one event");
    }

    /// Commits. `answer` is kept with the commit id: whoever repeats the unit gets it.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub async fn commit(self, answer: &(impl Serialize + ?Sized)) -> Result<Receipt, StoreError> {
        let expected = if planted::is(Bug::NoExpectedVersion) {
            Vec::new()
        } else {
            self.expected.into_iter().collect()
        };
        let commit = Commit {
            id: self.commit_id,
            expected,
            writes: self.writes.into_values().collect(),
            outbox: self.outbox,
            inbox: self.inbox,
            answer: encode(answer),
        };
        #[cfg(feature = "planted")]
        let (commit, events) = self.store.straight().before(commit).await?;
        let receipt = self.store.commit(&commit).await?;
        #[cfg(feature = "planted")]
        let _lost = self.store.straight().send(events).await;
        let signals = &self.store.settings().signals;
        self.hints.into_iter().for_each(|place| signals.hint(place));
        Ok(receipt)
    }

    async fn search<T: Entity>(
        &mut self,
        query: Query,
        index: &str,
        value: &str,
    ) -> Result<BTreeMap<u64, Stored<T>>, StoreError> {
        self.looked = true;
        let (found, _total) = self.store.page::<T>(query).await?;
        let mut result = BTreeMap::new();
        for stored in found {
            self.guard(key::<T>(stored.id), stored.version);
            result.insert(stored.id, stored);
        }
        let own_writes = self.writes.values();
        for write in own_writes.filter(|write| write.key.collection == T::COLLECTION) {
            result.remove(&write.key.id);
            let belongs = write.indexes.iter().any(|(i, v)| i == index && v == value);
            if let Some(record) = own(write).filter(|_| belongs) {
                result.insert(record.id, Stored::decode(record)?);
            }
        }
        Ok(result)
    }

    /// The first version seen counts: a later look that saw another one makes the commit fail.
    fn guard(&mut self, key: Key, version: u64) {
        self.expected.entry(key).or_insert(version);
    }

    fn write(&mut self, write: Write) {
        let Key { collection, id } = &write.key;
        assert!(
            self.expected.contains_key(&write.key),
            "{collection}/{id} is written without a look at it: load it in this unit first"
        );
        self.writes.insert(write.key.clone(), write);
    }
}

fn key<T: Entity>(id: u64) -> Key {
    Key {
        collection: T::COLLECTION.to_owned(),
        id,
    }
}

/// What a unit itself has written, as a record.
fn own(write: &Write) -> Option<Record> {
    Some(Record {
        id: write.key.id,
        version: 0,
        body: write.body.as_ref()?.into(),
    })
}
