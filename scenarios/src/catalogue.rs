//! Every scenario there is here. Systems from elsewhere have a [`Registry`] of their own.

use crate::{explore::arena::Arena, registry::Registry, scenario::Scenario, shop, year::Year};

/// What this repository's `squall` knows.
pub const REGISTRY: Registry = Registry {
    path: "squall::catalogue::REGISTRY",
    systems: &[shop::SYSTEM],
    scenarios: all,
    years,
    arenas,
};

/// The whole catalogue, in the order in which it is listed and run.
pub fn all() -> Vec<Scenario> {
    shop::scenarios()
}

/// The years: long runs, which are made only when they are asked for.
pub fn years() -> Vec<Year> {
    shop::years()
}

/// Where `explore` searches.
pub fn arenas() -> Vec<Arena> {
    vec![shop::arena()]
}

/// The scenario of this name.
pub fn find(name: &str) -> Option<Scenario> {
    REGISTRY.scenario(name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use squall_reports::{history::History, sla::judge};

    #[test]
    fn no_two_checks_of_a_scenario_have_one_name() {
        let nothing = History::default();
        for scenario in super::all() {
            let promises = [&scenario.sla, &scenario.invariants];
            let checks = promises.map(|promises| judge(&nothing, promises)).concat();
            let names: BTreeSet<_> = checks.iter().map(|check| &check.name).collect();
            let all: Vec<_> = checks.iter().map(|check| &check.name).collect();
            assert_eq!(names.len(), all.len(), "{}: {all:?}", scenario.name);
        }
    }

    #[test]
    fn names_are_unique_and_begin_with_their_system() {
        let all = super::all();
        let names: BTreeSet<_> = all.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), all.len());
        for scenario in &all {
            let prefix = format!("{}/", scenario.system());
            assert!(scenario.name.starts_with(&prefix), "{}", scenario.name);
            assert!(
                !scenario.claim.is_empty() && !scenario.sla.is_empty(),
                "{}",
                scenario.name
            );
        }
        for year in super::years() {
            assert!(
                year.name.contains("year") && !names.contains(year.name),
                "{}",
                year.name
            );
            assert!(
                year.cluster.spec().is_ok_and(|spec| spec.check().is_ok()),
                "{}",
                year.name
            );
        }
    }
}
