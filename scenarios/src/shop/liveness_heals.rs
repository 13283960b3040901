//! A deadlock, and a liveness probe that notices it.
//!
//! The probe is the one of the other systems' documents: after 120 s, every 5 s, each try for 2 s,
//! 5 failures. What hangs in it keeps the container from ending at once when it is asked to; it has
//! the pod's grace of 30 s for that.

use std::time::Duration;

use squall_chaos::fault::Kind;
use squall_reports::{occurrence::Occurrence, sla::Sla};

use super::{
    cluster::documented,
    control_plane::{at, follows, load, restarts},
    invariants,
    journeys::{FULL_SHELVES, ORDERS, customers},
    promises::{accepted_between, converges, none_accepted_between},
};
use crate::{scenario::Scenario, system::Cluster};

/// When it deadlocks: the probe, which waits for 120 s, is at work.
const HANG_S: u64 = 130;
/// How long customers come.
const CUSTOMERS_S: u64 = 250;

/// The scenario.
pub(super) fn scenario() -> Scenario {
    let failed = Occurrence::ProbeFailed {
        of: "order".into(),
        probe: "liveness".into(),
    };
    let restarted = Occurrence::Restarted { of: "order".into() };
    let sla = vec![
        // Kubernetes: ((failureThreshold - 1) * period, failureThreshold * period + timeout].
        follows(0, failed, 20..=27),
        // After preStop's 5 s, and within the grace, it ends; then it is started at once.
        follows(0, restarted, 25..=57),
        restarts("order", load(), 1..=1),
        none_accepted_between(HANG_S + 1, HANG_S + 50),
        // It takes up to 23.4 s to start, is probed within 5 s, and known to all 2 s later.
        accepted_between(HANG_S + 57 + 31, CUSTOMERS_S, 100.0),
        converges(60),
    ];
    hung(
        "shop/liveness-heals",
        "The one order deadlocks: its liveness probe notices within the documented bound, it is \
         started again, and orders are accepted as before.",
        documented(),
        sla,
    )
}

/// The same for both halves: the one order deadlocks and nobody does anything about it.
pub(super) fn hung(
    name: &'static str,
    claim: &'static str,
    cluster: Cluster,
    sla: Vec<Box<dyn Sla>>,
) -> Scenario {
    let target = "order".into();
    Scenario {
        name,
        claim,
        cluster,
        loads: vec![FULL_SHELVES, customers(ORDERS, 2.0, CUSTOMERS_S)],
        faults: vec![at(HANG_S, Kind::Hang { target })],
        safety: Duration::from_secs(CUSTOMERS_S + 10),
        settle: Duration::from_secs(120),
        sla,
        invariants: invariants::all(),
        documented: None,
    }
}

/// No order is accepted from the deadlock on until customers stop coming.
pub(super) fn never_again() -> Box<dyn Sla> {
    none_accepted_between(HANG_S + 1, CUSTOMERS_S)
}
