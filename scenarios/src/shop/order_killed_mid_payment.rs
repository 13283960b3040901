//! The front dies at the worst moments: the payment is asked for, or already made.

use std::time::Duration;

use squall_chaos::fault::{Fault, Kind, Moment};

use super::{
    cluster::doubled,
    invariants,
    journeys::{FULL_SHELVES, ORDINARY, customers},
    promises::{all_complete, at_least_accepted, converges, payments_abandoned},
};
use crate::scenario::Scenario;

fn killed_at(pod: &'static str, place: &'static str, occurrence: u32) -> Fault {
    Kind::kill(pod).at(Moment::hint(pod, place), occurrence)
}

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/order-killed-mid-payment",
        claim: "An order whose front dies between payment and commit is either accepted and paid \
                for, or refused and given back.",
        cluster: doubled(),
        loads: vec![FULL_SHELVES, customers(ORDINARY, 6.0, 150)],
        faults: vec![
            killed_at("order-1", "order: between payment and commit", 12),
            killed_at("order-2", "order: pending committed", 220),
            killed_at("order", "order: between payment and commit", 420),
        ],
        safety: Duration::from_secs(180),
        settle: Duration::from_secs(60),
        sla: vec![
            // After the last kill, which is the second for both, both wait for 10 s (their
            // back-off), start for some 22 s, are found ready 25 s after their start, and are known
            // 2 s later. And where the gateway's kept connections lead to one order, the other one
            // is killed only once it serves alone: then both are away after the second kill, too.
            // So nobody is served for up to 37 + 27 s of the 150.
            at_least_accepted(50.0),
            payments_abandoned(),
            all_complete(150),
            converges(20),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}
