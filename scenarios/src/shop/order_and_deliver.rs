//! The ordinary day: nothing is injected, nothing goes wrong.

use std::time::Duration;

use super::{
    cluster::doubled,
    invariants,
    journeys::{FULL_SHELVES, ORDINARY, customers},
    promises::{all_accepted, all_complete, converges, up, waits_at_most},
};
use crate::scenario::Scenario;

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/order-and-deliver",
        claim: "In calm weather every order is accepted, delivered or cancelled as asked, and \
                nobody waits long.",
        cluster: doubled(),
        loads: vec![FULL_SHELVES, customers(ORDINARY, 5.0, 40)],
        faults: vec![],
        safety: Duration::from_secs(60),
        settle: Duration::from_secs(60),
        sla: vec![
            all_accepted(),
            all_complete(100),
            waits_at_most(99.0, 1_000),
            converges(5),
            up("order:8080", 99.999),
            up("pay:8080", 99.999),
            up("product:8080", 99.999),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}
