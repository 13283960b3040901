//! Everything is a little wrong at once: slow and lossy links, slow pods, wrong clocks,
//! repetitions.

use std::time::Duration;

use squall_chaos::fault::{Fault, Kind, Start};

use super::{
    cluster::doubled,
    invariants,
    journeys::{FULL_SHELVES, ORDINARY, customers},
    promises::{all_complete, at_least_accepted, converges},
};
use crate::scenario::Scenario;

fn all_day(kind: Kind) -> Fault {
    Fault {
        kind,
        start: Start::AtMs(2_000),
        length_ms: None,
    }
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
            all_day(Kind::SlowLink {
                from: "order".into(),
                to: "order-store".into(),
                delay_ms: (0, 20),
            }),
            all_day(Kind::LossyLink {
                from: "gateway".into(),
                to: "order".into(),
                probability: 0.02,
            }),
            all_day(Kind::LossyLink {
                from: "product".into(),
                to: "broker".into(),
                probability: 0.05,
            }),
            all_day(Kind::SlowPod {
                target: "pay".into(),
                factor: 3.0,
            }),
            all_day(Kind::ClockSkew {
                target: "order-1".into(),
                skew_ms: -600_000,
            }),
            all_day(Kind::ClockSkew {
                target: "order-2".into(),
                skew_ms: 3_600_000,
            }),
            all_day(Kind::DuplicateDeliveries { probability: 0.2 }),
        ],
        safety: Duration::from_secs(60),
        settle: Duration::from_secs(60),
        sla: vec![at_least_accepted(97.0), all_complete(80), converges(20)],
        invariants: invariants::all(),
        documented: None,
    }
}
