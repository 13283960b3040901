//! A read model equals what the events say (invariant 4).

use std::collections::BTreeMap;

use serde_json::Value;

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{History, Name},
    records::{Collection, LoggedEvent, Record, by_key, member, same},
};

/// For every key of the log, the read model's record has the members that a pure fold over the
/// key's events expects; no record is missing, and none is without events.
#[derive(Clone, Debug)]
pub struct FoldEquality {
    /// The read model.
    pub collection: Collection,
    /// The record's member with the key; `id` may be the record's own.
    pub key: Name,
    /// From one key's events, in the order of the log and without repetitions, to the members
    /// that its record must have; `None` when these events make no record.
    pub fold: fn(&[LoggedEvent<'_>]) -> Option<Value>,
}

impl Sla for FoldEquality {
    fn judge(&self, history: &History) -> Check {
        let name = format!("{} equals its events", self.collection);
        let bound = "no difference";
        let mut wrong = Findings::default();
        let records = self.collection.records(history);
        let mut by_record: BTreeMap<String, Vec<&Record<'_>>> = BTreeMap::new();
        for record in &records {
            match record.text(&self.key) {
                Some(key) => by_record.entry(key).or_default().push(record),
                None => wrong.add(|| format!("no {} in {record}", self.key)),
            }
        }
        let mut expected = 0;
        for (key, events) in by_key(history) {
            let Some(want) = (self.fold)(&events) else {
                continue;
            };
            expected += 1;
            let found = by_record.remove(key).unwrap_or_default();
            self.compare(key, &want, &found, &mut wrong);
        }
        for (key, records) in by_record {
            for record in records {
                wrong.add(|| format!("the events of {key} make no record, yet: {record}"));
            }
        }
        if expected == 0 && wrong.is_empty() {
            return Check::vacuous(name, "no events of it and no record", bound);
        }
        let observed = format!("{} records, {expected} expected", records.len());
        Check::judged(name, observed, bound, wrong)
    }
}

impl FoldEquality {
    fn compare(&self, key: &str, want: &Value, found: &[&Record<'_>], wrong: &mut Findings) {
        let [record] = found else {
            let count = found.len();
            wrong.add(|| format!("{count} records in {} for {key}: {want}", self.collection));
            return;
        };
        if let Some(difference) = difference(want, record.body) {
            wrong.add(|| format!("{difference} in {record}"));
        }
    }
}

/// What of `want` is not in `have`; `None` when all of it is there.
fn difference(want: &Value, have: &Value) -> Option<String> {
    let Value::Object(members) = want else {
        return (!same(want, have)).then(|| format!("{want} expected"));
    };
    let wrong: Vec<String> = members
        .iter()
        .filter(|(name, want)| !same(want, member(have, name).unwrap_or(&Value::Null)))
        .map(|(name, want)| format!("{name} {want} expected"))
        .collect();
    (!wrong.is_empty()).then(|| wrong.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{check::Verdict, hand::Hand};

    /// The last kind is the status; without `Ordered` there is no page.
    fn last_kind(events: &[LoggedEvent<'_>]) -> Option<Value> {
        let item = events
            .iter()
            .find(|event| &**event.kind == "Ordered")?
            .body
            .get("item")?;
        Some(json!({"item": item, "status": &**events.last()?.kind}))
    }

    fn promise() -> FoldEquality {
        let collection = Collection::named("myPages");
        FoldEquality {
            collection,
            key: "orderId".into(),
            fold: last_kind,
        }
    }

    fn log() -> Hand {
        Hand::new()
            .logged(0, "a#0", "Paid", "1", json!({}))
            .logged(1, "b#0", "Ordered", "1", json!({"item": "tv"}))
            .logged(2, "b#1", "Started", "1", json!({}))
            .logged(3, "b#0", "Ordered", "1", json!({"item": "tv"}))
            .logged(4, "c#0", "Paid", "2", json!({}))
    }

    fn page(hand: Hand, order: u64, item: &str, status: &str) -> Hand {
        let body = json!({"orderId": order, "item": item, "status": status, "more": true});
        hand.stored("customercenter", "myPages", order + 10, body)
    }

    #[test]
    fn passes_when_each_page_has_the_expected_members() {
        let check = promise().judge(&page(log(), 1, "tv", "Started").history());
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
        assert_eq!(check.observed, "1 records, 1 expected");
    }

    #[test]
    fn lists_differences() {
        let check = promise().judge(&page(log(), 1, "radio", "Ordered").history());
        assert_eq!(check.verdict, Verdict::Fail);
        assert!(
            check.evidence[0].starts_with(
                r#"item "tv" expected, status "Started" expected in customercenter/myPages/11"#
            ),
            "{:?}",
            check.evidence
        );
    }

    #[test]
    fn names_the_missing_the_double_and_the_groundless() {
        let missing = promise().judge(&log().history());
        assert!(missing.evidence[0].starts_with("0 records in myPages for 1"));
        let double = page(page(log(), 1, "tv", "Started"), 1, "tv", "Started").history();
        assert!(promise().judge(&double).evidence[0].starts_with("2 records in myPages for 1"));
        let groundless = page(page(log(), 1, "tv", "Started"), 2, "tv", "Paid").history();
        let check = promise().judge(&groundless);
        assert!(check.evidence[0].starts_with("the events of 2 make no record, yet:"));
    }

    #[test]
    fn is_vacuous_without_events_and_records() {
        assert_eq!(
            promise().judge(&History::default()).verdict,
            Verdict::Vacuous
        );
        let unpaged = Hand::new()
            .logged(0, "a#0", "Paid", "1", json!({}))
            .history();
        assert_eq!(promise().judge(&unpaged).verdict, Verdict::Vacuous);
    }
}
