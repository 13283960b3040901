//! Each scenario of the catalogue is a test: `cargo test pay_outage` runs `shop/pay-outage`.
//!
//! The seed is 1, as `squall run` has it when none is said. A failure prints the page that
//! `squall run` prints, with the command that reproduces it.

use libtest_mimic::{Arguments, Failed, Trial};
use squall::{catalogue, runner, scenario::Scenario};
use squall_reports::{check::RunVerdict, table::page};
use squall_sim::simulation::EngineKind;

const SEED: u64 = 1;

/// Scenarios that run on both engines, and give the same verdicts.
const ON_BOTH_ENGINES: [&str; 3] = [
    "shop/order-and-deliver",
    "shop/pay-outage",
    "shop/order-broker-partition",
];

fn main() {
    let mut arguments = Arguments::from_args();
    // A run keeps its history in memory, and a run on turmoil's engine keeps a core busy.
    arguments
        .test_threads
        .get_or_insert_with(squall::pool::cores);
    let mut trials: Vec<_> = catalogue::all()
        .into_iter()
        .map(|scenario| trial(scenario, "", EngineKind::Events))
        .collect();
    for name in ON_BOTH_ENGINES {
        let scenario = catalogue::find(name).expect("a scenario of the catalogue");
        trials.push(trial(scenario, "_on_turmoil", EngineKind::Turmoil));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(scenario: Scenario, suffix: &str, engine: EngineKind) -> Trial {
    let name = format!(
        "{}{suffix}",
        scenario.name.replace('/', "::").replace('-', "_")
    );
    Trial::test(name, move || {
        let report = runner::run(&scenario, SEED, engine).report;
        match report.result.verdict {
            RunVerdict::Pass => Ok(()),
            _ => Err(Failed::from(page(&report, false))),
        }
    })
}
