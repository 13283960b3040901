//! The outbox keeps what cannot be published.

use std::time::Duration;

use squall_chaos::fault::Kind;

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
        name: "shop/order-broker-partition",
        claim: "Cut off from the broker, orders are accepted all the same; once healed every event \
                follows, in order, once.",
        cluster: doubled(),
        loads: vec![FULL_SHELVES, customers(ORDINARY, 4.0, 40)],
        faults: vec![
            Kind::partition("order", "broker")
                .at_ms(8_000)
                .for_ms(20_000),
        ],
        safety: Duration::from_secs(60),
        settle: Duration::from_secs(60),
        sla: vec![
            all_accepted(),
            all_complete(60),
            up("order:8080", 99.999),
            converges(30),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}
