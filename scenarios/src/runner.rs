//! Runs one scenario with one seed, and judges it.

use std::{any::Any, panic, panic::AssertUnwindSafe, time::Duration};

use squall_chaos::{nemesis::FaultNemesis, plan::Plan};
use squall_reports::{
    check::{Check, Findings},
    history::{Entry, History, What},
    report::{Identity, Report},
    sla::{FaultsActed, NoPanics, RunEnded, Sla, judge},
};
use squall_sim::engine::{Interleaving, panic_place};
use squall_sim::simulation::{EngineKind, Outcome, Simulation};

use crate::scenario::Scenario;

/// The phases of a run, in their order.
const PHASES: [&str; 4] = ["load", "heal", "settle", "inspect"];

/// The name of the check that a system becomes quiet once everything is healed.
pub const SETTLES: &str = "the system settles";

/// A finished run.
#[derive(Debug)]
pub struct Run {
    /// Everything that happened.
    pub history: History,
    /// Figures and judgements: the run's own soundness first, then the scenario's promises, then
    /// the system's invariants.
    pub report: Report,
}

/// How a run differs from those of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conduct {
    /// Which engine moves the packets.
    pub engine: EngineKind,
    /// In which order what is due at one instant takes its turns.
    pub interleaving: Interleaving,
    /// The faults were drawn, not written by somebody who claims that each acts. At this time
    /// everything is healed and nothing strikes any more; `None`: written, and healed when the
    /// load ends.
    pub drawn_until: Option<Duration>,
}

/// Runs `scenario` with `seed`. A panic of the simulator itself is that run's verdict.
pub fn run(scenario: &Scenario, seed: u64, engine: EngineKind) -> Run {
    let how = Conduct {
        engine,
        interleaving: Interleaving::Fifo,
        drawn_until: None,
    };
    conduct(scenario, seed, how)
}

/// For a test: runs `scenario` with each of these seeds.
///
/// # Panics
/// At the first run that does not pass, with everything that explains why.
#[track_caller]
pub fn assert_passes(scenario: &Scenario, seeds: impl IntoIterator<Item = u64>) {
    for seed in seeds {
        run(scenario, seed, EngineKind::Events).report.assert_pass();
    }
}

/// As [`run`], in another way.
pub fn conduct(scenario: &Scenario, seed: u64, how: Conduct) -> Run {
    let simulated = panic::catch_unwind(AssertUnwindSafe(|| simulate(scenario, seed, how)));
    let outcome = simulated.unwrap_or_else(|payload| never_ended(panicked(payload.as_ref())));
    let history = outcome.history;
    let claimed = how.drawn_until.is_none();
    let mut checks = judge(&history, &soundness(scenario.faults.len(), claimed));
    checks.push(settled(outcome.unsettled, scenario.settle));
    checks.extend(judge(&history, &scenario.sla));
    checks.extend(judge(&history, &scenario.invariants));
    let identity = Identity {
        scenario: scenario.name.to_owned(),
        system: scenario.system().to_owned(),
        claim: scenario.claim.to_owned(),
        seed,
        documented: scenario.documented.clone(),
    };
    let report = Report::new(identity, &history, checks).unsound(&outcome.broken);
    Run { history, report }
}

fn simulate(scenario: &Scenario, seed: u64, how: Conduct) -> Outcome {
    let spec = scenario.cluster.spec().map_err(anyhow::Error::from);
    let made = spec.and_then(|spec| {
        Simulation::new(spec, &scenario.loads, seed, how.engine).map_err(anyhow::Error::from)
    });
    match made {
        Ok(simulation) => {
            let mut nemesis = FaultNemesis::new(&scenario.faults);
            if let Some(calm_from) = how.drawn_until {
                nemesis = nemesis.between(Plan::PREPARED, calm_from);
            }
            simulation.interleaved(how.interleaving).run(
                Box::new(nemesis),
                scenario.safety,
                scenario.settle,
            )
        }
        Err(error) => Outcome {
            broken: vec![error.to_string()],
            ..never_ended(History::default())
        },
    }
}

/// A run of which this is all that is left.
fn never_ended(history: History) -> Outcome {
    Outcome {
        history,
        simulated: Duration::ZERO,
        broken: Vec::new(),
        unsettled: Some("the run did not come so far".to_owned()),
    }
}

/// Liveness: once everything is healed the system becomes quiet, with nothing left to be done.
fn settled(unsettled: Option<String>, within: Duration) -> Check {
    let mut findings = Findings::default();
    let observed = if unsettled.is_some() { "no" } else { "yes" };
    if let Some(why) = unsettled {
        findings.add(|| why);
    }
    Check::judged(SETTLES, observed, format!("within {within:?}"), findings)
}

/// What holds for every run of every scenario.
fn soundness(planned: usize, claimed: bool) -> Vec<Box<dyn Sla>> {
    let phases = PHASES.iter().map(|&phase| phase.into()).collect();
    vec![
        Box::new(NoPanics),
        Box::new(RunEnded { phases }),
        Box::new(FaultsActed { planned, claimed }),
    ]
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
        place: panic_place(),
    };
    History {
        entries: vec![Entry {
            at_us: 0,
            host: "world".into(),
            what,
        }],
    }
}

#[cfg(test)]
mod tests {
    use squall_reports::check::Verdict;

    use super::*;

    #[test]
    fn a_system_that_does_not_settle_fails() {
        let within = Duration::from_secs(60);
        assert_eq!(settled(None, within).verdict, Verdict::Pass);
        let check = settled(Some("order has events in its outbox".to_owned()), within);
        assert_eq!(check.verdict, Verdict::Fail);
        assert_eq!(check.evidence, ["order has events in its outbox"]);
    }
}
