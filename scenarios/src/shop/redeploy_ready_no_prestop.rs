//! Order is redeployed with its readiness probe, and its pods end as soon as they are told to.
//!
//! That is the document's own setting, and its 100 % was luck: a pod that is deleted gets SIGTERM
//! at once and stops listening, while the proxies go on to send to it until they have heard of it
//! (platform: the SIGTERM race). How many requests fall into that gap is chance. So nothing better
//! can be promised than that no other request fails.
//!
//! Over seeds 1 to 200: 2.8 requests fail, at most 10; 11 runs have the luck of the document.

use std::time::Duration;

use squall_reports::{
    documented::Documented,
    history::PodPhase,
    sla::{Mark, Outage, RolloutCompletes},
};

use super::{
    cluster::without_pre_stop,
    redeploy_ready::FIGURES,
    sieges::{DELAYED, listings, no_invariants, redeploy},
};
use crate::scenario::Scenario;

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/redeploy-ready-no-prestop",
        claim: "Without a preStop hook requests fail between the end of the old pod of order and \
                the last proxy's knowledge of it, and at no other time.",
        cluster: without_pre_stop(),
        loads: vec![DELAYED],
        faults: vec![redeploy()],
        safety: Duration::from_secs(60),
        settle: Duration::from_secs(60),
        sla: vec![
            Box::new(Outage {
                requests: listings(),
                from: Mark::Pod {
                    deployment: "order".into(),
                    phase: PodPhase::Draining,
                    after: Duration::ZERO,
                },
                to: Mark::LastEndpoint {
                    service: "order".into(),
                },
                at_least: 0,
            }),
            Box::new(RolloutCompletes {
                deployment: "order".into(),
                within: Duration::from_secs(40),
            }),
        ],
        invariants: no_invariants(),
        documented: Some(Documented {
            source: "shop: siege -c1 -t60S --delay=1S GET /orders, order redeployed with a \
                     readiness probe",
            users: 1,
            figures: FIGURES.to_vec(),
            note: "The document's 100 % was luck: without a preStop hook some seeds fail.",
        }),
    }
}
