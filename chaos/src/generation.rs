//! Draws plans: a proptest strategy over a system's [`Space`].
//!
//! Swarm testing (Groce et al., ISSTA 2012): each plan switches whole kinds of faults off and
//! weighs the others wildly, because a plan with a little of everything seldom has much of
//! anything.

use std::fmt::Debug;

use crate::{
    fault::{Direction, Fault, Kind, Moment, Start, Text},
    plan::{Plan, Replicas, Setting, Users},
    space::{Space, Tunable},
    topology::{BROKER, Link, Topology, Traffic},
};
use proptest::{
    collection::vec,
    prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof},
    sample::{select, subsequence},
    strategy::{Union, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// Most faults of one plan.
const MOST_FAULTS: usize = 6;
/// Most groups of users.
const MOST_USERS: usize = 3;
/// Users come from the second second on: the shelves are filled in the first.
const USERS_FROM_MS: u64 = 1_000;
/// What users began is still under way so long after the last of them came.
const BUSY_AFTER_MS: u64 = 6_000;
/// Of a moment that came often in the calm run only the first so many are waited for.
const MOST_OCCURRENCES: u32 = 40;

/// The plan of this seed: valid by construction, the same for every build with the same space.
///
/// # Panics
/// When the space has no deployment or no journey: there is nothing to explore.
pub fn draw(space: &Space, seed: u64) -> Plan {
    sample(&plans(space), seed)
}

/// Every plan there is for a space.
///
/// # Panics
/// As [`draw`].
pub fn plans(space: &Space) -> BoxedStrategy<Plan> {
    assert!(
        !space.topology.deployments.is_empty() && !space.journeys.is_empty(),
        "a space without deployments or journeys has nothing to explore"
    );
    let faults = {
        let topology = space.topology.clone();
        weights().prop_flat_map(move |weights| vec(fault(&topology, &weights), 0..=MOST_FAULTS))
    };
    let shape = (
        any::<u64>(),
        any::<Option<u64>>(),
        latency(),
        10_000_u64..45_000,
        3..=8_u32,
    );
    let parts = (
        shape,
        replicas(space),
        (settings(space), variations(space)),
        users(space),
        faults,
    );
    parts
        .prop_map(|(shape, replicas, (settings, variations), users, faults)| {
            let (seed, interleaving, latency_ms, calm_from_ms, aftermath) = shape;
            fitted(Plan {
                seed,
                interleaving,
                latency_ms,
                replicas,
                settings,
                variations,
                users,
                aftermath,
                faults,
                calm_from_ms,
            })
        })
        .boxed()
}

/// The same with every fault while there are users to be troubled: one that begins when nobody is
/// there any more, or waits for more journeys than there are, teaches nothing.
pub(crate) fn fitted(mut plan: Plan) -> Plan {
    let last = plan.users.iter().map(Users::last_ms).max().unwrap_or(0);
    let until_ms = (last + BUSY_AFTER_MS).min(plan.calm_from_ms).max(1);
    let journeys = plan.journeys() - plan.aftermath;
    for fault in &mut plan.faults {
        match &mut fault.start {
            Start::AtMs(ms) => *ms %= until_ms,
            Start::At(_, nth) => *nth = (*nth).min(journeys.max(1)),
        }
    }
    plan
}

/// The value of a strategy that belongs to this seed.
pub(crate) fn sample<T: Debug>(strategy: &BoxedStrategy<T>, seed: u64) -> T {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let tree = strategy.new_tree(&mut runner);
    tree.expect("no strategy here rejects a value").current()
}

/// A number of any size: each power of two as likely as the next.
fn log_uniform(low: u64, high: u64) -> BoxedStrategy<u64> {
    let bits = low.max(1).ilog2()..=high.max(1).ilog2();
    let sized = bits.prop_flat_map(|bits| (1_u64 << bits)..=((1 << bits) * 2 - 1));
    sized.prop_map(move |value| value.clamp(low, high)).boxed()
}

fn latency() -> BoxedStrategy<Option<(u64, u64)>> {
    let drawn = (log_uniform(1, 8), 0..=12_u64).prop_map(|(low, more)| Some((low, low + more)));
    prop_oneof![2 => Just(None), 1 => drawn].boxed()
}

fn replicas(space: &Space) -> BoxedStrategy<Vec<Replicas>> {
    let chosen = subsequence(space.replicas.clone(), 0..=space.replicas.len());
    let counted = chosen.prop_flat_map(|chosen| {
        let counts = chosen.into_iter().map(|(deployment, most)| {
            let with = move |count| Replicas {
                deployment: deployment.clone(),
                count,
            };
            (1..=most).prop_map(with).boxed()
        });
        counts.collect::<Vec<_>>()
    });
    counted.boxed()
}

fn settings(space: &Space) -> BoxedStrategy<Vec<Setting>> {
    let one = |tunable: Tunable| {
        let set = move |value| Setting {
            deployment: tunable.deployment.clone(),
            name: tunable.name.clone(),
            value,
        };
        select(tunable.values.clone()).prop_map(set).boxed()
    };
    let most = space.settings.len().min(2);
    let chosen = subsequence(space.settings.clone(), 0..=most);
    chosen
        .prop_flat_map(move |chosen| chosen.into_iter().map(one).collect::<Vec<_>>())
        .boxed()
}

fn variations(space: &Space) -> BoxedStrategy<Vec<Text>> {
    let most = space.variations.len().min(1);
    subsequence(space.variations.clone(), 0..=most).boxed()
}

fn users(space: &Space) -> BoxedStrategy<Vec<Users>> {
    let from = prop_oneof![2 => Just(USERS_FROM_MS), 1 => USERS_FROM_MS..20_000];
    let rate = prop_oneof![
        3 => (5_u32..50).prop_map(|tenths| f64::from(tenths) / 10.0),
        2 => (5_u32..40).prop_map(f64::from),
    ];
    let patience = prop_oneof![3 => Just(Users::PATIENCE_MS), 1 => log_uniform(32, 8_191)];
    let journeys = select(space.journeys.clone());
    let group = (journeys, from, rate, log_uniform(1, 63), patience);
    let group = group.prop_map(
        |(journey, from_ms, rate_per_s, journeys, patience_ms)| Users {
            journey,
            from_ms,
            rate_per_s,
            journeys: u32::try_from(journeys).unwrap_or(1),
            patience_ms,
        },
    );
    vec(group, 1..=MOST_USERS).boxed()
}

/// How much of each family of faults there is: none, or anything from little to nearly all.
fn weights() -> BoxedStrategy<Vec<u32>> {
    let weight = prop_oneof![4 => Just(0_u32), 1 => Just(1), 1 => Just(4), 1 => Just(16)];
    vec(weight, FAMILIES.len()).boxed()
}

/// A family of faults over a topology; `None` where it has nothing to strike.
type Family = fn(&Topology) -> Option<BoxedStrategy<Fault>>;

/// Every family, and how much it is to be preferred: a crash in the middle of something finds more
/// than most. Their order is part of a seed's meaning.
const FAMILIES: [(Family, u32); 18] = [
    (kills, 4),
    (power_losses, 1),
    (stops, 1),
    (partitions, 1),
    (slow_links, 1),
    (lossy_links, 1),
    (store_outages, 2),
    (broker_outages, 1),
    (lost_replies, 2),
    (lost_commit_replies, 2),
    (duplicates, 1),
    (slow_pods, 1),
    (failing_pods, 1),
    (hangs, 1),
    (deleted_pods, 2),
    (rollouts, 1),
    (machines, 1),
    (skewed_clocks, 1),
];

fn fault(topology: &Topology, weights: &[u32]) -> BoxedStrategy<Fault> {
    let weighed = |weights: &[u32]| -> Vec<(u32, BoxedStrategy<Fault>)> {
        let chosen = FAMILIES.iter().zip(weights);
        chosen
            .filter(|(_, weight)| **weight > 0)
            .filter_map(|((family, preferred), weight)| {
                Some((preferred * weight, family(topology)?))
            })
            .collect()
    };
    let chosen = weighed(weights);
    match chosen.is_empty() {
        true => Union::new_weighted(weighed(&[1; FAMILIES.len()])).boxed(),
        false => Union::new_weighted(chosen).boxed(),
    }
}

/// Any fault.
pub(crate) fn any_fault(topology: &Topology) -> BoxedStrategy<Fault> {
    fault(topology, &[])
}

// === When ===

/// At any time, at any moment, or at a moment of what the fault strikes or of its neighbours: what
/// is under way there just then.
fn start(topology: &Topology, kind: &Kind) -> BoxedStrategy<Start> {
    let at = (500_u64..40_000).prop_map(Start::AtMs).boxed();
    let (own, near) = topology.moments_near(&kind.strikes());
    let weighed = [(2, &own), (1, &near), (1, &topology.moments)];
    let moments = weighed.map(|(weight, moments)| Some((weight, occurrences(moments)?)));
    let mut starts = vec![(2, at)];
    starts.extend(moments.into_iter().flatten());
    Union::new_weighted(starts).boxed()
}

/// The n-th occurrence of one of these moments, early ones more often.
fn occurrences(moments: &[(Moment, u32)]) -> Option<BoxedStrategy<Start>> {
    if moments.is_empty() {
        return None;
    }
    let of = |(moment, count): (Moment, u32)| {
        let nth = log_uniform(1, u64::from(count.clamp(1, MOST_OCCURRENCES)));
        nth.prop_map(move |nth| Start::At(moment.clone(), u32::try_from(nth).unwrap_or(1)))
    };
    Some(select(moments.to_vec()).prop_flat_map(of).boxed())
}

/// From a few round trips to longer than any timeout.
fn length() -> BoxedStrategy<Option<u64>> {
    log_uniform(256, 30_000).prop_map(Some).boxed()
}

fn lasting(topology: &Topology, kind: BoxedStrategy<Kind>) -> BoxedStrategy<Fault> {
    let begun = (begun(topology, kind), length());
    let fault = begun.prop_map(|(begun, length_ms)| Fault { length_ms, ..begun });
    fault.boxed()
}

/// Over at once, or ended by the platform in its own time.
fn sudden(topology: &Topology, kind: BoxedStrategy<Kind>) -> BoxedStrategy<Fault> {
    begun(topology, kind)
}

fn begun(topology: &Topology, kind: BoxedStrategy<Kind>) -> BoxedStrategy<Fault> {
    let topology = topology.clone();
    let begun = kind.prop_flat_map(move |kind| {
        start(&topology, &kind).prop_map(move |start| momentary(kind.clone(), start))
    });
    begun.boxed()
}

fn momentary(kind: Kind, start: Start) -> Fault {
    Fault {
        kind,
        start,
        length_ms: None,
    }
}

// === What ===

fn one_of(names: &[Text]) -> Option<BoxedStrategy<Text>> {
    (!names.is_empty()).then(|| select(names.to_vec()).boxed())
}

/// All pods of a deployment, or one.
fn pods(topology: &Topology) -> Option<BoxedStrategy<Text>> {
    let one = one_of(&topology.deployments)?;
    let first = one.clone().prop_map(|name| format!("{name}/1").into());
    Some(prop_oneof![1 => one, 1 => first].boxed())
}

fn links(topology: &Topology) -> Option<BoxedStrategy<Link>> {
    (!topology.links.is_empty()).then(|| select(topology.links.clone()).boxed())
}

fn kills(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let kind = pods(topology)?.prop_map(|target| Kind::Kill { target });
    Some(sudden(topology, kind.boxed()))
}

fn power_losses(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let kind = pods(topology)?.prop_map(|target| Kind::PowerLoss { target });
    Some(sudden(topology, kind.boxed()))
}

fn stops(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let kind = one_of(&topology.deployments)?.prop_map(|deployment| Kind::Stop { deployment });
    Some(lasting(topology, kind.boxed()))
}

fn partitions(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let parts = (links(topology)?, 0..4_u8);
    let kind = parts.prop_map(|(link, way)| {
        let (from, to, direction) = match way {
            0 => (link.from, link.to, Direction::OneWay),
            1 => (link.to, link.from, Direction::OneWay),
            _ => (link.from, link.to, Direction::Both),
        };
        Kind::Partition {
            from,
            to,
            direction,
        }
    });
    Some(lasting(topology, kind.boxed()))
}

fn slow_links(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let parts = (
        links(topology)?,
        log_uniform(1, 4_000),
        log_uniform(1, 4_000),
    );
    let kind = parts.prop_map(|(link, low, more)| Kind::SlowLink {
        from: link.from,
        to: link.to,
        delay_ms: (low, low + more),
    });
    Some(lasting(topology, kind.boxed()))
}

fn lossy_links(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let parts = (links(topology)?, 1..=60_u32);
    let kind = parts.prop_map(|(link, percent)| Kind::LossyLink {
        from: link.from,
        to: link.to,
        probability: f64::from(percent) / 100.0,
    });
    Some(lasting(topology, kind.boxed()))
}

fn store_outages(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let kind = one_of(&topology.stores)?.prop_map(|service| Kind::StoreOutage { service });
    Some(lasting(topology, kind.boxed()))
}

fn broker_outages(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    Some(lasting(topology, Just(Kind::BrokerOutage).boxed()))
}

/// What a callee has just done its caller never hears of: struck where the callee's code says that
/// it is between two effects, or where a call is under way.
fn lost_replies(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let calls = topology.links.iter();
    let calls: Vec<Link> = calls
        .filter(|link| link.traffic != Traffic::Store)
        .cloned()
        .collect();
    if calls.is_empty() {
        return None;
    }
    let moments = topology.moments.clone();
    let of = move |link: Link| {
        let near: Vec<_> = moments
            .iter()
            .filter(|(moment, _)| is_near(moment, &link))
            .cloned()
            .collect();
        let start = occurrences(&near);
        let start = start.unwrap_or_else(|| (500_u64..40_000).prop_map(Start::AtMs).boxed());
        start.prop_map(move |start| {
            let kind = Kind::LostReply {
                host: link.to.clone(),
                peer: link.from.clone(),
            };
            momentary(kind, start)
        })
    };
    Some(select(calls).prop_flat_map(of).boxed())
}

/// Moments at which a reply over this link may be on its way.
fn is_near(moment: &Moment, link: &Link) -> bool {
    match moment {
        Moment::Hint { host, .. } => host == &link.to,
        Moment::Committed { host, .. } => *host == format!("{}-store", link.to),
        Moment::CallSent { host, target } => host == &link.from && target == &link.to,
        Moment::Published { .. } => link.to == BROKER,
        _ => false,
    }
}

/// A commit took effect, and its service never hears of it.
fn lost_commit_replies(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let commits = topology.moments.iter();
    let commits: Vec<_> = commits
        .filter(|(moment, _)| matches!(moment, Moment::Committed { .. }))
        .cloned()
        .collect();
    let lost = |start: Start| {
        let Start::At(Moment::Committed { host, .. }, _) = &start else {
            unreachable!("only commits were chosen");
        };
        let service = host.strip_suffix("-store").unwrap_or(host).to_owned();
        let kind = Kind::LostReply {
            host: host.clone(),
            peer: service.into(),
        };
        momentary(kind, start)
    };
    Some(occurrences(&commits)?.prop_map(lost).boxed())
}

fn duplicates(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let kind = (1..=10_u32).prop_map(|tenths| Kind::DuplicateDeliveries {
        probability: f64::from(tenths) / 10.0,
    });
    Some(lasting(topology, kind.boxed()))
}

fn slow_pods(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let parts = (pods(topology)?, log_uniform(2, 100));
    let kind = parts.prop_map(|(target, factor)| Kind::SlowPod {
        target,
        factor: f64::from(u32::try_from(factor).unwrap_or(2)),
    });
    Some(lasting(topology, kind.boxed()))
}

fn failing_pods(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let kind = pods(topology)?.prop_map(|target| Kind::Failing { target });
    Some(lasting(topology, kind.boxed()))
}

fn hangs(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let kind = pods(topology)?.prop_map(|target| Kind::Hang { target });
    Some(lasting(topology, kind.boxed()))
}

fn deleted_pods(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let kind = pods(topology)?.prop_map(|target| Kind::DeletePods { target });
    Some(sudden(topology, kind.boxed()))
}

fn rollouts(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let deployments = one_of(&topology.deployments)?;
    let kind = deployments.prop_map(|deployment| Kind::RolloutRestart { deployment });
    Some(sudden(topology, kind.boxed()))
}

fn machines(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let parts = (one_of(&topology.nodes)?, any::<bool>());
    let kind = parts.prop_map(|(node, drain)| match drain {
        true => Kind::Drain { node },
        false => Kind::NodeLoss { node },
    });
    Some(lasting(topology, kind.boxed()))
}

fn skewed_clocks(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let parts = (pods(topology)?, log_uniform(1, 86_400_000), any::<bool>());
    let kind = parts.prop_map(|(target, by_ms, back)| {
        let by_ms = i64::try_from(by_ms).unwrap_or(i64::MAX);
        Kind::ClockSkew {
            target,
            skew_ms: if back { -by_ms } else { by_ms },
        }
    });
    Some(lasting(topology, kind.boxed()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{mutation::mutate, testing::space};

    /// Every plan names only what is there, and is a file that can be read again.
    fn check(plan: &Plan) {
        let space = space();
        assert!(
            !plan.users.is_empty() && plan.users.len() <= MOST_USERS,
            "{plan:?}"
        );
        for users in &plan.users {
            assert!(space.journeys.contains(&users.journey) && users.journeys > 0);
        }
        for fault in &plan.faults {
            match &fault.start {
                Start::AtMs(ms) => assert!(*ms < plan.calm_from_ms, "{fault}"),
                Start::At(moment, nth) => {
                    let known = space.topology.moments.iter();
                    let count = known.clone().find(|(known, _)| known == moment);
                    let (_, count) = count.expect("moments come from the topology");
                    assert!((1..=*count).contains(nth), "{fault}");
                }
            }
            assert_eq!(fault.length_ms.is_some(), lasts(&fault.kind), "{fault}");
        }
        for replicas in &plan.replicas {
            assert!((1..=3).contains(&replicas.count));
        }
        let text = serde_json::to_string(plan).expect("a plan is JSON");
        assert_eq!(*plan, serde_json::from_str(&text).expect("and comes back"));
    }

    fn lasts(kind: &Kind) -> bool {
        !kind.is_over_at_once() && !matches!(kind, Kind::Kill { .. } | Kind::PowerLoss { .. })
    }

    #[test]
    fn plans_are_valid_and_a_seed_gives_one() {
        let space = space();
        let mut kinds = BTreeSet::new();
        for seed in 0..500 {
            let plan = draw(&space, seed);
            check(&plan);
            assert_eq!(plan, draw(&space, seed));
            kinds.extend(plan.kinds());
        }
        // All but those that a scenario states itself: apply and rollout undo.
        assert_eq!(kinds.len(), 18, "{kinds:?}");
    }

    #[test]
    fn a_swarm_leaves_kinds_out() {
        let space = space();
        let many = (0..500).map(|seed| draw(&space, seed));
        let many: Vec<_> = many.filter(|plan| plan.faults.len() >= 5).collect();
        let few = many.iter().filter(|plan| plan.kinds().len() <= 3).count();
        assert!(
            few * 3 > many.len(),
            "{few} of {} plans are of few kinds",
            many.len()
        );
    }

    #[test]
    fn mutants_are_valid_and_near_their_parent() {
        let space = space();
        let parent = draw(&space, 7);
        let mut other = 0;
        for seed in 0..200 {
            let child = mutate(&space, &parent, seed);
            check(&child);
            assert_eq!(child, mutate(&space, &parent, seed));
            other += usize::from(child.users != parent.users);
        }
        assert!((1..150).contains(&other), "{other} of 200 have other users");
    }
}
