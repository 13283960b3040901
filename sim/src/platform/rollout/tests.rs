//! The rules of platform §2 on a Deployment whose pods become ready when a test says so.

use std::{collections::BTreeMap, time::Duration};

use proptest::{prelude::*, strategy::Strategy as _};
use squall_reports::history::RolloutState;

use super::{
    Action, DeploymentController, Fenceposts, Undo, UndoError, fenceposts,
    testing::{deployment, template},
};
use crate::{
    objects::deployment::{Deployment, IntOrPercent, Strategy},
    platform::replica_set::{Correction, Counts, Phase, PodView, correct},
};

const QUARTERS: Strategy = Strategy::RollingUpdate {
    max_surge: IntOrPercent::Percent(25),
    max_unavailable: IntOrPercent::Percent(25),
};

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn rolling(replicas: u32, strategy: Strategy) -> Deployment {
    Deployment {
        strategy,
        ..deployment(replicas)
    }
}

/// A Deployment, its controller and its pods. A deleted pod is gone at once, unless `lingering`.
struct Cluster {
    deployment: Deployment,
    controller: DeploymentController,
    /// By the name of their set.
    pods: BTreeMap<String, Vec<PodView>>,
    now: Duration,
    created: u32,
    lingering: bool,
}

impl Cluster {
    /// Revision 1 is complete.
    fn running(replicas: u32, strategy: Strategy) -> Self {
        let mut cluster = Self {
            deployment: rolling(replicas, strategy),
            controller: DeploymentController::new("order"),
            pods: BTreeMap::new(),
            now: s(0),
            created: 0,
            lingering: false,
        };
        cluster.settle();
        cluster.all_ready();
        assert_eq!(cluster.controller.state(), RolloutState::Complete);
        cluster
    }

    fn counts(&self) -> BTreeMap<String, Counts> {
        let count = |pods: &Vec<PodView>| Counts::of(pods, self.deployment.min_ready, self.now);
        self.pods
            .iter()
            .map(|(set, pods)| (set.clone(), count(pods)))
            .collect()
    }

    fn sync(&mut self) -> Vec<Action> {
        let counts = self.counts();
        let replicas = self.deployment.replicas;
        let actions = self
            .controller
            .sync(self.now, &self.deployment, replicas, &counts);
        for set in self.controller.replica_sets() {
            let pods = self.pods.entry(set.name.clone()).or_default();
            match correct(set.wanted, pods, pods, self.now) {
                Correction::Nothing => {}
                Correction::Create(number) => {
                    for _ in 0..number {
                        self.created += 1;
                        pods.push(new_pod(self.created, self.now));
                    }
                }
                Correction::Delete(names) if self.lingering => {
                    let gone = |pod: &&mut PodView| names.contains(&pod.name);
                    pods.iter_mut()
                        .filter(gone)
                        .for_each(|pod| pod.terminating = true);
                }
                Correction::Delete(names) => pods.retain(|pod| !names.contains(&pod.name)),
            }
        }
        actions
    }

    /// Syncs until nothing is done; the sizes of the newest set and of all others after each.
    fn settle(&mut self) -> Vec<(u32, u32)> {
        let mut sizes = Vec::new();
        for _ in 0..100 {
            if self.sync().is_empty() {
                return sizes;
            }
            sizes.push(self.sizes());
        }
        panic!("it never settles: {sizes:?}");
    }

    fn sizes(&self) -> (u32, u32) {
        let sets = self.controller.replica_sets();
        let newest = sets.iter().max_by_key(|set| set.revision).expect("a set");
        let all: u32 = sets.iter().map(|set| set.wanted).sum();
        (newest.wanted, all - newest.wanted)
    }

    fn available_and_all(&self) -> (u32, u32) {
        let sets = self.counts().into_values();
        sets.fold((0, 0), |(available, pods), set| {
            (available + set.available, pods + set.pods)
        })
    }

    fn unready(&mut self) -> Vec<&mut PodView> {
        let pods = self.pods.values_mut().flatten();
        pods.filter(|pod| !pod.is_ready()).collect()
    }

    /// The first pod that is not ready becomes so.
    fn one_ready(&mut self) {
        self.now += s(1);
        let now = self.now;
        let mut unready = self.unready();
        unready
            .first_mut()
            .expect("a pod that is not ready")
            .ready_since = Some(now);
    }

    fn all_ready(&mut self) {
        while !self.unready().is_empty() {
            self.one_ready();
            self.settle();
        }
    }

    fn apply(&mut self, image: &str) {
        self.deployment.template = template(image);
    }

    fn undo(&mut self, to_revision: Option<u64>) {
        match self.controller.undo(&self.deployment, to_revision) {
            Ok(Undo::RolledBack { template, .. }) => self.deployment.template = *template,
            other => panic!("no undo: {other:?}"),
        }
    }

    fn wanted(&self) -> Vec<(u64, u32)> {
        let sets = self.controller.replica_sets().iter();
        sets.map(|set| (set.revision, set.wanted)).collect()
    }
}

fn new_pod(number: u32, now: Duration) -> PodView {
    PodView {
        name: format!("order-{number:03}"),
        node: Some("node-1".to_owned()),
        phase: Phase::Running,
        ready_since: None,
        restarts: 0,
        created: now,
        terminating: false,
        deletion_cost: 0,
    }
}

/// platform §2, T: surge/unavailable for 25 %/25 %.
#[test]
fn surge_is_rounded_up_and_unavailable_down() {
    let cases = [
        (1, 1, 0),
        (2, 1, 0),
        (3, 1, 0),
        (4, 1, 1),
        (5, 2, 1),
        (8, 2, 2),
        (10, 3, 2),
    ];
    for (replicas, surge, unavailable) in cases {
        let expected = Fenceposts { surge, unavailable };
        assert_eq!(
            fenceposts(&QUARTERS, replicas),
            expected,
            "{replicas} replicas"
        );
    }
    let none = Strategy::RollingUpdate {
        max_surge: IntOrPercent::Int(0),
        max_unavailable: IntOrPercent::Percent(1),
    };
    let both_zero = Fenceposts {
        surge: 0,
        unavailable: 1,
    };
    assert_eq!(
        fenceposts(&none, 3),
        both_zero,
        "platform §2: both 0 → maxUnavailable 1"
    );
}

/// platform §2, T (desired 4): never fewer than 3 available, never more than 5 pods. The controller
/// takes the old pod in the sync that creates the set.
#[test]
fn four_replicas_roll_one_by_one() {
    let mut cluster = Cluster::running(4, QUARTERS);
    cluster.apply("v2");
    let mut sizes = Vec::new();
    loop {
        while !cluster.sync().is_empty() {
            sizes.push(cluster.sizes());
            let (available, pods) = cluster.available_and_all();
            assert!(available >= 3 && pods <= 5, "{available} of {pods}");
        }
        if cluster.sizes() == (4, 0) {
            break;
        }
        cluster.one_ready();
    }
    assert_eq!(
        sizes,
        [(1, 3), (2, 3), (2, 2), (3, 2), (3, 1), (4, 1), (4, 0)]
    );
    cluster.all_ready();
    assert_eq!(cluster.controller.state(), RolloutState::Complete);
    assert_eq!(cluster.controller.revision(), 2);
}

/// platform §2, T (desired 10).
#[test]
fn ten_replicas_start_with_three_and_five() {
    let mut cluster = Cluster::running(10, QUARTERS);
    cluster.apply("v2");
    let actions = cluster.sync();
    let created = Action::Created {
        set: "order-r2".to_owned(),
        to: 3,
    };
    let scaled = Action::Scaled {
        set: "order-r1".to_owned(),
        from: 10,
        to: 8,
    };
    assert_eq!(actions, [created, scaled]);
    assert_eq!(cluster.settle(), [(5, 8)]);
    cluster.one_ready();
    assert_eq!(cluster.settle(), [(5, 7), (6, 7)]);
}

/// platform §2, T (desired 1): a pod that is ready as soon as it runs costs the old one its life at
/// once; one with a readiness probe is waited for.
#[test]
fn one_replica_is_replaced_when_the_new_one_is_ready() {
    let mut cluster = Cluster::running(1, QUARTERS);
    cluster.apply("v2");
    assert_eq!(cluster.settle(), [(1, 1)]);
    cluster.now += s(20);
    assert_eq!(cluster.settle(), [], "the old pod serves meanwhile");
    cluster.one_ready();
    assert_eq!(cluster.settle(), [(1, 0)]);
}

/// platform §2, T (crash-looping template): it sticks, is told after 600 s, and undo recovers.
#[test]
fn a_bad_template_sticks_and_undo_recovers() {
    let mut cluster = Cluster::running(4, QUARTERS);
    let rolled_at = cluster.now;
    cluster.apply("bad");
    cluster.settle();
    assert_eq!(cluster.sizes(), (2, 3));
    let deadline = cluster.controller.next_deadline(&cluster.deployment);
    assert_eq!(deadline, Some(rolled_at + s(601)));
    cluster.now = rolled_at + s(600);
    assert_eq!(cluster.settle(), []);
    assert_eq!(
        cluster.controller.state(),
        RolloutState::Progressing,
        "strictly older"
    );
    cluster.now = rolled_at + s(601);
    assert_eq!(cluster.settle(), [], "no automatic rollback");
    assert_eq!(cluster.controller.state(), RolloutState::DeadlineExceeded);
    assert_eq!(cluster.controller.next_deadline(&cluster.deployment), None);
    cluster.undo(None);
    cluster.settle();
    assert_eq!(
        cluster.controller.revision(),
        3,
        "an undo is a new revision"
    );
    assert_eq!(cluster.wanted(), [(3, 4), (2, 0)]);
    cluster.all_ready();
    assert_eq!(cluster.controller.state(), RolloutState::Complete);
}

/// rolling.go, case 1 of its worked example: ten replicas, 3 surge, 2 unavailable.
#[test]
fn new_pods_that_never_come_and_a_lost_node_leave_the_old_ones_alone() {
    let strategy = Strategy::RollingUpdate {
        max_surge: IntOrPercent::Int(3),
        max_unavailable: IntOrPercent::Int(2),
    };
    let mut cluster = Cluster::running(10, strategy);
    cluster.apply("bad");
    cluster.settle();
    assert_eq!(cluster.sizes(), (5, 8));
    let old = cluster.pods.get_mut("order-r1").expect("the old set");
    old[0].ready_since = None;
    assert_eq!(cluster.settle(), [], "13 - 8 - 5 = 0");
    cluster.undo(Some(1));
    assert_eq!(
        cluster.settle(),
        [(8, 1), (10, 1)],
        "4 of the crashing pods make room"
    );
}

/// rolling.go, case 2: a third template while the second crashes.
#[test]
fn a_new_set_starts_with_none_when_there_is_no_room() {
    let strategy = Strategy::RollingUpdate {
        max_surge: IntOrPercent::Int(3),
        max_unavailable: IntOrPercent::Int(2),
    };
    let mut cluster = Cluster::running(10, strategy);
    cluster.apply("bad");
    cluster.settle();
    cluster.apply("good");
    assert_eq!(
        cluster.settle(),
        [(0, 8), (5, 8)],
        "5 unhealthy pods go first"
    );
    assert_eq!(cluster.wanted(), [(1, 8), (2, 0), (3, 5)]);
}

/// platform §2: Recreate: all old ones first, terminating ones included.
#[test]
fn recreate_waits_until_every_old_process_is_gone() {
    let mut cluster = Cluster::running(3, Strategy::Recreate);
    cluster.lingering = true;
    cluster.apply("v2");
    assert_eq!(cluster.settle(), [(0, 0)]);
    for pods in cluster.pods.values_mut() {
        pods.clear();
    }
    assert_eq!(cluster.settle(), [(3, 0)]);
    assert_eq!(cluster.controller.state(), RolloutState::Progressing);
    cluster.all_ready();
    assert_eq!(cluster.controller.state(), RolloutState::Complete);
}

/// platform §2: scaling is not a revision; HPA writes replicas, the controller scales.
#[test]
fn scaling_makes_no_revision() {
    let mut cluster = Cluster::running(1, QUARTERS);
    cluster.deployment.replicas = 3;
    assert_eq!(cluster.settle(), [(3, 0)]);
    cluster.deployment.replicas = 0;
    assert_eq!(cluster.settle(), [(0, 0)]);
    cluster.deployment.replicas = 2;
    assert_eq!(
        cluster.settle(),
        [(2, 0)],
        "the newest set when none has pods"
    );
    assert_eq!(cluster.controller.revision(), 1);
}

/// sync.go `scale`: during a rollout both sets grow in proportion (documentation's example:
/// 10 replicas, surge 3, unavailable 2, old 8 and new 5; scaled to 15).
#[test]
fn scaling_during_a_rollout_is_proportional() {
    let strategy = Strategy::RollingUpdate {
        max_surge: IntOrPercent::Int(3),
        max_unavailable: IntOrPercent::Int(2),
    };
    let mut cluster = Cluster::running(10, strategy);
    cluster.apply("v2");
    cluster.settle();
    assert_eq!(cluster.sizes(), (5, 8));
    cluster.deployment.replicas = 15;
    cluster.sync();
    assert_eq!(cluster.sizes(), (7, 11));
    cluster.deployment.replicas = 5;
    cluster.sync();
    assert_eq!(cluster.sizes(), (3, 5));
}

/// sync.go `scale`: what proportions leave over goes to the largest set.
#[test]
fn the_largest_set_gets_what_is_left_over() {
    let strategy = Strategy::RollingUpdate {
        max_surge: IntOrPercent::Int(3),
        max_unavailable: IntOrPercent::Int(2),
    };
    let mut cluster = Cluster::running(10, strategy);
    cluster.apply("v2");
    cluster.settle();
    cluster.one_ready();
    cluster.sync();
    assert_eq!(cluster.sizes(), (5, 7));
    cluster.deployment.replicas = 15;
    cluster.sync();
    assert_eq!(cluster.sizes(), (7, 11), "7 · 18/13 is 10, and one is left");
}

/// platform §2: an undo without or with a revision, and its refusals.
#[test]
fn undo_goes_to_the_second_highest_revision_or_the_named_one() {
    let mut cluster = Cluster::running(1, QUARTERS);
    let nothing = cluster.controller.undo(&cluster.deployment, None);
    assert_eq!(nothing, Err(UndoError::NoHistory("order".to_owned())));
    for image in ["v2", "v3"] {
        cluster.apply(image);
        cluster.settle();
        cluster.all_ready();
    }
    let undone = |to| match cluster.controller.undo(&cluster.deployment, to) {
        Ok(Undo::RolledBack { revision, template }) => (revision, template.container.image.clone()),
        other => panic!("no undo: {other:?}"),
    };
    assert_eq!(undone(None), (2, "v2".to_owned()));
    assert_eq!(undone(Some(0)), (2, "v2".to_owned()));
    assert_eq!(undone(Some(1)), (1, "v1".to_owned()));
    let same = cluster.controller.undo(&cluster.deployment, Some(3));
    assert_eq!(same, Ok(Undo::Skipped { revision: 3 }));
    let unknown = cluster
        .controller
        .undo(&cluster.deployment, Some(7))
        .expect_err("none");
    assert_eq!(
        unknown.to_string(),
        "deployment order has no revision 7; it has 1, 2, 3"
    );
    cluster.undo(Some(1));
    cluster.settle();
    cluster.all_ready();
    assert_eq!(cluster.wanted(), [(4, 1), (2, 0), (3, 0)]);
    cluster.deployment.paused = true;
    let paused = cluster.controller.undo(&cluster.deployment, None);
    assert_eq!(paused, Err(UndoError::Paused("order".to_owned())));
}

/// A paused Deployment scales but does not roll; resuming starts the deadline anew.
#[test]
fn a_pause_holds_the_rollout_and_its_deadline() {
    let mut cluster = Cluster::running(2, QUARTERS);
    cluster.deployment.paused = true;
    cluster.apply("v2");
    assert_eq!(cluster.settle(), []);
    cluster.now = s(5_000);
    assert_eq!(cluster.settle(), []);
    cluster.deployment.paused = false;
    assert_eq!(cluster.settle(), [(1, 2)]);
    let deadline = cluster.controller.next_deadline(&cluster.deployment);
    assert_eq!(deadline, Some(s(5_601)));
}

/// platform §2: revisionHistoryLimit.
#[test]
fn old_revisions_beyond_the_limit_are_forgotten() {
    let mut cluster = Cluster::running(1, QUARTERS);
    cluster.deployment.revision_history_limit = 1;
    for image in ["v2", "v3", "v4"] {
        cluster.apply(image);
        cluster.settle();
        cluster.all_ready();
        cluster.settle();
    }
    assert_eq!(cluster.wanted(), [(3, 0), (4, 1)]);
}

/// platform §2: Available is strictly after minReadySeconds, and a rollout waits for it.
#[test]
fn min_ready_seconds_hold_a_rollout_back() {
    let mut cluster = Cluster::running(1, QUARTERS);
    cluster.deployment.min_ready = s(10);
    cluster.now += s(100);
    cluster.apply("v2");
    cluster.settle();
    cluster.one_ready();
    let ready_at = cluster.now;
    cluster.now = ready_at + s(10);
    assert_eq!(cluster.settle(), []);
    cluster.now += Duration::from_nanos(1);
    assert_eq!(cluster.settle(), [(1, 0)]);
}

fn share() -> impl proptest::strategy::Strategy<Value = IntOrPercent> {
    prop_oneof![
        (0_u32..5).prop_map(IntOrPercent::Int),
        (0_u32..=100).prop_map(IntOrPercent::Percent),
    ]
}

proptest! {
    /// Pods become ready in any order, several templates follow each other at any time: never below
    /// desired − maxUnavailable available, never above desired + maxSurge pods; and it ends.
    #[test]
    fn a_rollout_stays_between_its_fenceposts(
        replicas in 1_u32..12,
        (max_surge, max_unavailable) in (share(), share()),
        picks in proptest::collection::vec((0_usize..20, 0_u8..8), 0..60),
    ) {
        let strategy = Strategy::RollingUpdate { max_surge, max_unavailable };
        let Fenceposts { surge, unavailable } = fenceposts(&strategy, replicas);
        let mut cluster = Cluster::running(replicas, strategy);
        cluster.apply("v2");
        for (number, (pick, event)) in picks.into_iter().enumerate() {
            cluster.now += s(1);
            let now = cluster.now;
            let mut unready = cluster.unready();
            if !unready.is_empty() {
                let index = pick % unready.len();
                unready[index].ready_since = Some(now);
            }
            if event == 0 {
                cluster.apply(&format!("v{}", number + 3));
            }
            for _ in 0..100 {
                let done = cluster.sync().is_empty();
                let (available, pods) = cluster.available_and_all();
                prop_assert!(available >= replicas - unavailable, "{available} available");
                prop_assert!(pods <= replicas + surge, "{pods} pods");
                if done {
                    break;
                }
            }
        }
        cluster.settle();
        cluster.all_ready();
        prop_assert_eq!(cluster.sizes(), (replicas, 0));
        prop_assert_eq!(cluster.controller.state(), RolloutState::Complete);
    }

    /// Scaling at any moment of a rollout: the sets together want what is allowed, and it ends.
    #[test]
    fn scaling_never_loses_a_rollout(
        steps in proptest::collection::vec((0_u32..15, any::<bool>(), any::<bool>()), 1..30),
    ) {
        let mut cluster = Cluster::running(4, QUARTERS);
        for (number, (replicas, scales, applies)) in steps.into_iter().enumerate() {
            if scales {
                cluster.deployment.replicas = replicas;
            }
            if applies {
                cluster.apply(&format!("v{number}"));
            }
            cluster.settle();
            if !cluster.unready().is_empty() {
                cluster.one_ready();
            }
        }
        cluster.settle();
        cluster.all_ready();
        cluster.settle();
        prop_assert_eq!(cluster.sizes(), (cluster.deployment.replicas, 0));
    }
}
