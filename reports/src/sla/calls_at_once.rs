//! A bulkhead bounds what a callee gets at once.

use std::collections::BTreeMap;

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{History, Name, What},
    requests::seconds,
};

/// No caller has more calls to this service under way than its bulkhead has slots, and some caller
/// has as many at some time: below that nothing was bounded, and the check is vacuous.
#[derive(Clone, Debug)]
pub struct CallsAtOnce {
    /// The callee, `pay:8080`.
    pub target: Name,
    /// The calls' path.
    pub path: String,
    /// Slots of each caller.
    pub slots: usize,
}

impl Sla for CallsAtOnce {
    fn judge(&self, history: &History) -> Check {
        let name = format!("calls to {}{} at once", self.target, self.path);
        let bound = format!("{} a caller, and no fewer at times", self.slots);
        let mut open: BTreeMap<&Name, Vec<&Option<String>>> = BTreeMap::new();
        let mut wrong = Findings::default();
        let mut most = 0;
        for entry in &history.entries {
            match &entry.what {
                What::CallSent {
                    target, path, key, ..
                } if *target == self.target && *path == self.path => {
                    let calls = open.entry(&entry.host).or_default();
                    calls.push(key);
                    most = most.max(calls.len());
                    if calls.len() > self.slots {
                        let (count, host) = (calls.len(), &entry.host);
                        wrong.add(|| format!("{count} of {host} at {}", seconds(entry.at_us)));
                    }
                }
                // One that found no connection ends without having been sent.
                What::CallEnded {
                    target, path, key, ..
                } if *target == self.target && *path == self.path => {
                    let calls = open.entry(&entry.host).or_default();
                    if let Some(place) = calls.iter().position(|sent| *sent == key) {
                        calls.swap_remove(place);
                    }
                }
                _ => {}
            }
        }
        if most < self.slots {
            return Check::vacuous(name, format!("at most {most}"), bound);
        }
        Check::judged(name, format!("at most {most}"), bound, wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn judge(slots: usize, hand: Hand) -> Check {
        let promise = CallsAtOnce {
            target: "pay:8080".into(),
            path: "/pays".into(),
            slots,
        };
        promise.judge(&hand.history())
    }

    fn two() -> Hand {
        let hand = Hand::new()
            .on("order-1")
            .call_sent("pay:8080")
            .call_sent("pay:8080");
        hand.on("order-2")
            .call_sent("pay:8080")
            .call_sent("product:8080")
    }

    #[test]
    fn each_caller_has_its_own_slots() {
        let check = judge(2, two());
        assert_eq!(
            (check.verdict, &*check.observed),
            (Verdict::Pass, "at most 2")
        );
        let ended = two().on("order-1").call_ended("pay:8080", Some(201), None);
        assert_eq!(judge(2, ended.call_sent("pay:8080")).verdict, Verdict::Pass);
    }

    #[test]
    fn more_than_the_slots_fail_and_fewer_are_vacuous() {
        let check = judge(1, two());
        assert_eq!(check.verdict, Verdict::Fail);
        assert_eq!(check.evidence, ["2 of order-1 at 0.000000 s"]);
        assert_eq!(judge(3, two()).verdict, Verdict::Vacuous);
        assert_eq!(judge(1, Hand::new()).verdict, Verdict::Vacuous);
    }
}
