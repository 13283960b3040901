//! The counterpart of [`liveness_wrong_path`](super::liveness_wrong_path).

use squall_sim::manifest::Operation;

use super::{
    control_plane::{load, ready, restarts},
    liveness_wrong_path::probed,
    promises::{all_accepted, converges},
};
use crate::scenario::Scenario;

const RIGHT: &[Operation] = &[Operation::replace(
    "/spec/template/spec/containers/0/livenessProbe",
    r#"{"httpGet":{"path":"/actuator/health","port":8080},"initialDelaySeconds":30,
        "timeoutSeconds":2,"periodSeconds":5,"failureThreshold":5}"#,
)];

/// The scenario.
pub(super) fn scenario() -> Scenario {
    probed(
        "shop/liveness-right-path",
        "Order is well, and its liveness probe asks on the right path and port: RESTARTS stays 0 \
         and every order is accepted.",
        RIGHT,
        vec![
            restarts("order", load(), 0..=0),
            ready("order", load(), 1..=1),
            all_accepted(),
            converges(20),
        ],
    )
}
