//! The broker is no part of ordering.

use std::time::Duration;

use squall_chaos::fault::{Fault, Kind, Start};

use super::{
    cluster::doubled,
    invariants,
    journeys::{FULL_SHELVES, ORDINARY, customers},
    promises::{all_accepted, all_complete, converges, up},
};
use crate::scenario::Scenario;

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/broker-outage",
        claim: "Without the broker orders are accepted all the same; after its return every event \
                takes effect once, though many are delivered twice.",
        cluster: doubled(),
        loads: vec![FULL_SHELVES, customers(ORDINARY, 4.0, 40)],
        faults: vec![
            Fault {
                kind: Kind::BrokerOutage,
                start: Start::AtMs(10_000),
                length_ms: Some(15_000),
            },
            Fault {
                kind: Kind::DuplicateDeliveries { probability: 0.3 },
                start: Start::AtMs(2_000),
                length_ms: None,
            },
        ],
        safety: Duration::from_secs(60),
        settle: Duration::from_secs(60),
        sla: vec![
            all_accepted(),
            all_complete(60),
            up("order:8080", 99.999),
            converges(20),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}
