//! `spec.behavior`: how fast an autoscaler may act (Kubernetes: podautoscaler/horizontal.go
//! `stabilizeRecommendationWithBehaviors`, `convertDesiredReplicasWithBehaviorRate`).

use std::{collections::VecDeque, time::Duration};

use crate::objects::autoscaler::{Behavior, Change, ScalingPolicy, ScalingRules, SelectPolicy};

/// What an autoscaler remembers of its changes, as long as a policy's period.
#[derive(Clone, Debug, Default)]
pub(super) struct ScaleEvents {
    up: VecDeque<(Duration, u32)>,
    down: VecDeque<(Duration, u32)>,
}

impl ScaleEvents {
    /// The replicas were changed at `now`.
    pub(super) fn record(&mut self, now: Duration, behavior: &Behavior, from: u32, to: u32) {
        let (events, rules) = if to > from {
            (&mut self.up, &behavior.scale_up)
        } else {
            (&mut self.down, &behavior.scale_down)
        };
        let periods = rules.policies.iter().map(|policy| policy.period);
        let longest = periods.max().unwrap_or_default();
        events.retain(|(at, _)| *at + longest >= now);
        events.push_back((now, to.abs_diff(from)));
    }

    fn since(events: &VecDeque<(Duration, u32)>, period: Duration, now: Duration) -> i64 {
        let recent = events.iter().filter(|(at, _)| *at + period > now);
        recent.map(|(_, change)| i64::from(*change)).sum()
    }

    /// The replicas when `policy`'s period began.
    fn period_start(&self, policy: &ScalingPolicy, rate: &Rate, up: bool) -> i64 {
        let added = Self::since(&self.up, policy.period, rate.now);
        let removed = Self::since(&self.down, policy.period, rate.now);
        let current = i64::from(rate.current);
        match (rate.both_directions, up) {
            (true, _) => current - added + removed,
            (false, true) => current - added,
            (false, false) => current + removed,
        }
    }
}

/// What a limit is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) now: Duration,
    pub(super) current: u32,
    pub(super) least: u32,
    pub(super) most: u32,
    pub(super) both_directions: bool,
}

/// `desired` within what the policies allow.
pub(super) fn limit(events: &ScaleEvents, behavior: &Behavior, rate: &Rate, desired: u32) -> u32 {
    let Rate {
        current,
        least,
        most,
        ..
    } = *rate;
    if desired > current {
        let limit = up_limit(events, &behavior.scale_up, rate).max(current);
        desired.min(most.min(limit))
    } else if desired < current {
        let limit = down_limit(events, &behavior.scale_down, rate).min(current);
        desired.max(least.max(limit))
    } else {
        desired
    }
}

/// `calculateScaleUpLimitWithScalingRules`: percentages are rounded up, lest 1 stay 1 for ever.
fn up_limit(events: &ScaleEvents, rules: &ScalingRules, rate: &Rate) -> u32 {
    let proposals = rules.policies.iter().map(|policy| {
        let start = events.period_start(policy, rate, true);
        match policy.change {
            Change::Pods(pods) => start + i64::from(pods),
            Change::Percent(percent) => {
                let hundredths = start * (100 + i64::from(percent));
                hundredths.div_euclid(100) + i64::from(hundredths.rem_euclid(100) > 0)
            }
        }
    });
    let limit = match rules.select {
        SelectPolicy::Disabled => None,
        SelectPolicy::Max => proposals.max(),
        SelectPolicy::Min => proposals.min(),
    };
    whole(limit.unwrap_or(i64::from(rate.current)))
}

/// `calculateScaleDownLimitWithBehaviors`: percentages are cut off.
fn down_limit(events: &ScaleEvents, rules: &ScalingRules, rate: &Rate) -> u32 {
    let proposals = rules.policies.iter().map(|policy| {
        let start = events.period_start(policy, rate, false);
        match policy.change {
            Change::Pods(pods) => start - i64::from(pods),
            Change::Percent(percent) => start * (100 - i64::from(percent)) / 100,
        }
    });
    let limit = match rules.select {
        SelectPolicy::Disabled => None,
        // The largest change leaves the fewest.
        SelectPolicy::Max => proposals.min(),
        SelectPolicy::Min => proposals.max(),
    };
    whole(limit.unwrap_or(i64::from(rate.current)))
}

fn whole(replicas: i64) -> u32 {
    u32::try_from(replicas.max(0)).unwrap_or(u32::MAX)
}
