//! A number or a percentage of pods, as pods (Kubernetes: apimachinery `intstr`).

use crate::objects::deployment::IntOrPercent;

/// Which way a percentage that does not come out even is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// `maxSurge`, and both fields of a PodDisruptionBudget.
    Up,
    /// `maxUnavailable` of a Deployment.
    Down,
}

/// `share` of `total` pods (`GetScaledValueFromIntOrPercent`).
pub fn pods(share: IntOrPercent, total: u32, rounding: Rounding) -> u32 {
    match share {
        IntOrPercent::Int(pods) => pods,
        IntOrPercent::Percent(percent) => {
            let hundredths = u64::from(percent) * u64::from(total);
            let pods = match rounding {
                Rounding::Up => hundredths.div_ceil(100),
                Rounding::Down => hundredths / 100,
            };
            u32::try_from(pods).unwrap_or(u32::MAX)
        }
    }
}
