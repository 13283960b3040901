//! A log's shelf in a SQLite file.

use std::{collections::BTreeMap, path::Path, time::Duration};

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    BusError, Delivery, Position,
    shelf::{Shelf, Shelved},
};

/// Rises with every change of the tables below.
const SCHEMA: u32 = 1;

const TABLES: &str = "
    CREATE TABLE topics (name TEXT PRIMARY KEY, partitions INTEGER NOT NULL) STRICT;
    CREATE TABLE events (
        topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
        event TEXT NOT NULL, PRIMARY KEY (topic, partition, offset)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE groups (
        topic TEXT NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL,
        PRIMARY KEY (topic, name)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE offsets (
        topic TEXT NOT NULL, name TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
        PRIMARY KEY (topic, name, partition)
    ) STRICT, WITHOUT ROWID;
";

/// A SQLite file. Calls wait for the disk.
pub(super) struct File(Connection);

impl File {
    /// Opens or makes the file.
    pub(super) fn open(path: &Path) -> Result<Self, BusError> {
        let mut connection = Connection::open(path)
            .map_err(|error| BusError::Failed(format!("{}: {error}", path.display())))?;
        prepare(&mut connection)
            .map_err(|error| BusError::Failed(format!("{}: {error}", path.display())))?;
        let found: u32 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(failed)?;
        if found != SCHEMA {
            let path = path.display();
            let text = format!("{path}: log version {found}, expected {SCHEMA}");
            return Err(BusError::Failed(text));
        }
        Ok(Self(connection))
    }
}

/// Locks the file, makes it durable, and makes the tables if it is new.
fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(32);
    // Whoever else has the file keeps it: no use in waiting.
    connection.busy_timeout(Duration::ZERO)?;
    // A second process would not see this one's groups.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // In WAL mode only FULL syncs at every commit.
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction()?;
    let tables: Option<u32> = transaction
        .query_row("SELECT 1 FROM sqlite_schema LIMIT 1", [], |row| row.get(0))
        .optional()?;
    if tables.is_none() {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "user_version", SCHEMA)?;
    }
    transaction.commit()
}

impl Shelf for File {
    fn topics(&mut self) -> Result<BTreeMap<String, Shelved>, BusError> {
        read_topics(&self.0).map_err(failed)
    }

    fn create(&mut self, topic: &str, partitions: u32) -> Result<(), BusError> {
        self.0
            .execute(
                "INSERT INTO topics VALUES (?1, ?2)",
                params![topic, partitions],
            )
            .map_err(failed)?;
        Ok(())
    }

    fn append(&mut self, topic: &str, deliveries: &[Delivery]) -> Result<(), BusError> {
        let mut rows = Vec::with_capacity(deliveries.len());
        for Delivery { position, event } in deliveries {
            let event = serde_json::to_string(event)
                .map_err(|error| BusError::Failed(error.to_string()))?;
            rows.push((position, event));
        }
        let mut insert_all = || {
            let transaction = self.0.transaction()?;
            let mut insert =
                transaction.prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3, ?4)")?;
            for (position, event) in &rows {
                insert.execute(params![topic, position.partition, position.offset, event])?;
            }
            drop(insert);
            transaction.commit()
        };
        insert_all().map_err(failed)
    }

    fn read(
        &mut self,
        topic: &str,
        start: Position,
        limit: u64,
    ) -> Result<Vec<Delivery>, BusError> {
        let texts = read_events(&self.0, topic, start, limit).map_err(failed)?;
        let parse = |(offset, text): (u64, String)| {
            let event = serde_json::from_str(&text)?;
            let position = Position { offset, ..start };
            Ok(Delivery { position, event })
        };
        texts
            .into_iter()
            .map(parse)
            .collect::<serde_json::Result<_>>()
            .map_err(|error| BusError::Failed(error.to_string()))
    }

    fn generation(&mut self, topic: &str, group: &str, generation: u64) -> Result<(), BusError> {
        let mut upsert = self
            .0
            .prepare_cached("INSERT OR REPLACE INTO groups VALUES (?1, ?2, ?3)")
            .map_err(failed)?;
        upsert
            .execute(params![topic, group, generation])
            .map_err(failed)?;
        Ok(())
    }

    fn offsets(
        &mut self,
        topic: &str,
        group: &str,
        moved: &BTreeMap<u32, u64>,
    ) -> Result<(), BusError> {
        let mut upsert_all = || {
            let transaction = self.0.transaction()?;
            let mut upsert = transaction
                .prepare_cached("INSERT OR REPLACE INTO offsets VALUES (?1, ?2, ?3, ?4)")?;
            for (partition, next) in moved {
                upsert.execute(params![topic, group, partition, next])?;
            }
            drop(upsert);
            transaction.commit()
        };
        upsert_all().map_err(failed)
    }
}

fn read_topics(connection: &Connection) -> rusqlite::Result<BTreeMap<String, Shelved>> {
    let mut topics: BTreeMap<String, Shelved> = BTreeMap::new();
    let mut query = connection.prepare("SELECT name, partitions FROM topics")?;
    for row in query.query_map([], |row| Ok((row.get(0)?, row.get::<_, u32>(1)?)))? {
        let (topic, partitions): (String, u32) = row?;
        let ends = (0..partitions)
            .map(|partition| {
                connection.query_row(
                    "SELECT ifnull(max(offset) + 1, 0) FROM events
                     WHERE topic = ?1 AND partition = ?2",
                    params![topic, partition],
                    |row| row.get(0),
                )
            })
            .collect::<rusqlite::Result<Vec<u64>>>()?;
        let groups = read_groups(connection, &topic, &ends)?;
        topics.insert(topic, Shelved { ends, groups });
    }
    Ok(topics)
}

fn read_groups(
    connection: &Connection,
    topic: &str,
    ends: &[u64],
) -> rusqlite::Result<BTreeMap<String, (u64, Vec<u64>)>> {
    let mut query = connection.prepare("SELECT name, generation FROM groups WHERE topic = ?1")?;
    let mut offset = connection
        .prepare("SELECT next FROM offsets WHERE topic = ?1 AND name = ?2 AND partition = ?3")?;
    let mut groups = BTreeMap::new();
    for row in query.query_map([topic], |row| Ok((row.get(0)?, row.get(1)?)))? {
        let (name, generation): (String, u64) = row?;
        let mut offsets = Vec::with_capacity(ends.len());
        for (partition, _) in (0_u32..).zip(ends) {
            let next = offset
                .query_row(params![topic, name, partition], |row| row.get(0))
                .optional()?;
            offsets.push(next.unwrap_or(0));
        }
        groups.insert(name, (generation, offsets));
    }
    Ok(groups)
}

fn read_events(
    connection: &Connection,
    topic: &str,
    start: Position,
    limit: u64,
) -> rusqlite::Result<Vec<(u64, String)>> {
    let mut query = connection.prepare_cached(
        "SELECT offset, event FROM events
         WHERE topic = ?1 AND partition = ?2 AND offset >= ?3 ORDER BY offset LIMIT ?4",
    )?;
    // SQLite's integers are signed; more than this is everything.
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map(
        params![topic, start.partition, start.offset, limit],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    rows.collect()
}

fn failed(error: rusqlite::Error) -> BusError {
    BusError::Failed(error.to_string())
}
