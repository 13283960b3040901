//! Users come to their end.

use super::Sla;
use crate::{
    check::{Check, Findings, Verdict},
    history::{History, Name, What},
    requests::seconds,
};

/// Of the journeys of this name at least so many were completed; where every one must be, none was
/// given up. Too few is vacuous, not failed: the workload stopped early.
#[derive(Clone, Debug)]
pub struct Journeys {
    /// Which; all when `None`.
    pub journey: Option<Name>,
    /// True when every one that ended must have been completed.
    pub all: bool,
    /// How many must have been completed.
    pub at_least: usize,
}

impl Sla for Journeys {
    fn judge(&self, history: &History) -> Check {
        let what = self
            .journey
            .as_deref()
            .map_or(String::new(), |name| format!(" {name}"));
        let name = format!("journeys{what} completed");
        let all = if self.all { "all, and " } else { "" };
        let bound = format!("{all}at least {}", self.at_least);
        let (mut ended, mut given_up) = (0, Findings::default());
        for entry in &history.entries {
            let What::JourneyEnded {
                user,
                journey,
                completed,
                reason,
            } = &entry.what
            else {
                continue;
            };
            if self
                .journey
                .as_ref()
                .is_some_and(|wanted| wanted != journey)
            {
                continue;
            }
            ended += 1;
            if !completed {
                let why = reason.as_deref().unwrap_or("no reason given");
                let at = seconds(entry.at_us);
                given_up.add(|| format!("{user} gave {journey} up at {at}: {why}"));
            }
        }
        let completed = ended - given_up.count();
        let observed = format!("{completed} of {ended}");
        if self.all && !given_up.is_empty() {
            return Check::judged(name, observed, bound, given_up);
        }
        if completed < self.at_least || completed == 0 {
            given_up.add(|| "the workload stopped early".to_owned());
            return Check::said(name, Verdict::Vacuous, observed, bound, given_up);
        }
        Check::judged(name, observed, bound, Findings::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::Hand;

    fn judge(all: bool, at_least: usize, hand: Hand) -> Check {
        Journeys {
            journey: Some("buy".into()),
            all,
            at_least,
        }
        .judge(&hand.history())
    }

    #[test]
    fn passes_when_enough_completed() {
        let hand = Hand::new().journey("ann", true).journey("bob", true);
        assert_eq!(judge(true, 2, hand).verdict, Verdict::Pass);
        let hand = Hand::new().journey("ann", true).journey("bob", false);
        let check = judge(false, 1, hand);
        assert_eq!((check.verdict, &*check.observed), (Verdict::Pass, "1 of 2"));
    }

    #[test]
    fn fails_by_name_when_one_that_must_complete_did_not() {
        let check = judge(
            true,
            1,
            Hand::new().journey("ann", true).journey("bob", false),
        );
        assert_eq!(check.verdict, Verdict::Fail);
        let line = "bob gave buy up at 0.000000 s: GET /orders/1 answered 500";
        assert_eq!(check.evidence, [line]);
    }

    #[test]
    fn is_vacuous_when_the_workload_stopped_early() {
        for (at_least, hand) in [(0, Hand::new()), (2, Hand::new().journey("ann", true))] {
            let check = judge(true, at_least, hand);
            assert_eq!(check.verdict, Verdict::Vacuous);
            assert_eq!(check.evidence, ["the workload stopped early"]);
        }
        let other = Journeys {
            journey: Some("look".into()),
            all: true,
            at_least: 1,
        };
        let history = Hand::new().journey("ann", true).history();
        assert_eq!(other.judge(&history).verdict, Verdict::Vacuous);
    }
}
