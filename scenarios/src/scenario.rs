//! What a scenario is: plain data, nothing executed in it.

use std::time::Duration;

use squall_chaos::fault::Fault;
use squall_reports::{documented::Documented, sla::Sla};
use squall_sim::load::Load;

use crate::system::Cluster;

/// One experiment: a cluster, its users, what strikes it, and what is promised all the same.
#[derive(Debug)]
pub struct Scenario {
    /// `<system>/<name>`, unique.
    pub name: &'static str,
    /// What this scenario claims, in plain words.
    pub claim: &'static str,
    /// What runs.
    pub cluster: Cluster,
    /// Who uses it.
    pub loads: Vec<Load>,
    /// What strikes it.
    pub faults: Vec<Fault>,
    /// How long the safety phase lasts, in which loads run and faults act.
    pub safety: Duration,
    /// How long the system may take to become quiet once everything is healed.
    pub settle: Duration,
    /// What this scenario promises.
    pub sla: Vec<Box<dyn Sla>>,
    /// What its system promises in every scenario, whatever is injected.
    pub invariants: Vec<Box<dyn Sla>>,
    /// The documented experiment that it repeats, with the figures it gave; `None`: none.
    pub documented: Option<Documented>,
}

impl Scenario {
    /// About how many journeys its users will make: what a run costs is in proportion to it.
    pub fn expected_journeys(&self) -> u64 {
        self.loads.iter().map(Load::expected_journeys).sum()
    }

    /// The system it is about.
    pub fn system(&self) -> &'static str {
        self.cluster.system.name
    }
}
