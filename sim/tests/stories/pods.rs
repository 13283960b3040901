//! Stories about pods and services: start, stop, kill, crash, and who gets the traffic.

use crate::{
    story::{Script, calm, ms, play, siege, visitor},
    town::{DeploymentSpec, PLAIN, SERVER, ServerSpec, cluster},
};
use squall_reports::history::{PodPhase, What};
use squall_sim::{
    controls::Ways,
    load::{Extent, Load},
    range::TimeRange,
};

#[test]
fn a_calm_run_fails_nothing_and_starts_when_all_is_up() {
    let told = calm(cluster(&[PLAIN]), &[visitor(10)], 10);
    let (ok, not) = told.ok_and_not(ms(0), ms(10_000));
    assert!(ok > 80 && not == 0, "{ok} ok, {not} not");
    assert_eq!(told.asked()[0].sent, ms(0), "the load begins with the run");
    assert!(told.life("who-1").iter().all(|(at, ..)| at.is_zero()));
    assert_eq!(told.0.unsettled, None);
}

#[test]
fn a_killed_pod_refuses_until_it_is_up_again() {
    let kill = Script::default().at(ms(2_000), |controls| {
        controls.kill("who-1").unwrap();
    });
    let told = play(cluster(&[PLAIN]), &[visitor(10)], kill, 10);
    assert_eq!(told.ok_and_not(ms(0), ms(1_980)).1, 0);
    // It is started again at once, half a second until it listens, and the next tick of its probe.
    let (ok, not) = told.ok_and_not(ms(2_001), ms(2_500));
    assert!(ok == 0 && not > 3, "{ok} ok, {not} not");
    assert_eq!(told.ok_and_not(ms(3_600), ms(9_900)).1, 0);
    let life = told.life("who-1");
    let phases: Vec<_> = life.iter().map(|(at, phase, _)| (*at, *phase)).collect();
    let expected = [
        (ms(2_000), PodPhase::Killed),
        (ms(2_000), PodPhase::Starting),
    ];
    assert_eq!(phases[2..4], expected);
    let ready = phases[4];
    assert!(ready.1 == PodPhase::Ready && (ms(2_500)..ms(3_600)).contains(&ready.0));
}

#[test]
fn connections_spread_over_replicas_and_kept_ones_stay() {
    const THREE: DeploymentSpec = DeploymentSpec {
        replicas: 3,
        ..PLAIN
    };
    let told = calm(cluster(&[THREE]), &[siege(10, Extent::Journeys(300))], 60);
    let served = told.served();
    assert_eq!(served.values().sum::<u64>(), 3_000);
    // Binomial with p = 1/3: five standard deviations are 129.
    assert!(
        served.values().all(|n| n.abs_diff(1_000) < 129),
        "{served:?}"
    );

    let keep = Load {
        keep_alive: true,
        ..siege(1, Extent::Journeys(300))
    };
    let served = calm(cluster(&[THREE]), &[keep], 60).served();
    assert_eq!(
        served.values().copied().collect::<Vec<_>>(),
        [300],
        "{served:?}"
    );
}

#[test]
fn two_workers_and_three_places_take_five_of_ten() {
    const SMALL: DeploymentSpec = DeploymentSpec {
        server: ServerSpec {
            workers: 2,
            queue: 3,
            takes: TimeRange::ms(100, 100),
            ..SERVER
        },
        ..PLAIN
    };
    let told = calm(cluster(&[SMALL]), &[siege(10, Extent::Journeys(1))], 5);
    let mut took: Vec<(u128, Option<u16>)> = Vec::new();
    for one in told.asked() {
        let (at, status, _) = one.answered.unwrap();
        took.push(((at - one.sent).as_millis() / 100, status));
    }
    took.sort_unstable();
    let rejected = took
        .iter()
        .filter(|(_, status)| *status == Some(503))
        .count();
    let served: Vec<u128> = took
        .iter()
        .filter(|(_, status)| *status == Some(200))
        .map(|(at, _)| *at)
        .collect();
    assert_eq!((rejected, served), (5, vec![1, 1, 2, 2, 3]));
}

#[test]
fn a_stopping_pod_finishes_what_it_has_within_its_grace() {
    const SLOW: DeploymentSpec = DeploymentSpec {
        server: ServerSpec {
            takes: TimeRange::ms(3_000, 3_000),
            ..SERVER
        },
        ..PLAIN
    };
    const HASTY: DeploymentSpec = DeploymentSpec {
        grace: ms(1_000),
        ..SLOW
    };
    let stop = || {
        Script::default().at(ms(500), |controls| {
            controls.stop_deployment("who").unwrap();
        })
    };
    let load = Load {
        timeout: ms(10_000),
        ..siege(1, Extent::Journeys(1))
    };
    let told = play(cluster(&[SLOW]), &[load], stop(), 10);
    assert_eq!(
        told.ok_and_not(ms(0), ms(1)),
        (1, 0),
        "{:?} {:?}",
        told.asked(),
        told.life("who-1")
    );
    let ended = told
        .life("who-1")
        .into_iter()
        .find(|(_, phase, _)| *phase == PodPhase::Ended);
    assert_eq!(ended.map(|(.., reason)| reason), Some("stopped"));

    let told = play(cluster(&[HASTY]), &[load], stop(), 10);
    assert_eq!(told.ok_and_not(ms(0), ms(1)), (0, 1));
    let killed = told
        .life("who-1")
        .into_iter()
        .find(|(_, phase, _)| *phase == PodPhase::Killed);
    assert_eq!(
        killed,
        // SIGTERM is followed by at least two seconds.
        Some((ms(2_500), PodPhase::Killed, "its grace was over"))
    );
}

/// A kubelet is on its pods' machine: what the network does to others does nothing to its probes,
/// which have a second here.
#[test]
fn probes_cross_no_network() {
    let mut far = cluster(&[PLAIN]);
    far.model.network.latency_ms = TimeRange::ms(700, 700);
    let cut = Script::default().at(ms(2_000), |controls| {
        controls.partition("who-1", "others", Ways::Both).unwrap();
    });
    let told = play(far, &[visitor(20)], cut, 20);
    let life = told.life("who-1");
    let phases: Vec<_> = life.iter().map(|(_, phase, _)| *phase).collect();
    assert_eq!(phases, [PodPhase::Starting, PodPhase::Ready], "{life:?}");
}

/// Each takes a minute to end, and deletions come faster than that: pods that find no room are
/// pending until others have left.
#[test]
fn pods_wait_for_room() {
    const SLOW_TO_END: DeploymentSpec = DeploymentSpec {
        pre_stop: Some(ms(60_000)),
        grace: ms(90_000),
        ..PLAIN
    };
    let mut script = Script::default();
    for second in 1..40 {
        script = script.at(ms(second * 1_000), |controls| {
            // There may be none to delete.
            let _ = controls.delete_pods("who");
        });
    }
    let told = play(cluster(&[SLOW_TO_END]), &[visitor(150)], script, 150);
    let started = told.entries().filter_map(|(at, host, what)| match what {
        What::Pod {
            phase: PodPhase::Starting,
            ..
        } if host.starts_with("who") => Some(at),
        _ => None,
    });
    let started: Vec<_> = started.collect();
    let room = started.iter().filter(|at| **at < ms(40_000)).count();
    assert!((5..20).contains(&room), "{room} of 40 found room");
    let (ok, not) = told.ok_and_not(ms(140_000), ms(149_000));
    assert!(ok > 10 && not == 0, "{ok} ok, {not} not");
}
