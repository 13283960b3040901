//! More is ordered than there is: who comes first is served first, the rest waits for new stock.

use std::time::Duration;

use squall_sim::load::Share;

use super::{
    cluster::doubled,
    invariants,
    journeys::{ORDER_AND_CANCEL, ORDER_AND_DELIVER, TEN_THEN_MORE, customers},
    promises::{all_accepted, all_complete, backorders, converges},
};
use crate::scenario::Scenario;

const MIX: &[Share] = &[
    Share {
        weight: 1,
        journey: ORDER_AND_DELIVER,
    },
    Share {
        weight: 1,
        journey: ORDER_AND_CANCEL,
    },
];

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/stock",
        claim: "Orders beyond the stock are accepted and wait; new stock serves them in their \
                order; stock falls by what is delivered and never below zero.",
        cluster: doubled(),
        loads: vec![TEN_THEN_MORE, customers(MIX, 3.0, 30)],
        faults: vec![],
        safety: Duration::from_secs(60),
        settle: Duration::from_secs(60),
        sla: vec![all_accepted(), backorders(), all_complete(60), converges(5)],
        invariants: invariants::all(),
        documented: None,
    }
}
