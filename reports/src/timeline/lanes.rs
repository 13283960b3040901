//! What pods, breakers and deployments went through: stretches of time, each in one state.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::history::{BreakerState, History, Name, PodPhase, What};

/// So many lanes of a kind are kept.
const LANES: usize = 60;
/// … with so many stretches each.
const SPANS: usize = 200;
/// So many points of a deployment are kept.
const POINTS: usize = 400;

/// A stretch of time in one state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span<S> {
    /// The state.
    pub state: S,
    /// Its beginning.
    pub from_us: u64,
    /// Its end: that of the run at the latest.
    pub to_us: u64,
    /// Why it began, in words.
    pub reason: String,
}

/// The life of a pod, a store or a broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PodLane {
    /// The pod.
    pub pod: Name,
    /// The deployment it belongs to.
    pub deployment: Name,
    /// What it went through.
    pub spans: Vec<Span<PodPhase>>,
}

/// The states of one breaker of one pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BreakerLane {
    /// The pod.
    pub pod: Name,
    /// The breaker.
    pub breaker: Name,
    /// What it went through, from when it was made until its process ended.
    pub spans: Vec<Span<BreakerState>>,
}

/// A deployment's numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deployment {
    /// Its name.
    pub deployment: Name,
    /// What its autoscaler measured.
    pub measured: Vec<Measure>,
    /// How it was scaled.
    pub scaled: Vec<Scaling>,
}

/// One look of an autoscaler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Measure {
    /// When.
    pub at_us: u64,
    /// CPU used, in percent of what was requested; `None`: no metric yet.
    pub cpu_percent: Option<u32>,
    /// Pods that are meant to run.
    pub replicas: u32,
}

/// One scaling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scaling {
    /// When.
    pub at_us: u64,
    /// Pods before.
    pub from: u32,
    /// Pods after.
    pub to: u32,
    /// Who wanted it and why.
    pub reason: String,
}

/// The lanes of all pods, by deployment and name.
pub(super) fn pods(history: &History, end_us: u64, left_out: &mut Vec<String>) -> Vec<PodLane> {
    let mut lanes: BTreeMap<(&Name, &Name), Vec<Span<PodPhase>>> = BTreeMap::new();
    for entry in &history.entries {
        let What::Pod {
            deployment,
            phase,
            reason,
        } = &entry.what
        else {
            continue;
        };
        let spans = lanes.entry((deployment, &entry.host)).or_default();
        next(spans, Some(*phase), entry.at_us, end_us, reason);
    }
    let lanes = lanes.into_iter().map(|((deployment, pod), spans)| PodLane {
        pod: pod.clone(),
        deployment: deployment.clone(),
        spans,
    });
    let mut lanes: Vec<_> = lanes.collect();
    // The end of a life is an instant; what is dead takes no room.
    for lane in &mut lanes {
        cap(
            &mut lane.spans,
            SPANS,
            &format!("phases of {}", lane.pod),
            left_out,
        );
    }
    cap(&mut lanes, LANES, "pods", left_out);
    lanes
}

/// The lanes of all breakers, by pod and name.
pub(super) fn breakers(
    history: &History,
    end_us: u64,
    left_out: &mut Vec<String>,
) -> Vec<BreakerLane> {
    let mut lanes: BTreeMap<(&Name, &Name), Vec<Span<BreakerState>>> = BTreeMap::new();
    for entry in &history.entries {
        let (host, at_us) = (&entry.host, entry.at_us);
        match &entry.what {
            What::BreakerMade { breaker, .. } => {
                let spans = lanes.entry((host, breaker)).or_default();
                next(
                    spans,
                    Some(BreakerState::Closed),
                    at_us,
                    end_us,
                    "its process began",
                );
            }
            What::Breaker { breaker, to, .. } => {
                let spans = lanes.entry((host, breaker)).or_default();
                next(spans, Some(*to), at_us, end_us, "");
            }
            What::Pod {
                phase: PodPhase::Ended | PodPhase::Killed,
                ..
            } => {
                let of_pod = lanes.iter_mut().filter(|((pod, _), _)| *pod == host);
                of_pod.for_each(|(_, spans)| next(spans, None, at_us, end_us, ""));
            }
            _ => {}
        }
    }
    let lanes = lanes
        .into_iter()
        .map(|((pod, breaker), spans)| BreakerLane {
            pod: pod.clone(),
            breaker: breaker.clone(),
            spans,
        });
    let mut lanes: Vec<_> = lanes.collect();
    for lane in &mut lanes {
        let what = format!("states of breaker {} of {}", lane.breaker, lane.pod);
        cap(&mut lane.spans, SPANS, &what, left_out);
    }
    cap(&mut lanes, LANES, "breakers", left_out);
    lanes
}

/// What autoscalers saw and did, by deployment.
pub(super) fn deployments(history: &History, left_out: &mut Vec<String>) -> Vec<Deployment> {
    let mut found: BTreeMap<&Name, (Vec<Measure>, Vec<Scaling>)> = BTreeMap::new();
    for entry in &history.entries {
        let at_us = entry.at_us;
        match &entry.what {
            What::Measured {
                deployment,
                utilization_percent,
                replicas,
            } => found.entry(deployment).or_default().0.push(Measure {
                at_us,
                cpu_percent: *utilization_percent,
                replicas: *replicas,
            }),
            What::Scaled {
                deployment,
                from,
                to,
                reason,
            } => found.entry(deployment).or_default().1.push(Scaling {
                at_us,
                from: *from,
                to: *to,
                reason: reason.clone(),
            }),
            _ => {}
        }
    }
    let mut deployments = Vec::new();
    for (name, (mut measured, mut scaled)) in found {
        cap(
            &mut measured,
            POINTS,
            &format!("measurements of {name}"),
            left_out,
        );
        cap(
            &mut scaled,
            POINTS,
            &format!("scalings of {name}"),
            left_out,
        );
        deployments.push(Deployment {
            deployment: name.clone(),
            measured,
            scaled,
        });
    }
    deployments
}

/// Ends the last stretch and begins another, if there is a state to begin.
fn next<S>(spans: &mut Vec<Span<S>>, state: Option<S>, at_us: u64, end_us: u64, reason: &str) {
    if let Some(last) = spans.last_mut().filter(|last| last.to_us > at_us) {
        last.to_us = at_us;
    }
    spans.extend(state.map(|state| Span {
        state,
        from_us: at_us,
        to_us: end_us,
        reason: reason.to_owned(),
    }));
}

fn cap<T>(items: &mut Vec<T>, most: usize, what: &str, left_out: &mut Vec<String>) {
    if items.len() > most {
        left_out.push(format!("{most} of {} {what}", items.len()));
        items.truncate(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::Hand;

    #[test]
    fn a_pod_lives_and_dies() {
        let history = Hand::new()
            .on("pay-1")
            .pod(PodPhase::Starting, "first start")
            .at(2)
            .pod(PodPhase::Ready, "probe")
            .at(5)
            .pod(PodPhase::Killed, "fault 0")
            .history();
        let lanes = pods(&history, 9_000, &mut Vec::new());
        let [lane] = lanes.as_slice() else {
            panic!("one pod: {lanes:?}");
        };
        assert_eq!((&*lane.pod, &*lane.deployment), ("pay-1", "pay"));
        let spans: Vec<_> = lane
            .spans
            .iter()
            .map(|span| (span.state, span.from_us, span.to_us))
            .collect();
        let expected = [
            (PodPhase::Starting, 0, 2_000),
            (PodPhase::Ready, 2_000, 5_000),
            (PodPhase::Killed, 5_000, 9_000),
        ];
        assert_eq!(spans, expected);
    }

    #[test]
    fn a_breaker_ends_with_its_process() {
        use BreakerState::{Closed, HalfOpen, Open};
        let history = Hand::new()
            .on("order-1")
            .breaker_made()
            .at(2)
            .breaker(Closed, Open)
            .at(4)
            .breaker(Open, HalfOpen)
            .at(6)
            .pod(PodPhase::Killed, "fault 0")
            .at(8)
            .breaker_made()
            .history();
        let lanes = breakers(&history, 9_000, &mut Vec::new());
        let spans: Vec<_> = lanes
            .iter()
            .flat_map(|lane| &lane.spans)
            .map(|span| (span.state, span.from_us, span.to_us))
            .collect();
        let expected = [
            (Closed, 0, 2_000),
            (Open, 2_000, 4_000),
            (HalfOpen, 4_000, 6_000),
            (Closed, 8_000, 9_000),
        ];
        assert_eq!(spans, expected);
    }

    #[test]
    fn what_is_left_out_is_said() {
        let hand = Hand::new().each(0..70, |hand, n| {
            hand.on(&format!("pay-{n}")).pod(PodPhase::Starting, "")
        });
        let mut left_out = Vec::new();
        assert_eq!(pods(&hand.history(), 1, &mut left_out).len(), LANES);
        assert_eq!(left_out, ["60 of 70 pods"]);
    }

    #[test]
    fn a_deployment_is_measured_and_scaled() {
        let deployment: Name = "order".into();
        let history = Hand::new()
            .add(What::Measured {
                deployment: deployment.clone(),
                utilization_percent: Some(90),
                replicas: 1,
            })
            .at(15)
            .add(What::Scaled {
                deployment,
                from: 1,
                to: 3,
                reason: "cpu".into(),
            })
            .history();
        let found = deployments(&history, &mut Vec::new());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].measured[0].cpu_percent, Some(90));
        assert_eq!(
            (found[0].scaled[0].at_us, found[0].scaled[0].to),
            (15_000, 3)
        );
    }
}
