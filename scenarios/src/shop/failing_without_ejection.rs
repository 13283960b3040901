//! The counterpart of [`outlier_ejection`](super::outlier_ejection): the same rule without its
//! `outlierDetection`.

use super::{
    control_plane::{during, occurs},
    outlier_ejection::{a_third, ejected, failing, unavailable},
    promises::ok_during,
};
use crate::scenario::Scenario;

const NO_DETECTION: &str = include_str!("failing_without_ejection.yaml");

/// The scenario.
pub(super) fn scenario() -> Scenario {
    failing(
        "shop/failing-without-ejection",
        "One of three payments answers 503 and nobody leaves it out: every third order is refused \
         for as long as that lasts.",
        NO_DETECTION,
        vec![
            occurs(ejected(), during(0, 0), 0..=0),
            occurs(unavailable(), during(0, 0), a_third()),
            ok_during(0, "POST", "/orders", 65.0),
        ],
    )
}
