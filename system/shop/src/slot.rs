//! Names that only one resource can have, where ids are numbers: a name's slot is found by its
//! hash, and taken by the same commit that creates what it names.

use squall_kit::store::{Entity, StoreError, Unit};
use xxhash_rust::xxh3::xxh3_64;

/// Slots looked at for one name. Two names meet in one slot about once in 2^52 pairs.
const PROBES: u64 = 16;
/// Ids up to here are exact in every database and JSON reader.
const ID_MASK: u64 = (1 << 52) - 1;

/// Something that is kept in the slot of its name. Never deleted.
pub(crate) trait Named: Entity {
    /// The name.
    fn name(&self) -> &str;
}

/// The id of the name's slot, and what is in it. Guards: the unit's commit fails if somebody else
/// takes the slot meanwhile.
pub(crate) async fn slot<T: Named>(
    unit: &mut Unit,
    name: &str,
) -> Result<(u64, Option<T>), StoreError> {
    let first = xxh3_64(name.as_bytes());
    for probe in 0..PROBES {
        let id = (first.wrapping_add(probe) & ID_MASK).max(1);
        match unit.load::<T>(id).await? {
            None => return Ok((id, None)),
            Some(taken) if taken.value.name() == name => return Ok((id, Some(taken.value))),
            Some(_other) => {}
        }
    }
    let full = format!("{}: no slot is left for {name:?}", T::COLLECTION);
    Err(StoreError::Failed(full))
}
