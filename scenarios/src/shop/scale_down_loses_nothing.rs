//! Three orders become one under load.
//!
//! Ten orders a second, because Hystrix gives the one that is left ten slots to payment, and a
//! payment takes some 110 ms. At 20 a second the slots turn away 8 orders of 100 000 that come at
//! random (Erlang B: 2.2 erlangs, 10 slots), 3 in 50 runs; at 10 a second 0.2 of a million, one in
//! ten thousand runs. Whoever is turned away then was not lost by the scaling.

use std::time::Duration;

use squall_sim::manifest::{Operation, Patch};

use super::{
    cluster::SYSTEM,
    control_plane::{after, apply, at, between, load, ready, restarts},
    invariants,
    journeys::{FULL_SHELVES, ORDINARY, customers},
    promises::{all_accepted, all_complete, all_ok, converges, up},
};
use crate::{scenario::Scenario, system::Cluster};

const THREE: &[Operation] = &[Operation::add("/spec/replicas", "3")];
const ONE: &[Operation] = &[Operation::replace("/spec/replicas", "1")];
const TWO: &[Operation] = &[Operation::add("/spec/replicas", "2")];

/// When it is scaled.
const SCALED_S: u64 = 20;

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/scale-down-loses-nothing",
        claim: "Order is scaled from three pods to one under load: those that go finish what they \
                have, no request fails and no command is lost.",
        cluster: Cluster::new(
            &SYSTEM,
            [
                Patch::edit("Deployment/order", THREE),
                Patch::edit("Deployment/pay", TWO),
            ],
        ),
        loads: vec![FULL_SHELVES, customers(ORDINARY, 10.0, 50)],
        faults: vec![at(SCALED_S, apply(Patch::edit("Deployment/order", ONE)))],
        safety: Duration::from_secs(60),
        settle: Duration::from_secs(60),
        sla: vec![
            ready("order", between(0, SCALED_S), 3..=3),
            ready("order", after(0, 1), 1..=1),
            restarts("order", load(), 0..=0),
            all_accepted(),
            all_ok("DELETE", "/orders/{order}"),
            up("order:8080", 99.999),
            all_complete(400),
            converges(20),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}
