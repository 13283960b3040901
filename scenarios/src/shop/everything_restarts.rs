//! No pod, database or broker is spared, and some machines lose their power.

use std::time::Duration;

use squall_chaos::fault::{Fault, Kind, Start};

use super::{
    cluster::CLUSTER,
    invariants,
    journeys::{FULL_SHELVES, ORDINARY, customers},
    promises::{accepted_after, at_least_accepted, converges},
};
use crate::scenario::Scenario;

fn at(start_s: u64, length_s: u64, kind: Kind) -> Fault {
    Fault {
        kind,
        start: Start::AtMs(start_s * 1_000),
        length_ms: Some(length_s * 1_000),
    }
}

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/everything-restarts",
        claim: "Whatever dies, one after the other, under load: no acknowledged order is lost, none is \
                charged twice, and the shop recovers.",
        cluster: CLUSTER,
        loads: vec![FULL_SHELVES, customers(ORDINARY, 4.0, 100)],
        faults: vec![
            at(
                5,
                5,
                Kind::Kill {
                    target: "order-1".into(),
                },
            ),
            at(
                12,
                5,
                Kind::Kill {
                    target: "pay".into(),
                },
            ),
            at(
                22,
                5,
                Kind::PowerLoss {
                    target: "product-1".into(),
                },
            ),
            at(
                30,
                5,
                Kind::StoreOutage {
                    service: "order".into(),
                },
            ),
            at(
                40,
                5,
                Kind::StoreOutage {
                    service: "pay".into(),
                },
            ),
            at(
                48,
                5,
                Kind::StoreOutage {
                    service: "product".into(),
                },
            ),
            at(55, 5, Kind::BrokerOutage),
            at(
                62,
                5,
                Kind::Stop {
                    deployment: "notice".into(),
                },
            ),
            at(
                65,
                5,
                Kind::PowerLoss {
                    target: "customercenter".into(),
                },
            ),
            at(
                72,
                5,
                Kind::Kill {
                    target: "gateway".into(),
                },
            ),
            at(
                80,
                5,
                Kind::PowerLoss {
                    target: "order-2".into(),
                },
            ),
        ],
        safety: Duration::from_secs(120),
        settle: Duration::from_secs(90),
        sla: vec![
            at_least_accepted(60.0),
            accepted_after(10, 12, 100.0),
            converges(60),
        ],
        invariants: invariants::all(),
    }
}
