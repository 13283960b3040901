//! Makes a new plan from one that reached something: most of it stays, a part is drawn anew.

use proptest::{
    collection::vec,
    prelude::{Strategy, any},
    sample::Index,
};

use crate::{
    families::any_fault,
    fault::Fault,
    generation::{in_time, plans, sample, scaled},
    plan::Plan,
    space::Space,
};

/// Most faults that a mutated plan grows to.
const MOST_FAULTS: usize = 12;

/// A relative of `parent`, with a seed of its own.
pub fn mutate(space: &Space, parent: &Plan, seed: u64) -> Plan {
    let change = (0..CHANGES.len(), any::<Index>(), any_fault(&space.topology));
    // One to three changes: enough to get away, few enough to stay near.
    let changes = (plans(space), vec(change, 1..=3)).boxed();
    let (fresh, changes) = sample(&changes, seed);
    let mut child = Plan {
        seed: fresh.seed,
        ..parent.clone()
    };
    for (number, place, fault) in changes {
        let fault = scaled(fault, &child, space.calm_journeys);
        CHANGES[number](&mut child, place, fault, &fresh);
    }
    in_time(child)
}

/// Changes a plan with the help of a place in it, a fault, and a whole plan drawn anew.
type Change = fn(&mut Plan, Index, Fault, &Plan);

const CHANGES: [Change; 9] = [
    with_one_more,
    with_one_more,
    with_one_less,
    with_another,
    at_another_moment,
    at_another_moment,
    with_other_users,
    with_other_settings,
    with_another_world,
];

fn with_one_more(plan: &mut Plan, _: Index, fault: Fault, _: &Plan) {
    if plan.faults.len() < MOST_FAULTS {
        plan.faults.push(fault);
    }
}

fn with_one_less(plan: &mut Plan, place: Index, _: Fault, _: &Plan) {
    if !plan.faults.is_empty() {
        plan.faults.remove(place.index(plan.faults.len()));
    }
}

fn with_another(plan: &mut Plan, place: Index, fault: Fault, _: &Plan) {
    if !plan.faults.is_empty() {
        *place.get_mut(&mut plan.faults) = fault;
    }
}

fn at_another_moment(plan: &mut Plan, place: Index, fault: Fault, _: &Plan) {
    if !plan.faults.is_empty() {
        place.get_mut(&mut plan.faults).start = fault.start;
    }
}

fn with_other_users(plan: &mut Plan, _: Index, _: Fault, fresh: &Plan) {
    plan.users.clone_from(&fresh.users);
}

fn with_other_settings(plan: &mut Plan, _: Index, _: Fault, fresh: &Plan) {
    plan.replicas.clone_from(&fresh.replicas);
    plan.settings.clone_from(&fresh.settings);
    plan.variations.clone_from(&fresh.variations);
}

fn with_another_world(plan: &mut Plan, _: Index, _: Fault, fresh: &Plan) {
    plan.interleaving = fresh.interleaving;
    plan.latency_ms = fresh.latency_ms;
    plan.calm_from_ms = fresh.calm_from_ms;
}
