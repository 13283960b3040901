//! Queries by index, sorted and paged. The text of a statement depends only on the query's shape;
//! everything a caller says is bound.

use rusqlite::{Connection, OptionalExtension, types::Value as Sql};

use super::{Failure, record, unsigned};
use crate::store::{Page, Query, StoreError};

/// Bounds on a query's shape, so that the statements stay few and short.
const MAX_FILTERS: usize = 8;
const MAX_SORTS: usize = 8;
const MAX_FIELD_CHARS: usize = 64;

pub(super) fn run(connection: &Connection, query: &Query) -> Result<Page, Failure> {
    check(connection, query)?;
    let mut statement = connection.prepare_cached(&select(query))?;
    let rows = statement.query_map(rusqlite::params_from_iter(bindings(query)), record)?;
    let records: Vec<_> = rows.collect::<Result<_, _>>()?;
    let short = u64::try_from(records.len()).is_ok_and(|count| count < query.size);
    let total = if query.page == 0 && short {
        u64::try_from(records.len()).unwrap_or(u64::MAX)
    } else {
        total(connection, query)?
    };
    Ok(Page { records, total })
}

fn check(connection: &Connection, query: &Query) -> Result<(), Failure> {
    let bad = |text: String| Err(StoreError::BadQuery(text).into());
    if query.size == 0 {
        return bad("a page has at least 1 record".to_owned());
    }
    if query.filter.len() > MAX_FILTERS || query.sort.len() > MAX_SORTS {
        return bad(format!(
            "at most {MAX_FILTERS} filters and {MAX_SORTS} sorts"
        ));
    }
    for sort in query.sort.iter().filter(|sort| sort.field != "id") {
        if !is_plain(&sort.field) || !is_known(connection, &query.collection, &sort.field)? {
            let shown: String = sort.field.chars().take(MAX_FIELD_CHARS).collect();
            return bad(format!("{} have no field {shown:?}", query.collection));
        }
    }
    Ok(())
}

/// True for names that need no quoting in a JSON path.
fn is_plain(field: &str) -> bool {
    (1..=MAX_FIELD_CHARS).contains(&field.len())
        && field.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// True when some record of the collection has the member, or when it has no records at all.
fn is_known(connection: &Connection, collection: &str, field: &str) -> Result<bool, Failure> {
    let mut any = connection.prepare_cached(
        "SELECT 1 FROM records WHERE collection = ? AND json_type(body, ?) IS NOT NULL LIMIT 1",
    )?;
    if any.exists([collection, &path(field)])? {
        return Ok(true);
    }
    let mut records =
        connection.prepare_cached("SELECT 1 FROM collections WHERE name = ? AND records > 0")?;
    Ok(!records.exists([collection])?)
}

fn path(field: &str) -> String {
    format!("$.\"{field}\"")
}

fn select(query: &Query) -> String {
    let (from, id) = if query.filter.is_empty() {
        let all = "records r WHERE r.collection = ? AND r.body IS NOT NULL";
        (all.to_owned(), "r.id")
    } else {
        let bodies = " CROSS JOIN records r ON r.collection = i0.collection AND r.id = i0.id";
        let from = format!("{}{bodies} WHERE {}", indexes(query), conditions(query));
        (from, "i0.id")
    };
    let mut order = String::new();
    for sort in &query.sort {
        let column = if sort.field == "id" {
            id
        } else {
            "json_extract(r.body, ?)"
        };
        let direction = if sort.descending { "DESC" } else { "ASC" };
        order += &format!("{column} {direction}, ");
    }
    format!("SELECT r.id, r.version, r.body FROM {from} ORDER BY {order}{id} LIMIT ? OFFSET ?")
}

/// One row for each id and filter that may hold. Cross joins keep the order of the tables as
/// written: SQLite has no statistics to choose a better one.
fn indexes(query: &Query) -> String {
    let joined = (1..query.filter.len()).map(|n| {
        format!(" CROSS JOIN indexes i{n} ON i{n}.collection = i0.collection AND i{n}.id = i0.id")
    });
    std::iter::once("indexes i0".to_owned())
        .chain(joined)
        .collect()
}

fn conditions(query: &Query) -> String {
    let filters = (0..query.filter.len()).map(|n| format!(" AND i{n}.name = ? AND i{n}.value = ?"));
    std::iter::once("i0.collection = ?".to_owned())
        .chain(filters)
        .collect()
}

fn filters(query: &Query) -> Vec<Sql> {
    let pairs = query.filter.iter().flat_map(|(name, value)| [name, value]);
    let texts = std::iter::once(&query.collection).chain(pairs);
    texts.map(|text| Sql::Text(text.clone())).collect()
}

fn bindings(query: &Query) -> Vec<Sql> {
    let number = |number: u64| Sql::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    let mut bindings = filters(query);
    let fields = query.sort.iter().filter(|sort| sort.field != "id");
    bindings.extend(fields.map(|sort| Sql::Text(path(&sort.field))));
    bindings.push(number(query.size));
    bindings.push(number(query.page.saturating_mul(query.size)));
    bindings
}

fn total(connection: &Connection, query: &Query) -> Result<u64, Failure> {
    let sql = match query.filter.len() {
        0 => "SELECT records FROM collections WHERE name = ?".to_owned(),
        1 => {
            "SELECT records FROM counts WHERE collection = ? AND name = ? AND value = ?".to_owned()
        }
        _ => format!(
            "SELECT count(*) FROM {} WHERE {}",
            indexes(query),
            conditions(query)
        ),
    };
    let mut statement = connection.prepare_cached(&sql)?;
    let bindings = rusqlite::params_from_iter(filters(query));
    let total = statement.query_row(bindings, |row| unsigned(row, 0));
    Ok(total.optional()?.unwrap_or(0))
}
