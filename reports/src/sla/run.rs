//! The run itself was sound.

use super::{Sla, list};
use crate::{
    check::{Check, Findings, Verdict},
    history::{History, Name, What},
    requests::{End, requests, seconds},
};

/// No task panicked.
#[derive(Clone, Debug)]
pub struct NoPanics;

/// The run went through these phases to its end, its clock never ran backwards, and every request
/// of a user was answered or cancelled. An empty or hung run is a failure, never a pass.
#[derive(Clone, Debug)]
pub struct RunEnded {
    /// In their order: `load`, `heal`, `settle`, `inspect`.
    pub phases: Vec<Name>,
}

impl Sla for NoPanics {
    fn judge(&self, history: &History) -> Check {
        let (name, bound) = ("no panics", "0");
        if history.entries.is_empty() {
            return Check::vacuous(name, "nothing happened at all", bound);
        }
        let mut panics = Findings::default();
        for entry in &history.entries {
            if let What::Panicked {
                task,
                message,
                place,
            } = &entry.what
            {
                let (at, host) = (seconds(entry.at_us), &entry.host);
                panics.add(|| format!("{host} task {task} at {at}: {message} ({place})"));
            }
        }
        Check::judged(name, panics.count().to_string(), bound, panics)
    }
}

impl Sla for RunEnded {
    fn judge(&self, history: &History) -> Check {
        let (name, bound) = ("the run ended", format!("through {}", list(&self.phases)));
        let mut wrong = Findings::default();
        let phases: Vec<&Name> = history
            .entries
            .iter()
            .filter_map(|entry| match &entry.what {
                What::Phase { name } => Some(name),
                _ => None,
            })
            .collect();
        if !phases.iter().copied().eq(&self.phases) {
            let last = history
                .entries
                .last()
                .map_or("nothing happened at all".into(), |last| {
                    format!("the last event is at {}", seconds(last.at_us))
                });
            wrong.add(|| format!("it went through {:?}; {last}", list(&phases)));
        }
        for pair in history.entries.windows(2) {
            if let [earlier, later] = pair
                && later.at_us < earlier.at_us
            {
                let (earlier, later) = (seconds(earlier.at_us), seconds(later.at_us));
                wrong.add(|| format!("the clock ran backwards from {earlier} to {later}"));
            }
        }
        for request in requests(history)
            .iter()
            .filter(|request| request.end == End::Open)
        {
            wrong.add(|| request.to_string());
        }
        let end = seconds(history.entries.last().map_or(0, |last| last.at_us));
        let verdict = if wrong.is_empty() {
            Verdict::Pass
        } else {
            Verdict::Fail
        };
        let observed = format!("{} events, last at {end}", history.entries.len());
        Check::said(name, verdict, observed, bound, wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::Hand;

    fn ended(hand: Hand) -> Check {
        RunEnded {
            phases: vec!["load".into(), "heal".into()],
        }
        .judge(&hand.history())
    }

    fn whole() -> Hand {
        Hand::new()
            .phase("load")
            .get("/orders")
            .at(5)
            .answered(1, 200)
            .phase("heal")
    }

    #[test]
    fn passes_a_whole_run() {
        let check = ended(whole());
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
        assert_eq!(check.observed, "4 events, last at 0.005000 s");
        assert_eq!(NoPanics.judge(&whole().history()).verdict, Verdict::Pass);
    }

    #[test]
    fn names_what_is_unsound() {
        let cases = [
            (Hand::new(), "it went through \"\"; nothing happened at all"),
            (
                Hand::new().phase("load"),
                "it went through \"load\"; the last event is at 0.0",
            ),
            (
                whole().at(3).note("early"),
                "the clock ran backwards from 0.005000 s to 0.003000 s",
            ),
            (
                whole().get("/pays"),
                "request 2 of user-2 at 0.005000 s: GET gateway:8080/pays",
            ),
        ];
        for (hand, evidence) in cases {
            let check = ended(hand);
            assert_eq!(
                (check.verdict, check.evidence.len()),
                (Verdict::Fail, 1),
                "{evidence}"
            );
            assert!(
                check.evidence[0].starts_with(evidence),
                "{:?}",
                check.evidence
            );
        }
    }

    #[test]
    fn names_every_panic() {
        let check = NoPanics.judge(&whole().panicked("order-1", "stock below zero").history());
        assert_eq!(check.verdict, Verdict::Fail);
        let line = "order-1 task http/3 at 0.005000 s: stock below zero (order.rs:42)";
        assert_eq!(check.evidence, [line]);
        assert_eq!(
            NoPanics.judge(&History::default()).verdict,
            Verdict::Vacuous
        );
    }
}
