//! The rules of platform §3 on pods whose usage a test sets.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use super::{
    AutoscalerSettings, CalculationError, CalculatorSettings, Decision, HorizontalAutoscaler,
    Observed, Proposal, ScaledPod, Tolerances, propose,
};
use crate::{
    objects::autoscaler::{
        Autoscaler, Behavior, Change, CpuMetric, ScalingPolicy, ScalingRules, SelectPolicy,
    },
    platform::{
        metrics::Sample,
        replica_set::{Phase, PodView},
    },
};

const REQUEST: u64 = 200;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Pods with their usage in percent of the request; `None`: no sample.
struct Pods {
    now: Duration,
    views: Vec<(PodView, Duration)>,
    samples: BTreeMap<String, Sample>,
    request_milli: Option<u64>,
}

impl Pods {
    fn new(now: Duration) -> Self {
        Self {
            now,
            views: Vec::new(),
            samples: BTreeMap::new(),
            request_milli: Some(REQUEST),
        }
    }

    /// So many old, ready pods.
    fn ready(now: Duration, number: u32, percent: u64) -> Self {
        let mut pods = Self::new(now);
        for _ in 0..number {
            pods.add(Some(percent), |_, _| {});
        }
        pods
    }

    fn add(&mut self, percent: Option<u64>, change: impl FnOnce(&mut PodView, &mut Duration)) {
        let mut view = PodView {
            name: format!("pod-{}", self.views.len()),
            node: Some("node-1".to_owned()),
            phase: Phase::Running,
            ready_since: Some(s(20)),
            restarts: 0,
            created: s(0),
            terminating: false,
            deletion_cost: 0,
        };
        let mut changed = s(20);
        change(&mut view, &mut changed);
        if let Some(percent) = percent {
            let sample = Sample {
                milli: percent * REQUEST / 100,
                at: self.now,
                window: s(15),
            };
            self.samples.insert(view.name.clone(), sample);
        }
        self.views.push((view, changed));
    }

    /// Not ready yet, in its first minute.
    fn add_young(&mut self, percent: Option<u64>) {
        let created = self.now - s(60);
        self.add(percent, |view, changed| {
            (view.created, view.ready_since, *changed) = (created, None, created);
        });
    }

    fn scaled(&self) -> Vec<ScaledPod<'_>> {
        self.views
            .iter()
            .map(|(pod, changed)| ScaledPod {
                pod,
                ready_changed_at: *changed,
                request_milli: self.request_milli,
            })
            .collect()
    }

    fn propose(&self, metric: CpuMetric) -> Result<u32, CalculationError> {
        let current = u32::try_from(self.views.len()).expect("few");
        self.propose_from(metric, current)
            .map(|proposal| proposal.replicas)
    }

    fn propose_from(&self, metric: CpuMetric, current: u32) -> Result<Proposal, CalculationError> {
        let settings = CalculatorSettings::default();
        let tolerances = Tolerances { down: 0.1, up: 0.1 };
        let pods = self.scaled();
        propose(
            &settings,
            tolerances,
            metric,
            current,
            &pods,
            &self.samples,
            self.now,
        )
    }

    fn sync(
        &self,
        autoscaler: &mut HorizontalAutoscaler,
        spec: &Autoscaler,
        wanted: u32,
    ) -> Decision {
        let observed = Observed {
            spec_replicas: wanted,
            status_replicas: u32::try_from(self.views.len()).expect("few"),
            pods: &self.scaled(),
            samples: &self.samples,
        };
        autoscaler.sync(self.now, spec, &observed)
    }
}

fn spec(target: u32, max_replicas: u32, behavior: Option<Behavior>) -> Autoscaler {
    Autoscaler {
        name: "order".to_owned(),
        target: "order".to_owned(),
        min_replicas: 1,
        max_replicas,
        metrics: vec![CpuMetric::Utilization(target)],
        behavior,
    }
}

/// platform §3: `behavior` defaults.
fn default_behavior() -> Behavior {
    let percent = ScalingPolicy {
        change: Change::Percent(100),
        period: s(15),
    };
    let pods = ScalingPolicy {
        change: Change::Pods(4),
        period: s(15),
    };
    let rules = |window, policies| ScalingRules {
        stabilization_window: window,
        select: SelectPolicy::Max,
        policies,
        tolerance: None,
    };
    Behavior {
        scale_up: rules(s(0), vec![pods, percent]),
        scale_down: rules(s(300), vec![percent]),
    }
}

fn fresh() -> HorizontalAutoscaler {
    HorizontalAutoscaler::new(AutoscalerSettings::default())
}

/// Syncs every 15 s from 1000 s on with all pods ready and as busy as `percent` says of the sync
/// and the replicas; what it decides each time.
fn follow(
    spec: &Autoscaler,
    mut replicas: u32,
    syncs: u64,
    mut percent: impl FnMut(u64, u32) -> u64,
) -> Vec<u32> {
    let mut autoscaler = fresh();
    let mut decided = Vec::new();
    for sync in 0..syncs {
        let pods = Pods::ready(s(1000 + 15 * sync), replicas, percent(sync, replicas));
        replicas = pods.sync(&mut autoscaler, spec, replicas).desired;
        decided.push(replicas);
    }
    decided
}

/// platform §3, T: 1 ready pod at 60 % of request, target 15 %, max 10, no behavior → 4; still 60 %
/// on 4 → 16 → 8; then 10.
#[test]
fn without_behavior_it_at_most_doubles_or_goes_to_four() {
    assert_eq!(follow(&spec(15, 10, None), 1, 4, |_, _| 60), [4, 8, 10, 10]);
    let four = Pods::ready(s(1000), 4, 60);
    let before_the_clamp = four.sync(&mut fresh(), &spec(15, 10, None), 4);
    assert_eq!(before_the_clamp.recommended, Some(16));
    assert_eq!(
        follow(&spec(1, 100, None), 1, 4, |_, _| 100),
        [4, 8, 16, 32]
    );
}

/// platform §3, T: with behavior defaults the first step's limit is max(1+4, 2) = 5.
#[test]
fn with_behavior_it_adds_four_or_doubles_in_each_period() {
    let spec_15 = spec(15, 10, Some(default_behavior()));
    assert_eq!(follow(&spec_15, 1, 1, |_, _| 60), [4]);
    let steep = spec(1, 100, Some(default_behavior()));
    assert_eq!(
        follow(&steep, 1, 4, |_, _| 100),
        [5, 10, 20, 40],
        "periods do not overlap"
    );
}

/// platform §3, T: 2 pods at 109 % of target → keep; 111 % → 3.
#[test]
fn a_change_within_the_tolerance_is_none() {
    let propose = |percent| Pods::ready(s(1000), 2, percent).propose(CpuMetric::Utilization(100));
    assert_eq!(propose(109), Ok(2));
    assert_eq!(propose(111), Ok(3));
    assert_eq!(propose(91), Ok(2));
    assert_eq!(propose(50), Ok(1));
}

/// platform §3: utilisation is cut off to a whole percent; ratio of sums.
#[test]
fn utilization_is_a_whole_percent_of_all_requests() {
    let mut pods = Pods::ready(s(1000), 2, 0);
    for (sample, milli) in pods.samples.values_mut().zip([219, 224]) {
        sample.milli = milli;
    }
    let proposal = pods.propose_from(CpuMetric::Utilization(100), 2);
    let expected = Proposal {
        replicas: 2,
        measured: 110,
    };
    assert_eq!(
        proposal,
        Ok(expected),
        "443 of 400 is 110.75 %, and 1.1 is within the tolerance"
    );
}

/// platform §3, T: 4 pods, 2 of them young and not ready, the ready ones at 200 % of target.
#[test]
fn young_pods_that_are_not_ready_count_as_idle_when_it_would_grow() {
    for measured in [Some(100), None] {
        let mut pods = Pods::ready(s(1000), 2, 100);
        pods.add_young(Some(100));
        pods.add_young(measured);
        let proposed = pods.propose(CpuMetric::Utilization(50));
        assert_eq!(proposed, Ok(4), "2, 2, 0, 0 → 1.0");
    }
    // Below the target they do not count at all.
    let mut idle = Pods::ready(s(1000), 2, 20);
    idle.add_young(Some(100));
    assert_eq!(idle.propose(CpuMetric::Utilization(50)), Ok(1));
}

/// platform §3: pod groups.
#[test]
fn which_pods_count() {
    let target = CpuMetric::Utilization(50);
    let with = |change: fn(&mut PodView, &mut Duration)| {
        let mut pods = Pods::ready(s(1000), 2, 100);
        pods.add(Some(100), change);
        pods.propose_from(target, 3)
            .map(|proposal| proposal.replicas)
    };
    assert_eq!(with(|_, _| {}), Ok(6), "a ready one");
    assert_eq!(with(|pod, _| pod.terminating = true), Ok(4), "dropped");
    assert_eq!(with(|pod, _| pod.phase = Phase::Failed), Ok(4), "dropped");
    assert_eq!(
        with(|pod, _| pod.phase = Phase::Pending),
        Ok(4),
        "ignored: ceil(4/3 · 3)"
    );
    let late = |pod: &mut PodView, changed: &mut Duration| {
        (pod.created, *changed) = (s(800), s(990));
    };
    assert_eq!(
        with(late),
        Ok(4),
        "ready for less than a window, within 5 min of its start"
    );
    let lost = |pod: &mut PodView, changed: &mut Duration| {
        (pod.ready_since, *changed) = (None, s(500));
    };
    assert_eq!(with(lost), Ok(6), "it was ready once");
    let never = |pod: &mut PodView, changed: &mut Duration| {
        (pod.ready_since, *changed) = (None, s(29));
    };
    assert_eq!(with(never), Ok(4), "it was never ready");
}

/// platform §3: missing pods count as 100 % of request when ratio0 < 1, 0 when > 1.
#[test]
fn pods_without_a_sample_count_against_the_change() {
    let with_missing = |percent, target| {
        let mut pods = Pods::ready(s(1000), 3, percent);
        pods.add(None, |_, _| {});
        pods.propose(CpuMetric::Utilization(target))
    };
    assert_eq!(
        with_missing(100, 50),
        Ok(6),
        "300 % of 4 requests: 75 : 50 · 4"
    );
    assert_eq!(
        with_missing(40, 80),
        Ok(3),
        "220 % of 4: 55 : 80 · 4 = 2.75"
    );
    assert_eq!(
        with_missing(60, 65),
        Ok(4),
        "70 : 65 would turn the direction"
    );
    assert_eq!(
        with_missing(55, 50),
        Ok(4),
        "within the tolerance, with or without it"
    );
}

/// platform §3: a container without a request → error, no scaling at all.
#[test]
fn what_cannot_be_calculated_scales_nothing() {
    let mut pods = Pods::ready(s(1000), 2, 100);
    pods.request_milli = None;
    let missing = CalculationError::MissingRequest("pod-0".to_owned());
    assert_eq!(pods.propose(CpuMetric::Utilization(50)), Err(missing));
    let decision = pods.sync(&mut fresh(), &spec(50, 10, None), 2);
    assert_eq!((decision.desired, decision.recommended), (2, None));
    assert!(
        decision.reason.contains("missing request for cpu"),
        "{}",
        decision.reason
    );
    assert_eq!(
        pods.propose(CpuMetric::AverageMilli(100)),
        Ok(4),
        "that needs no request"
    );
    let none = Pods::new(s(1000));
    assert_eq!(
        none.propose(CpuMetric::Utilization(50)),
        Err(CalculationError::NoPods)
    );
    let mut young = Pods::new(s(1000));
    young.add_young(Some(100));
    assert_eq!(
        young.propose(CpuMetric::Utilization(50)),
        Err(CalculationError::NoMetrics)
    );
}

/// platform §3: several metrics: the largest; a failed one and a smaller one: nothing.
#[test]
fn of_several_metrics_the_largest_wins() {
    let metrics = vec![CpuMetric::Utilization(50), CpuMetric::AverageMilli(50)];
    let mut both = spec(50, 10, None);
    both.metrics = metrics;
    let mut pods = Pods::ready(s(1000), 1, 75);
    let desired = |pods: &Pods, spec: &Autoscaler| pods.sync(&mut fresh(), spec, 1).desired;
    assert_eq!(desired(&pods, &spec(50, 10, None)), 2);
    assert_eq!(desired(&pods, &both), 3, "150 m of 50 m");
    pods.request_milli = None;
    assert_eq!(
        desired(&pods, &both),
        3,
        "one fails, the other asks for more"
    );
    let idle = {
        let mut idle = Pods::ready(s(1000), 4, 1);
        idle.request_milli = None;
        idle
    };
    let mut autoscaler = fresh();
    let decision = idle.sync(&mut autoscaler, &both, 4);
    assert_eq!((decision.desired, decision.recommended), (4, None));
    assert_eq!(decision.utilization_percent, None);
}

/// platform §3: special cases.
#[test]
fn bounds_come_before_metrics_and_zero_switches_it_off() {
    let at = |replicas, pods: u32| {
        let pods = Pods::ready(s(1000), pods, 100);
        let mut spec = spec(50, 5, None);
        spec.min_replicas = 2;
        pods.sync(&mut fresh(), &spec, replicas).desired
    };
    assert_eq!(at(0, 0), 0);
    assert_eq!(at(7, 7), 5);
    assert_eq!(at(1, 1), 2, "not 2 of its load, but minReplicas");
}

/// platform §3, T: load drops at t=0 from 8 pods: 8 until the last high recommendation is > 300 s
/// old, then down in one step. And the count first seen holds for the first 5 min.
#[test]
fn it_shrinks_in_one_step_when_the_window_is_over() {
    for behavior in [None, Some(default_behavior())] {
        let exclusive = behavior.is_some();
        let spec = spec(50, 10, behavior);
        // High at the sync 0, low from the sync 1 on.
        let decided = follow(&spec, 8, 24, |sync, _| if sync == 0 { 50 } else { 5 });
        // Sync 20 is 300 s after sync 0: without behavior that is not yet older than the window.
        let stays = if exclusive { 20 } else { 21 };
        assert!(
            decided[..stays].iter().all(|replicas| *replicas == 8),
            "{decided:?}"
        );
        assert_eq!(decided[stays], 1);
    }
    let unseen = follow(&spec(50, 10, None), 6, 22, |_, _| 1);
    assert_eq!((unseen[20], unseen[21]), (6, 1));
}

/// platform §3: selectPolicy, percent cut off downwards, a period that began with more.
#[test]
fn policies_limit_how_fast_it_shrinks() {
    let mut behavior = default_behavior();
    behavior.scale_down.stabilization_window = s(0);
    behavior.scale_down.policies = vec![
        ScalingPolicy {
            change: Change::Percent(10),
            period: s(60),
        },
        ScalingPolicy {
            change: Change::Pods(2),
            period: s(60),
        },
    ];
    let shrinks =
        |behavior: &Behavior| follow(&spec(50, 100, Some(behavior.clone())), 35, 5, |_, _| 1);
    // 35·0.9 = 31.5 → 31; the events of the last 60 s count, the oldest just not any more.
    assert_eq!(shrinks(&behavior), [31, 31, 31, 31, 27]);
    behavior.scale_down.select = SelectPolicy::Min;
    assert_eq!(shrinks(&behavior), [33, 33, 33, 33, 31]);
    behavior.scale_down.select = SelectPolicy::Disabled;
    assert_eq!(shrinks(&behavior), [35; 5]);
}

/// platform §3: percent rounded up on the way up; a stabilisation window up takes the least.
#[test]
fn policies_limit_how_fast_it_grows() {
    let mut behavior = default_behavior();
    behavior.scale_up.policies = vec![ScalingPolicy {
        change: Change::Percent(10),
        period: s(30),
    }];
    let grows = |behavior: &Behavior| {
        follow(&spec(50, 100, Some(behavior.clone())), 15, 4, |sync, _| {
            if sync == 0 { 50 } else { 500 }
        })
    };
    assert_eq!(grows(&behavior), [15, 17, 17, 19], "16.5 and 18.7");
    behavior.scale_up.stabilization_window = s(40);
    assert_eq!(grows(&behavior), [15, 15, 15, 17]);
    behavior.scale_up.select = SelectPolicy::Disabled;
    assert_eq!(grows(&behavior), [15; 4]);
}

/// Not established (platform §13): whose events count for a period's start.
#[test]
fn a_period_may_count_both_directions() {
    let mut behavior = default_behavior();
    behavior.scale_down.stabilization_window = s(0);
    behavior.scale_up.policies = vec![ScalingPolicy {
        change: Change::Pods(1),
        period: s(60),
    }];
    let back_up = |both| {
        let settings = AutoscalerSettings {
            period_counts_both_directions: both,
            ..AutoscalerSettings::default()
        };
        let mut autoscaler = HorizontalAutoscaler::new(settings);
        let spec = spec(50, 100, Some(behavior.clone()));
        let down = Pods::ready(s(1000), 8, 10)
            .sync(&mut autoscaler, &spec, 8)
            .desired;
        let up = Pods::ready(s(1015), down, 500).sync(&mut autoscaler, &spec, down);
        (down, up.desired)
    };
    assert_eq!(back_up(false), (2, 3));
    assert_eq!(back_up(true), (2, 9));
}

/// kubernetes#84142: a surge pod of a rollout is taken for a replica that is wanted.
#[test]
fn the_legacy_surge_bug_lets_a_rollout_grow_the_deployment() {
    let pods = Pods::ready(s(1000), 5, 50);
    let desired = |legacy_surge_bug| {
        let settings = AutoscalerSettings {
            legacy_surge_bug,
            ..AutoscalerSettings::default()
        };
        let mut autoscaler = HorizontalAutoscaler::new(settings);
        pods.sync(&mut autoscaler, &spec(50, 10, None), 4).desired
    };
    assert_eq!((desired(false), desired(true)), (4, 5));
}

/// The newer API's tolerance of a direction.
#[test]
fn a_direction_may_have_its_own_tolerance() {
    let mut behavior = default_behavior();
    behavior.scale_up.tolerance = Some(0.5);
    let desired = |percent| {
        let spec = spec(50, 10, Some(behavior.clone()));
        Pods::ready(s(1000), 2, percent)
            .sync(&mut fresh(), &spec, 2)
            .recommended
    };
    assert_eq!(
        (desired(70), desired(76), desired(44)),
        (Some(2), Some(4), Some(2))
    );
}

proptest! {
    /// Whatever is measured: within [min, max] once it was; without `behavior` never more than
    /// doubled (or 4), never fewer than the last 300 s asked for.
    #[test]
    fn it_stays_within_its_bounds(
        (least, span) in (1_u32..5, 0_u32..10),
        target in 1_u32..=100,
        with_behavior: bool,
        load in proptest::collection::vec((0_u64..5_000, 0_u32..3, 0_u32..3), 1..60),
    ) {
        let most = least + span;
        let mut spec = spec(target, most, with_behavior.then(default_behavior));
        spec.min_replicas = least;
        let mut autoscaler = fresh();
        let mut replicas = least;
        let mut asked: Vec<u32> = Vec::new();
        for (sync, (total, young, missing)) in (0..).zip(load) {
            let now = s(1000 + 15 * sync);
            let mut pods = Pods::ready(now, replicas, total / u64::from(replicas));
            (0..young).for_each(|_| pods.add_young(Some(10)));
            (0..missing).for_each(|_| pods.add(None, |_, _| {}));
            let decision = pods.sync(&mut autoscaler, &spec, replicas);
            prop_assert!((least..=most).contains(&decision.desired), "{decision:?}");
            asked.extend(decision.recommended);
            if !with_behavior {
                prop_assert!(decision.desired <= (2 * replicas).max(4));
            }
            let recent = asked.iter().rev().take(20).copied();
            let window = recent.max().unwrap_or(replicas).min(replicas).min(most);
            prop_assert!(decision.desired >= window, "{asked:?} {decision:?}");
            replicas = decision.desired;
        }
    }
}
