//! Order is redeployed without a readiness probe.
//!
//! A container without one counts as ready as soon as it runs. So the old pod goes before the new
//! one listens, and everybody is refused for as long as order takes to start.
//!
//! Over seeds 1 to 200: availability 64.56 % (the central 90 %: 57.1 to 71.3), 41.8 failed (32 to
//! 52) of 117.9 tries (101 to 135). The document's run lies inside each.

use std::time::Duration;

use squall_reports::{
    documented::{
        Documented,
        Figure::{AvailabilityPercent, ElapsedS, Failed, Hits, Tries},
    },
    history::PodPhase,
    sla::{Mark, Outage, RolloutCompletes},
};

use super::{
    cluster::without_readiness,
    sieges::{DELAYED, listings, no_invariants, redeploy},
};
use crate::scenario::Scenario;

/// The latest that a new pod of order listens (model.yaml: `startup_ms`), and a request's way.
const STARTED: Duration = Duration::from_millis(23_500);

/// The scenario.
pub(super) fn scenario() -> Scenario {
    let starting = |after| Mark::Pod {
        deployment: "order".into(),
        phase: PodPhase::Starting,
        after,
    };
    Scenario {
        name: "shop/redeploy-unready",
        claim: "Without a readiness probe a redeploy of order interrupts it: requests are refused \
                while the new pod starts, and at no other time.",
        cluster: without_readiness(),
        loads: vec![DELAYED],
        faults: vec![redeploy()],
        safety: Duration::from_secs(60),
        settle: Duration::from_secs(60),
        sla: vec![
            Box::new(Outage {
                requests: listings(),
                from: starting(Duration::ZERO),
                to: starting(STARTED),
                at_least: 10,
            }),
            Box::new(RolloutCompletes {
                deployment: "order".into(),
                within: Duration::from_secs(40),
            }),
        ],
        invariants: no_invariants(),
        documented: Some(Documented {
            source: "shop: siege -c1 -t60S --delay=1S GET /orders, order redeployed without a \
                     readiness probe",
            users: 1,
            figures: vec![
                (Tries, 119.0),
                (Hits, 77.0),
                (AvailabilityPercent, 64.71),
                (ElapsedS, 59.46),
                (Failed, 42.0),
            ],
            note: "When in the minute order was redeployed is not documented; it does not matter.",
        }),
    }
}
