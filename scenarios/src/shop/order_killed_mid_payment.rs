//! The front dies at the worst moments: the payment is asked for, or already made.

use std::time::Duration;

use squall_chaos::fault::{Fault, Kind, Moment, Start, Text};

use super::{
    cluster::doubled,
    invariants,
    journeys::{FULL_SHELVES, ORDINARY, customers},
    promises::{all_complete, at_least_accepted, converges, payments_abandoned},
};
use crate::scenario::Scenario;

fn killed_at(pod: &'static str, place: &'static str, occurrence: u32) -> Fault {
    let moment = Moment::Hint {
        host: Text::Borrowed(pod),
        name: Text::Borrowed(place),
    };
    Fault {
        kind: Kind::Kill { target: pod.into() },
        start: Start::At(moment, occurrence),
        length_ms: None,
    }
}

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/order-killed-mid-payment",
        claim: "An order whose front dies between payment and commit is either accepted and paid \
                for, or refused and given back.",
        cluster: doubled(),
        loads: vec![FULL_SHELVES, customers(ORDINARY, 6.0, 110)],
        faults: vec![
            killed_at("order-1", "order: between payment and commit", 12),
            killed_at("order-2", "order: pending committed", 220),
            killed_at("order", "order: between payment and commit", 420),
        ],
        safety: Duration::from_secs(140),
        settle: Duration::from_secs(60),
        sla: vec![
            // An order takes some 22 s to start: for that long both are away after the last kill.
            at_least_accepted(70.0),
            payments_abandoned(),
            all_complete(150),
            converges(20),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}
