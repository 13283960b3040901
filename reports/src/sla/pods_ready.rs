//! So many pods are ready.

use std::{collections::BTreeSet, ops::RangeInclusive};

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{History, Name, PodPhase, What},
    requests::seconds,
    window::Window,
};

/// At every instant of the window so many pods of a deployment are ready. Vacuous when the run
/// never came to the window, or no pod of it was ever seen.
#[derive(Clone, Debug)]
pub struct PodsReady {
    /// The deployment.
    pub of: Name,
    /// When.
    pub window: Window,
    /// How many: at least and at most.
    pub count: RangeInclusive<usize>,
}

impl Sla for PodsReady {
    fn judge(&self, history: &History) -> Check {
        let name = format!("{} pods ready {}", self.of, self.window);
        let bound = format!("{} to {}", self.count.start(), self.count.end());
        let Some(range) = self.window.range(history) else {
            return Check::vacuous(name, "the run never came to it", bound);
        };
        let counts = self.counts(history);
        let before = counts.iter().rev().find(|(at_us, _)| *at_us <= range.start);
        let within = counts.iter().filter(|(at_us, _)| range.contains(at_us));
        let seen: Vec<(u64, usize)> = before.into_iter().chain(within).copied().collect();
        let (Some(least), Some(most)) = (
            seen.iter().map(|(_, count)| *count).min(),
            seen.iter().map(|(_, count)| *count).max(),
        ) else {
            return Check::vacuous(name, "no such pod was ever seen", bound);
        };
        let mut wrong = Findings::default();
        for (at_us, count) in seen.iter().filter(|(_, count)| !self.count.contains(count)) {
            wrong.add(|| format!("{count} at {}", seconds(*at_us)));
        }
        Check::judged(name, format!("{least} to {most}"), bound, wrong)
    }
}

impl PodsReady {
    /// How many were ready once an instant had passed, for every instant at which that changed.
    fn counts(&self, history: &History) -> Vec<(u64, usize)> {
        let mut ready: BTreeSet<&Name> = BTreeSet::new();
        let mut counts: Vec<(u64, usize)> = Vec::new();
        for entry in &history.entries {
            let What::Pod {
                deployment, phase, ..
            } = &entry.what
            else {
                continue;
            };
            if *deployment != self.of {
                continue;
            }
            match phase {
                PodPhase::Ready => ready.insert(&entry.host),
                // It is asked to stop, and does not count from then on, whatever its probe says.
                _ => ready.remove(&entry.host),
            };
            counts.retain(|(at_us, _)| *at_us != entry.at_us);
            counts.push((entry.at_us, ready.len()));
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn judge(window: Window, count: RangeInclusive<usize>) -> Check {
        let hand = Hand::new().on("order-1").pod(PodPhase::Ready, "ready");
        let hand = hand.on("order-2").pod(PodPhase::Ready, "ready");
        let hand = hand.at(5).on("pay-1").pod(PodPhase::Ready, "ready");
        // A replacement at the same instant is no gap.
        let hand = hand.at(10).on("order-1").pod(PodPhase::Draining, "deleted");
        let hand = hand.on("order-3").pod(PodPhase::Ready, "ready");
        let hand = hand
            .at(20)
            .on("order-2")
            .pod(PodPhase::Killed, "killed")
            .at(30)
            .note("end");
        let promise = PodsReady {
            of: "order".into(),
            window,
            count,
        };
        promise.judge(&hand.history())
    }

    fn between(from_ms: u64, to_ms: u64) -> Window {
        let [from, to] = [from_ms, to_ms].map(std::time::Duration::from_millis);
        Window::Between { from, to }
    }

    #[test]
    fn the_lowest_and_the_highest_count_are_judged() {
        assert_eq!(judge(between(0, 20), 2..=2).verdict, Verdict::Pass);
        let check = judge(between(0, 25), 2..=2);
        assert_eq!((check.verdict, &*check.observed), (Verdict::Fail, "1 to 2"));
        assert_eq!(check.evidence, ["1 at 0.020000 s"]);
        assert_eq!(judge(between(22, 25), 1..=1).verdict, Verdict::Pass);
        assert_eq!(judge(between(22, 25), 0..=0).verdict, Verdict::Fail);
    }

    #[test]
    fn what_never_was_is_vacuous() {
        assert_eq!(
            judge(
                Window::After {
                    fault: 0,
                    skip: std::time::Duration::ZERO
                },
                0..=9
            )
            .verdict,
            Verdict::Vacuous
        );
        let nobody = PodsReady {
            of: "gateway".into(),
            window: Window::Run,
            count: 0..=9,
        };
        let history = Hand::new().at(5).note("end").history();
        assert_eq!(nobody.judge(&history).verdict, Verdict::Vacuous);
    }
}
