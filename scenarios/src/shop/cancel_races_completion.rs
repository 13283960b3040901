//! Product decides: until the delivery is completed it can be cancelled, and not a moment later.

use std::time::Duration;

use squall_chaos::fault::{Fault, Kind, Start};
use squall_sim::load::Share;

use super::{
    cluster::doubled,
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
        cluster: doubled(),
        loads: vec![FULL_SHELVES, customers(MIX, 5.0, 30)],
        // For half the time order hears late of what product did: cancellations that come too late
        // are as frequent as those in time.
        faults: vec![Fault {
            kind: Kind::SlowLink {
                from: "order".into(),
                to: "broker".into(),
                delay_ms: (50, 150),
            },
            start: Start::AtMs(16_000),
            length_ms: Some(15_000),
        }],
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
        documented: None,
    }
}
