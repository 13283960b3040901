//! The same deadlock as in [`liveness_heals`](super::liveness_heals), which nobody notices.

use squall_sim::manifest::{Operation, Patch};

use super::{
    cluster::SYSTEM,
    control_plane::{load, restarts},
    liveness_heals::{hung, never_again},
    promises::converges,
};
use crate::{scenario::Scenario, system::Cluster};

const NO_LIVENESS: &[Operation] = &[Operation::remove(
    "/spec/template/spec/containers/0/livenessProbe",
)];

/// The scenario.
pub(super) fn scenario() -> Scenario {
    hung(
        "shop/hang-without-liveness",
        "The one order deadlocks and has no liveness probe: nobody starts it again, and no order \
         is accepted until somebody kills it.",
        Cluster::new(&SYSTEM, [Patch::edit("Deployment/order", NO_LIVENESS)]),
        vec![
            restarts("order", load(), 0..=0),
            never_again(),
            converges(60),
        ],
    )
}
