//! Stories about the control plane: rollouts, probes, back-off, scaling.

use std::time::Duration;

use squall_reports::history::{PodPhase, RolloutState, What};
use squall_sim::{
    objects::{
        Objects,
        autoscaler::{Autoscaler, CpuMetric},
    },
    range::TimeRange,
};

use crate::{
    story::{Script, calm, ms, play, siege, visitor},
    town::{DeploymentSpec, PLAIN, SERVER, ServerSpec, cluster},
};

/// Starts in five seconds.
const SLUGGISH: DeploymentSpec = DeploymentSpec {
    server: ServerSpec {
        startup: TimeRange::ms(5_000, 5_000),
        ..SERVER
    },
    ..PLAIN
};

fn restart_at(at: Duration) -> Script {
    Script::default().at(at, |controls| {
        controls
            .rollout_restart("who")
            .expect("there is such a Deployment");
    })
}

#[test]
fn a_rollout_without_a_readiness_probe_interrupts_and_with_one_it_does_not() {
    const UNREADY: DeploymentSpec = DeploymentSpec {
        readiness: false,
        ..SLUGGISH
    };
    let told = play(
        cluster(&[UNREADY]),
        &[visitor(20)],
        restart_at(ms(5_000)),
        20,
    );
    // Refused until the new pod listens, and not a moment longer.
    let (ok, not) = told.ok_and_not(ms(5_010), ms(10_000));
    assert!(ok == 0 && not > 40, "{ok} ok, {not} not");
    assert_eq!(told.ok_and_not(ms(10_000), ms(20_000)).1, 0);

    let told = play(
        cluster(&[SLUGGISH]),
        &[visitor(20)],
        restart_at(ms(5_000)),
        20,
    );
    assert_eq!(told.ok_and_not(ms(0), ms(20_000)).1, 0);
    assert!(
        told.life("who-2")
            .iter()
            .any(|(_, phase, _)| *phase == PodPhase::Ready)
    );
    let states: Vec<_> = told
        .entries()
        .filter_map(|(at, _, what)| match what {
            What::Rollout {
                revision, state, ..
            } if at > ms(0) => Some((*revision, *state)),
            _ => None,
        })
        .collect();
    assert_eq!(
        states,
        [(2, RolloutState::Progressing), (2, RolloutState::Complete)]
    );
}

/// platform §1, T: propagation 2 s, no preStop → failures > 0 during a rollout; preStop 5 s → none.
#[test]
fn news_of_an_endpoint_that_comes_late_loses_requests_unless_the_pod_waits_for_it() {
    const WAITING: DeploymentSpec = DeploymentSpec {
        pre_stop: Some(ms(5_000)),
        ..PLAIN
    };
    let failures = |deployment| {
        let mut cluster = cluster(&[deployment]);
        cluster.model.cluster.endpoint_propagation_ms = TimeRange::ms(2_000, 2_000);
        let told = play(cluster, &[visitor(20)], restart_at(ms(5_000)), 20);
        told.ok_and_not(ms(0), ms(20_000)).1
    };
    let (hasty, waiting) = (failures(PLAIN), failures(WAITING));
    assert!(hasty > 10 && waiting == 0, "{hasty} and {waiting}");
}

#[test]
fn a_deadlock_is_healed_by_a_liveness_probe_and_by_nothing_else() {
    const WATCHED: DeploymentSpec = DeploymentSpec {
        liveness: true,
        ..PLAIN
    };
    let hang = || {
        Script::default().at(ms(5_000), |controls| {
            controls.hang("who").unwrap();
        })
    };
    let told = play(cluster(&[WATCHED]), &[visitor(30)], hang(), 30);
    // Three failures a second apart, a grace of five seconds, since the hung do not end.
    assert!(told.ok_and_not(ms(16_000), ms(30_000)).0 > 50);
    let told = play(cluster(&[PLAIN]), &[visitor(30)], hang(), 30);
    assert_eq!(told.ok_and_not(ms(5_010), ms(30_000)).0, 0);
}

fn autoscaler() -> Autoscaler {
    Autoscaler {
        name: "who".to_owned(),
        target: "who".to_owned(),
        min_replicas: 1,
        max_replicas: 3,
        metrics: vec![CpuMetric::Utilization(50)],
        behavior: None,
    }
}

#[test]
fn an_autoscaler_that_comes_late_looks_every_15_s_and_makes_up_for_nothing() {
    let appear = |objects: &mut Objects| {
        objects.autoscalers.insert("who".to_owned(), autoscaler());
    };
    let script = Script::default().at(ms(200_000), move |controls| {
        controls.apply(appear).expect("a good object");
    });
    let told = play(cluster(&[PLAIN]), &[visitor(1)], script, 300);
    let looked: Vec<Duration> = told
        .entries()
        .filter_map(|(at, _, what)| matches!(what, What::Measured { .. }).then_some(at))
        .collect();
    assert!((6..=7).contains(&looked.len()), "{looked:?}");
    assert!(looked[0] >= ms(200_000), "{looked:?}");
    let apart = looked.windows(2).map(|two| two[1] - two[0]);
    assert!(apart.into_iter().all(|gap| gap == ms(15_000)), "{looked:?}");
}

#[test]
fn cpu_load_makes_an_autoscaler_add_pods() {
    let mut spec = cluster(&[PLAIN]);
    let program = spec.model.programs.get_mut("who").expect("it is there");
    program.other_routes.cpu_ms = TimeRange::ms(20, 20);
    let deployment = spec
        .objects
        .deployments
        .get_mut("who")
        .expect("it is there");
    let resources = &mut deployment.template.container.resources;
    (resources.request_milli, resources.limit_milli) = (Some(500), Some(1000));
    let autoscalers = &mut spec.objects.autoscalers;
    autoscalers.insert("who".to_owned(), autoscaler());
    spec.model.cluster.metrics_resolution_s = 15;
    let load = siege(20, squall_sim::load::Extent::For(ms(60_000)));
    let told = calm(spec, &[load], 420);
    let scaled: Vec<_> = told
        .entries()
        .filter_map(|(at, _, what)| match what {
            What::Scaled { from, to, .. } => Some((at.as_secs(), *from, *to)),
            _ => None,
        })
        .collect();
    assert!(
        matches!(scaled[..], [(up, 1, 3), (down, 3, 1)] if up < 35 && down >= 360),
        "{scaled:?}"
    );
    let (before, after) = (
        told.ok_and_not(ms(0), ms(10_000)),
        told.ok_and_not(ms(45_000), ms(55_000)),
    );
    // 50 a second from one core, then from three.
    assert!(
        before.0.abs_diff(500) < 20 && after.0 > 1_300,
        "{before:?} {after:?}"
    );
}
