//! What a callee refuses says nothing about its health (Hystrix: `HystrixBadRequestException`).

use std::collections::{BTreeMap, BTreeSet};

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{CallOutcome, History, Name, PodPhase, What},
    requests::seconds,
};

/// No call that its callee answered with a 4xx counts as a failure of this breaker. Vacuous only
/// where no call passed: this holds in every run, and few callees refuse in each; what was seen
/// says so.
#[derive(Clone, Debug)]
pub struct RefusalsAreNoFailures {
    /// The breaker.
    pub breaker: Name,
    /// The callee it guards, `pay:8080`.
    pub target: Name,
}

/// One process's calls.
#[derive(Default)]
struct Calls<'a> {
    /// Requests under way, by their key.
    under_way: BTreeMap<Option<&'a str>, Vec<u64>>,
    /// Calls that were refused.
    refused: BTreeSet<u64>,
}

impl Sla for RefusalsAreNoFailures {
    fn judge(&self, history: &History) -> Check {
        let name = format!("refusals are no failures of breaker {}", self.breaker);
        let bound = "none counted";
        let deaths = deaths(history);
        let mut hosts: BTreeMap<&Name, Calls<'_>> = BTreeMap::new();
        let mut wrong = Findings::default();
        let (mut ended, mut refused) = (0, 0);
        for entry in &history.entries {
            let host = &entry.host;
            match &entry.what {
                What::BreakerMade { breaker, .. } if *breaker == self.breaker => {
                    hosts.insert(host, Calls::default());
                }
                What::CallSent {
                    target,
                    key,
                    admission: Some(pass),
                    ..
                } if *target == self.target && pass.breaker == self.breaker => {
                    let calls = hosts.entry(host).or_default();
                    let under_way = calls.under_way.entry(key.as_deref()).or_default();
                    under_way.push(pass.call);
                }
                What::CallEnded {
                    target,
                    key,
                    status,
                    ..
                } if *target == self.target => {
                    let calls = hosts.entry(host).or_default();
                    calls.end(key.as_deref(), *status);
                }
                What::BreakerCall {
                    breaker,
                    call: Some(call),
                    outcome,
                } if *breaker == self.breaker => {
                    ended += 1;
                    let calls = hosts.entry(host).or_default();
                    if !calls.refused.remove(call) {
                        continue;
                    }
                    refused += 1;
                    // Who is killed between an answer and its judgement ends the call as it falls.
                    let died = deaths.contains(&(host, entry.at_us));
                    if *outcome == CallOutcome::Failure && !died {
                        let at = seconds(entry.at_us);
                        wrong.add(|| format!("refused call {call} of {host} counted at {at}"));
                    }
                }
                _ => {}
            }
        }
        if ended == 0 {
            return Check::vacuous(name, "no call passed the breaker", bound);
        }
        let observed = match refused {
            0 => format!("none of {ended} calls refused: nothing to judge"),
            _ => format!("{refused} of {ended} calls refused"),
        };
        Check::judged(name, observed, bound, wrong)
    }
}

/// Who was killed, and when.
fn deaths(history: &History) -> BTreeSet<(&Name, u64)> {
    let entries = history.entries.iter();
    let deaths = entries.filter_map(|entry| match &entry.what {
        What::Pod {
            phase: PodPhase::Killed | PodPhase::Ended,
            ..
        } => Some((&entry.host, entry.at_us)),
        _ => None,
    });
    deaths.collect()
}

impl<'a> Calls<'a> {
    /// Of two requests with one key under way nobody can say which one has ended: neither counts.
    fn end(&mut self, key: Option<&'a str>, status: Option<u16>) {
        let Some(calls) = self.under_way.remove(&key) else {
            return;
        };
        let is_refusal = status.is_some_and(|status| (400..500).contains(&status));
        if let ([call], true) = (calls.as_slice(), is_refusal) {
            self.refused.insert(*call);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn judge(calls: &[(u16, CallOutcome)]) -> Check {
        let hand = Hand::new().on("order-1").breaker_made();
        let hand = (1..)
            .zip(calls)
            .fold(hand, |hand, (call, (status, outcome))| {
                let sent = hand.admitted(call).sent_on(call);
                let answered = sent.add(What::CallEnded {
                    target: "pay:8080".into(),
                    method: "POST".into(),
                    path: "/pays".into(),
                    status: Some(*status),
                    error: None,
                    problem: None,
                    key: None,
                });
                answered.ended(call, *outcome)
            });
        let promise = RefusalsAreNoFailures {
            breaker: "pay".into(),
            target: "pay:8080".into(),
        };
        promise.judge(&hand.history())
    }

    #[test]
    fn passes_when_only_failures_count_as_such() {
        let good = [
            (201, CallOutcome::Success),
            (422, CallOutcome::BadRequest),
            (500, CallOutcome::Failure),
            (409, CallOutcome::Timeout),
        ];
        let check = judge(&good);
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
        assert_eq!(check.observed, "2 of 4 calls refused");
    }

    #[test]
    fn says_when_nothing_was_refused() {
        let check = judge(&[(201, CallOutcome::Success), (500, CallOutcome::Failure)]);
        let seen = "none of 2 calls refused: nothing to judge";
        assert_eq!((check.verdict, &*check.observed), (Verdict::Pass, seen));
    }

    #[test]
    fn names_a_refusal_that_was_counted() {
        let check = judge(&[(422, CallOutcome::Failure)]);
        assert_eq!(check.verdict, Verdict::Fail);
        assert_eq!(
            check.evidence,
            ["refused call 1 of order-1 counted at 0.000000 s"]
        );
    }

    #[test]
    fn is_vacuous_without_calls() {
        assert_eq!(judge(&[]).verdict, Verdict::Vacuous);
    }
}
