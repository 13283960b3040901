//! An order is cancelled before its delivery starts, and while it is on its way.

use std::time::Duration;

use squall_sim::load::Share;

use super::{
    cluster::doubled,
    invariants,
    journeys::{CANCEL_ON_THE_WAY, FULL_SHELVES, ORDER_AND_CANCEL, customers},
    promises::{all_accepted, all_complete, all_ok, converges},
};
use crate::scenario::Scenario;

const MIX: &[Share] = &[
    Share {
        weight: 2,
        journey: ORDER_AND_CANCEL,
    },
    Share {
        weight: 1,
        journey: CANCEL_ON_THE_WAY,
    },
];

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/cancel-saga",
        claim: "A cancelled order ends cancelled everywhere: payment given back, delivery stopped, \
                stock released, page and message true.",
        cluster: doubled(),
        loads: vec![FULL_SHELVES, customers(MIX, 4.0, 30)],
        faults: vec![],
        safety: Duration::from_secs(45),
        settle: Duration::from_secs(60),
        sla: vec![
            all_accepted(),
            all_ok("DELETE", "/orders/{order}"),
            all_complete(60),
            converges(5),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}
