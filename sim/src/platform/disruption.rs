//! PodDisruptionBudgets: whether a pod may be evicted now. They bound drains, nothing else: no
//! rollout, no scaling, no crash asks them.

use thiserror::Error;

use super::{
    fraction::{Rounding, pods},
    replica_set::{Phase, PodView},
};
use crate::objects::deployment::{DisruptionBudget, IntOrPercent};

/// A budget with what it protects.
#[derive(Clone, Copy, Debug)]
pub struct Guarded<'a> {
    /// The budget.
    pub budget: &'a DisruptionBudget,
    /// The pods that its selector selects, terminating ones included.
    pub pods: &'a [PodView],
    /// `spec.replicas` of their controllers, summed up.
    pub scale: u32,
}

/// Why a pod is not evicted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EvictionError {
    /// 429: try again later.
    #[error("evicting {pod} would violate the disruption budget {budget}")]
    Refused {
        /// The pod.
        pod: String,
        /// The budget.
        budget: String,
    },
    /// 500: never, as long as that is so.
    #[error("{0} has more than one disruption budget, which an eviction does not support")]
    SeveralBudgets(String),
}

/// May `pod` be evicted now, given the budgets that select it? An evicted pod is terminating at
/// once, and so no longer healthy for the next question.
///
/// Kubernetes: registry/core/pod/storage/eviction.go. Pods that do not run, or are on their way
/// out, may always go; a running one that is not ready may when enough others are healthy.
pub fn evict(pod: &PodView, budgets: &[Guarded<'_>]) -> Result<(), EvictionError> {
    if pod.terminating || matches!(pod.phase, Phase::Pending | Phase::Failed) {
        return Ok(());
    }
    let [guarded] = budgets else {
        return match budgets {
            [] => Ok(()),
            _ => Err(EvictionError::SeveralBudgets(pod.name.clone())),
        };
    };
    let (healthy, wanted) = (guarded.healthy(), guarded.desired_healthy());
    if !pod.is_ready() && wanted > 0 && healthy >= wanted {
        return Ok(());
    }
    match guarded.disruptions_allowed() {
        0 => Err(EvictionError::Refused {
            pod: pod.name.clone(),
            budget: guarded.budget.name.clone(),
        }),
        _ => Ok(()),
    }
}

impl Guarded<'_> {
    /// Pods that may be evicted now (Kubernetes: pkg/controller/disruption `updatePdbStatus`).
    pub fn disruptions_allowed(&self) -> u32 {
        if self.expected() == 0 {
            return 0;
        }
        self.healthy().saturating_sub(self.desired_healthy())
    }

    /// Pods that must stay healthy (`getExpectedPodCount`). Percentages are of the controllers'
    /// scale and rounded up, also that of `maxUnavailable`.
    fn desired_healthy(&self) -> u32 {
        match (self.budget.max_unavailable, self.budget.min_available) {
            (Some(share), _) => self
                .scale
                .saturating_sub(pods(share, self.scale, Rounding::Up)),
            (None, Some(share)) => pods(share, self.scale, Rounding::Up),
            (None, None) => 0,
        }
    }

    fn expected(&self) -> u32 {
        match (self.budget.max_unavailable, self.budget.min_available) {
            (None, Some(IntOrPercent::Int(_)) | None) => {
                u32::try_from(self.pods.len()).expect("fewer than 2^32 pods")
            }
            _ => self.scale,
        }
    }

    fn healthy(&self) -> u32 {
        let healthy = self
            .pods
            .iter()
            .filter(|pod| pod.is_active() && pod.is_ready());
        u32::try_from(healthy.count()).expect("fewer than 2^32 pods")
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::{EvictionError, Guarded, evict};
    use crate::{
        objects::deployment::{DisruptionBudget, IntOrPercent},
        platform::replica_set::{Phase, PodView},
    };

    fn budget(min: Option<IntOrPercent>, max: Option<IntOrPercent>) -> DisruptionBudget {
        DisruptionBudget {
            name: "order".to_owned(),
            selector: BTreeMap::new(),
            min_available: min,
            max_unavailable: max,
        }
    }

    fn pods(number: usize) -> Vec<PodView> {
        let pod = |index| PodView {
            name: format!("order-{index}"),
            node: Some("node-1".to_owned()),
            phase: Phase::Running,
            ready_since: Some(Duration::ZERO),
            restarts: 0,
            created: Duration::ZERO,
            terminating: false,
            deletion_cost: 0,
        };
        (0..number).map(pod).collect()
    }

    fn allowed(budget: &DisruptionBudget, pods: &[PodView], scale: u32) -> u32 {
        let guarded = Guarded {
            budget,
            pods,
            scale,
        };
        guarded.disruptions_allowed()
    }

    #[test]
    fn percentages_are_rounded_up_on_both_sides() {
        use IntOrPercent::{Int, Percent};
        let pods = pods(7);
        assert_eq!(
            allowed(&budget(Some(Percent(50)), None), &pods, 7),
            3,
            "4 must stay"
        );
        assert_eq!(
            allowed(&budget(None, Some(Percent(30))), &pods, 7),
            3,
            "2.1 → 3 may go"
        );
        assert_eq!(allowed(&budget(Some(Int(6)), None), &pods, 7), 1);
        assert_eq!(allowed(&budget(None, Some(Int(1))), &pods, 7), 1);
        assert_eq!(
            allowed(&budget(None, Some(Int(1))), &pods[..6], 7),
            0,
            "one is missing"
        );
        assert_eq!(allowed(&budget(Some(Int(1)), None), &pods[..1], 1), 0);
    }

    #[test]
    fn evictions_one_after_the_other_use_the_budget_up() {
        let budget = budget(None, Some(IntOrPercent::Int(1)));
        let mut pods = pods(3);
        let ask = |pods: &[PodView], index: usize| {
            let guarded = Guarded {
                budget: &budget,
                pods,
                scale: 3,
            };
            evict(&pods[index], &[guarded])
        };
        assert_eq!(ask(&pods, 0), Ok(()));
        pods[0].terminating = true;
        let refused = EvictionError::Refused {
            pod: "order-1".to_owned(),
            budget: "order".to_owned(),
        };
        assert_eq!(ask(&pods, 1), Err(refused));
        assert_eq!(ask(&pods, 0), Ok(()), "it is going anyway");
        pods[2].phase = Phase::Pending;
        assert_eq!(ask(&pods, 2), Ok(()));
    }

    #[test]
    fn a_pod_that_is_not_ready_may_go_when_enough_others_are() {
        let budget = budget(Some(IntOrPercent::Int(2)), None);
        let mut pods = pods(3);
        pods[0].ready_since = None;
        let guarded = |pods| Guarded {
            budget: &budget,
            pods,
            scale: 3,
        };
        assert_eq!(evict(&pods[0], &[guarded(&pods)]), Ok(()));
        assert!(evict(&pods[1], &[guarded(&pods)]).is_err());
        assert_eq!(evict(&pods[1], &[]), Ok(()));
        let twice = evict(&pods[1], &[guarded(&pods), guarded(&pods)]);
        assert_eq!(
            twice,
            Err(EvictionError::SeveralBudgets("order-1".to_owned()))
        );
    }
}
