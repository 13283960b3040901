//! Payment is a synchronous part of every order: without it nothing may be ordered.
//!
//! Documented: payment stopped, orders tried, payment started, orders tried.

use std::time::Duration;

use squall_chaos::fault::Kind;

use super::{
    cluster::doubled,
    invariants,
    journeys::{FULL_SHELVES, ORDERS, customers},
    promises::{
        accepted_after, breaker_cycles, converges, none_accepted_during, refused_during, up,
    },
};
use crate::scenario::Scenario;

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/pay-outage",
        claim: "While payment is down every order is refused with the fallback and none is stored; \
                afterwards orders are accepted again.",
        cluster: doubled(),
        loads: vec![FULL_SHELVES, customers(ORDERS, 5.0, 95)],
        faults: vec![Kind::stop("pay").at_ms(15_000).for_ms(20_000)],
        safety: Duration::from_secs(100),
        settle: Duration::from_secs(60),
        sla: vec![
            // Payment's preStop hook keeps it for 5 s; what is under way then is still paid for.
            none_accepted_during(0, 7),
            refused_during(0, 7),
            // Pods start in up to 4 s, are not probed for 10 s, then every 5 s, and every proxy
            // knows of them after 2 s more; a half-open call that just missed them ends 1 s later,
            // and the next one comes with the first order after 5 s more.
            accepted_after(0, 27, 100.0),
            breaker_cycles(),
            up("order:8080", 99.999),
            converges(20),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}
