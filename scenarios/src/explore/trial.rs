//! One plan carried out and judged.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use squall_chaos::plan::{Plan, Users};
use squall_reports::{
    check::{Check, RunVerdict, Verdict},
    history::{History, What},
    sla::{Journeys, Sla},
};
use squall_sim::{
    engine::Interleaving,
    load::{Arrival, Extent, Load, Spacing},
    manifest::{Operation, Patch},
    range::TimeRange,
    simulation::EngineKind,
};

use super::{arena::Arena, coverage};
use crate::{
    runner::{self, Conduct, Run, SETTLES},
    scenario::Scenario,
    system::Cluster,
};

/// A plan that cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the plan cannot be run: {0}")]
pub struct PlanError(pub String);

/// What a run of a plan gave, as far as exploring needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The whole run's verdict.
    pub verdict: RunVerdict,
    /// Of its whole history.
    pub fingerprint: String,
    /// What failed: panics first, then what is promised, then that nothing was left to be done and
    /// that the last users were served, which mostly follows from it.
    pub failed: Vec<Broken>,
    /// Names of checks that could not tell.
    pub unknown: Vec<String>,
    /// Names of checks that found nothing to judge.
    pub vacuous: Vec<String>,
    /// For each fault of the plan: did it have an effect?
    pub struck: Vec<bool>,
    /// What was reached.
    pub coverage: BTreeSet<String>,
    /// Virtual time, in seconds.
    pub simulated_s: f64,
    /// Requests of users.
    pub requests: u64,
}

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// Its name.
    pub check: String,
    /// What was seen.
    pub observed: String,
    /// What was promised.
    pub bound: String,
    /// The offenders.
    pub evidence: Vec<String>,
}

/// The name of the check that the last users come through untroubled.
pub const AFTERMATH: &str = "users are served once everything is healed";
/// How long the system may take to become quiet after the last users.
const SETTLE: Duration = Duration::from_secs(120);
/// What the last users need, and a moment more.
const LAST_USERS: Duration = Duration::from_secs(30);
/// What groups of users are called; a plan has no more groups than that.
const GROUPS: [&str; 12] = [
    "users-a", "users-b", "users-c", "users-d", "users-e", "users-f", "users-g", "users-h",
    "users-i", "users-j", "users-k", "users-l",
];
/// Most journeys of one plan: what a file asks for must end.
const MOST_JOURNEYS: u32 = 10_000;

/// Runs a plan and judges it.
///
/// # Errors
/// What the plan names is not there.
pub fn run(arena: &Arena, plan: &Plan) -> Result<(Run, Observed), PlanError> {
    let scenario = scenario(arena, plan)?;
    let how = Conduct {
        engine: EngineKind::Events,
        interleaving: plan
            .interleaving
            .map_or(Interleaving::Fifo, |seed| Interleaving::Shuffled { seed }),
        drawn_until: Some(plan.calm_from()),
    };
    let run = runner::conduct(&scenario, plan.seed, how);
    let observed = observed(plan, &run);
    Ok((run, observed))
}

/// The scenario that a plan is.
///
/// # Errors
/// What the plan names is not there.
pub fn scenario(arena: &Arena, plan: &Plan) -> Result<Scenario, PlanError> {
    if plan.users.len() > GROUPS.len() || plan.journeys() > MOST_JOURNEYS {
        let (groups, journeys) = (plan.users.len(), plan.journeys());
        return Err(PlanError(format!(
            "{groups} groups of users with {journeys} journeys; at most {} with {MOST_JOURNEYS}",
            GROUPS.len()
        )));
    }
    let mut loads: Vec<Load> = arena.operator.into_iter().collect();
    for (users, name) in plan.users.iter().zip(GROUPS) {
        loads.push(load(arena, users, name)?);
    }
    // Users come after invariants: a broken one says more than that somebody was not served.
    let mut invariants = (arena.invariants)();
    let mut safety = plan.calm_from() + Duration::from_secs(1);
    if plan.aftermath > 0 {
        loads.push(aftermath(arena, plan));
        invariants.extend(arena.aftermath.iter().map(|share| -> Box<dyn Sla> {
            Box::new(Untroubled(Journeys {
                journey: Some(share.journey.name.into()),
                all: true,
                at_least: plan.aftermath as usize,
            }))
        }));
        safety = plan.aftermath_from() + Plan::AFTERMATH_EVERY * plan.aftermath + LAST_USERS;
    }
    Ok(Scenario {
        name: arena.name,
        claim: arena.claim,
        cluster: cluster(arena, plan)?,
        loads,
        faults: plan.faults.clone(),
        safety,
        settle: SETTLE,
        sla: Vec::new(),
        invariants,
        documented: None,
    })
}

/// A promise about journeys, under a name that does not change with the plan.
#[derive(Debug)]
struct Untroubled(Journeys);

impl Sla for Untroubled {
    fn judge(&self, history: &History) -> Check {
        self.0.judge(history).named(AFTERMATH)
    }
}

fn load(arena: &Arena, users: &Users, name: &'static str) -> Result<Load, PlanError> {
    let share = arena.journeys.iter();
    let share = share
        .clone()
        .find(|share| share.journey.name == users.journey);
    let Some(share) = share else {
        let known: Vec<_> = arena.journeys.iter().map(|s| s.journey.name).collect();
        let (wanted, known) = (&users.journey, known.join(", "));
        return Err(PlanError(format!("no journey {wanted:?}; known: {known}")));
    };
    if users.patience_ms == 0 {
        return Err(PlanError("users without any patience".to_owned()));
    }
    if users.journeys == 0 || !(0.001..=10_000.0).contains(&users.rate_per_s) {
        let (count, rate) = (users.journeys, users.rate_per_s);
        return Err(PlanError(format!("{count} journeys at {rate} a second")));
    }
    Ok(Load {
        name,
        begins: Duration::from_millis(users.from_ms),
        extent: Extent::Journeys(users.journeys),
        arrival: Arrival::Open {
            rate_per_s: users.rate_per_s,
            spacing: Spacing::Poisson,
            max_in_flight: MOST_JOURNEYS,
        },
        mix: std::slice::from_ref(share),
        timeout: Duration::from_millis(users.patience_ms),
        keep_alive: false,
    })
}

fn aftermath(arena: &Arena, plan: &Plan) -> Load {
    Load {
        name: "aftermath",
        begins: plan.aftermath_from(),
        extent: Extent::Journeys(plan.aftermath),
        arrival: Arrival::Open {
            rate_per_s: 1.0 / Plan::AFTERMATH_EVERY.as_secs_f64(),
            spacing: Spacing::Constant,
            max_in_flight: MOST_JOURNEYS,
        },
        mix: arena.aftermath,
        timeout: Duration::from_millis(Users::PATIENCE_MS),
        keep_alive: false,
    }
}

fn cluster(arena: &Arena, plan: &Plan) -> Result<Cluster, PlanError> {
    let mut patches = Vec::new();
    for replicas in &plan.replicas {
        if !(1..=20).contains(&replicas.count) {
            return Err(PlanError(format!(
                "{} pods, expected 1 to 20",
                replicas.count
            )));
        }
        let operation = Operation::Add {
            path: "/spec/replicas".into(),
            value: replicas.count.to_string().into(),
        };
        patches.push(edit(&replicas.deployment, vec![operation]));
    }
    for name in &plan.variations {
        let variation = arena.variations.iter().find(|(known, _)| known == name);
        let variation = variation.ok_or_else(|| PlanError(format!("no variation {name:?}")))?;
        patches.extend_from_slice(variation.1);
    }
    let mut files = arena.system.files().map_err(|e| PlanError(e.to_string()))?;
    for setting in &plan.settings {
        let entry = serde_json::json!({"name": setting.name, "value": setting.value});
        // The list may not be there yet; only one that is can be added to.
        let appended = set(&setting.deployment, "/-", entry.to_string());
        let patch = match files.manifests.apply(std::slice::from_ref(&appended)) {
            Ok(_) => appended,
            Err(_) => set(&setting.deployment, "", format!("[{entry}]")),
        };
        patches.push(patch);
    }
    let mut cluster = Cluster::new(arena.system, patches);
    if let Some((low, high)) = plan.latency_ms {
        files.model.network.latency_ms = TimeRange::ms(low, high.max(low));
        cluster.own = Some(Arc::new(files));
    }
    match cluster.spec() {
        Ok(spec) => spec.check().map_err(|e| PlanError(e.to_string()))?,
        Err(error) => return Err(PlanError(error.to_string())),
    }
    Ok(cluster)
}

/// Puts something into the environment of a deployment's container.
fn set(deployment: &str, place: &str, value: String) -> Patch {
    let operation = Operation::Add {
        path: format!("/spec/template/spec/containers/0/env{place}").into(),
        value: value.into(),
    };
    edit(deployment, vec![operation])
}

fn edit(deployment: &str, operations: Vec<Operation>) -> Patch {
    Patch::Edit {
        object: format!("Deployment/{deployment}").into(),
        operations: Cow::Owned(operations),
    }
}

fn observed(plan: &Plan, run: &Run) -> Observed {
    let report = &run.report;
    let of = |verdict| {
        report
            .checks
            .iter()
            .filter(move |check| check.verdict == verdict)
    };
    let mut failed: Vec<Broken> = of(Verdict::Fail).map(Broken::from).collect();
    failed.sort_by_key(|broken| [SETTLES, AFTERMATH].contains(&&*broken.check));
    let mut struck = vec![false; plan.faults.len()];
    for entry in &run.history.entries {
        if let What::FaultEnded { fault, effect } = &entry.what
            && let Some(struck) = struck.get_mut(*fault)
        {
            *struck = effect.values().any(|count| *count > 0);
        }
    }
    let names = |verdict| of(verdict).map(|check| check.name.clone()).collect();
    Observed {
        verdict: report.result.verdict,
        fingerprint: report.result.fingerprint.clone(),
        failed,
        unknown: names(Verdict::Unknown),
        vacuous: names(Verdict::Vacuous),
        coverage: coverage::of(plan, &struck, &run.history),
        struck,
        simulated_s: report.result.simulated_s,
        requests: report.result.requests.issued,
    }
}

// === impl Observed ===

impl Observed {
    /// Another run of the same plan must have given the same history.
    pub fn hold_against(&mut self, again: &Self) {
        if self.fingerprint != again.fingerprint {
            self.verdict = RunVerdict::NotDeterministic;
            let broken = Broken {
                check: "same plan, same history".to_owned(),
                observed: format!("{} and {}", self.fingerprint, again.fingerprint),
                bound: "equal, byte for byte".to_owned(),
                evidence: Vec::new(),
            };
            self.failed.insert(0, broken);
        }
    }
}

impl From<&Check> for Broken {
    fn from(check: &Check) -> Self {
        Self {
            check: check.name.clone(),
            observed: check.observed.clone(),
            bound: check.bound.clone(),
            evidence: check.evidence.clone(),
        }
    }
}
