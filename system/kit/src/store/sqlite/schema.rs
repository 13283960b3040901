//! Tables and fixed statements.

use rusqlite::{Connection, TransactionBehavior, config::DbConfig};

use super::Failure;

/// Raised with every change of the tables; older programs then refuse the file.
const SCHEMA_VERSION: i64 = 2;
/// `sqll`: marks the file as ours (SQLite: `PRAGMA application_id`).
const APPLICATION_ID: i64 = 0x7371_6c6c;

/// A deleted record stays as a row without a body: its versions must never be counted again, or a
/// late repetition could take a new record for the old one. `counts` has how many records are found
/// under a value: a page tells how many there are in all, and counting costs more than reading it.
const TABLES: &str = "
CREATE TABLE records (
    collection TEXT NOT NULL, id INTEGER NOT NULL, version INTEGER NOT NULL, body TEXT,
    PRIMARY KEY (collection, id)) STRICT, WITHOUT ROWID;
CREATE TABLE indexes (
    collection TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, id INTEGER NOT NULL,
    PRIMARY KEY (collection, name, value, id)) STRICT, WITHOUT ROWID;
CREATE INDEX indexes_of ON indexes (collection, id);
CREATE TABLE counts (
    collection TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, records INTEGER NOT NULL,
    PRIMARY KEY (collection, name, value)) STRICT, WITHOUT ROWID;
CREATE TRIGGER one_more AFTER INSERT ON indexes BEGIN
    INSERT INTO counts VALUES (new.collection, new.name, new.value, 1)
        ON CONFLICT DO UPDATE SET records = records + 1;
END;
CREATE TRIGGER one_less AFTER DELETE ON indexes BEGIN
    UPDATE counts SET records = records - 1
        WHERE collection = old.collection AND name = old.name AND value = old.value;
    DELETE FROM counts WHERE records = 0
        AND collection = old.collection AND name = old.name AND value = old.value;
END;
CREATE TABLE collections (
    name TEXT NOT NULL PRIMARY KEY, last_id INTEGER NOT NULL, records INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;
CREATE TABLE commits (id TEXT NOT NULL PRIMARY KEY, answer TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE inbox (
    consumer TEXT NOT NULL, event_id TEXT NOT NULL,
    PRIMARY KEY (consumer, event_id)) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL) STRICT;
CREATE TABLE lease (
    only INTEGER PRIMARY KEY CHECK (only = 1), owner TEXT NOT NULL, epoch INTEGER NOT NULL,
    taken_ms INTEGER NOT NULL, ttl_ms INTEGER NOT NULL) STRICT;
";

pub(super) const LOAD: &str =
    "SELECT id, version, body FROM records WHERE collection = ? AND id = ? AND body IS NOT NULL";

pub(super) const RECORDS: &str =
    "SELECT collection, id, body FROM records WHERE body IS NOT NULL ORDER BY collection, id";

pub(super) const ALLOCATE: &str = "INSERT INTO collections VALUES (?, 1, 0)
    ON CONFLICT DO UPDATE SET last_id = last_id + 1 RETURNING last_id";

/// A record appears (1) or disappears (-1); its id counts as used.
pub(super) const COUNT: &str = "INSERT INTO collections VALUES (?, ?, ?) ON CONFLICT DO UPDATE
    SET last_id = max(last_id, excluded.last_id), records = records + excluded.records";

pub(super) const VERSION: &str =
    "SELECT version, body IS NOT NULL FROM records WHERE collection = ? AND id = ?";

pub(super) const WRITE: &str = "INSERT INTO records VALUES (?, ?, 1, ?)
    ON CONFLICT DO UPDATE SET version = version + 1, body = excluded.body";

pub(super) const INDEXES: &str = "SELECT name, value FROM indexes WHERE collection = ? AND id = ?";

pub(super) const INDEX: &str = "INSERT INTO indexes VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";

pub(super) const UNINDEX: &str =
    "DELETE FROM indexes WHERE collection = ? AND name = ? AND value = ? AND id = ?";

pub(super) const RECEIPT: &str = "SELECT answer FROM commits WHERE id = ?";

pub(super) const COMMITTED: &str = "INSERT INTO commits VALUES (?, ?)";

pub(super) const CONSUME: &str = "INSERT OR IGNORE INTO inbox VALUES (?, ?)";

pub(super) const APPEND: &str = "INSERT INTO outbox (event) VALUES (?)";

pub(super) const OUTBOX: &str = "SELECT id, event FROM outbox ORDER BY id LIMIT ?";

pub(super) const PUBLISHED: &str = "DELETE FROM outbox WHERE id <= ?";

pub(super) const LEASE: &str = "SELECT owner, epoch, taken_ms, ttl_ms FROM lease";

pub(super) const TAKE: &str = "INSERT OR REPLACE INTO lease VALUES (1, ?, ?, ?, ?)";

/// Makes a new database's tables, or checks that an old one's are those of this program.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), Failure> {
    connection.busy_timeout(std::time::Duration::ZERO)?;
    // Plans do not depend on what is bound: SQLite would prepare many a cached statement anew for
    // other values (for its STAT4), which costs more than executing it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Exclusive and without waiting: a second process gets an error at once instead of a silent
    // fight.
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    // A database in memory has no log and answers `memory`.
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    let number = |pragma| transaction.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, version) {
        (0, 0) if tables == 0 => {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        }
        (APPLICATION_ID, SCHEMA_VERSION) => {}
        (APPLICATION_ID, _) => {
            return Err(Failure::Corrupt(format!(
                "its schema is version {version}, this program knows version {SCHEMA_VERSION}"
            )));
        }
        _ => return Err(Failure::Corrupt("a database of another program".to_owned())),
    }
    transaction.commit()?;
    Ok(())
}
