//! One run: a cluster, its users and a nemesis, from one seed.

use std::time::Duration;

use squall_reports::history::History;

use crate::{
    cluster::spec::{ClusterSpec, SpecError},
    controls::Nemesis,
    engine::{EngineError, Interleaving},
    load::{self, Load},
    run::Run,
};

/// Which engine moves the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// The event-driven one.
    Events,
    /// `turmoil::Sim`, which steps every host every millisecond.
    Turmoil,
}

/// A run that has not begun.
#[derive(Debug)]
pub struct Simulation {
    spec: ClusterSpec,
    loads: Vec<Load>,
    seed: u64,
    engine: EngineKind,
    interleaving: Interleaving,
}

/// What a run gave.
#[derive(Debug)]
pub struct Outcome {
    /// Everything that happened.
    pub history: History,
    /// Virtual time from the run's start to its end.
    pub simulated: Duration,
    /// Why the run is worth nothing, whatever its history says: a panic, a livelock, a workload
    /// that issued nothing. Each is in the history, too. Empty: it ran as it should.
    pub broken: Vec<String>,
    /// What kept the system from being quiet when its time to settle was over; `None` when it was.
    pub unsettled: Option<String>,
}

impl Simulation {
    /// Checks what is to be run.
    ///
    /// # Errors
    /// What cannot be simulated, and why.
    pub fn new(
        spec: ClusterSpec,
        loads: &[Load],
        seed: u64,
        engine: EngineKind,
    ) -> Result<Self, SpecError> {
        spec.check()?;
        load::check::check(loads)?;
        Ok(Self {
            spec,
            loads: loads.to_vec(),
            seed,
            engine,
            interleaving: Interleaving::Fifo,
        })
    }

    /// The same run with another order of what is due at one instant. Everything that the run's own
    /// seed decides (load, faults, latencies) is drawn as before. The turmoil engine ignores it.
    #[must_use]
    pub fn interleaved(mut self, interleaving: Interleaving) -> Self {
        self.interleaving = interleaving;
        self
    }

    /// Runs it. Before the run starts every pod is up, its time counting for nothing. Then the
    /// phases `load` (faults act, for `duration`), `heal` (what still acts is healed), `settle`
    /// (until the system is quiet, at most for `settle`) and `inspect` (stores and log are written
    /// down).
    pub fn run(self, nemesis: Box<dyn Nemesis>, duration: Duration, settle: Duration) -> Outcome {
        let run = match Run::new(
            &self.spec,
            &self.loads,
            self.seed,
            self.engine,
            self.interleaving,
        ) {
            Ok(run) => run,
            Err(error) => return Outcome::never_began(&error),
        };
        run.through(nemesis, duration, settle)
    }
}

impl Outcome {
    fn never_began(error: &EngineError) -> Self {
        Self {
            history: History::default(),
            simulated: Duration::ZERO,
            broken: vec![error.to_string()],
            unsettled: None,
        }
    }
}
