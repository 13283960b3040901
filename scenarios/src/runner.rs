//! Runs one scenario with one seed, and judges it.

use std::{any::Any, panic, panic::AssertUnwindSafe};

use squall_chaos::nemesis::FaultNemesis;
use squall_reports::{
    history::{Entry, History, What},
    report::{Identity, Report},
    sla::{FaultsActed, NoPanics, RunEnded, Sla, judge},
};
use squall_sim::simulation::{EngineKind, Simulation};

use crate::scenario::Scenario;

/// The phases of a run, in their order.
const PHASES: [&str; 4] = ["load", "heal", "settle", "inspect"];

/// A finished run.
#[derive(Debug)]
pub struct Run {
    /// Everything that happened.
    pub history: History,
    /// Figures and judgements: the run's own soundness first, then the scenario's promises, then
    /// the system's invariants.
    pub report: Report,
}

/// Runs `scenario` with `seed`. A panic of the simulator itself is that run's verdict.
pub fn run(scenario: &Scenario, seed: u64, engine: EngineKind) -> Run {
    let simulated = panic::catch_unwind(AssertUnwindSafe(|| simulate(scenario, seed, engine)));
    let (history, broken) =
        simulated.unwrap_or_else(|payload| (panicked(payload.as_ref()), Vec::new()));
    let mut checks = judge(&history, &soundness(scenario));
    checks.extend(judge(&history, &scenario.sla));
    checks.extend(judge(&history, &scenario.invariants));
    let identity = Identity {
        scenario: scenario.name.to_owned(),
        system: scenario.system().to_owned(),
        claim: scenario.claim.to_owned(),
        seed,
        documented: None,
    };
    let report = Report::new(identity, &history, checks).unsound(&broken);
    Run { history, report }
}

fn simulate(scenario: &Scenario, seed: u64, engine: EngineKind) -> (History, Vec<String>) {
    match Simulation::new(scenario.cluster, &scenario.loads, seed, engine) {
        Ok(simulation) => {
            let nemesis = Box::new(FaultNemesis::new(&scenario.faults));
            let outcome = simulation.run(nemesis, scenario.safety, scenario.settle);
            (outcome.history, outcome.broken)
        }
        Err(error) => (History::default(), vec![error.to_string()]),
    }
}

/// What holds for every run of every scenario.
fn soundness(scenario: &Scenario) -> Vec<Box<dyn Sla>> {
    let phases = PHASES.iter().map(|&phase| phase.into()).collect();
    let mut promises: Vec<Box<dyn Sla>> = vec![Box::new(NoPanics), Box::new(RunEnded { phases })];
    if !scenario.faults.is_empty() {
        promises.push(Box::new(FaultsActed {
            planned: scenario.faults.len(),
        }));
    }
    promises
}

/// The history of a run whose simulator panicked: its panic.
fn panicked(payload: &(dyn Any + Send)) -> History {
    let message = payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_else(|| "a panic without a message".to_owned());
    let what = What::Panicked {
        task: "simulator".into(),
        message,
        place: "see standard error".to_owned(),
    };
    History {
        entries: vec![Entry {
            at_us: 0,
            host: "world".into(),
            what,
        }],
    }
}
