//! Simpler relatives of a plan, the boldest first: faults are dropped, then users, then journeys;
//! what was set goes back to what the system says; windows become shorter, counts lower, triggers
//! earlier.

use std::collections::VecDeque;

use crate::{
    fault::{Fault, Start},
    plan::{Plan, Users},
};

/// Shrinks a plan step by step. It knows nothing of runs: whoever drives it asks for candidates
/// and tells which of them still fails.
#[derive(Debug)]
pub struct Shrinker {
    smallest: Plan,
    candidates: VecDeque<Plan>,
    /// Something was accepted since the candidates were made from the first stage on.
    progress: bool,
    stage: usize,
}

/// Makes candidates of one sort, bold ones first.
type Stage = fn(&Plan) -> Vec<Plan>;

const STAGES: [Stage; 8] = [
    without_faults,
    without_users,
    with_a_handful,
    with_fewer_journeys,
    without_settings,
    with_shorter_windows,
    with_earlier_triggers,
    with_an_earlier_end,
];

// === impl Shrinker ===

impl Shrinker {
    /// Begins with a plan that fails.
    pub fn new(failing: Plan) -> Self {
        Self {
            candidates: without_faults(&failing).into(),
            smallest: failing,
            progress: false,
            stage: 0,
        }
    }

    /// The simplest plan so far that fails.
    pub fn smallest(&self) -> &Plan {
        &self.smallest
    }

    /// The next simpler plans to try, at most so many; none: nothing simpler fails.
    pub fn next(&mut self, most: usize) -> Vec<Plan> {
        while self.candidates.is_empty() {
            self.stage += 1;
            if self.stage == STAGES.len() {
                if !self.progress {
                    return Vec::new();
                }
                self.stage = 0;
                self.progress = false;
            }
            self.candidates = STAGES[self.stage](&self.smallest).into();
        }
        let most = most.min(self.candidates.len());
        self.candidates.drain(..most).collect()
    }

    /// This candidate fails, too: go on from it.
    pub fn accept(&mut self, plan: Plan) {
        debug_assert!(
            plan.size() <= self.smallest.size(),
            "a candidate is never larger"
        );
        self.smallest = plan;
        self.progress = true;
        self.candidates = STAGES[self.stage](&self.smallest).into();
    }
}

/// Without all, a half, a quarter, … a single one (delta debugging: Zeller and Hildebrandt, 2002).
fn without<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    let mut kept = Vec::new();
    let mut part = items.len();
    while part > 0 {
        for from in (0..items.len()).step_by(part) {
            let to = (from + part).min(items.len());
            kept.push([&items[..from], &items[to..]].concat());
        }
        part /= 2;
    }
    kept
}

fn without_faults(plan: &Plan) -> Vec<Plan> {
    let kept = without(&plan.faults).into_iter();
    kept.map(|faults| Plan {
        faults,
        ..plan.clone()
    })
    .collect()
}

fn without_users(plan: &Plan) -> Vec<Plan> {
    let mut candidates: Vec<Plan> = Vec::new();
    if plan.aftermath > 0 {
        candidates.push(Plan {
            aftermath: 0,
            ..plan.clone()
        });
    }
    candidates.extend(without(&plan.users).into_iter().map(|users| Plan {
        users,
        ..plan.clone()
    }));
    candidates.retain(|plan| plan.journeys() > 0);
    candidates
}

/// One, two or three journeys of one group, or one of each, met by the faults, in several other
/// draws of the rest: where many users were needed to hit on something by chance, a few that come
/// at the right time may do.
fn with_a_handful(plan: &Plan) -> Vec<Plan> {
    let mut chosen: Vec<Vec<Users>> = Vec::new();
    for journeys in 1..=HANDFUL {
        let of = |users: &Users| Users {
            journeys,
            ..users.clone()
        };
        chosen.extend(plan.users.iter().map(|users| vec![of(users)]));
        if journeys == 1 && plan.users.len() > 1 {
            chosen.push(plan.users.iter().map(of).collect());
        }
    }
    let mut candidates = Vec::new();
    for users in chosen {
        for (draw, lead_ms) in (0..).zip(LEADS_MS) {
            candidates.push(handful(plan, users.clone(), draw, lead_ms));
        }
    }
    candidates.retain(|candidate| candidate.journeys() < plan.journeys());
    candidates
}

/// Most journeys of a handful that is all of one group.
const HANDFUL: u32 = 3;
/// Nobody comes before the system is prepared.
const FROM_MS: u64 = Plan::PREPARED.as_millis() as u64;
/// How long before a fault users come, draw by draw.
const LEADS_MS: [u64; 8] = [100, 400, 1_600, 0, 200, 800, 3_200, 50];
/// How many a second they then are, at least.
const CLOSE_PER_S: f64 = 10.0;

/// Draws differ in the seed and in how long before a timed fault the users come. A fault that waits
/// for a moment waits for the first or for the last that they can bring about.
fn handful(plan: &Plan, users: Vec<Users>, draw: u64, lead_ms: u64) -> Plan {
    let mut smaller = Plan {
        seed: plan.seed.wrapping_add(draw),
        users,
        aftermath: 0,
        ..plan.clone()
    };
    let journeys = smaller.journeys();
    for fault in &mut smaller.faults {
        match &mut fault.start {
            Start::AtMs(ms) => {
                for users in &mut smaller.users {
                    users.from_ms = ms.saturating_sub(lead_ms).max(FROM_MS);
                    users.rate_per_s = users.rate_per_s.max(CLOSE_PER_S);
                }
            }
            Start::At(_, nth) if draw.is_multiple_of(2) => *nth = 1,
            Start::At(_, nth) => *nth = (*nth).min(journeys),
        }
    }
    smaller
}

fn with_fewer_journeys(plan: &Plan) -> Vec<Plan> {
    let mut candidates = Vec::new();
    for aftermath in lower(u64::from(plan.aftermath), 1) {
        candidates.push(Plan {
            aftermath: u32::try_from(aftermath).unwrap_or(1),
            ..plan.clone()
        });
    }
    for (place, users) in plan.users.iter().enumerate() {
        for journeys in lower(u64::from(users.journeys), 1) {
            let mut smaller = plan.clone();
            smaller.users[place].journeys = u32::try_from(journeys).unwrap_or(1);
            candidates.push(smaller);
        }
    }
    candidates
}

fn without_settings(plan: &Plan) -> Vec<Plan> {
    let mut candidates = vec![Plan {
        replicas: Vec::new(),
        settings: Vec::new(),
        variations: Vec::new(),
        interleaving: None,
        latency_ms: None,
        ..plan.clone()
    }];
    candidates.extend(without(&plan.replicas).into_iter().map(|replicas| Plan {
        replicas,
        ..plan.clone()
    }));
    candidates.extend(without(&plan.settings).into_iter().map(|settings| Plan {
        settings,
        ..plan.clone()
    }));
    candidates.extend(
        without(&plan.variations)
            .into_iter()
            .map(|variations| Plan {
                variations,
                ..plan.clone()
            }),
    );
    for place in 0..plan.users.len() {
        let mut patient = plan.clone();
        patient.users[place].patience_ms = Users::PATIENCE_MS;
        candidates.push(patient);
    }
    candidates.push(Plan {
        interleaving: None,
        ..plan.clone()
    });
    candidates.push(Plan {
        latency_ms: None,
        ..plan.clone()
    });
    candidates.retain(|candidate| candidate != plan);
    candidates
}

fn with_shorter_windows(plan: &Plan) -> Vec<Plan> {
    each_fault(plan, |fault| {
        let lengths = fault.length_ms.map(|ms| lower(ms, 1)).unwrap_or_default();
        let shorter = lengths.into_iter().map(|ms| Fault {
            length_ms: Some(ms),
            ..fault.clone()
        });
        shorter.collect()
    })
}

fn with_earlier_triggers(plan: &Plan) -> Vec<Plan> {
    each_fault(plan, |fault| {
        let starts: Vec<Start> = match &fault.start {
            Start::AtMs(ms) => lower(*ms, FROM_MS).into_iter().map(Start::AtMs).collect(),
            Start::At(moment, nth) => lower(u64::from(*nth), 1)
                .into_iter()
                .map(|nth| Start::At(moment.clone(), u32::try_from(nth).unwrap_or(1)))
                .collect(),
        };
        let earlier = starts.into_iter().map(|start| Fault {
            start,
            ..fault.clone()
        });
        earlier.collect()
    })
}

fn with_an_earlier_end(plan: &Plan) -> Vec<Plan> {
    let mut candidates: Vec<Plan> = lower(plan.calm_from_ms, 2_000)
        .into_iter()
        .map(|calm_from_ms| Plan {
            calm_from_ms,
            ..plan.clone()
        })
        .collect();
    for (place, users) in plan.users.iter().enumerate() {
        for from_ms in lower(users.from_ms, FROM_MS) {
            let mut smaller = plan.clone();
            smaller.users[place].from_ms = from_ms;
            candidates.push(smaller);
        }
    }
    candidates
}

fn each_fault(plan: &Plan, simpler: impl Fn(&Fault) -> Vec<Fault>) -> Vec<Plan> {
    let mut candidates = Vec::new();
    for (place, fault) in plan.faults.iter().enumerate() {
        for fault in simpler(fault) {
            let mut smaller = plan.clone();
            smaller.faults[place] = fault;
            candidates.push(smaller);
        }
    }
    candidates
}

/// The least, a half, three quarters, seven eighths, and of a small number one less: few steps down
/// to near the least that fails.
fn lower(value: u64, least: u64) -> Vec<u64> {
    if value <= least {
        return Vec::new();
    }
    let over = value - least;
    let mut values: Vec<u64> = [0, 4, 6, 7]
        .map(|eighths| least + over * eighths / 8)
        .into();
    if over < SMALL {
        values.push(value - 1);
    }
    values.dedup();
    values
}

/// Numbers up to here are counts of something, and every single one matters.
const SMALL: u64 = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{fault::Kind, generation::plans, testing::space};

    /// Shrinks by a predicate instead of runs.
    fn shrunk(failing: Plan, fails: impl Fn(&Plan) -> bool) -> (Plan, usize) {
        let mut shrinker = Shrinker::new(failing);
        let mut runs = 0;
        loop {
            let candidates = shrinker.next(2);
            runs += candidates.len();
            if candidates.is_empty() {
                return (shrinker.smallest().clone(), runs);
            }
            if let Some(plan) = candidates.into_iter().find(&fails) {
                shrinker.accept(plan);
            }
        }
    }

    fn has_kill(plan: &Plan) -> bool {
        let mut faults = plan.faults.iter();
        faults.any(|fault| matches!(fault.kind, Kind::Kill { .. }))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn only_what_matters_is_left(plan in plans(&space())) {
            prop_assume!(has_kill(&plan));
            let (smallest, runs) = shrunk(plan, has_kill);
            prop_assert_eq!(smallest.faults.len(), 1);
            prop_assert_eq!(smallest.journeys(), 1);
            prop_assert!(smallest.settings.is_empty() && smallest.replicas.is_empty());
            prop_assert!(smallest.interleaving.is_none() && smallest.latency_ms.is_none());
            prop_assert!(runs < 200, "{} runs", runs);
        }

        #[test]
        fn counts_and_times_come_down_to_what_is_needed(plan in plans(&space())) {
            let most = |plan: &Plan| plan.users.iter().map(|users| users.journeys).max();
            prop_assume!(most(&plan) >= Some(5) && plan.calm_from_ms >= 12_345);
            let fails = |plan: &Plan| most(plan) >= Some(5) && plan.calm_from_ms >= 12_345;
            let (smallest, _) = shrunk(plan, fails);
            prop_assert_eq!(smallest.journeys(), 5);
            // Within an eighth, so many steps does it take.
            prop_assert!(smallest.calm_from_ms < 14_200, "{}", smallest.calm_from_ms);
        }

        #[test]
        fn a_candidate_is_never_larger(plan in plans(&space())) {
            for stage in STAGES {
                for candidate in stage(&plan) {
                    prop_assert!(candidate.size() <= plan.size());
                    prop_assert!(candidate.journeys() > 0);
                }
            }
        }
    }
}
