//! Requests fail only while something of the cluster's own is happening.

use std::{fmt, time::Duration};

use super::Sla;
use crate::{
    check::{Check, Findings, Verdict},
    history::{History, Name, Outcome, PodPhase, What},
    requests::{Request, Requests, seconds},
    window::{Window, micros},
};

/// Requests of phase `load` fail only if they were under way between two marks: what the cluster
/// does explains every failure. Fewer failures than expected are vacuous: the experiment showed
/// nothing.
#[derive(Clone, Debug)]
pub struct Outage {
    /// Which requests.
    pub requests: Requests,
    /// From when on they may fail.
    pub from: Mark,
    /// Until when.
    pub to: Mark,
    /// So many do.
    pub at_least: usize,
}

/// An instant of phase `load` that the history tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// So long after a pod of a deployment last came to a phase.
    Pod {
        /// The deployment.
        deployment: Name,
        /// The phase.
        phase: PodPhase,
        /// How long after.
        after: Duration,
    },
    /// When every proxy knew of the last change of a service's endpoints.
    LastEndpoint {
        /// The service.
        service: Name,
    },
}

impl Sla for Outage {
    fn judge(&self, history: &History) -> Check {
        let name = format!("outage of {}", self.requests);
        let bound = format!("from {} to {}", self.from, self.to);
        let (Some(from), Some(to)) = (self.from.at_us(history), self.to.at_us(history)) else {
            return Check::vacuous(name, "the cluster did nothing of that", bound);
        };
        let load = Window::Phase("load".into());
        let requests = self.requests.within(history, &load);
        if requests.iter().all(Request::is_cancelled) {
            return Check::vacuous(name, "no such request ended", bound);
        }
        let failed: Vec<&Request<'_>> = requests.iter().filter(|one| failed(one)).collect();
        let mut unexplained = Findings::default();
        for request in &failed {
            let over = request.ended_us().is_some_and(|ended| ended < from);
            if over || request.sent_us > to {
                unexplained.add(|| request.to_string());
            }
        }
        let observed = format!(
            "{} of {} failed, {} of them not between {} and {}",
            failed.len(),
            requests.len(),
            unexplained.count(),
            seconds(from),
            seconds(to),
        );
        if unexplained.is_empty() && failed.len() < self.at_least {
            return Check::said(name, Verdict::Vacuous, observed, bound, unexplained);
        }
        Check::judged(name, observed, bound, unexplained)
    }
}

impl Mark {
    fn at_us(&self, history: &History) -> Option<u64> {
        let load = Window::Phase("load".into()).range(history)?;
        let entries = history.entries.iter();
        let mut entries = entries.filter(|entry| load.contains(&entry.at_us));
        match self {
            Self::Pod {
                deployment,
                phase,
                after,
            } => {
                let last = entries.rfind(|entry| {
                    matches!(&entry.what, What::Pod { deployment: of, phase: came, .. }
                        if of == deployment && came == phase)
                })?;
                Some(last.at_us.saturating_add(micros(*after)))
            }
            Self::LastEndpoint { service } => {
                let last = entries.rfind(|entry| {
                    matches!(&entry.what, What::Endpoint { service: of, .. } if of == service)
                })?;
                Some(last.at_us)
            }
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod {
                deployment,
                phase,
                after,
            } => {
                let after = seconds(micros(*after));
                write!(out, "{after} after the last {phase:?} of {deployment}")
            }
            Self::LastEndpoint { service } => {
                write!(out, "the last change of {service}'s endpoints")
            }
        }
    }
}

/// What siege calls failed, and what never ended. A request that the end of the load cut off is
/// neither.
fn failed(request: &Request<'_>) -> bool {
    !request.is_cancelled()
        && request
            .answer()
            .is_none_or(|answer| answer.outcome != Outcome::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::Hand;

    fn pod(hand: Hand, name: &str, phase: PodPhase) -> Hand {
        hand.on(name).add(What::Pod {
            deployment: "order".into(),
            phase,
            reason: "a story".to_owned(),
        })
    }

    fn unknown_endpoint(hand: Hand, name: &str) -> Hand {
        hand.on(name).add(What::Endpoint {
            service: "order".into(),
            ready: false,
        })
    }

    /// A pod starts at 0 s and drains from 2 s on, and every proxy knows at 3 s; one request is
    /// refused at each of these times (in ms).
    fn rollout(refused_at: &[u64]) -> History {
        let mut hand = Hand::new().phase("load").get("/orders").answered(1, 200);
        let mut number = 1;
        let mut refused = refused_at.iter().peekable();
        hand = pod(hand, "order-1", PodPhase::Starting);
        for ms in (0..5_000).step_by(100) {
            hand = hand.at(ms);
            if ms == 2_000 {
                hand = pod(hand, "order-1", PodPhase::Draining);
            }
            if ms == 3_000 {
                hand = unknown_endpoint(hand, "order-1");
            }
            if refused.next_if_eq(&&ms).is_some() {
                number += 1;
                hand = hand.get("/orders").unanswered(number, Outcome::Fail);
            }
        }
        hand.at(5_000).phase("heal").history()
    }

    fn promise(at_least: usize) -> Outage {
        Outage {
            requests: Requests::to("GET", "/orders"),
            from: Mark::Pod {
                deployment: "order".into(),
                phase: PodPhase::Draining,
                after: Duration::ZERO,
            },
            to: Mark::LastEndpoint {
                service: "order".into(),
            },
            at_least,
        }
    }

    #[test]
    fn failures_between_the_marks_are_explained_and_others_are_not() {
        let check = promise(3).judge(&rollout(&[2_000, 2_500, 3_000]));
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
        assert!(check.observed.starts_with("3 of 4 failed, 0 of them"));
        for outside in [1_900, 3_100] {
            let check = promise(0).judge(&rollout(&[outside]));
            assert_eq!(check.verdict, Verdict::Fail, "{check:?}");
            assert_eq!(check.evidence.len(), 1);
        }
    }

    #[test]
    fn a_request_under_way_when_it_begins_may_fail() {
        let hand = Hand::new().phase("load").at(1_990).get("/orders").at(2_000);
        let hand = pod(hand, "order-1", PodPhase::Draining);
        let hand = hand.at(2_001).unanswered(1, Outcome::Unknown);
        let hand = unknown_endpoint(hand.at(3_000), "order-1").at(4_000);
        let check = promise(1).judge(&hand.phase("heal").history());
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
    }

    #[test]
    fn too_few_failures_are_vacuous_and_so_is_a_cluster_that_stands_still() {
        assert_eq!(promise(0).judge(&rollout(&[])).verdict, Verdict::Pass);
        assert_eq!(
            promise(2).judge(&rollout(&[2_500])).verdict,
            Verdict::Vacuous
        );
        let still = Hand::new().phase("load").get("/orders").answered(1, 500);
        let still = still.at(1_000).phase("heal").history();
        assert_eq!(promise(0).judge(&still).verdict, Verdict::Vacuous);
        let mut nobody = rollout(&[]);
        nobody
            .entries
            .retain(|entry| !matches!(entry.what, What::Requested { .. }));
        let check = promise(0).judge(&nobody);
        assert_eq!(
            (check.verdict, &*check.observed),
            (Verdict::Vacuous, "no such request ended")
        );
    }
}
