//! Product decides: until the delivery is completed it can be cancelled, and not a moment later.

use std::time::Duration;

use squall_sim::load::Share;

use super::{
    cluster::CLUSTER,
    invariants,
    journeys::{CANCEL_RACES_COMPLETION, COMPLETION_RACES_CANCEL, FULL_SHELVES, customers},
    promises::{all_accepted, all_complete, converges, happens},
};
use crate::scenario::Scenario;

const MIX: &[Share] = &[
    Share {
        weight: 1,
        journey: CANCEL_RACES_COMPLETION,
    },
    Share {
        weight: 1,
        journey: COMPLETION_RACES_CANCEL,
    },
];

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/cancel-races-completion",
        claim: "When a cancellation meets a completion one of them wins: nothing is ever both \
                delivered and refunded.",
        cluster: CLUSTER,
        loads: vec![FULL_SHELVES, customers(MIX, 5.0, 30)],
        faults: vec![],
        safety: Duration::from_secs(45),
        settle: Duration::from_secs(60),
        sla: vec![
            all_accepted(),
            all_complete(100),
            happens("CancelAccepted"),
            happens("CancelRefused"),
            converges(5),
        ],
        invariants: invariants::all(),
    }
}
