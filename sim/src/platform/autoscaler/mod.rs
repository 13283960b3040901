//! HorizontalPodAutoscalers: how many replicas a Deployment gets.
//!
//! [`HorizontalAutoscaler::sync`] every sync period; it decides from the pods and their
//! [samples](super::metrics) and remembers what it recommended and did.

mod behavior;
mod calculator;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use self::behavior::{Rate, ScaleEvents};
pub use self::calculator::{
    CalculationError, CalculatorSettings, Proposal, ScaledPod, Tolerances, propose,
};
use super::metrics::Sample;
use crate::objects::autoscaler::{Autoscaler, Behavior, CpuMetric};

/// Flags of the controller manager, and what is not established of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AutoscalerSettings {
    /// The calculator's.
    pub calculator: CalculatorSettings,
    /// `--horizontal-pod-autoscaler-downscale-stabilization`, 300 s: the window of an autoscaler
    /// without `behavior`.
    pub stabilization: Duration,
    /// Takes the pods that there are, surge included, for the replicas that are wanted, as
    /// Kubernetes did before 1.17: a rollout makes the Deployment grow (kubernetes#72775, #84142,
    /// #90461, #98914; fixed by #85027 and #89465). Default: off.
    pub legacy_surge_bug: bool,
    /// A policy's period begins with the replicas before both what was added and what was removed
    /// in it, as the newest code is said to do (not established, platform §13). Default: off, only
    /// the policy's own direction counts.
    pub period_counts_both_directions: bool,
}

/// What an autoscaler looks at.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The Deployment's live `spec.replicas`.
    pub spec_replicas: u32,
    /// Its `status.replicas`: the pods that there are, of all revisions.
    pub status_replicas: u32,
    /// Its pods, of all revisions, terminating ones included.
    pub pods: &'a [ScaledPod<'a>],
    /// The latest samples.
    pub samples: &'a BTreeMap<String, Sample>,
}

/// What a sync came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The replicas before.
    pub current: u32,
    /// The replicas that the Deployment gets. Write it when it differs from its `spec.replicas`.
    pub desired: u32,
    /// What the metrics ask for before any limit; `None`: they were not asked, or failed.
    pub recommended: Option<u32>,
    /// CPU used, in percent of what was requested, by the pods that count, when a metric says so.
    pub utilization_percent: Option<u32>,
    /// Why, in Kubernetes' words.
    pub reason: String,
}

/// One autoscaler, by its object of the same name.
///
/// Kubernetes: pkg/controller/podautoscaler/horizontal.go `reconcileAutoscaler`.
#[derive(Clone, Debug)]
pub struct HorizontalAutoscaler {
    settings: AutoscalerSettings,
    /// As long as a stabilisation window.
    recommendations: VecDeque<(Duration, u32)>,
    seen: bool,
    events: ScaleEvents,
}

impl HorizontalAutoscaler {
    /// That has never looked.
    pub fn new(settings: AutoscalerSettings) -> Self {
        Self {
            settings,
            recommendations: VecDeque::new(),
            seen: false,
            events: ScaleEvents::default(),
        }
    }

    /// Looks at `now` and decides.
    pub fn sync(&mut self, now: Duration, spec: &Autoscaler, observed: &Observed<'_>) -> Decision {
        let current = match self.settings.legacy_surge_bug {
            true => observed.status_replicas,
            false => observed.spec_replicas,
        };
        if !self.seen {
            // recordInitialRecommendation: no scale-down within the first window.
            self.recommendations.push_back((now, current));
            self.seen = true;
        }
        let mut decision = Decision {
            current,
            desired: current,
            recommended: None,
            utilization_percent: None,
            reason: String::new(),
        };
        if observed.spec_replicas == 0 && spec.min_replicas != 0 {
            "the replica count of the target is zero".clone_into(&mut decision.reason);
        } else if current > spec.max_replicas {
            decision.desired = spec.max_replicas;
            "Current number of replicas above Spec.MaxReplicas".clone_into(&mut decision.reason);
        } else if current < spec.min_replicas {
            decision.desired = spec.min_replicas;
            "Current number of replicas below Spec.MinReplicas".clone_into(&mut decision.reason);
        } else {
            self.follow_metrics(now, spec, observed, &mut decision);
        }
        if let (Some(behavior), true) = (&spec.behavior, decision.desired != current) {
            self.events.record(now, behavior, current, decision.desired);
        }
        decision
    }

    fn follow_metrics(
        &mut self,
        now: Duration,
        spec: &Autoscaler,
        observed: &Observed<'_>,
        decision: &mut Decision,
    ) {
        let recommended = match self.recommend(now, spec, observed, decision) {
            Ok(recommended) => recommended,
            Err(error) => {
                decision.reason = format!("failed to compute the replicas: {error}");
                return;
            }
        };
        decision.recommended = Some(recommended);
        let (current, least, most) = (decision.current, spec.min_replicas, spec.max_replicas);
        decision.desired = match &spec.behavior {
            None => {
                let stabilized = self.stabilize(now, recommended);
                // horizontal.go calculateScaleUpLimit: against bogus reports of a sudden load.
                let limit = most.min(current.saturating_mul(2).max(4));
                stabilized.min(limit).max(least)
            }
            Some(behavior) => {
                let stabilized = self.stabilize_with(now, behavior, current, recommended);
                let rate = Rate {
                    now,
                    current,
                    least,
                    most,
                    both_directions: self.settings.period_counts_both_directions,
                };
                let limited = behavior::limit(&self.events, behavior, &rate, stabilized);
                limited.clamp(least, most)
            }
        };
        let reason = match recommended.cmp(&current) {
            std::cmp::Ordering::Greater => "cpu resource above target",
            std::cmp::Ordering::Less => "All metrics below target",
            std::cmp::Ordering::Equal => "recommended size matches current size",
        };
        reason.clone_into(&mut decision.reason);
    }

    /// The largest of what the metrics ask for. One that fails counts for nothing when the others
    /// ask for more, and keeps the current number when they ask for less
    /// (`computeReplicasForMetrics`).
    fn recommend(
        &self,
        now: Duration,
        spec: &Autoscaler,
        observed: &Observed<'_>,
        decision: &mut Decision,
    ) -> Result<u32, CalculationError> {
        let calculator = &self.settings.calculator;
        let own = |rules: Option<f64>| rules.unwrap_or(calculator.tolerance);
        let behavior = spec.behavior.as_ref();
        let tolerances = Tolerances {
            down: own(behavior.and_then(|behavior| behavior.scale_down.tolerance)),
            up: own(behavior.and_then(|behavior| behavior.scale_up.tolerance)),
        };
        let current = decision.current;
        let mut largest = None;
        let mut failure = None;
        for metric in &spec.metrics {
            let (pods, samples) = (observed.pods, observed.samples);
            match propose(calculator, tolerances, *metric, current, pods, samples, now) {
                Ok(proposal) => {
                    largest = largest.max(Some(proposal.replicas));
                    if matches!(metric, CpuMetric::Utilization(_)) {
                        let percent = u32::try_from(proposal.measured).unwrap_or(u32::MAX);
                        decision.utilization_percent = Some(percent);
                    }
                }
                Err(error) => {
                    failure.get_or_insert(error);
                }
            }
        }
        match (largest, failure) {
            (Some(replicas), Some(error)) if replicas < current => Err(error),
            (Some(replicas), _) => Ok(replicas),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(current),
        }
    }

    /// `stabilizeRecommendation`: the largest recommendation of the window.
    fn stabilize(&mut self, now: Duration, recommended: u32) -> u32 {
        let window = self.settings.stabilization;
        self.recommendations.retain(|(at, _)| *at + window >= now);
        self.recommendations.push_back((now, recommended));
        let recent = self.recommendations.iter().map(|(_, replicas)| *replicas);
        recent.max().unwrap_or(recommended)
    }

    /// `stabilizeRecommendationWithBehaviors`: up to no more than the least of the window up, down
    /// to no fewer than the largest of the window down.
    fn stabilize_with(
        &mut self,
        now: Duration,
        behavior: &Behavior,
        current: u32,
        recommended: u32,
    ) -> u32 {
        let up = behavior.scale_up.stabilization_window;
        let down = behavior.scale_down.stabilization_window;
        let within = |window: Duration| {
            let recent = self.recommendations.iter();
            recent
                .filter(move |(at, _)| *at + window > now)
                .map(|(_, replicas)| *replicas)
        };
        let least = within(up).fold(recommended, u32::min);
        let largest = within(down).fold(recommended, u32::max);
        self.recommendations
            .retain(|(at, _)| *at + up.max(down) >= now);
        self.recommendations.push_back((now, recommended));
        current.max(least).min(largest)
    }
}

// === impl AutoscalerSettings ===

impl Default for AutoscalerSettings {
    fn default() -> Self {
        Self {
            calculator: CalculatorSettings::default(),
            stabilization: Duration::from_secs(300),
            legacy_surge_bug: false,
            period_counts_both_directions: false,
        }
    }
}

#[cfg(test)]
mod tests;
