//! Sidecars leave out who fails, and for how long.

use std::{collections::BTreeMap, time::Duration};

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{Entry, History, Name, SidecarAct, What},
    requests::seconds,
    window::micros,
};

/// Outlier detection of every sidecar that calls this service, as its DestinationRule says (Envoy:
/// outlier_detection_impl.cc, platform §5): a pod that fails all its calls is ejected with its n-th
/// error, and its k-th ejection ends at the first sweep after k times the base time. Judges a
/// service of which one pod fails all its calls, and nobody else any. Vacuous without an ejection
/// that ended, or without an error that led to one.
#[derive(Clone, Debug)]
pub struct Ejections {
    /// The service called, `pay:8080`.
    pub target: Name,
    /// `consecutive5xxErrors`.
    pub errors: usize,
    /// `baseEjectionTime`.
    pub base: Duration,
    /// `interval`.
    pub sweep: Duration,
}

/// One sidecar.
#[derive(Default)]
struct Caller {
    /// Errors of its pod since the last readmission.
    errors: usize,
    /// Who is ejected, since when.
    ejected: BTreeMap<Name, u64>,
    /// How often each was.
    times: BTreeMap<Name, u32>,
}

impl Sla for Ejections {
    fn judge(&self, history: &History) -> Check {
        let name = format!("ejections by callers of {}", self.target);
        let bound = format!(
            "with error {}, the k-th for k × {:?} rounded up to {:?}",
            self.errors, self.base, self.sweep
        );
        let mut callers: BTreeMap<&Name, Caller> = BTreeMap::new();
        let mut wrong = Findings::default();
        let mut lengths: Vec<String> = Vec::new();
        for entry in &history.entries {
            let caller = callers.entry(&entry.host).or_default();
            lengths.extend(self.follow(caller, entry, &mut wrong));
        }
        if lengths.is_empty() && wrong.is_empty() {
            return Check::vacuous(name, "nobody came back from an ejection", bound);
        }
        Check::judged(name, lengths.join(", "), bound, wrong)
    }
}

impl Ejections {
    /// Gives the length of an ejection that ends.
    fn follow(&self, caller: &mut Caller, entry: &Entry, wrong: &mut Findings) -> Option<String> {
        let at_us = entry.at_us;
        match &entry.what {
            What::CallEnded { target, status, .. } if *target == self.target => {
                let failed = status.is_none_or(|status| status >= 500);
                caller.errors += usize::from(failed);
                if caller.errors > self.errors {
                    wrong.add(|| format!("error {} at {}", caller.errors, seconds(at_us)));
                }
                None
            }
            What::Sidecar { did, .. } => self.act(caller, did, at_us, wrong),
            _ => None,
        }
    }

    fn act(
        &self,
        caller: &mut Caller,
        did: &SidecarAct,
        at_us: u64,
        wrong: &mut Findings,
    ) -> Option<String> {
        match did {
            SidecarAct::Ejected { pod } => {
                // The last error is still on its way from the sidecar to its pod.
                if caller.errors + 1 != self.errors {
                    let errors = caller.errors + 1;
                    wrong
                        .add(|| format!("{pod} ejected with error {errors} at {}", seconds(at_us)));
                }
                caller.ejected.insert(Name::clone(pod), at_us);
                *caller.times.entry(Name::clone(pod)).or_default() += 1;
                None
            }
            SidecarAct::Readmitted { pod } => {
                caller.errors = 0;
                let since_us = caller.ejected.remove(pod)?;
                let times = caller.times.get(pod).copied().unwrap_or_default();
                let (least, length_us) = (self.base * times, at_us - since_us);
                if !(micros(least)..=micros(least + self.sweep)).contains(&length_us) {
                    let length = seconds(length_us);
                    wrong.add(|| format!("ejection {times} of {pod} lasted {length}"));
                }
                Some(seconds(length_us))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn did(hand: Hand, did: SidecarAct) -> Hand {
        hand.add(What::Sidecar {
            upstream: "pay:8080".into(),
            did,
        })
    }

    fn ejected(hand: Hand) -> Hand {
        let pod = "pay-1".into();
        did(hand, SidecarAct::Ejected { pod })
    }

    fn readmitted(hand: Hand) -> Hand {
        let pod = "pay-1".into();
        did(hand, SidecarAct::Readmitted { pod })
    }

    /// Two errors a round; rounds last so long.
    fn judge(rounds_ms: &[u64]) -> Check {
        let mut hand = Hand::new().on("order-1");
        let mut at_ms = 0;
        for length_ms in rounds_ms {
            hand = hand.at(at_ms).call_ended("pay:8080", Some(503), None);
            hand = hand.call_ended("pay:8080", Some(201), None);
            hand = ejected(hand).call_ended("pay:8080", Some(503), None);
            at_ms += length_ms;
            hand = readmitted(hand.at(at_ms));
        }
        promise().judge(&hand.history())
    }

    fn promise() -> Ejections {
        Ejections {
            target: "pay:8080".into(),
            errors: 2,
            base: Duration::from_secs(30),
            sweep: Duration::from_secs(10),
        }
    }

    #[test]
    fn the_documented_lengths_pass() {
        let check = judge(&[36_000, 61_000]);
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
        assert_eq!(check.observed, "36.000000 s, 61.000000 s");
    }

    #[test]
    fn wrong_lengths_and_wrong_counts_fail() {
        assert_eq!(judge(&[29_000]).verdict, Verdict::Fail);
        assert_eq!(judge(&[36_000, 36_000]).verdict, Verdict::Fail);
        let early = ejected(Hand::new().on("order-1")).at(36_000);
        let check = promise().judge(&readmitted(early).history());
        assert_eq!(check.evidence, ["pay-1 ejected with error 1 at 0.000000 s"]);
        let late = Hand::new()
            .on("order-1")
            .each(0..3, |hand, _| hand.call_ended("pay:8080", Some(503), None));
        assert_eq!(promise().judge(&late.history()).verdict, Verdict::Fail);
    }

    #[test]
    fn without_an_ejection_that_ends_it_is_vacuous() {
        assert_eq!(judge(&[]).verdict, Verdict::Vacuous);
        let hand = Hand::new()
            .on("order-1")
            .call_ended("pay:8080", Some(503), None);
        assert_eq!(
            promise().judge(&ejected(hand).history()).verdict,
            Verdict::Vacuous
        );
    }
}
