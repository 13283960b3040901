//! Retries stay within their budget, so that they cannot become the overload themselves.

use std::collections::BTreeMap;

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{History, Name, PodPhase, What},
    requests::seconds,
};

/// What a retry costs, and what a bucket holds for each retry at once.
const TOKEN: u64 = 1_000;

/// In each process, requests fill a bucket and every retry takes a token out of it; none is taken
/// out of an empty one (Finagle: `RetryBudget`). The places are hints.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    /// The place passed with every request.
    pub request: Name,
    /// The place passed with every retry.
    pub retry: Name,
    /// Retries per hundred requests in the long run.
    pub percent: u32,
    /// Retries at once: what the bucket holds, and begins with.
    pub burst: u32,
}

impl Sla for RetryBudget {
    fn judge(&self, history: &History) -> Check {
        let Self { percent, burst, .. } = self;
        let name = "retries within their budget";
        let bound = format!("{percent} % and {burst} at once");
        let full = u64::from(*burst) * TOKEN;
        let mut tokens: BTreeMap<&Name, u64> = BTreeMap::new();
        let mut wrong = Findings::default();
        let (mut requests, mut retries) = (0, 0);
        for entry in &history.entries {
            let host = &entry.host;
            match &entry.what {
                What::Pod {
                    phase: PodPhase::Starting,
                    ..
                } => {
                    tokens.remove(host);
                }
                What::Hint { name } if *name == self.request => {
                    requests += 1;
                    let bucket = tokens.entry(host).or_insert(full);
                    *bucket = full.min(*bucket + u64::from(*percent) * TOKEN / 100);
                }
                What::Hint { name } if *name == self.retry => {
                    retries += 1;
                    let bucket = tokens.entry(host).or_insert(full);
                    match bucket.checked_sub(TOKEN) {
                        Some(rest) => *bucket = rest,
                        None => {
                            wrong.add(|| format!("{host} at {}", seconds(entry.at_us)));
                        }
                    }
                }
                _ => {}
            }
        }
        if requests == 0 {
            return Check::vacuous(name, "no request", bound);
        }
        let observed = format!("{retries} retries of {requests} requests");
        Check::judged(name, observed, bound, wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Verdict, hand::Hand};

    /// `r` requests, `t` tries again, `s` starts anew.
    fn judge(places: &str) -> Check {
        let hand = places
            .chars()
            .fold(Hand::new().on("order-1"), |hand, c| match c {
                's' => hand.pod(PodPhase::Starting, ""),
                't' => hand.add(What::Hint {
                    name: "again".into(),
                }),
                _ => hand.add(What::Hint {
                    name: "asked".into(),
                }),
            });
        let promise = RetryBudget {
            request: "asked".into(),
            retry: "again".into(),
            percent: 50,
            burst: 2,
        };
        promise.judge(&hand.history())
    }

    #[test]
    fn passes_within_the_budget() {
        for good in ["r", "rtt", "rttrrt", "rrrrrrtt", "rttsrtt"] {
            assert_eq!(judge(good).verdict, Verdict::Pass, "{good}");
        }
    }

    #[test]
    fn counts_what_is_beyond_it() {
        for (bad, beyond) in [("rttt", 1), ("rttrt", 1), ("rrrrrrtttt", 2)] {
            let check = judge(bad);
            assert_eq!(
                (check.verdict, check.evidence.len()),
                (Verdict::Fail, beyond),
                "{bad}"
            );
        }
    }

    #[test]
    fn is_vacuous_without_requests() {
        assert_eq!(judge("s").verdict, Verdict::Vacuous);
    }
}
