//! The pairs of documented experiments differ in one mechanism each, and as documented.

use squall::{catalogue, runner};
use squall_reports::{check::RunVerdict, history::History, history::What, report::Report};
use squall_sim::simulation::EngineKind;

/// Enough to show a direction; the scenarios say what means over 200 seeds are.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=4;

/// The scenario's run with this seed: its history, and its report, which is green.
fn run(name: &str, seed: u64) -> (History, Report) {
    let scenario = catalogue::find(name).expect("a scenario of the catalogue");
    let run = runner::run(&scenario, seed, EngineKind::Events);
    let verdict = run.report.result.verdict;
    assert_eq!(verdict, RunVerdict::Pass, "{name}, seed {seed}");
    (run.history, run.report)
}

fn failed(name: &str, seed: u64) -> u64 {
    run(name, seed).1.result.siege.failed
}

#[test]
fn without_its_readiness_probe_a_redeploy_interrupts_order() {
    for seed in SEEDS {
        let unready = failed("shop/redeploy-unready", seed);
        assert!(unready > 20, "seed {seed}: {unready}");
        assert_eq!(failed("shop/redeploy-ready", seed), 0, "seed {seed}");
    }
}

#[test]
fn without_its_pre_stop_hook_a_redeploy_fails_for_some_seeds_but_seldom_a_request() {
    let counts: Vec<u64> = SEEDS
        .map(|seed| failed("shop/redeploy-ready-no-prestop", seed))
        .collect();
    assert!(counts.iter().any(|failed| *failed > 0), "{counts:?}");
    assert!(counts.iter().all(|failed| *failed <= 15), "{counts:?}");
}

#[test]
fn without_its_autoscaler_order_stays_alone() {
    let scaled = |name| {
        let (history, report) = run(name, 1);
        let entries = history.entries.iter();
        let scaled = entries.filter(|entry| matches!(entry.what, What::Scaled { .. }));
        (scaled.count(), report.result.siege.rate_per_s)
    };
    let (with, rate) = scaled("shop/hpa");
    assert!(with >= 2, "{with}");
    let (without, slower) = scaled("shop/no-hpa");
    assert!(without == 0 && slower <= rate + 1.0, "{slower} and {rate}");
}

/// Each pair differs by its one patch, and in nothing else that a run is made of.
#[test]
fn a_pair_differs_in_exactly_its_mechanism() {
    let pairs = [
        ("shop/redeploy-ready", "shop/redeploy-unready"),
        ("shop/redeploy-ready", "shop/redeploy-ready-no-prestop"),
        ("shop/no-hpa", "shop/hpa"),
    ];
    for (plain, patched) in pairs {
        let [plain, patched] = [plain, patched].map(|name| {
            let scenario = catalogue::find(name);
            scenario.expect("a scenario of the catalogue")
        });
        assert!(plain.cluster.patches.is_empty(), "{}", plain.name);
        assert_eq!(patched.cluster.patches.len(), 1, "{}", patched.name);
        let rest = |one: &squall::scenario::Scenario| {
            let phases = (one.safety, one.settle);
            format!("{:?} {:?} {phases:?}", one.loads, one.faults)
        };
        assert_eq!(rest(&plain), rest(&patched));
    }
}
