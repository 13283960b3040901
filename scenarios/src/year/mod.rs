//! A year in the life of a system, day by day: what it promises for a year, judged by what its
//! users met.
//!
//! **A year is made of days.** Each day is one simulated run with a seed of its own, derived from
//! the year's; the day's events are drawn from it as well, by a pure function ([`events`]). Nothing
//! is carried over from one day to the next: every day begins with empty databases, all pods up,
//! and ends with everything healed. So no day can end in another one's outage, and a figure of a
//! year is the sum of its days'.
//!
//! Days are folded one by one ([`verdict`]): of a day's history only counts are kept.

pub mod events;
pub mod verdict;

use std::time::Duration;

use squall_chaos::fault::{Fault, Kind};
use squall_kit::rng::Rng;
use squall_reports::sla::Sla;
use squall_sim::load::Load;

use self::{
    events::Happenings,
    verdict::{Promise, Shown},
};
use crate::{scenario::Scenario, system::Cluster};

/// A day.
pub const DAY: Duration = Duration::from_secs(86_400);
/// Days of a year, as it is run.
pub const DAYS: u32 = 365;
/// Days of a year, for rates and budgets.
pub const DAYS_A_YEAR: f64 = 365.25;

/// A system, its users, what a year does to it, and what it promises for that year.
#[derive(Debug)]
pub struct Year {
    /// `<system>/<name>`, unique; it contains `year`.
    pub name: &'static str,
    /// What this deployment claims, in plain words.
    pub claim: &'static str,
    /// What runs.
    pub cluster: Cluster,
    /// Who uses it, every day.
    pub loads: Vec<Load>,
    /// What happens to it.
    pub happenings: Happenings,
    /// How long it may take to become quiet at the end of a day.
    pub settle: Duration,
    /// What it promises for a year.
    pub promises: &'static [Promise],
    /// What its system promises in every run.
    pub invariants: fn() -> Vec<Box<dyn Sla>>,
}

// === impl Year ===

impl Year {
    /// The seed of a day of the year with this seed; days are counted from 1.
    pub fn day_seed(seed: u64, day: u32) -> u64 {
        Rng::stream(seed, &format!("year/{day}")).bits()
    }

    /// Of a year's days the first on which the most contexts with a promise lose their first pod,
    /// and no machine is lost. Most days are calm and show nothing: this is the one to look at when
    /// only one is run. It says nothing of the year's average.
    pub fn telling_day(&self, seed: u64) -> u32 {
        let crashes = |day: u32| {
            let events = self.happenings.of_day(seed, day);
            let lost = |event: &Fault| {
                matches!(event.kind, Kind::NodeLoss { .. } | Kind::Partition { .. })
            };
            if events.iter().any(lost) {
                return 0;
            }
            let promised = self.promises.iter().filter(|promise| {
                let first = format!("{}/1", promise.service);
                let crashes = |event: &Fault| {
                    matches!(&event.kind, Kind::Kill { target } if *target == first)
                };
                matches!(promise.shown, Shown::OnePod { .. } | Shown::SeveralPods)
                    && events.iter().any(crashes)
            });
            promised.count()
        };
        // Of equal ones `max_by_key` gives the last.
        let day = (1..=DAYS).rev().max_by_key(|day| crashes(*day));
        day.expect("a year has days")
    }

    /// A day with these events.
    pub fn day(&self, events: Vec<Fault>) -> Scenario {
        Scenario {
            name: self.name,
            claim: self.claim,
            cluster: self.cluster.clone(),
            loads: self.loads.clone(),
            faults: events,
            safety: DAY,
            settle: self.settle,
            sla: Vec::new(),
            invariants: (self.invariants)(),
            documented: None,
        }
    }

    /// The system it is about.
    pub fn system(&self) -> &'static str {
        self.cluster.system.name
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Year;
    use crate::catalogue;

    #[test]
    fn the_day_to_look_at_is_the_same_for_both_deployments() {
        let [documented, hardened] = &catalogue::years()[..] else {
            panic!("there are two years");
        };
        for seed in 1..=20 {
            let day = documented.telling_day(seed);
            assert_eq!(day, hardened.telling_day(seed), "seed {seed}");
            let events = documented.happenings.of_day(seed, day);
            let crash = |event: &squall_chaos::fault::Fault| {
                ["kill order/1", "kill product/1"].contains(&&*event.kind.to_string())
            };
            assert!(
                events.iter().any(crash),
                "seed {seed}, day {day}: {events:?}"
            );
        }
    }

    #[test]
    fn every_day_has_a_seed_of_its_own() {
        let seeds: BTreeSet<u64> = (1..=365).map(|day| Year::day_seed(1, day)).collect();
        assert_eq!(seeds.len(), 365);
        assert!(!seeds.contains(&Year::day_seed(2, 1)));
    }
}
