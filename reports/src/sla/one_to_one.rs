//! One record for one event (invariant 6: one message for every notifying event).

use std::collections::BTreeMap;

use super::{Sla, list};
use crate::{
    check::{Check, Findings},
    history::{History, Name},
    records::{Collection, LoggedEvent, distinct, member, text},
};

/// The collection has exactly one record for every logged event of these kinds. Record and event
/// belong together when `member` of the record is the `event_side` of the event; where several
/// events share that value, there are as many records as events.
#[derive(Clone, Debug)]
pub struct OneToOne {
    /// The records.
    pub collection: Collection,
    /// The record's member that says which event it is for; `id` may be the record's own.
    pub member: Name,
    /// The kinds of event.
    pub kinds: Vec<Name>,
    /// What of the event is in that member.
    pub event_side: EventSide,
}

/// What of an event a record may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventSide {
    /// Its id.
    Id,
    /// Its key.
    Key,
    /// A member of its body.
    Member(Name),
}

impl Sla for OneToOne {
    fn judge(&self, history: &History) -> Check {
        let name = format!("one in {} for each {}", self.collection, list(&self.kinds));
        let bound = "as many records as events, for every event";
        let mut wrong = Findings::default();
        let mut groups: BTreeMap<String, (Vec<String>, Vec<String>)> = BTreeMap::new();
        let mut events = distinct(history);
        events.retain(|event| self.kinds.contains(event.kind));
        for event in &events {
            match self.event_side.text(event) {
                Some(value) => groups.entry(value).or_default().0.push(event.to_string()),
                None => wrong.add(|| format!("nothing to match {event} by")),
            }
        }
        let records = self.collection.records(history);
        if events.is_empty() && records.is_empty() {
            return Check::vacuous(name, "no such event and no record", bound);
        }
        for record in &records {
            match record.text(&self.member) {
                Some(value) => groups.entry(value).or_default().1.push(record.to_string()),
                None => wrong.add(|| format!("no {} in {record}", self.member)),
            }
        }
        for (value, (events, records)) in &groups {
            if events.len() != records.len() {
                wrong.add(|| mismatch(&self.member, value, events, records));
            }
        }
        let observed = format!("{} records for {} events", records.len(), events.len());
        Check::judged(name, observed, bound, wrong)
    }
}

impl EventSide {
    fn text(&self, event: &LoggedEvent<'_>) -> Option<String> {
        match self {
            Self::Id => Some(event.event.to_owned()),
            Self::Key => Some(event.key.to_owned()),
            Self::Member(name) => member(event.body, name).and_then(text),
        }
    }
}

fn mismatch(member: &str, value: &str, events: &[String], records: &[String]) -> String {
    let examples = if records.len() > events.len() {
        records
    } else {
        events
    };
    let (have, want) = (records.len(), events.len());
    format!(
        "{have} records for {want} events with {member} {value}: {}",
        examples.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn promise(member: &str, event_side: EventSide) -> OneToOne {
        let collection = Collection::named("notices").of("notice");
        let kinds = vec!["Ordered".into(), "OrderCanceled".into()];
        OneToOne {
            collection,
            member: member.into(),
            kinds,
            event_side,
        }
    }

    fn log() -> Hand {
        Hand::new()
            .logged(0, "a#0", "Ordered", "1", json!({"orderId": 1}))
            .logged(1, "a#0", "Ordered", "1", json!({"orderId": 1}))
            .logged(2, "b#0", "OrderCanceled", "1", json!({"orderId": 1}))
            .logged(3, "c#0", "PayApproved", "1", json!({"orderId": 1}))
    }

    fn messages(hand: Hand, events: &[&str]) -> History {
        let hand = events.iter().zip(1..).fold(hand, |hand, (event, id)| {
            hand.stored(
                "notice",
                "notices",
                id,
                json!({"orderId": "1", "event": event}),
            )
        });
        hand.stored("order", "orders", 1, json!({})).history()
    }

    #[test]
    fn passes_with_one_record_each_however_matched() {
        let history = messages(log(), &["a#0", "b#0"]);
        let sides = [
            ("event", EventSide::Id),
            ("orderId", EventSide::Key),
            ("orderId", EventSide::Member("orderId".into())),
        ];
        for (member, side) in sides {
            let check = promise(member, side).judge(&history);
            assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
            assert_eq!(check.observed, "2 records for 2 events");
        }
    }

    #[test]
    fn names_the_missing_and_the_surplus() {
        let check = promise("event", EventSide::Id).judge(&messages(log(), &["a#0", "a#0"]));
        assert_eq!((check.verdict, check.evidence.len()), (Verdict::Fail, 2));
        assert!(check.evidence[0].starts_with("2 records for 1 events with event a#0: notice/"));
        assert!(check.evidence[1].starts_with("0 records for 1 events with event b#0: OrderCanc"));
        let check = promise("orderId", EventSide::Key).judge(&messages(log(), &["a#0"]));
        assert!(check.evidence[0].starts_with("1 records for 2 events with orderId 1"));
    }

    #[test]
    fn a_record_without_the_member_is_a_finding() {
        let check = promise("eventId", EventSide::Id).judge(&messages(log(), &["a#0", "b#0"]));
        assert!(
            check
                .evidence
                .iter()
                .any(|line| line.starts_with("no eventId in notice/"))
        );
    }

    #[test]
    fn is_vacuous_without_events_and_records() {
        let check = promise("event", EventSide::Id).judge(&History::default());
        assert_eq!(check.verdict, Verdict::Vacuous);
    }
}
