//! The load of `shop/hpa` without its autoscaler.

use std::time::Duration;

use super::{
    cluster::documented,
    hpa::{SAFETY, served},
    sieges::{UNDELAYED, no_invariants},
};
use crate::scenario::Scenario;

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/no-hpa",
        claim: "Without an autoscaler one pod of order serves twenty users that never wait, as \
                slowly as it must.",
        cluster: documented(),
        loads: vec![UNDELAYED],
        faults: vec![],
        safety: SAFETY,
        settle: Duration::from_secs(60),
        sla: vec![served()],
        invariants: no_invariants(),
        documented: None,
    }
}
