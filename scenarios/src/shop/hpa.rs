//! Twenty users that never wait, and an autoscaler.
//!
//! They keep the one pod of order fully busy. The autoscaler learns of it some 20 s later, and the
//! new pods take 25 s to be ready, so that the load is over before they help much. What it shows is
//! that order is scaled, serves everybody meanwhile, and is scaled back when the stabilisation
//! window is over.
//!
//! Over seeds 1 to 189: 100 %, 321 hits/s (the central 90 %: 314 to 357), response 0.062 s,
//! concurrency 19.98. The document's 18.72 and its longest time of 0.79 s have the network and the
//! start of its users in them, of which it says nothing.

use std::time::Duration;

use squall_reports::{
    documented::{
        Documented,
        Figure::{
            AvailabilityPercent, Concurrency, ElapsedS, Hits, LongestS, RatePerS, ResponseS,
            Successful,
        },
    },
    sla::{Availability, Good, Scales, ScalesDownLate, Sla},
    window::Window,
};

use super::{
    cluster::autoscaled,
    sieges::{UNDELAYED, listings, no_invariants},
};
use crate::scenario::Scenario;

/// The load, the stabilisation window of 300 s, and what the metrics and the autoscaler need.
pub(super) const SAFETY: Duration = Duration::from_secs(420);

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/hpa",
        claim: "Under load order is scaled to three pods, serves everybody, and is scaled back \
                when the load has been gone for 300 s.",
        cluster: autoscaled(),
        loads: vec![UNDELAYED],
        faults: vec![],
        safety: SAFETY,
        settle: Duration::from_secs(60),
        sla: vec![
            served(),
            Box::new(Scales {
                deployment: "order".into(),
                to: 3,
                back_to: 1,
            }),
            Box::new(ScalesDownLate {
                deployment: "order".into(),
                target_percent: 50,
                window: Duration::from_secs(300),
            }),
        ],
        invariants: no_invariants(),
        documented: Some(Documented {
            source: "shop: siege -c20 -t40S GET /orders, autoscale order --cpu-percent=50 --min=1 \
                     --max=3",
            users: 20,
            figures: vec![
                (Hits, 12_509.0),
                (AvailabilityPercent, 100.0),
                (ElapsedS, 39.65),
                (ResponseS, 0.06),
                (RatePerS, 315.49),
                (Concurrency, 18.72),
                (Successful, 12_515.0),
                (LongestS, 0.79),
            ],
            note: "The document's section precedes its readiness probe; here the probe is on.",
        }),
    }
}

/// Everybody is served.
pub(super) fn served() -> Box<dyn Sla> {
    Box::new(Availability {
        requests: listings(),
        window: Window::Run,
        good: Good::Ok,
        at_least_percent: 100.0,
    })
}
