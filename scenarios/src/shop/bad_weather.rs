//! Everything is a little wrong at once: slow and lossy links, slow pods, wrong clocks,
//! repetitions.

use std::time::Duration;

use squall_chaos::fault::{Fault, Kind};

use super::{
    cluster::doubled,
    invariants,
    journeys::{FULL_SHELVES, ORDINARY, customers},
    promises::{all_complete, at_least_accepted, converges},
};
use crate::scenario::Scenario;

fn all_day(kind: Kind) -> Fault {
    kind.at_ms(2_000)
}

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/bad-weather",
        claim: "Slow links, lost packets, slow pods, skewed clocks and repeated deliveries delay \
                orders, and break none.",
        cluster: doubled(),
        loads: vec![FULL_SHELVES, customers(ORDINARY, 4.0, 40)],
        faults: vec![
            all_day(Kind::slow_link("order", "order-store", (0, 20))),
            all_day(Kind::lossy_link("gateway", "order", 0.02)),
            all_day(Kind::lossy_link("product", "broker", 0.05)),
            all_day(Kind::slow_pod("pay", 3.0)),
            all_day(Kind::clock_skew("order-1", -600_000)),
            all_day(Kind::clock_skew("order-2", 3_600_000)),
            all_day(Kind::DuplicateDeliveries { probability: 0.2 }),
        ],
        safety: Duration::from_secs(60),
        settle: Duration::from_secs(60),
        sla: vec![at_least_accepted(97.0), all_complete(80), converges(20)],
        invariants: invariants::all(),
        documented: None,
    }
}
