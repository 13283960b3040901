//! What the machines do together, where a vector of platform §1 or §2 is about more than one.

use std::{collections::BTreeMap, time::Duration};

use super::{
    endpoints::{Conditions, Propagation},
    probe::{ContainerProbes, ProbeSettings, Tried},
    replica_set::{Correction, Counts, Phase, PodView, correct},
    rollout::{DeploymentController, testing},
    termination::{Step, Termination},
};
use crate::objects::probe::{Probe, ProbeHandler, Probes};

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A pod is deleted at 0, its program stops listening at SIGTERM, proxies know after `propagation`:
/// how long requests are sent to a closed port.
fn race_window(pre_stop: Option<Duration>, propagation: Duration) -> Duration {
    let mut endpoints = Propagation::new();
    endpoints.change("order-1", true, s(0), s(0));
    endpoints.due(s(0));
    let conditions = Conditions::of(true, true);
    endpoints.change("order-1", conditions.ready, s(0), propagation);
    let mut termination = Termination::begin(s(0), pre_stop, s(30));
    let closed = termination.next_deadline().expect("SIGTERM");
    assert_eq!(termination.due(closed), Some(Step::Terminate));
    let known = endpoints.next_deadline().expect("the change is under way");
    endpoints.due(known);
    assert!(endpoints.ready().is_empty());
    known.saturating_sub(closed)
}

/// platform §1, T: propagation 2 s, no preStop → failures; preStop 5 s → none.
#[test]
fn a_pre_stop_longer_than_the_propagation_closes_the_race() {
    assert_eq!(race_window(None, s(2)), s(2));
    assert_eq!(race_window(Some(s(1)), s(2)), s(1));
    assert_eq!(race_window(Some(s(5)), s(2)), s(0));
}

struct Pod {
    view: PodView,
    probes: ContainerProbes,
    started: Duration,
}

/// Rolls a Deployment of one replica whose program listens 20 s after its container's start, and
/// counts the seconds in which no endpoint listens. Deleted pods are gone at once and proxies know
/// everything at once: what is left is the rule.
fn refused_seconds(probes: &Probes) -> u64 {
    const STARTUP: Duration = Duration::from_secs(20);
    let mut deployment = testing::deployment(1);
    let mut controller = DeploymentController::new("order");
    let mut pods: BTreeMap<String, Vec<Pod>> = BTreeMap::new();
    let mut refused = 0;
    for second in 0..200 {
        let now = s(second);
        if second == 100 {
            deployment.template = testing::template("v2");
        }
        for pod in pods.values_mut().flatten() {
            let listens = now >= pod.started + STARTUP;
            let tried = if listens {
                Tried::Success
            } else {
                Tried::Failure
            };
            for attempt in pod.probes.due(now) {
                pod.probes.report(attempt, now, tried);
            }
            if pod.probes.is_ready() && !pod.view.is_ready() {
                pod.view.ready_since = Some(now);
            }
        }
        let count = |pods: &Vec<Pod>| {
            let views: Vec<PodView> = pods.iter().map(|pod| pod.view.clone()).collect();
            Counts::of(&views, s(0), now)
        };
        let counts = pods
            .iter()
            .map(|(set, pods)| (set.clone(), count(pods)))
            .collect();
        controller.sync(now, &deployment, 1, &counts);
        for set in controller.replica_sets() {
            let own = pods.entry(set.name.clone()).or_default();
            let views: Vec<PodView> = own.iter().map(|pod| pod.view.clone()).collect();
            match correct(set.wanted, &views, &views, now) {
                Correction::Nothing => {}
                Correction::Create(_) => own.push(pod(&set.name, probes, now)),
                Correction::Delete(names) => own.retain(|pod| !names.contains(&pod.view.name)),
            }
        }
        let mut endpoints = pods.values().flatten().filter(|pod| pod.view.is_ready());
        let listens = endpoints.any(|pod| now >= pod.started + STARTUP);
        refused += u64::from(second >= 100 && !listens);
    }
    refused
}

fn pod(set: &str, probes: &Probes, now: Duration) -> Pod {
    let mut probes = ContainerProbes::new(probes, s(30), ProbeSettings::default(), now);
    probes.container_started(now);
    Pod {
        view: PodView {
            name: format!("{set}-1"),
            node: Some("node-1".to_owned()),
            phase: Phase::Running,
            ready_since: None,
            restarts: 0,
            created: now,
            terminating: false,
            deletion_cost: 0,
        },
        probes,
        started: now,
    }
}

/// platform §2, T (desired 1, no readiness probe, start-up 20 s): ~20 s of refused connections;
/// with one: none.
#[test]
fn one_replica_without_a_readiness_probe_is_away_for_its_start_up() {
    // The old pod goes in the second after the new container was started.
    assert_eq!(refused_seconds(&Probes::default()), 19);
    let readiness = Probe {
        handler: ProbeHandler::TcpSocket { port: 8080 },
        initial_delay: s(10),
        period: s(5),
        timeout: s(2),
        success_threshold: 1,
        failure_threshold: 10,
        termination_grace: None,
    };
    let probes = Probes {
        readiness: Some(readiness),
        ..Probes::default()
    };
    assert_eq!(refused_seconds(&probes), 0);
}
