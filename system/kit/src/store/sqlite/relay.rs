//! What the relay needs: its lease, the rows that wait, and their end.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{Failure, schema, signed, unsigned};
use crate::store::{Lease, OutboxRow, StoreError};

/// Takes or renews the lease. One that seems taken in the future has lapsed: the clock was set
/// back, and nobody may wait for it to catch up.
pub(super) fn lease(
    connection: &mut Connection,
    owner: &str,
    ttl_ms: u64,
    now_ms: u64,
) -> Result<Option<Lease>, Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut select = transaction.prepare_cached(schema::LEASE)?;
    let former = select.query_row([], |row| {
        let owner: String = row.get(0)?;
        Ok((
            owner,
            unsigned(row, 1)?,
            unsigned(row, 2)?,
            unsigned(row, 3)?,
        ))
    });
    let former = former.optional()?;
    drop(select);
    let epoch = match &former {
        None => 1,
        Some((former, epoch, ..)) if former == owner => *epoch,
        Some((_, _, taken_ms, ttl_ms))
            if (*taken_ms..taken_ms.saturating_add(*ttl_ms)).contains(&now_ms) =>
        {
            return Ok(None);
        }
        Some((_, epoch, ..)) => epoch + 1,
    };
    let mut take = transaction.prepare_cached(schema::TAKE)?;
    take.execute(params![
        owner,
        signed(epoch)?,
        signed(now_ms)?,
        signed(ttl_ms)?
    ])?;
    drop(take);
    transaction.commit()?;
    Ok(Some(Lease { epoch }))
}

pub(super) fn outbox(connection: &Connection, limit: u64) -> Result<Vec<OutboxRow>, Failure> {
    let mut select = connection.prepare_cached(schema::OUTBOX)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = select.query([limit])?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        let event = serde_json::from_str(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)
            .map_err(|error| Failure::Corrupt(format!("an outbox row: {error}")))?;
        let id = unsigned(row, 0)?;
        waiting.push(OutboxRow { id, event });
    }
    Ok(waiting)
}

pub(super) fn published(
    connection: &mut Connection,
    lease: Lease,
    row_id: u64,
) -> Result<(), Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut select = transaction.prepare_cached(schema::LEASE)?;
    let epoch = select.query_row([], |row| unsigned(row, 1)).optional()?;
    drop(select);
    if epoch != Some(lease.epoch) {
        return Err(StoreError::LeaseLost.into());
    }
    let mut delete = transaction.prepare_cached(schema::PUBLISHED)?;
    delete.execute([signed(row_id)?])?;
    drop(delete);
    transaction.commit()?;
    Ok(())
}
