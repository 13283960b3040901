//! The rules of platform §1, each on a container of its own.

use std::time::Duration;

use proptest::prelude::*;

use super::{Attempt, ContainerProbes, ProbeKind, ProbeSettings, Tried, Verdict};
use crate::objects::probe::{Probe, ProbeHandler, Probes};

const POD_GRACE: Duration = Duration::from_secs(30);

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Kubernetes' defaults.
fn probe() -> Probe {
    Probe {
        handler: ProbeHandler::TcpSocket { port: 8080 },
        initial_delay: s(0),
        period: s(10),
        timeout: s(1),
        success_threshold: 1,
        failure_threshold: 3,
        termination_grace: None,
    }
}

fn readiness(probe: Probe) -> Probes {
    Probes {
        readiness: Some(probe),
        ..Probes::default()
    }
}

fn liveness(probe: Probe) -> Probes {
    Probes {
        liveness: Some(probe),
        ..Probes::default()
    }
}

fn started_at(probes: &Probes, at: Duration, settings: ProbeSettings) -> ContainerProbes {
    let mut machine = ContainerProbes::new(probes, POD_GRACE, settings, Duration::ZERO);
    machine.container_started(at);
    machine
}

fn started(probes: &Probes) -> ContainerProbes {
    started_at(probes, Duration::ZERO, ProbeSettings::default())
}

/// Runs until `until`; every try takes `lasting` and gives what `outcome` says of its launch.
fn drive(
    machine: &mut ContainerProbes,
    until: Duration,
    lasting: Duration,
    mut outcome: impl FnMut(ProbeKind, Duration) -> Tried,
) -> Vec<(Duration, Verdict)> {
    let mut verdicts = Vec::new();
    let mut under_way: Vec<(Duration, Attempt, Tried)> = Vec::new();
    loop {
        under_way.sort_by_key(|(end, attempt, _)| (*end, attempt.kind));
        let end = under_way.first().map(|(end, _, _)| *end);
        let Some(now) = machine.next_deadline().into_iter().chain(end).min() else {
            return verdicts;
        };
        if now > until {
            return verdicts;
        }
        if end == Some(now) {
            let (_, attempt, tried) = under_way.remove(0);
            let verdict = machine.report(attempt, now, tried);
            verdicts.extend(verdict.map(|verdict| (now, verdict)));
        }
        for attempt in machine.due(now) {
            under_way.push((now + lasting, attempt, outcome(attempt.kind, now)));
        }
    }
}

/// The launches of one probe that always succeeds.
fn launches(machine: &mut ContainerProbes, until: Duration, lasting: Duration) -> Vec<u64> {
    let mut at = Vec::new();
    drive(machine, until, lasting, |_, now| {
        at.push(u64::try_from(now.as_millis()).expect("short"));
        Tried::Success
    });
    at
}

/// platform §1: no probe configured: all count as success as soon as the container runs.
#[test]
fn without_probes_a_running_container_is_ready_and_never_killed() {
    let mut machine = ContainerProbes::new(
        &Probes::default(),
        POD_GRACE,
        ProbeSettings::default(),
        s(0),
    );
    assert!(!machine.is_ready() && !machine.is_started());
    machine.container_started(s(3));
    assert!(machine.is_ready() && machine.is_started());
    assert_eq!(
        (machine.next_deadline(), machine.wants_kill()),
        (None, None)
    );
    machine.container_ended();
    assert!(!machine.is_ready());
}

/// platform §1: first try at worker start, then each tick; initial values.
#[test]
fn readiness_begins_as_a_failure_and_follows_the_ticks() {
    let mut machine = started(&readiness(probe()));
    assert!(!machine.is_ready());
    assert_eq!(machine.next_deadline(), Some(s(0)));
    let verdicts = drive(&mut machine, s(45), ms(5), |_, now| match now.as_secs() {
        10..=20 => Tried::Success,
        _ => Tried::Failure,
    });
    let ready = |success| Verdict {
        kind: ProbeKind::Readiness,
        success,
    };
    assert_eq!(
        verdicts,
        [(s(10) + ms(5), ready(true))],
        "two failures are below 3"
    );
    let verdicts = drive(&mut machine, s(55), ms(5), |_, _| Tried::Failure);
    assert_eq!(verdicts, [(s(50) + ms(5), ready(false))]);
    assert_eq!(
        machine.wants_kill(),
        None,
        "readiness never causes a restart"
    );
}

/// platform §1: no probe while int(seconds since StartedAt) < initialDelaySeconds.
#[test]
fn the_initial_delay_counts_from_the_container_in_whole_seconds() {
    let delayed = Probe {
        initial_delay: s(10),
        period: s(5),
        ..probe()
    };
    let probes = readiness(delayed);
    assert_eq!(
        launches(&mut started(&probes), s(20), ms(1)),
        [10_000, 15_000, 20_000]
    );
    // The pod was taken up at 0, its container runs from 0.3 s on: at the tick of 10 s it is 9.7 s
    // old.
    let mut late = started_at(&probes, ms(300), ProbeSettings::default());
    assert_eq!(launches(&mut late, s(20), ms(1)), [15_000, 20_000]);
}

/// platform §1: phase of a kubelet that has just started.
#[test]
fn a_phase_shifts_every_tick() {
    let settings = ProbeSettings {
        phase: ms(1700),
        ..ProbeSettings::default()
    };
    let mut machine = started_at(&readiness(probe()), s(0), settings);
    assert_eq!(
        launches(&mut machine, s(25), ms(1)),
        [1_700, 11_700, 21_700]
    );
}

/// One try at a time; a ticker keeps one tick and drops the others.
#[test]
fn a_slow_try_delays_the_next_and_drops_ticks() {
    let often = Probe {
        period: s(1),
        timeout: s(4),
        ..probe()
    };
    let mut machine = started(&readiness(often));
    assert_eq!(
        launches(&mut machine, s(8), ms(2500)),
        [0, 2500, 5000, 7500]
    );
}

/// platform §1: same result as last → run+1, else 1; the state changes only at the threshold; an
/// Unknown leaves the counter as it was.
#[test]
fn thresholds_want_results_in_a_row() {
    let probes = readiness(Probe {
        success_threshold: 2,
        ..probe()
    });
    let mut machine = started(&probes);
    let outcomes = [
        (Tried::Success, None),
        (Tried::Failure, None),
        (Tried::Success, None),
        (Tried::Unknown, None),
        (Tried::Success, Some(true)),
        (Tried::Success, None),
        (Tried::Failure, None),
        (Tried::Failure, None),
        (Tried::Success, None),
        (Tried::Failure, None),
        (Tried::Failure, None),
        (Tried::Failure, Some(false)),
    ];
    for (tick, (tried, expected)) in (0..).zip(outcomes) {
        let attempts = machine.due(s(10 * tick));
        let attempt = attempts.first().expect("a tick has its try");
        let verdict = machine.report(*attempt, s(10 * tick), tried);
        assert_eq!(
            verdict.map(|verdict| verdict.success),
            expected,
            "try {tick}"
        );
    }
}

/// platform §1: while the startup probe has not succeeded, liveness and readiness are not run.
#[test]
fn the_startup_probe_holds_the_others_back() {
    let probes = Probes {
        startup: Some(Probe {
            failure_threshold: 30,
            ..probe()
        }),
        readiness: Some(probe()),
        liveness: Some(probe()),
    };
    let mut machine = started(&probes);
    let mut tries = Vec::new();
    drive(&mut machine, s(30), ms(5), |kind, now| {
        tries.push((now.as_secs(), kind));
        if now < s(20) {
            Tried::Failure
        } else {
            Tried::Success
        }
    });
    use ProbeKind::{Liveness, Readiness, Startup};
    let expected = [
        (0, Startup),
        (10, Startup),
        (20, Startup),
        (30, Readiness),
        (30, Liveness),
    ];
    assert_eq!(tries, expected);
}

/// platform §1: on startup failure the container is killed; the probe's own grace is used.
#[test]
fn a_failed_startup_probe_wants_a_kill_within_its_own_grace() {
    let probes = Probes {
        startup: Some(Probe {
            termination_grace: Some(s(7)),
            ..probe()
        }),
        ..Probes::default()
    };
    let mut machine = started(&probes);
    let verdicts = drive(&mut machine, s(100), ms(5), |_, _| Tried::Failure);
    assert_eq!(verdicts.len(), 1);
    let kill = machine.wants_kill().expect("it has failed three times");
    assert_eq!((kill.kind, kill.grace), (ProbeKind::Startup, s(7)));
    assert_eq!(machine.next_deadline(), None, "on hold");
}

/// platform §1: a liveness failure puts the worker on hold; probing resumes with a new container.
#[test]
fn a_failed_liveness_probe_rests_until_the_container_has_been_restarted() {
    let mut machine = started(&liveness(probe()));
    assert!(machine.is_ready(), "liveness begins as a success");
    drive(&mut machine, s(20), ms(5), |_, _| Tried::Failure);
    let kill = machine.wants_kill();
    assert_eq!(
        kill.map(|kill| (kill.kind, kill.grace)),
        None,
        "the third try is under way"
    );
    let mut machine = started(&liveness(probe()));
    drive(&mut machine, s(21), ms(5), |_, _| Tried::Failure);
    let kill = machine.wants_kill().expect("failed");
    assert_eq!((kill.kind, kill.grace), (ProbeKind::Liveness, POD_GRACE));
    machine.container_ended();
    assert_eq!(machine.wants_kill(), None);
    machine.container_started(s(24));
    assert_eq!(machine.wants_kill(), None);
    assert_eq!(machine.next_deadline(), Some(s(30)), "the ticker went on");
    drive(&mut machine, s(49), ms(5), |_, _| Tried::Failure);
    assert_eq!(machine.wants_kill(), None, "the failures are counted anew");
    drive(&mut machine, s(51), ms(5), |_, _| Tried::Failure);
    assert!(machine.wants_kill().is_some());
}

/// platform §1: on deletion liveness and startup stop as successes, readiness may go on.
#[test]
fn a_deleted_pod_is_asked_for_its_readiness_only() {
    let probes = Probes {
        startup: None,
        readiness: Some(probe()),
        liveness: Some(probe()),
    };
    let mut machine = started(&probes);
    drive(&mut machine, s(21), ms(5), |_, _| Tried::Failure);
    assert!(machine.wants_kill().is_some());
    machine.stop_for_deletion();
    assert_eq!(machine.wants_kill(), None);
    let mut kinds = Vec::new();
    drive(&mut machine, s(45), ms(5), |kind, _| {
        kinds.push(kind);
        Tried::Success
    });
    assert_eq!(kinds, [ProbeKind::Readiness, ProbeKind::Readiness]);
}

/// A try that outlives its container says nothing of the next one.
#[test]
fn a_try_of_an_earlier_container_is_ignored() {
    let mut machine = started(&readiness(probe()));
    let attempt = machine.due(s(0))[0];
    machine.container_ended();
    machine.container_started(ms(500));
    assert_eq!(machine.report(attempt, ms(600), Tried::Success), None);
    assert!(!machine.is_ready());
}

/// platform §1 and §11: eager_readiness.
#[test]
fn an_eager_kubelet_tries_readiness_at_status_syncs_too() {
    let settings = ProbeSettings {
        eager_readiness: true,
        ..ProbeSettings::default()
    };
    let mut machine = started_at(&readiness(probe()), ms(300), settings);
    assert_eq!(
        machine.next_deadline(),
        Some(ms(300)),
        "not only at the tick of 10 s"
    );
    let attempt = machine.due(ms(300))[0];
    machine.status_synced(ms(305));
    assert_eq!(machine.report(attempt, ms(310), Tried::Failure), None);
    assert_eq!(
        machine.due(ms(310)).len(),
        1,
        "the trigger was kept while the try lasted"
    );
    let delayed = readiness(Probe {
        initial_delay: s(5),
        ..probe()
    });
    let mut early = started_at(&delayed, ms(300), settings);
    assert_eq!(
        early.next_deadline(),
        Some(s(10)),
        "a trigger within the delay is lost"
    );
    early.status_synced(s(6));
    assert!(early.next_deadline().is_some_and(|at| at <= s(6)));
    let mut exact = started_at(&readiness(probe()), ms(300), ProbeSettings::default());
    exact.status_synced(ms(305));
    assert_eq!(exact.next_deadline(), Some(s(10)));
}

proptest! {
    /// platform §1, T: period 10, ft 3, timeout 1 → a container that fails from t on is detected
    /// within ((ft−1)·period, ft·period + timeout]: between 20 and 31 s.
    #[test]
    fn detection_time_is_within_its_bounds(fails_from in 1_u64..100_000) {
        let fails_from = ms(fails_from);
        let mut machine = started(&liveness(probe()));
        // A try that is answered takes no time; one that is not takes the timeout.
        let mut detected = None;
        let mut now = Duration::ZERO;
        while detected.is_none() {
            let attempts = machine.due(now);
            let failing = now > fails_from;
            let end = if failing { now + s(1) } else { now };
            let tried = if failing { Tried::Failure } else { Tried::Success };
            for attempt in attempts {
                detected = machine.report(attempt, end, tried).map(|_| end);
            }
            now = machine.next_deadline().unwrap_or(end);
        }
        let took = detected.expect("it was") - fails_from;
        prop_assert!(took > s(20) && took <= s(31), "{took:?}");
    }
}
