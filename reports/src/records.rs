//! What lay in stores and in the log when a run ended.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use crate::history::{History, Name, What};

/// A record as a store held it at the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record<'a> {
    /// The store's service.
    pub service: &'a Name,
    /// Its collection.
    pub collection: &'a Name,
    /// Its id there.
    pub id: u64,
    /// Its body.
    pub body: &'a Value,
}

/// An event as the broker's log held it at the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoggedEvent<'a> {
    /// The partition.
    pub partition: u32,
    /// The place there.
    pub offset: u64,
    /// The event's id.
    pub event: &'a str,
    /// Its kind.
    pub kind: &'a Name,
    /// Its key.
    pub key: &'a str,
    /// The context that stated it.
    pub source: &'a Name,
    /// The fact itself.
    pub body: &'a Value,
}

/// Names a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// The store's service; `None` when the collection's name is enough.
    pub service: Option<Name>,
    /// The collection.
    pub name: Name,
}

impl Collection {
    /// The collection of this name, in whatever store.
    pub fn named(name: &str) -> Self {
        Self {
            service: None,
            name: name.into(),
        }
    }

    /// Of these, the one in this service's store.
    #[must_use]
    pub fn of(mut self, service: &str) -> Self {
        self.service = Some(service.into());
        self
    }

    /// Its records at the end, in the order of the history.
    pub fn records<'a>(&self, history: &'a History) -> Vec<Record<'a>> {
        let records = history
            .entries
            .iter()
            .filter_map(|entry| match &entry.what {
                What::Stored {
                    collection,
                    id,
                    body,
                } => Some(Record {
                    service: &entry.host,
                    collection,
                    id: *id,
                    body,
                }),
                _ => None,
            });
        records
            .filter(|record| *record.collection == self.name)
            .filter(|record| {
                self.service
                    .as_ref()
                    .is_none_or(|name| name == record.service)
            })
            .collect()
    }
}

/// The log at the end, by partition and offset; what was redelivered into it is there twice.
pub fn logged(history: &History) -> Vec<LoggedEvent<'_>> {
    let mut log: Vec<LoggedEvent<'_>> = history
        .entries
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Logged {
                partition,
                offset,
                event,
                kind,
                key,
                source,
                body,
            } => {
                let (partition, offset) = (*partition, *offset);
                Some(LoggedEvent {
                    partition,
                    offset,
                    event,
                    kind,
                    key,
                    source,
                    body,
                })
            }
            _ => None,
        })
        .collect();
    log.sort_by_key(|event| (event.partition, event.offset));
    log
}

/// The log without repetitions: the first place of every event id.
pub fn distinct(history: &History) -> Vec<LoggedEvent<'_>> {
    let mut log = logged(history);
    let mut seen = std::collections::BTreeSet::new();
    log.retain(|event| seen.insert(event.event));
    log
}

/// Events by their key, each key's in the order of the log, without repetitions.
pub fn by_key(history: &History) -> BTreeMap<&str, Vec<LoggedEvent<'_>>> {
    let mut keys: BTreeMap<&str, Vec<LoggedEvent<'_>>> = BTreeMap::new();
    for event in distinct(history) {
        keys.entry(event.key).or_default().push(event);
    }
    keys
}

/// A member of a body by its name, or by a JSON pointer (`/order/id`).
pub fn member<'a>(body: &'a Value, name: &str) -> Option<&'a Value> {
    if name.starts_with('/') {
        body.pointer(name)
    } else {
        body.get(name)
    }
}

/// A scalar as text, so that `7`, `7.0` and `"7"` are one key; `None` for null and composites.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(match number.as_f64() {
            // Below 2^53 a whole float is exactly that integer.
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9.0e15 => {
                (float as i64).to_string()
            }
            _ => number.to_string(),
        }),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A state as text: a scalar, or the variant's name of an enum with content, `{"accepted": …}`.
pub fn variant(value: &Value) -> Option<String> {
    match value {
        Value::Object(members) if members.len() == 1 => members.keys().next().cloned(),
        value => text(value),
    }
}

/// Equal as JSON, or equal as [`text`] (`3` and `"3"`: the documents send numbers as strings).
pub fn same(left: &Value, right: &Value) -> bool {
    left == right || matches!((text(left), text(right)), (Some(l), Some(r)) if l == r)
}

impl Record<'_> {
    /// A member as text; `id` is the record's own id when the body has no such member.
    pub fn text(&self, name: &str) -> Option<String> {
        match member(self.body, name) {
            Some(value) => text(value),
            None if name == "id" => Some(self.id.to_string()),
            None => None,
        }
    }
}

impl fmt::Display for Collection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.service
            .iter()
            .try_for_each(|service| write!(out, "{service}/"))?;
        write!(out, "{}", self.name)
    }
}

impl fmt::Display for Record<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}/{}/{} {}",
            self.service, self.collection, self.id, self.body
        )
    }
}

impl fmt::Display for LoggedEvent<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            offset,
            event,
            kind,
            key,
            source,
            ..
        } = self;
        write!(
            out,
            "{kind} {event} of {key} by {source} in the log at {partition}/{offset}"
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_their_strings_are_one_key() {
        assert!(same(&json!(7), &json!("7")) && same(&json!(7.0), &json!(7)));
        assert!(same(&json!("st1"), &json!("st1")) && same(&json!([1]), &json!([1])));
        assert!(!same(&json!(7), &json!(8)) && !same(&json!(null), &json!("null")));
        assert!(!same(&json!(0.5), &json!(0)));
        assert_eq!(
            variant(&json!({"accepted": "ordered"})).as_deref(),
            Some("accepted")
        );
        assert_eq!(variant(&json!("pending")).as_deref(), Some("pending"));
        assert_eq!(variant(&json!({"a": 1, "b": 2})), None);
        assert_eq!(
            member(&json!({"order": {"id": 3}}), "/order/id"),
            Some(&json!(3))
        );
    }
}
