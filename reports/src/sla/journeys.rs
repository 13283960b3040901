//! Users come to their end.

use std::time::Duration;

use super::Sla;
use crate::{
    check::{Check, Findings, Verdict},
    history::{History, Name, What},
    requests::seconds,
    window::micros,
};

/// Of the journeys of this name at least so many were completed; where every one must be, none was
/// given up, and none hung. Too few is vacuous, not failed: the workload stopped early.
///
/// Whoever hangs gives nothing up: the load's end cuts him off, and a service that never answers
/// again would look like one that nobody asks. So a journey that the end cut off counts as not
/// completed once it had been under way for [`Journeys::PATIENCE`]. One that began later began too
/// late to be judged; such journeys are counted apart.
#[derive(Clone, Debug)]
pub struct Journeys {
    /// Which; all when `None`.
    pub journey: Option<Name>,
    /// True when every one that began in time must have been completed.
    pub all: bool,
    /// How many must have been completed.
    pub at_least: usize,
}

impl Journeys {
    /// A journey that begins this long before the load's end is expected to come to its own.
    pub const PATIENCE: Duration = Duration::from_secs(10);
}

/// What became of those that one promise is about.
#[derive(Default)]
struct Tally {
    completed: usize,
    /// Given up, or cut off after long enough.
    failed: Findings,
    /// Cut off by the end.
    cut: usize,
    /// … soon after they began.
    late: usize,
}

impl Sla for Journeys {
    fn judge(&self, history: &History) -> Check {
        let what = self
            .journey
            .as_deref()
            .map_or(String::new(), |name| format!(" {name}"));
        let name = format!("journeys{what} completed");
        let patience = Self::PATIENCE;
        let all = match self.all {
            true => format!("all begun {patience:?} before the end, and "),
            false => String::new(),
        };
        let bound = format!("{all}at least {}", self.at_least);
        let Tally {
            completed,
            mut failed,
            cut,
            late,
        } = Tally::of(self, history);
        let of = completed + failed.count();
        let observed = match (cut, late) {
            (0, _) => format!("{completed} of {of}"),
            (_, 0) => format!("{completed} of {of}; the end cut {cut} off"),
            _ => format!(
                "{completed} of {of}; the end cut {cut} off, {late} of them within {patience:?}, \
                 too late to count"
            ),
        };
        if self.all && !failed.is_empty() {
            return Check::judged(name, observed, bound, failed);
        }
        if completed < self.at_least || completed == 0 {
            failed.add(|| "the workload stopped early".to_owned());
            return Check::said(name, Verdict::Vacuous, observed, bound, failed);
        }
        Check::judged(name, observed, bound, Findings::default())
    }
}

impl Tally {
    fn of(promise: &Journeys, history: &History) -> Self {
        let mut tally = Self::default();
        for entry in &history.entries {
            let What::JourneyEnded {
                user,
                journey,
                completed,
                reason,
                cut_after_us,
            } = &entry.what
            else {
                continue;
            };
            let only = promise.journey.as_ref();
            if only.is_some_and(|only| only != journey) {
                continue;
            }
            tally.cut += usize::from(cut_after_us.is_some());
            let why = reason.as_deref().unwrap_or("no reason given");
            let at = seconds(entry.at_us);
            match cut_after_us {
                _ if *completed => tally.completed += 1,
                None => tally
                    .failed
                    .add(|| format!("{user} gave {journey} up at {at}: {why}")),
                Some(us) if *us < micros(Journeys::PATIENCE) => tally.late += 1,
                Some(us) => tally.failed.add(|| {
                    let long = seconds(*us);
                    format!("{user} hung in {journey} for {long} until {at}: {why}")
                }),
            }
        }
        tally
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
    fn who_hangs_until_the_end_was_not_served_and_who_came_just_before_it_is_not_judged() {
        let hand = Hand::new().journey("ann", true).at(60_000);
        let check = judge(true, 1, hand.journey_cut("bob", 9_999));
        assert_eq!(check.verdict, Verdict::Pass);
        let seen = "1 of 1; the end cut 1 off, 1 of them within 10s, too late to count";
        assert_eq!(check.observed, seen);

        let hand = Hand::new().journey("ann", true).at(60_000);
        let hand = hand.journey_cut("bob", 10_000).journey_cut("cid", 1);
        let check = judge(true, 1, hand);
        assert_eq!(check.verdict, Verdict::Fail);
        let line = "bob hung in buy for 10.000000 s until 60.000000 s: step 2: the load ended";
        assert_eq!(check.evidence, [line]);
        assert_eq!(check.bound, "all begun 10s before the end, and at least 1");

        let nobody = Hand::new().journey_cut("ann", 10_000);
        assert_eq!(judge(true, 1, nobody).verdict, Verdict::Fail);
        let all_late = Hand::new().journey_cut("ann", 1);
        assert_eq!(judge(true, 1, all_late).verdict, Verdict::Vacuous);
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
