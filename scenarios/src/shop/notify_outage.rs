//! Notification is not payment: ordering never waits for it.
//!
//! Documented: notification stopped, orders placed, started; every message follows, once.

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
        name: "shop/notify-outage",
        claim: "With notification down every order is accepted at once; after its start exactly \
                one message follows for every event.",
        cluster: doubled(),
        loads: vec![FULL_SHELVES, customers(ORDINARY, 4.0, 40)],
        faults: vec![Kind::stop("notice").at_ms(5_000).for_ms(30_000)],
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
