//! What ends is started again after the documented waits.

use std::{collections::BTreeMap, time::Duration};

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{History, Name, PodPhase, What},
    occurrence::is_of,
    requests::seconds,
    window::{Window, micros},
};

/// Waits between a container's n-th end and its next start, in seconds (kubelet: `backOffPeriod`
/// 10 s, doubled up to `MaxContainerBackOff` 300 s; the first restart is immediate).
const WAITS_S: [u64; 7] = [0, 10, 20, 40, 80, 160, 300];
/// What the grain of the simulated clock may add.
const GRAIN: Duration = Duration::from_millis(2);

/// CrashLoopBackOff: in the window each container of these pods that ended is started again after
/// 0, 10, 20, 40, 80, 160, 300 … s. For containers none of which ever lives for 10 minutes: then
/// the waits would begin anew. Vacuous when no container was started again often enough.
#[derive(Clone, Debug)]
pub struct BackOff {
    /// A pod or a deployment.
    pub of: Name,
    /// When; the end of a run's faults starts everything that waits.
    pub window: Window,
    /// So often some container must be started again.
    pub at_least: usize,
}

/// The ends and restarts of one pod's container.
#[derive(Default)]
struct Life {
    ended_us: Option<u64>,
    waits_us: Vec<u64>,
}

impl Sla for BackOff {
    fn judge(&self, history: &History) -> Check {
        let name = format!("CrashLoopBackOff of {} {}", self.of, self.window);
        let bound = format!("waits of {WAITS_S:?} s, {} restarts of one", self.at_least);
        let lives = self.lives(history);
        let longest = lives.values().max_by_key(|life| life.waits_us.len());
        let waits = longest.map_or(&[][..], |life| &life.waits_us);
        if waits.len() < self.at_least {
            let why = format!("at most {} restarts", waits.len());
            return Check::vacuous(name, why, bound);
        }
        let mut wrong = Findings::default();
        for (pod, life) in &lives {
            for (number, wait_us) in life.waits_us.iter().enumerate() {
                let last = WAITS_S.len() - 1;
                let expected_us = WAITS_S[number.min(last)] * 1_000_000;
                if wait_us.abs_diff(expected_us) > micros(GRAIN) {
                    let waited = seconds(*wait_us);
                    wrong.add(|| format!("restart {} of {pod} after {waited}", number + 1));
                }
            }
        }
        let observed: Vec<String> = waits.iter().map(|wait| seconds(*wait)).collect();
        Check::judged(name, observed.join(", "), bound, wrong)
    }
}

impl BackOff {
    fn lives<'a>(&self, history: &'a History) -> BTreeMap<&'a Name, Life> {
        let range = self.window.range(history).unwrap_or_default();
        let mut lives: BTreeMap<&Name, Life> = BTreeMap::new();
        for entry in &history.entries {
            let What::Pod { phase, .. } = &entry.what else {
                continue;
            };
            if !is_of(&entry.host, &self.of) || !range.contains(&entry.at_us) {
                continue;
            }
            let life = lives.entry(&entry.host).or_default();
            match phase {
                PodPhase::Ended | PodPhase::Killed => life.ended_us = Some(entry.at_us),
                PodPhase::Starting => {
                    let ended_us = life.ended_us.take();
                    life.waits_us
                        .extend(ended_us.map(|ended_us| entry.at_us - ended_us));
                }
                PodPhase::Ready | PodPhase::Unready | PodPhase::Draining => {}
            }
        }
        lives
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Verdict, hand::Hand};

    /// platform §1, T: a container that exits 1 s after every start.
    const STARTS_S: [u64; 6] = [0, 1, 12, 33, 74, 155];

    fn judge(starts_s: &[u64], at_least: usize) -> Check {
        let mut hand = Hand::new().on("order-3");
        for start_s in starts_s {
            hand = hand.at(start_s * 1_000).pod(PodPhase::Starting, "a start");
            hand = hand
                .at(start_s * 1_000 + 1_000)
                .pod(PodPhase::Ended, "refused");
        }
        let history = hand
            .on("order-store")
            .pod(PodPhase::Starting, "started")
            .history();
        let promise = BackOff {
            of: "order".into(),
            window: Window::Run,
            at_least,
        };
        promise.judge(&history)
    }

    #[test]
    fn the_documented_start_times_pass() {
        let check = judge(&STARTS_S, 5);
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
        assert!(
            check.observed.starts_with("0.000000 s, 10.000000 s, 20"),
            "{check:?}"
        );
    }

    #[test]
    fn a_wrong_wait_fails() {
        let check = judge(&[0, 1, 12, 23], 3);
        assert_eq!(check.verdict, Verdict::Fail);
        assert_eq!(check.evidence, ["restart 3 of order-3 after 10.000000 s"]);
        assert_eq!(judge(&[0, 11], 1).verdict, Verdict::Fail);
    }

    #[test]
    fn too_few_restarts_are_vacuous() {
        assert_eq!(judge(&STARTS_S, 6).verdict, Verdict::Vacuous);
        assert_eq!(judge(&[0], 1).verdict, Verdict::Vacuous);
    }
}
