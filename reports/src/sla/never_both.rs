//! Two facts exclude each other (nothing is ever both delivered and refunded).

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{History, Name},
    records::by_key,
};

/// No key of the log has events of both kinds. Vacuous on an empty log alone: this holds in every
/// run, and most have nothing that the two could exclude; what was seen says so.
#[derive(Clone, Debug)]
pub struct NeverBoth {
    /// The one.
    pub one: Name,
    /// The other.
    pub other: Name,
}

impl Sla for NeverBoth {
    fn judge(&self, history: &History) -> Check {
        let Self { one, other } = self;
        let name = format!("never both {one} and {other}");
        let bound = "no key with both";
        let keys = by_key(history);
        if keys.is_empty() {
            return Check::vacuous(name, "the log is empty", bound);
        }
        let (mut ones, mut others) = (0, 0);
        let mut wrong = Findings::default();
        for events in keys.values() {
            let find = |kind: &Name| events.iter().find(|event| event.kind == kind);
            let found = (find(one), find(other));
            ones += usize::from(found.0.is_some());
            others += usize::from(found.1.is_some());
            if let (Some(first), Some(second)) = found {
                wrong.add(|| format!("{first}; {second}"));
            }
        }
        let observed = match ones.min(others) {
            0 => format!("{ones} {one}, {others} {other}: nothing to exclude"),
            _ => format!("{ones} {one}, {others} {other}"),
        };
        Check::judged(name, observed, bound, wrong)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn judge(events: &[(&str, &str)]) -> Check {
        let hand = (0..)
            .zip(events)
            .fold(Hand::new(), |hand, (offset, (kind, key))| {
                hand.logged(offset, &format!("e{offset}"), kind, key, json!({}))
            });
        let promise = NeverBoth {
            one: "Delivered".into(),
            other: "Canceled".into(),
        };
        promise.judge(&hand.history())
    }

    #[test]
    fn passes_when_each_key_has_at_most_one_of_them() {
        let check = judge(&[("Delivered", "1"), ("Canceled", "2"), ("Ordered", "3")]);
        assert_eq!(check.verdict, Verdict::Pass);
        assert_eq!(check.observed, "1 Delivered, 1 Canceled");
    }

    #[test]
    fn says_when_there_was_nothing_to_exclude() {
        let check = judge(&[("Ordered", "1"), ("Delivered", "1")]);
        let seen = "1 Delivered, 0 Canceled: nothing to exclude";
        assert_eq!((check.verdict, &*check.observed), (Verdict::Pass, seen));
    }

    #[test]
    fn names_a_key_with_both() {
        let check = judge(&[("Delivered", "1"), ("Canceled", "1"), ("Canceled", "2")]);
        assert_eq!((check.verdict, check.evidence.len()), (Verdict::Fail, 1));
    }

    #[test]
    fn is_vacuous_on_an_empty_log() {
        assert_eq!(judge(&[]).verdict, Verdict::Vacuous);
    }
}
