//! What a run's cluster is made from: what was applied to it, what the simulator has to know
//! beside that, and the programs that its containers run.

use std::collections::BTreeMap;

use squall_kit::{BoxFuture, Pod};

use crate::{
    manifest::{ManifestError, Manifests},
    model::{Model, ProgramModel},
    objects::{Objects, deployment::Deployment},
};

/// A bounded context's `run`.
pub type Program = fn(Pod) -> BoxFuture<'static, Result<(), squall_kit::Error>>;

/// A whole system on its cluster.
#[derive(Clone, Debug)]
pub struct ClusterSpec {
    /// The system's name, `shop`; also the name of its one topic.
    pub system: String,
    /// The manifests that were applied; none for objects that were made otherwise.
    pub manifests: Manifests,
    /// What was applied.
    pub objects: Objects,
    /// What manifests cannot say.
    pub model: Model,
    /// What each Deployment's container runs, by the Deployment's name.
    pub programs: BTreeMap<String, Program>,
}

/// A spec or a load that cannot be simulated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SpecError(pub String);

/// Names that nothing else may have.
const TAKEN: [&str; 2] = ["clients", "world"];

// === impl ClusterSpec ===

impl ClusterSpec {
    /// A system from its manifests.
    ///
    /// # Errors
    /// What in them cannot be simulated, with file and path.
    pub fn read(
        system: &str,
        manifests: Manifests,
        model: Model,
        programs: BTreeMap<String, Program>,
    ) -> Result<Self, ManifestError> {
        Ok(Self {
            system: system.to_owned(),
            objects: manifests.objects(&model)?,
            manifests,
            model,
            programs,
        })
    }

    /// The deployments that can run: those that have a program.
    pub fn deployments(&self) -> impl Iterator<Item = &Deployment> {
        self.objects.deployments.values()
    }

    /// Checks that everything fits together.
    ///
    /// # Errors
    /// The first thing that cannot be: a deployment without a program, a database without a model,
    /// an empty range, no worker, …
    pub fn check(&self) -> Result<(), SpecError> {
        for deployment in self.deployments() {
            let name = &deployment.name;
            if TAKEN.contains(&name.as_str()) || self.objects.stateful_sets.contains_key(name) {
                return self.wrong(format_args!("the name {name:?} is taken"));
            }
            if !self.programs.contains_key(name) {
                let known: Vec<&str> = self.programs.keys().map(String::as_str).collect();
                return self.wrong(format_args!(
                    "Deployment {name:?} has no program; programs: {}",
                    known.join(", ")
                ));
            }
            let Some(model) = self.model.programs.get(name) else {
                return self.wrong(format_args!("the model says nothing of program {name:?}"));
            };
            self.check_program(name, model)?;
        }
        for name in self.model.stores.keys() {
            if !self.objects.stateful_sets.contains_key(name) {
                return self.wrong(format_args!("the store {name:?} has no StatefulSet"));
            }
        }
        if self.model.broker.partitions == 0 {
            return self.wrong(format_args!("a broker without partitions"));
        }
        if self.model.cluster.nodes.is_empty() {
            return self.wrong(format_args!("a cluster without nodes"));
        }
        if !(0.0..1.0).contains(&self.model.network.loss) {
            return self.wrong(format_args!(
                "loss is {}, expected 0 to below 1",
                self.model.network.loss
            ));
        }
        Ok(())
    }

    /// Hosts that may be there at one time. A pod that is gone gives its place back, and one that
    /// finds none stays pending. Every place is looked at whenever packets leave, so there are not
    /// many more than are needed.
    pub(crate) fn hosts(&self) -> usize {
        let autoscaled = self.objects.autoscalers.values().map(|a| a.max_replicas);
        let pods: u32 =
            self.deployments().map(|d| d.replicas).sum::<u32>() + autoscaled.sum::<u32>();
        ROOM + LEAVING + ROUNDS * pods as usize + self.objects.stateful_sets.len()
    }

    fn check_program(&self, name: &str, model: &ProgramModel) -> Result<(), SpecError> {
        if model.workers == 0 {
            return self.wrong(format_args!(
                "{name}: a server without workers serves nothing"
            ));
        }
        let mut ranges = vec![model.startup_ms];
        let costs = model.routes.iter().map(|route| route.cost);
        for cost in costs.chain([model.other_routes]) {
            ranges.extend([cost.cpu_ms, cost.wait_ms]);
        }
        match ranges.iter().find(|range| !range.is_ordered()) {
            None => Ok(()),
            Some(range) => self.wrong(format_args!("{name}: {range:?} is empty")),
        }
    }

    fn wrong(&self, what: std::fmt::Arguments<'_>) -> Result<(), SpecError> {
        Err(SpecError(format!("{}: {what}", self.system)))
    }
}

/// Hosts beside pods and databases: the users', the kubelets', the broker's, the run's own.
const ROOM: usize = 8;
/// Pods that take their time to end: for their grace period, or until a lost node is back.
const LEAVING: usize = 6;
/// Pods that may be there for each that is wanted: itself and its successor.
const ROUNDS: usize = 2;
