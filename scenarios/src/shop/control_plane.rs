//! Promises about pods, rollouts and sidecars in few words, and the faults that bring them about.

use std::{ops::RangeInclusive, time::Duration};

use squall_chaos::fault::{Fault, Kind, Start};
use squall_reports::{
    history::RolloutState,
    occurrence::Occurrence,
    sla::{BackOff, Occurrences, PodsReady, Reaction, Rollouts, Sla},
    window::Window,
};
use squall_sim::manifest::Patch;

type Promise = Box<dyn Sla>;

/// As often as it likes, but at least so often.
pub(super) const fn at_least(times: usize) -> RangeInclusive<usize> {
    times..=usize::MAX
}

/// The phase in which users come and faults act. Its end starts what waits to be started.
pub(super) fn load() -> Window {
    Window::Phase("load".into())
}

/// While a fault acts, the first seconds apart.
pub(super) fn during(fault: usize, skip_s: u64) -> Window {
    let skip = Duration::from_secs(skip_s);
    Window::During { fault, skip }
}

/// From so many seconds after a fault's end on.
pub(super) fn after(fault: usize, skip_s: u64) -> Window {
    let skip = Duration::from_secs(skip_s);
    Window::After { fault, skip }
}

/// Between two seconds of the run.
pub(super) fn between(from_s: u64, to_s: u64) -> Window {
    let [from, to] = [from_s, to_s].map(Duration::from_secs);
    Window::Between { from, to }
}

/// It happens so often.
pub(super) fn occurs(
    occurrence: Occurrence,
    window: Window,
    times: RangeInclusive<usize>,
) -> Promise {
    Box::new(Occurrences {
        occurrence,
        window,
        times,
    })
}

/// It happens for the first time so many seconds after a fault began.
pub(super) fn follows(
    fault: usize,
    occurrence: Occurrence,
    within_s: RangeInclusive<u64>,
) -> Promise {
    let [least, most] = [*within_s.start(), *within_s.end()].map(Duration::from_secs);
    Box::new(Reaction {
        fault,
        occurrence,
        within: least..=most,
    })
}

/// RESTARTS of a deployment's pods.
pub(super) fn restarts(of: &str, window: Window, times: RangeInclusive<usize>) -> Promise {
    occurs(Occurrence::Restarted { of: of.into() }, window, times)
}

/// Containers wait for their restarts as CrashLoopBackOff says.
pub(super) fn backs_off(of: &str, at_least: usize) -> Promise {
    Box::new(BackOff {
        of: of.into(),
        window: load(),
        at_least,
    })
}

/// So many pods are ready at any time.
pub(super) fn ready(of: &str, window: Window, count: RangeInclusive<usize>) -> Promise {
    Box::new(PodsReady {
        of: of.into(),
        window,
        count,
    })
}

/// A deployment's revisions and their states.
pub(super) fn rollouts(of: &str, expected: &[(u64, RolloutState)]) -> Promise {
    Box::new(Rollouts {
        of: of.into(),
        expected: expected.to_vec(),
    })
}

/// Something that is over at once.
pub(super) fn at(start_s: u64, kind: Kind) -> Fault {
    Fault {
        kind,
        start: Start::AtMs(start_s * 1_000),
        length_ms: None,
    }
}

/// Something that lasts.
pub(super) fn lasting(start_s: u64, length_s: u64, kind: Kind) -> Fault {
    Fault {
        length_ms: Some(length_s * 1_000),
        ..at(start_s, kind)
    }
}

/// `kubectl apply` of one change.
pub(super) fn apply(patch: Patch) -> Kind {
    let patches = vec![patch];
    Kind::Apply { patches }
}

/// `kubectl rollout undo`.
pub(super) fn undo(deployment: &'static str) -> Kind {
    let deployment = deployment.into();
    Kind::RolloutUndo { deployment }
}
