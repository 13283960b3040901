//! Draws plans: a proptest strategy over a system's [`Space`].
//!
//! Swarm testing (Groce et al., ISSTA 2012): each plan switches whole kinds of faults off and
//! weighs the others wildly, because a plan with a little of everything seldom has much of
//! anything.

use std::{fmt::Debug, mem};

use crate::{
    families::{fault, weights},
    fault::{Fault, Start, Text},
    plan::{Plan, Replicas, Setting, Users},
    space::{Space, Tunable},
};
use proptest::{
    collection::vec,
    prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof},
    sample::{select, subsequence},
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// Most faults of one plan.
const MOST_FAULTS: usize = 10;
/// How many groups of users: few enough to be told apart, several because one alone may never do
/// what a fault waits for.
const USERS: std::ops::RangeInclusive<usize> = 2..=4;
/// Users, and faults with them, come when the system is prepared.
const FROM_MS: u64 = Plan::PREPARED.as_millis() as u64;
/// What users began is still under way so long after the last of them came.
const BUSY_AFTER_MS: u64 = 6_000;

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
        let count = prop_oneof![1 => Just(0), 15 => 1..=MOST_FAULTS];
        (weights(), count)
            .prop_flat_map(move |(weights, count)| vec(fault(&topology, &weights), count))
    };
    let shape = (
        any::<u64>(),
        any::<Option<u64>>(),
        latency(),
        10_000_u64..45_000,
        2..=4_u32,
    );
    let parts = (
        shape,
        replicas(space),
        (settings(space), variations(space)),
        users(space),
        faults,
    );
    let calm_journeys = space.calm_journeys;
    parts
        .prop_map(
            move |(shape, replicas, (settings, variations), users, faults)| {
                let (seed, interleaving, latency_ms, calm_from_ms, aftermath) = shape;
                let mut plan = Plan {
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
                };
                let drawn = mem::take(&mut plan.faults).into_iter();
                let fitted = drawn.map(|fault| scaled(fault, &plan, calm_journeys));
                plan.faults = fitted.collect();
                in_time(plan)
            },
        )
        .boxed()
}

/// A fault as it was drawn, for a plan: a moment was counted in a calm run of so many journeys, and
/// comes as much more seldom as the plan has fewer.
pub(crate) fn scaled(mut fault: Fault, plan: &Plan, calm_journeys: u32) -> Fault {
    let journeys = plan.journeys() - plan.aftermath;
    if let Start::At(_, nth) = &mut fault.start
        && journeys < calm_journeys
    {
        *nth = (*nth * journeys).div_ceil(calm_journeys).max(1);
    }
    fault
}

/// The same with every fault while there are users to be troubled: one that begins when nobody is
/// there, or after the calm has begun, teaches nothing.
pub(crate) fn in_time(mut plan: Plan) -> Plan {
    let last = plan.users.iter().map(Users::last_ms).max().unwrap_or(0);
    let until_ms = (last + BUSY_AFTER_MS).min(plan.calm_from_ms);
    let times = FROM_MS..until_ms.max(FROM_MS + 1);
    for fault in &mut plan.faults {
        if let Start::AtMs(ms) = &mut fault.start
            && !times.contains(ms)
        {
            *ms = FROM_MS + *ms % (times.end - times.start);
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
pub(crate) fn log_uniform(low: u64, high: u64) -> BoxedStrategy<u64> {
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
    let from = prop_oneof![2 => Just(FROM_MS), 1 => FROM_MS..20_000];
    let rate = prop_oneof![
        3 => (5_u32..50).prop_map(|tenths| f64::from(tenths) / 10.0),
        2 => (5_u32..40).prop_map(f64::from),
    ];
    let patience = prop_oneof![3 => Just(Users::PATIENCE_MS), 1 => log_uniform(32, 8_191)];
    let journeys = select(space.journeys.clone());
    let group = (journeys, from, rate, log_uniform(4, 63), patience);
    let group = group.prop_map(
        |(journey, from_ms, rate_per_s, journeys, patience_ms)| Users {
            journey,
            from_ms,
            rate_per_s,
            journeys: u32::try_from(journeys).unwrap_or(1),
            patience_ms,
        },
    );
    vec(group, USERS).boxed()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{fault::Kind, mutation::mutate, testing::space};

    /// Every plan names only what is there, and is a file that can be read again.
    fn check(plan: &Plan) {
        let space = space();
        assert!(USERS.contains(&plan.users.len()), "{plan:?}");
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
