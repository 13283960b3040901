//! The page is a read model: it is asked for often, and asks nobody.

use std::time::Duration;

use squall_chaos::fault::Kind;
use squall_sim::load::Share;

use super::{
    cluster::doubled,
    invariants,
    journeys::{BROWSE, FULL_SHELVES, ORDER_AND_CANCEL, ORDER_AND_DELIVER, customers},
    promises::{all_complete, converges, ok_during},
};
use crate::scenario::Scenario;

const MIX: &[Share] = &[
    Share {
        weight: 2,
        journey: ORDER_AND_DELIVER,
    },
    Share {
        weight: 3,
        journey: BROWSE,
    },
    Share {
        weight: 1,
        journey: ORDER_AND_CANCEL,
    },
];

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/cqrs",
        claim: "The customer page answers with each order's latest state while it can reach \
                neither the order service nor its database.",
        cluster: doubled(),
        // Order takes 22 s to start: who waits for it has time to see it again.
        loads: vec![FULL_SHELVES, customers(MIX, 6.0, 70)],
        faults: vec![Kind::stop("order").at_ms(20_000).for_ms(10_000)],
        safety: Duration::from_secs(85),
        settle: Duration::from_secs(60),
        sla: vec![
            ok_during(0, "GET", "/myPages?size=5", 100.0),
            all_complete(80),
            converges(20),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}
