//! How often something happens to pods, rollouts and sidecars, and how soon.

use std::{ops::RangeInclusive, time::Duration};

use super::Sla;
use crate::{
    check::{Check, Findings, Verdict},
    history::{Entry, History, What},
    occurrence::Occurrence,
    requests::seconds,
    window::{Window, micros},
};

/// In the window it happens as often as stated. Vacuous when the run never came to the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrences {
    /// What.
    pub occurrence: Occurrence,
    /// When.
    pub window: Window,
    /// How often: at least and at most.
    pub times: RangeInclusive<usize>,
}

/// After a fault's beginning it happens for the first time within these times: not sooner, which
/// would be for another reason, and not later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// The fault's place in the plan.
    pub fault: usize,
    /// What follows from it.
    pub occurrence: Occurrence,
    /// How soon: at least and at most.
    pub within: RangeInclusive<Duration>,
}

impl Sla for Occurrences {
    fn judge(&self, history: &History) -> Check {
        let name = format!("{} {}", self.occurrence, self.window);
        let (least, most) = (*self.times.start(), *self.times.end());
        let bound = match (least, most) {
            (least, usize::MAX) => format!("at least {least}"),
            (least, most) if least == most => format!("{least}"),
            (least, most) => format!("{least} to {most}"),
        };
        let Some(found) = self.occurrence.within(history, &self.window) else {
            return Check::vacuous(name, "the run never came to it", bound);
        };
        let kept = self.times.contains(&found.len());
        let mut wrong = Findings::default();
        if !kept {
            found.iter().for_each(|entry| wrong.add(|| told(entry)));
        }
        let verdict = if kept { Verdict::Pass } else { Verdict::Fail };
        Check::said(name, verdict, found.len().to_string(), bound, wrong)
    }
}

impl Sla for Reaction {
    fn judge(&self, history: &History) -> Check {
        let name = format!("{} after fault {}", self.occurrence, self.fault);
        let (least, most) = (*self.within.start(), *self.within.end());
        let bound = format!("{least:?} to {most:?}");
        let mut entries = history.entries.iter().skip_while(
            |entry| !matches!(entry.what, What::FaultBegan { fault, .. } if fault == self.fault),
        );
        let Some(began) = entries.next() else {
            return Check::vacuous(name, "it never began", bound);
        };
        let mut wrong = Findings::default();
        let Some(first) = entries.find(|entry| self.occurrence.is_shown_by(entry)) else {
            wrong.add(|| format!("it began at {}", seconds(began.at_us)));
            return Check::said(name, Verdict::Fail, "never", bound, wrong);
        };
        let after = first.at_us - began.at_us;
        if after < micros(least) || after > micros(most) {
            wrong.add(|| told(first));
        }
        Check::judged(name, seconds(after), bound, wrong)
    }
}

fn told(entry: &Entry) -> String {
    let (host, at) = (&entry.host, seconds(entry.at_us));
    match &entry.what {
        What::Pod { phase, reason, .. } => format!("{host} {phase:?} at {at}: {reason}"),
        What::Note { text } => format!("{host} at {at}: {text}"),
        what => format!("{host} at {at}: {what:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hand::Hand, history::PodPhase};

    fn restarts() -> Hand {
        Hand::new()
            .at(1_000)
            .fault_began(0)
            .on("order-1")
            .at(21_000)
            .pod(PodPhase::Starting, "restart 1")
            .at(60_000)
            .pod(PodPhase::Starting, "restart 2")
            .on("world")
            .fault_ended(0, 1)
            .note("end")
    }

    fn of_order() -> Occurrence {
        Occurrence::Restarted { of: "order".into() }
    }

    fn often(times: RangeInclusive<usize>, window: Window) -> Check {
        let occurrence = of_order();
        let promise = Occurrences {
            occurrence,
            window,
            times,
        };
        promise.judge(&restarts().history())
    }

    #[test]
    fn too_few_and_too_many_fail() {
        assert_eq!(often(2..=2, Window::Run).verdict, Verdict::Pass);
        let many = often(0..=1, Window::Run);
        assert_eq!((many.verdict, &*many.observed), (Verdict::Fail, "2"));
        assert!(
            many.evidence[0].starts_with("order-1 Starting at 21"),
            "{many:?}"
        );
        assert_eq!(often(3..=usize::MAX, Window::Run).verdict, Verdict::Fail);
        let window = Window::Before { fault: 0 };
        assert_eq!(often(0..=0, window).verdict, Verdict::Pass);
    }

    #[test]
    fn a_window_that_never_came_is_vacuous() {
        let never = Window::Before { fault: 7 };
        assert_eq!(often(0..=9, never).verdict, Verdict::Vacuous);
    }

    fn soon(fault: usize, from_s: u64, to_s: u64) -> Verdict {
        let promise = Reaction {
            fault,
            occurrence: of_order(),
            within: Duration::from_secs(from_s)..=Duration::from_secs(to_s),
        };
        promise.judge(&restarts().history()).verdict
    }

    #[test]
    fn a_reaction_may_be_too_soon_too_late_or_not_at_all() {
        assert_eq!(soon(0, 20, 27), Verdict::Pass);
        assert_eq!(soon(0, 21, 27), Verdict::Fail);
        assert_eq!(soon(0, 10, 19), Verdict::Fail);
        assert_eq!(soon(1, 20, 27), Verdict::Vacuous);
        let promise = Reaction {
            fault: 0,
            occurrence: Occurrence::BecameReady { of: "order".into() },
            within: Duration::ZERO..=Duration::MAX,
        };
        assert_eq!(promise.judge(&restarts().history()).verdict, Verdict::Fail);
    }
}
