//! Resources as services know them: plain types instead of JSON.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Record, StoreError};

/// A type that is kept in a collection.
pub trait Entity: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The collection, `orders`: also the path and the name in HAL.
    const COLLECTION: &'static str;

    /// What it is found by, besides its id: (index, value).
    fn indexes(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// An entity as it stands in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored<T> {
    /// Its id in its collection.
    pub id: u64,
    /// Its version there; 0 when it was only written in this unit of work.
    pub version: u64,
    /// The entity.
    pub value: T,
}

impl<T: Entity> Stored<T> {
    /// Reads a record.
    ///
    /// # Errors
    /// [`StoreError::Failed`] when the record is of another shape than `T`.
    pub(super) fn decode(record: Record) -> Result<Self, StoreError> {
        let Record { id, version, body } = record;
        let value = body
            .read()
            .map_err(|error| StoreError::Failed(format!("{}/{id}: {error}", T::COLLECTION)))?;
        Ok(Self { id, version, value })
    }
}

/// The JSON of a value that a service writes.
pub(super) fn encode(value: &(impl Serialize + ?Sized)) -> Value {
    serde_json::to_value(value)
        .expect("a type that services store has string keys and no failing Serialize")
}
