//! A commit: one transaction, all or nothing.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::Serialize;

use super::{Failure, json, schema, signed};
use crate::store::{Commit, Key, Receipt, StoreError, Write};

/// Executes `commit`, or gives the first answer of an earlier one with its id.
pub(super) fn run(connection: &mut Connection, commit: &Commit) -> Result<Receipt, Failure> {
    // Dropped without a commit, a transaction is rolled back.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if let Some(first) = receipt(&transaction, &commit.id)? {
        return Ok(first);
    }
    consume(&transaction, commit)?;
    for (key, version) in &commit.expected {
        expect(&transaction, key, *version)?;
    }
    for write in &commit.writes {
        apply(&transaction, write)?;
    }
    for event in &commit.outbox {
        let mut append = transaction.prepare_cached(schema::APPEND)?;
        append.execute([text(event)?])?;
    }
    let mut committed = transaction.prepare_cached(schema::COMMITTED)?;
    committed.execute(params![commit.id, text(&commit.answer)?])?;
    drop(committed);
    // A disk that fails here leaves open what will be found after a restart.
    transaction
        .commit()
        .map_err(|error| StoreError::Unknown(format!("ending a transaction: {error}")))?;
    Ok(Receipt {
        answer: commit.answer.clone(),
        replayed: false,
    })
}

/// The answer stored with a commit id, if there is one.
pub(super) fn receipt(
    connection: &Connection,
    commit_id: &str,
) -> Result<Option<Receipt>, Failure> {
    let mut select = connection.prepare_cached(schema::RECEIPT)?;
    let found = select
        .query_row([commit_id], |row| json(row, 0))
        .optional()?;
    let answer = found.transpose()?;
    Ok(answer.map(|answer| Receipt {
        answer,
        replayed: true,
    }))
}

/// Before the versions are looked at: that an event had its effect explains why they moved on.
fn consume(transaction: &Transaction<'_>, commit: &Commit) -> Result<(), Failure> {
    let Some(entry) = &commit.inbox else {
        return Ok(());
    };
    let mut consume = transaction.prepare_cached(schema::CONSUME)?;
    if consume.execute([&entry.consumer, &entry.event_id])? == 0 {
        let event_id = entry.event_id.clone();
        return Err(StoreError::AlreadyConsumed { event_id }.into());
    }
    Ok(())
}

fn expect(transaction: &Transaction<'_>, key: &Key, version: u64) -> Result<(), Failure> {
    let standing = match standing(transaction, key)? {
        Some((version, true)) => version,
        Some((_, false)) | None => 0,
    };
    if standing == signed(version)? {
        return Ok(());
    }
    Err(StoreError::Conflict { key: key.clone() }.into())
}

/// A key's version, and whether it has a body, if it was ever written.
fn standing(transaction: &Transaction<'_>, key: &Key) -> Result<Option<(i64, bool)>, Failure> {
    let mut select = transaction.prepare_cached(schema::VERSION)?;
    let id = signed(key.id)?;
    let found = select.query_row(params![key.collection, id], |row| {
        Ok((row.get(0)?, row.get(1)?))
    });
    Ok(found.optional()?)
}

fn apply(transaction: &Transaction<'_>, write: &Write) -> Result<(), Failure> {
    let Key { collection, id } = &write.key;
    let id = signed(*id)?;
    let existed = matches!(standing(transaction, &write.key)?, Some((_, true)));
    let body = write.body.as_ref().map(text).transpose()?;
    let mut upsert = transaction.prepare_cached(schema::WRITE)?;
    upsert.execute(params![collection, id, body])?;
    let appeared = match (existed, body.is_some()) {
        (false, true) => 1,
        (true, false) => -1,
        _ => 0,
    };
    if appeared != 0 {
        let mut count = transaction.prepare_cached(schema::COUNT)?;
        count.execute(params![collection, id, appeared])?;
    }
    reindex(transaction, write, id)
}

/// Changes only those entries that differ: most writes leave the indexes as they are.
fn reindex(transaction: &Transaction<'_>, write: &Write, id: i64) -> Result<(), Failure> {
    let collection = &write.key.collection;
    let mut select = transaction.prepare_cached(schema::INDEXES)?;
    let former = select.query_map(params![collection, id], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let former: Vec<(String, String)> = former.collect::<Result<_, _>>()?;
    for (name, value) in former.iter().filter(|entry| !write.indexes.contains(entry)) {
        let mut delete = transaction.prepare_cached(schema::UNINDEX)?;
        delete.execute(params![collection, name, value, id])?;
    }
    for (name, value) in write.indexes.iter().filter(|entry| !former.contains(entry)) {
        let mut insert = transaction.prepare_cached(schema::INDEX)?;
        insert.execute(params![collection, name, value, id])?;
    }
    Ok(())
}

fn text(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::Corrupt(error.to_string()))
}
