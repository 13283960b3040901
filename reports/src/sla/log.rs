//! The log holds what was published, once, each key in one place.

use std::collections::{BTreeMap, BTreeSet};

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{History, What},
    records::{LoggedEvent, logged},
    requests::seconds,
};

/// Every event that was committed is in the log: no outbox lost one. Every event whose publication
/// the broker confirmed is at the place that was confirmed; what is there twice is the same event
/// redelivered; all events of a key lie in one partition. An event in the log without a
/// confirmation is allowed: the reply was lost.
#[derive(Clone, Debug)]
pub struct LogComplete;

impl Sla for LogComplete {
    fn judge(&self, history: &History) -> Check {
        let name = "committed events are in the log";
        let bound = "all; where confirmed; repeated only by redelivery; a key in one partition";
        let log = logged(history);
        let mut wrong = Findings::default();
        let committed = find_unpublished(history, &log, &mut wrong);
        let published = find_lost(history, &log, &mut wrong);
        if committed == 0 && published == 0 && log.is_empty() {
            return Check::vacuous(name, "nothing was published", bound);
        }
        let repeated = find_impostors(&log, &mut wrong);
        find_scattered_keys(&log, &mut wrong);
        let distinct = log.len() - repeated;
        let observed = format!(
            "{committed} committed, {published} confirmations, {distinct} events, \
             {repeated} repeated"
        );
        Check::judged(name, observed, bound, wrong)
    }
}

/// Finds events that a commit stated and the log never got.
fn find_unpublished(history: &History, log: &[LoggedEvent<'_>], wrong: &mut Findings) -> usize {
    let there: BTreeSet<&str> = log.iter().map(|event| event.event).collect();
    let mut committed = 0;
    for entry in &history.entries {
        let What::Committed { commit, events, .. } = &entry.what else {
            continue;
        };
        committed += events.len();
        for event in events
            .iter()
            .filter(|event| !there.contains(event.as_str()))
        {
            wrong.add(|| {
                let (at, host) = (seconds(entry.at_us), &entry.host);
                format!("{event}, committed by {commit} in {host} at {at}, was never published")
            });
        }
    }
    committed
}

fn find_lost(history: &History, log: &[LoggedEvent<'_>], wrong: &mut Findings) -> usize {
    let places: BTreeMap<(u32, u64), &LoggedEvent<'_>> = log
        .iter()
        .map(|event| ((event.partition, event.offset), event))
        .collect();
    let mut published = 0;
    for entry in &history.entries {
        let What::Published {
            event,
            kind,
            key,
            partition,
            offset,
        } = &entry.what
        else {
            continue;
        };
        published += 1;
        let place = places.get(&(*partition, *offset));
        if place.is_none_or(|there| there.event != event || there.kind != kind || there.key != key)
        {
            wrong.add(|| {
                let (at, host) = (seconds(entry.at_us), &entry.host);
                let there = place.map_or("nothing".to_owned(), ToString::to_string);
                format!(
                    "{kind} {event} of {key}, confirmed to {host} at {at} in \
                     {partition}/{offset}: {there} is there"
                )
            });
        }
    }
    published
}

/// Finds other events under a known id; counts honest repetitions.
fn find_impostors(log: &[LoggedEvent<'_>], wrong: &mut Findings) -> usize {
    let mut firsts: BTreeMap<&str, &LoggedEvent<'_>> = BTreeMap::new();
    let mut repeated = 0;
    for event in log {
        let first = *firsts.entry(event.event).or_insert(event);
        if (first.partition, first.offset) == (event.partition, event.offset) {
            continue;
        }
        repeated += 1;
        if (first.kind, first.key, first.body) != (event.kind, event.key, event.body) {
            wrong.add(|| format!("two facts under one id: {first}, {event}"));
        }
    }
    repeated
}

fn find_scattered_keys(log: &[LoggedEvent<'_>], wrong: &mut Findings) {
    let mut homes: BTreeMap<&str, &LoggedEvent<'_>> = BTreeMap::new();
    for event in log {
        let home = *homes.entry(event.key).or_insert(event);
        if home.partition != event.partition {
            wrong.add(|| format!("key {} in two partitions: {home}, {event}", event.key));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{check::Verdict, hand::Hand, history::Entry};

    fn published() -> Hand {
        Hand::new()
            .on("order-1")
            .published("a#0", "Ordered", "1", 0)
    }

    fn evidence(hand: Hand) -> String {
        let check = LogComplete.judge(&hand.history());
        assert_eq!(
            (check.verdict, check.evidence.len()),
            (Verdict::Fail, 1),
            "{check:?}"
        );
        check.evidence.concat()
    }

    #[test]
    fn passes_with_redeliveries_and_lost_confirmations() {
        let history = published()
            .logged(0, "a#0", "Ordered", "1", json!({"price": 1}))
            .logged(1, "a#0", "Ordered", "1", json!({"price": 1}))
            .logged(2, "b#0", "Ordered", "1", json!({}))
            .history();
        let check = LogComplete.judge(&history);
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
        assert_eq!(
            check.observed,
            "0 committed, 1 confirmations, 2 events, 1 repeated"
        );
    }

    #[test]
    fn names_a_confirmed_event_that_is_not_there() {
        let lost = published().logged(1, "a#0", "Ordered", "1", json!({}));
        assert!(evidence(lost).starts_with("Ordered a#0 of 1, confirmed to order-1 at 0.000000 s"));
        let replaced = published().logged(0, "b#0", "Ordered", "1", json!({}));
        assert!(
            evidence(replaced).contains("Ordered b#0 of 1 by order in the log at 0/0 is there")
        );
    }

    #[test]
    fn names_two_facts_under_one_id() {
        let hand = Hand::new().logged(0, "a#0", "Ordered", "1", json!({"price": 1}));
        let hand = hand.logged(1, "a#0", "Ordered", "1", json!({"price": 2}));
        assert!(evidence(hand).starts_with("two facts under one id: Ordered a#0"));
    }

    #[test]
    fn names_a_key_in_two_partitions() {
        let hand = Hand::new().logged(0, "a#0", "Ordered", "1", json!({}));
        let elsewhere = What::Logged {
            partition: 1,
            offset: 0,
            event: "b#0".into(),
            kind: "Paid".into(),
            key: "1".into(),
            source: "pay".into(),
            body: json!({}),
        };
        assert!(evidence(hand.add(elsewhere)).starts_with("key 1 in two partitions"));
    }

    #[test]
    fn is_vacuous_when_nothing_was_published() {
        assert_eq!(
            LogComplete.judge(&History::default()).verdict,
            Verdict::Vacuous
        );
    }

    #[test]
    fn fails_when_a_committed_event_was_never_published() {
        let committed = |events: &[&str]| Entry {
            at_us: 0,
            host: "order-store".into(),
            what: What::Committed {
                commit: "a".to_owned(),
                replayed: false,
                events: events.iter().map(|&event| event.to_owned()).collect(),
            },
        };
        let mut history = published()
            .logged(0, "a#0", "Ordered", "1", json!({}))
            .history();
        history.entries.insert(0, committed(&["a#0"]));
        assert_eq!(LogComplete.judge(&history).verdict, Verdict::Pass);
        history.entries.insert(0, committed(&["a#0", "a#1"]));
        let check = LogComplete.judge(&history);
        assert_eq!(check.verdict, Verdict::Fail);
        assert!(check.evidence[0].contains("a#1"), "{:?}", check.evidence);
    }
}
