//! A liveness probe that asks where nobody is.
//!
//! Documented (procurement): on a wrong path and port RESTARTS keeps rising, on the right ones it
//! stays 0. The document's wrong probe waits for 30 s, its right one for 120 s; here both wait for
//! 30 s, which is longer than an order takes to start, so that path and port are all that differs.

use std::time::Duration;

use squall_reports::sla::Sla;
use squall_sim::manifest::{Operation, Patch};

use super::{
    cluster::SYSTEM,
    control_plane::{at_least, backs_off, load, restarts},
    invariants,
    journeys::{FULL_SHELVES, ORDERS, customers},
    promises::converges,
};
use crate::{scenario::Scenario, system::Cluster};

/// How long customers come. Every round takes 55 s and the back-off: starts at about 28, 93, 168
/// and 263 s of the run.
const CUSTOMERS_S: u64 = 310;

const WRONG: &[Operation] = &[Operation::replace(
    "/spec/template/spec/containers/0/livenessProbe",
    r#"{"httpGet":{"path":"/actuator/healthy","port":8090},"initialDelaySeconds":30,
        "timeoutSeconds":2,"periodSeconds":5,"failureThreshold":5}"#,
)];

/// The scenario.
pub(super) fn scenario() -> Scenario {
    probed(
        "shop/liveness-wrong-path",
        "Order is well, and its liveness probe asks on a wrong path and port: RESTARTS keeps \
         rising, after 0, 10, 20, 40 s of back-off.",
        WRONG,
        vec![
            restarts("order", load(), at_least(4)),
            backs_off("order", 4),
            converges(60),
        ],
    )
}

/// The same for both halves.
pub(super) fn probed(
    name: &'static str,
    claim: &'static str,
    probe: &'static [Operation],
    sla: Vec<Box<dyn Sla>>,
) -> Scenario {
    Scenario {
        name,
        claim,
        cluster: Cluster::new(&SYSTEM, [Patch::edit("Deployment/order", probe)]),
        loads: vec![FULL_SHELVES, customers(ORDERS, 1.0, CUSTOMERS_S)],
        faults: vec![],
        safety: Duration::from_secs(CUSTOMERS_S + 10),
        settle: Duration::from_secs(120),
        sla,
        invariants: invariants::all(),
        documented: None,
    }
}
