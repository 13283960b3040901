//! Ten times as many customers as on an ordinary day, for half a minute.
//!
//! Hystrix gives the one order pod ten slots to payment. At 100 ms a payment they serve about 100
//! orders a second; 250 come, so that more than half are rejected and the breaker opens.

use std::time::Duration;

use super::{
    cluster::one_order,
    invariants,
    journeys::{FULL_SHELVES, ORDERS, burst, customers},
    promises::{
        accepted_between, breaker_cycles, converges, refused_with_fallback, up, waits_at_most,
    },
};
use crate::scenario::Scenario;

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/burst",
        claim: "Ten times the load for 30 s: the breaker opens, protects payment, half-opens and \
                closes; users are turned away quickly with the fallback; nothing is lost.",
        cluster: one_order(),
        loads: vec![
            FULL_SHELVES,
            customers(ORDERS, 25.0, 80),
            burst(ORDERS, 225.0, 20, 30),
        ],
        faults: vec![],
        safety: Duration::from_secs(85),
        settle: Duration::from_secs(60),
        sla: vec![
            breaker_cycles(),
            refused_with_fallback(20, 50),
            // Ten slots reject one in some thousand of 25 orders a second that come at random
            // (Erlang B), also on an ordinary day.
            accepted_between(60, 80, 99.0),
            waits_at_most(99.0, 2_000),
            up("order:8080", 99.999),
            up("pay:8080", 99.999),
            converges(30),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}
