//! Every event takes effect once in a consumer, in the order of its key (invariant 3).

use std::collections::BTreeMap;

use super::{Sla, list};
use crate::{
    check::{Check, Findings},
    history::{Consumption, History, Name, What},
    records::{LoggedEvent, by_key, distinct},
    requests::seconds,
};

/// Each logged event of these kinds has exactly one effect in this consumer (applied, or rejected
/// by its domain), none is missing, and the effects of one key come in the order of the log.
///
/// A consumer that dies between its commit and telling of it is met again by its own inbox: an
/// event that is only ever reported as a duplicate took effect once, no later than that.
#[derive(Clone, Debug)]
pub struct ExactlyOnce {
    /// The consumer group.
    pub consumer: Name,
    /// The kinds it wants.
    pub kinds: Vec<Name>,
}

#[derive(Default)]
struct Seen {
    /// Place in the history of the first sign that it took effect.
    first: Option<usize>,
    effects: Vec<(u64, Name)>,
    duplicates: usize,
}

impl Sla for ExactlyOnce {
    fn judge(&self, history: &History) -> Check {
        let name = format!("exactly once in {}", self.consumer);
        let bound = format!("one effect of each {}, in order of key", list(&self.kinds));
        let wanted = |event: &LoggedEvent<'_>| self.kinds.contains(event.kind);
        let total = distinct(history)
            .iter()
            .filter(|event| wanted(event))
            .count();
        let seen = self.seen(history);
        let mut wrong = Findings::default();
        self.find_strangers(history, &seen, &mut wrong);
        if total == 0 && wrong.is_empty() {
            return Check::vacuous(name, "the log has no event of these kinds", bound);
        }
        let mut once = 0;
        for events in by_key(history).values() {
            let events = events.iter().filter(|event| wanted(event));
            once += judge_key(events, &seen, &mut wrong);
        }
        let duplicates: usize = seen.values().map(|seen| seen.duplicates).sum();
        let observed = format!("{once} of {total} once, {duplicates} redeliveries dropped");
        Check::judged(name, observed, bound, wrong)
    }
}

impl ExactlyOnce {
    fn seen<'a>(&self, history: &'a History) -> BTreeMap<&'a str, Seen> {
        let mut seen: BTreeMap<&str, Seen> = BTreeMap::new();
        for (place, entry) in history.entries.iter().enumerate() {
            let What::Consumed {
                consumer,
                event,
                outcome,
                ..
            } = &entry.what
            else {
                continue;
            };
            if *consumer != self.consumer {
                continue;
            }
            let seen = seen.entry(event).or_default();
            match outcome {
                Consumption::Applied | Consumption::Rejected => {
                    seen.effects.push((entry.at_us, entry.host.clone()));
                }
                Consumption::Duplicate => seen.duplicates += 1,
                Consumption::Ignored => continue,
            }
            seen.first.get_or_insert(place);
        }
        seen
    }

    fn find_strangers(&self, history: &History, seen: &BTreeMap<&str, Seen>, wrong: &mut Findings) {
        let logged: std::collections::BTreeSet<&str> =
            distinct(history).iter().map(|event| event.event).collect();
        for (event, _) in seen.iter().filter(|(event, _)| !logged.contains(*event)) {
            wrong.add(|| format!("{event} took effect but is not in the log"));
        }
    }
}

/// Judges the events of one key, given in the order of the log; counts those seen exactly once.
fn judge_key<'a>(
    events: impl Iterator<Item = &'a LoggedEvent<'a>>,
    seen: &BTreeMap<&str, Seen>,
    wrong: &mut Findings,
) -> usize {
    let mut once = 0;
    let mut latest: Option<(usize, &LoggedEvent<'_>)> = None;
    for event in events {
        let Some((first, seen)) = seen.get(event.event).and_then(|s| Some((s.first?, s))) else {
            wrong.add(|| format!("no effect of {event}"));
            continue;
        };
        if seen.effects.len() > 1 {
            let times: Vec<String> = seen
                .effects
                .iter()
                .map(|(at, host)| format!("{} {host}", seconds(*at)))
                .collect();
            wrong.add(|| format!("{} effects ({}) of {event}", times.len(), times.join(", ")));
        } else {
            once += 1;
        }
        match latest {
            Some((later, earlier_event)) if first < later => {
                wrong.add(|| format!("effect before that of {}: {event}", earlier_event.event));
            }
            _ => latest = Some((first, event)),
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use Consumption::{Applied, Duplicate, Ignored, Rejected};
    use serde_json::Value;

    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn judge(hand: Hand) -> Check {
        let promise = ExactlyOnce {
            consumer: "notice".into(),
            kinds: vec!["Ordered".into()],
        };
        promise.judge(&hand.history())
    }

    /// Events a#0 and b#0 of key 1, c#0 of key 2, and one that nobody wants.
    fn log(hand: Hand) -> Hand {
        hand.logged(0, "a#0", "Ordered", "1", Value::Null)
            .logged(1, "c#0", "Ordered", "2", Value::Null)
            .logged(2, "b#0", "Ordered", "1", Value::Null)
            .logged(3, "d#0", "Paid", "1", Value::Null)
    }

    fn consumed(events: &[(&str, Consumption)]) -> Hand {
        events
            .iter()
            .fold(Hand::new().on("notice-1"), |hand, (event, outcome)| {
                hand.consumed("notice", event, "1", *outcome)
            })
    }

    #[test]
    fn passes_when_each_has_one_effect_in_order() {
        let effects = [
            ("c#0", Rejected),
            ("a#0", Applied),
            ("a#0", Duplicate),
            ("d#0", Ignored),
            ("b#0", Applied),
        ];
        let check = judge(log(consumed(&effects)));
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
        assert_eq!(check.observed, "3 of 3 once, 1 redeliveries dropped");
    }

    #[test]
    fn an_effect_whose_telling_was_lost_counts_by_its_redelivery() {
        let effects = [("a#0", Duplicate), ("b#0", Applied), ("c#0", Applied)];
        assert_eq!(judge(log(consumed(&effects))).verdict, Verdict::Pass);
    }

    #[test]
    fn names_what_is_missing_double_misordered_or_strange() {
        let cases = [
            (
                &[("a#0", Applied), ("b#0", Applied)][..],
                "no effect of Ordered c#0 of 2",
            ),
            (
                &[
                    ("a#0", Applied),
                    ("a#0", Applied),
                    ("b#0", Applied),
                    ("c#0", Applied),
                ],
                "2 effects (0.000000 s notice-1, 0.000000 s notice-1) of Ordered a#0",
            ),
            (
                &[("b#0", Applied), ("a#0", Applied), ("c#0", Applied)],
                "effect before that of a#0: Ordered b#0",
            ),
            (
                &[
                    ("x#0", Applied),
                    ("a#0", Applied),
                    ("b#0", Applied),
                    ("c#0", Applied),
                ],
                "x#0 took effect but is not in the log",
            ),
        ];
        for (effects, evidence) in cases {
            let check = judge(log(consumed(effects)));
            assert_eq!(check.verdict, Verdict::Fail, "{evidence}");
            assert_eq!(check.evidence.len(), 1, "{check:?}");
            assert!(
                check.evidence[0].starts_with(evidence),
                "{:?}",
                check.evidence
            );
        }
    }

    #[test]
    fn another_consumers_effects_do_not_count() {
        let effects = [("a#0", Applied), ("b#0", Applied), ("c#0", Applied)];
        let promise = ExactlyOnce {
            consumer: "mypage".into(),
            kinds: vec!["Ordered".into()],
        };
        let check = promise.judge(&log(consumed(&effects)).history());
        assert_eq!((check.verdict, check.evidence.len()), (Verdict::Fail, 3));
    }

    #[test]
    fn is_vacuous_on_an_empty_log() {
        assert_eq!(judge(Hand::new()).verdict, Verdict::Vacuous);
    }
}
