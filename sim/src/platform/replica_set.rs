//! ReplicaSets: how many pods are missing, and which go first when there are too many.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

/// What the control plane sees of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodView {
    /// Its name.
    pub name: String,
    /// Where it was scheduled to.
    pub node: Option<String>,
    /// Its phase.
    pub phase: Phase,
    /// Since when its Ready condition is true; `None`: it is not ready.
    pub ready_since: Option<Duration>,
    /// `restartCount` of its container.
    pub restarts: u32,
    /// When it was created.
    pub created: Duration,
    /// It has a deletion timestamp.
    pub terminating: bool,
    /// Annotation `controller.kubernetes.io/pod-deletion-cost`, 0: cheaper ones go first.
    pub deletion_cost: i32,
}

/// The phase of a pod (Kubernetes: core/v1 `PodPhase`), in the order in which pods are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Its container has not been started yet.
    Pending,
    /// Its node is silent.
    Unknown,
    /// Its container runs, or is being restarted.
    Running,
    /// It ended for good. (Pods of a ReplicaSet are restarted, so only an eviction leads here.)
    Failed,
}

/// The pods of one ReplicaSet, counted (Kubernetes: `ReplicaSetStatus`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Active ones: neither terminating nor failed.
    pub pods: u32,
    /// Active and ready.
    pub ready: u32,
    /// Active and available.
    pub available: u32,
    /// On their way out, their processes still there.
    pub terminating: u32,
}

/// What a ReplicaSet does to get the pods it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Correction {
    /// It has them.
    Nothing,
    /// So many are created.
    Create(u32),
    /// These are deleted.
    Delete(Vec<String>),
}

/// What a ReplicaSet that wants `wanted` does about its `pods`. `siblings` are all pods of its
/// Deployment, these included: of two, the one that shares its node with more of them goes.
///
/// A terminating pod is not counted, so its replacement starts at once (platform §1.4).
/// Kubernetes: replicaset controller `manageReplicas`.
pub fn correct(wanted: u32, pods: &[PodView], siblings: &[PodView], now: Duration) -> Correction {
    let active = count(pods, PodView::is_active);
    if active <= wanted {
        return match wanted - active {
            0 => Correction::Nothing,
            missing => Correction::Create(missing),
        };
    }
    Correction::Delete(first_to_go(pods, siblings, active - wanted, now))
}

/// The names of the `number` active pods that go first.
///
/// Kubernetes: pkg/controller `ActivePodsWithRanks`: unassigned, Pending < Unknown < Running, not
/// ready < ready, lower deletion cost, more siblings on its node, ready more recently (in powers of
/// two of the age), more restarts, newer (likewise). What is left to the UID there is left to the
/// name here.
fn first_to_go(pods: &[PodView], siblings: &[PodView], number: u32, now: Duration) -> Vec<String> {
    let mut on_node: BTreeMap<&str, u32> = BTreeMap::new();
    for node in siblings
        .iter()
        .filter(|pod| pod.is_active())
        .filter_map(|pod| pod.node.as_deref())
    {
        *on_node.entry(node).or_default() += 1;
    }
    let mut ranked: Vec<_> = pods
        .iter()
        .filter(|pod| pod.is_active())
        .map(|pod| {
            let siblings = pod.node.as_deref().and_then(|node| on_node.get(node));
            (pod, siblings.copied().unwrap_or(0))
        })
        .collect();
    ranked.sort_by(|(left, left_siblings), (right, right_siblings)| {
        let first = |pod: &PodView, siblings: u32| {
            (
                pod.node.is_some(),
                pod.phase,
                pod.is_ready(),
                pod.deletion_cost,
                Reverse(siblings),
            )
        };
        first(left, *left_siblings)
            .cmp(&first(right, *right_siblings))
            .then_with(|| by_age(left, right, now))
            .then_with(|| left.name.cmp(&right.name))
    });
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    let victims = ranked.into_iter().take(number);
    victims.map(|(pod, _)| pod.name.clone()).collect()
}

/// An order that ends at the first pair of times that differ, even if they are alike in powers of
/// two: Kubernetes then looks at the UIDs and not at what would follow.
fn by_age(left: &PodView, right: &PodView, now: Duration) -> std::cmp::Ordering {
    let magnitude = |since: Duration| now.saturating_sub(since).as_nanos().max(1).ilog2();
    if left.ready_since != right.ready_since {
        return left
            .ready_since
            .map(magnitude)
            .cmp(&right.ready_since.map(magnitude));
    }
    if left.restarts != right.restarts {
        return right.restarts.cmp(&left.restarts);
    }
    magnitude(left.created).cmp(&magnitude(right.created))
}

// === impl PodView ===

impl PodView {
    /// Counted by its ReplicaSet: neither terminating nor failed (`IsPodActive`).
    pub fn is_active(&self) -> bool {
        !self.terminating && self.phase != Phase::Failed
    }

    /// Its Ready condition.
    pub fn is_ready(&self) -> bool {
        self.ready_since.is_some()
    }

    /// Ready, and for longer than `minReadySeconds` (podutil `IsPodAvailable`: strictly longer).
    pub fn is_available(&self, min_ready: Duration, now: Duration) -> bool {
        self.ready_since
            .is_some_and(|since| min_ready.is_zero() || since + min_ready < now)
    }
}

// === impl Counts ===

impl Counts {
    /// Of the `pods` of one ReplicaSet of a Deployment with `min_ready`.
    pub fn of(pods: &[PodView], min_ready: Duration, now: Duration) -> Self {
        Self {
            pods: count(pods, PodView::is_active),
            ready: count(pods, |pod| pod.is_active() && pod.is_ready()),
            available: count(pods, |pod| {
                pod.is_active() && pod.is_available(min_ready, now)
            }),
            terminating: count(pods, |pod| pod.terminating),
        }
    }

    /// When the next ready pod becomes available, so that they are to be counted again.
    pub fn next_deadline(pods: &[PodView], min_ready: Duration, now: Duration) -> Option<Duration> {
        let waiting = pods
            .iter()
            .filter(|pod| pod.is_active() && !pod.is_available(min_ready, now));
        // Available is strictly after the time.
        let available =
            waiting.filter_map(|pod| Some(pod.ready_since? + min_ready + Duration::from_nanos(1)));
        available.min()
    }
}

fn count(pods: &[PodView], which: impl Fn(&PodView) -> bool) -> u32 {
    let number = pods.iter().filter(|pod| which(pod)).count();
    u32::try_from(number).expect("fewer than 2^32 pods")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Correction, Counts, Phase, PodView, correct};

    const NOW: Duration = Duration::from_secs(1_000);

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Running and ready on a node of its own for 900 s.
    fn pod(name: &str) -> PodView {
        PodView {
            name: name.to_owned(),
            node: Some(format!("node-of-{name}")),
            phase: Phase::Running,
            ready_since: Some(s(100)),
            restarts: 0,
            created: s(90),
            terminating: false,
            deletion_cost: 0,
        }
    }

    fn victims(pods: &[PodView], wanted: u32) -> Vec<String> {
        match correct(wanted, pods, pods, NOW) {
            Correction::Delete(names) => names,
            other => panic!("{other:?} is no deletion"),
        }
    }

    #[test]
    fn missing_pods_are_created_and_terminating_ones_are_missing() {
        let mut pods = vec![pod("a"), pod("b")];
        assert_eq!(correct(2, &pods, &pods, NOW), Correction::Nothing);
        pods[0].terminating = true;
        assert_eq!(correct(2, &pods, &pods, NOW), Correction::Create(1));
    }

    /// platform §2: pod choice when a ReplicaSet shrinks, one criterion after the other.
    #[test]
    fn the_order_in_which_pods_go() {
        let mut unassigned = pod("z-unassigned");
        (unassigned.node, unassigned.phase) = (None, Phase::Pending);
        let mut pending = pod("y-pending");
        (pending.phase, pending.ready_since) = (Phase::Pending, None);
        unassigned.ready_since = None;
        let mut unknown = pod("x-unknown");
        unknown.phase = Phase::Unknown;
        let mut unready = pod("w-unready");
        unready.ready_since = None;
        let mut cheap = pod("v-cheap");
        cheap.deletion_cost = -1;
        let mut crowded = [pod("t-crowded"), pod("u-crowded")];
        for pod in &mut crowded {
            pod.node = Some("crowded".to_owned());
        }
        let mut recent = pod("s-recent");
        recent.ready_since = Some(s(990));
        let mut restarted = pod("r-restarted");
        restarted.restarts = 2;
        let mut newer = pod("q-newer");
        newer.created = s(999);
        let [crowded_1, crowded_2] = crowded;
        let pods = [
            pod("a"),
            pod("b"),
            newer,
            restarted,
            recent,
            crowded_1,
            crowded_2,
            cheap,
            unready,
            unknown,
            pending,
            unassigned,
        ];
        let expected = [
            "z-unassigned",
            "y-pending",
            "x-unknown",
            "w-unready",
            "v-cheap",
            "t-crowded",
            "u-crowded",
            "s-recent",
            "r-restarted",
            "q-newer",
            "a",
        ];
        assert_eq!(victims(&pods, 1), expected);
    }

    #[test]
    fn siblings_of_other_replica_sets_crowd_a_node_too() {
        let old = [pod("a"), pod("b")];
        let mut sibling = pod("new");
        sibling.node.clone_from(&old[1].node);
        let siblings = [old[0].clone(), old[1].clone(), sibling];
        let correction = correct(1, &old, &siblings, NOW);
        assert_eq!(correction, Correction::Delete(vec!["b".to_owned()]));
    }

    /// platform §2: Available = Ready and (minReadySeconds = 0 or lastTransition + it < now,
    /// strict).
    #[test]
    fn a_pod_is_available_strictly_after_min_ready_seconds() {
        let pods = [pod("a")];
        let available = |min_ready, now| Counts::of(&pods, min_ready, now).available;
        assert_eq!(available(s(0), s(100)), 1);
        assert_eq!(available(s(10), s(110)), 0);
        let deadline = Counts::next_deadline(&pods, s(10), s(100)).expect("it is ready");
        assert_eq!(available(s(10), deadline), 1);
        assert_eq!(Counts::next_deadline(&pods, s(10), deadline), None);
    }
}
