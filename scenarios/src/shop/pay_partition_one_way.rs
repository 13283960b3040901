//! The worst network: what is asked arrives, what is answered does not.

use std::time::Duration;

use squall_chaos::fault::Kind;

use super::{
    cluster::doubled,
    invariants,
    journeys::{FULL_SHELVES, ORDERS, customers},
    promises::{
        accepted_after, breaker_cycles, converges, none_accepted_between, payments_abandoned,
    },
};
use crate::scenario::Scenario;

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/pay-partition-one-way",
        claim: "Payments whose answers never arrive are given back: nobody is charged for an order \
                that was refused.",
        cluster: doubled(),
        loads: vec![FULL_SHELVES, customers(ORDERS, 5.0, 70)],
        faults: vec![
            Kind::partition_one_way("pay", "order")
                .at_ms(15_000)
                .for_ms(20_000),
        ],
        safety: Duration::from_secs(80),
        settle: Duration::from_secs(60),
        sla: vec![
            // Until shortly before the heal: what waits then is answered.
            none_accepted_between(15, 33),
            payments_abandoned(),
            // Hystrix counts the failures of the last 10 s: a breaker that had too few calls to
            // open (20) may still do so that long after the heal. It tries again after 5 s, with
            // the next order.
            accepted_after(0, 17, 100.0),
            breaker_cycles(),
            converges(20),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}
