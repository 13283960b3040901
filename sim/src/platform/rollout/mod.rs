//! Deployments: rolling updates, Recreate, scaling during a rollout, revisions, undo.
//!
//! [`DeploymentController`] owns a Deployment's ReplicaSets. Call [`DeploymentController::sync`]
//! whenever the Deployment or the counts of its pods have changed, and at its deadline; after each
//! sync that did something let every ReplicaSet [correct](super::replica_set::correct) its pods,
//! count them and sync again, until nothing is done. It never rolls back by itself.

mod progress;
mod recreate;
mod rolling;
mod scaling;
mod step;
mod undo;

use std::{collections::BTreeMap, time::Duration};

use squall_reports::history::RolloutState;

use self::{progress::Progress, step::Step};
pub use self::{
    rolling::{Fenceposts, fenceposts},
    undo::{Undo, UndoError},
};
use super::replica_set::Counts;
use crate::objects::{
    container::PodTemplate,
    deployment::{Deployment, Strategy},
};

/// One revision's pods.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaSet {
    /// Its name: the Deployment's, `-r`, and a number that is never used again.
    pub name: String,
    /// Its revision. An undo gives an old set a new, highest one.
    pub revision: u64,
    /// What its pods are made from.
    pub template: PodTemplate,
    /// `spec.replicas`.
    pub wanted: u32,
    /// Annotation `deployment.kubernetes.io/desired-replicas`: the Deployment's replicas when it
    /// was last scaled.
    desired: u32,
    /// Annotation `deployment.kubernetes.io/max-replicas`: these with the surge.
    most: u32,
}

/// What a sync did. [`ReplicaSet::wanted`] already says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A ReplicaSet for a new template was created.
    Created {
        /// The set.
        set: String,
        /// Pods it wants from the start.
        to: u32,
    },
    /// A set wants another number of pods.
    Scaled {
        /// The set.
        set: String,
        /// Before.
        from: u32,
        /// After.
        to: u32,
    },
    /// A set without pods was dropped from the history: `revisionHistoryLimit`.
    Forgotten {
        /// The set.
        set: String,
    },
}

/// The pods of a Deployment, counted (Kubernetes: `DeploymentStatus`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// All of them.
    pub replicas: u32,
    /// Those of the newest revision.
    pub updated: u32,
    /// Those that are ready.
    pub ready: u32,
    /// Those that are available.
    pub available: u32,
}

/// The controller of one Deployment.
///
/// Kubernetes: pkg/controller/deployment `syncDeployment`.
#[derive(Clone, Debug)]
pub struct DeploymentController {
    name: String,
    /// Oldest first.
    sets: Vec<ReplicaSet>,
    sets_created: u64,
    status: Status,
    progress: Progress,
}

impl DeploymentController {
    /// Of the Deployment `name`, before its first sync.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            sets: Vec::new(),
            sets_created: 0,
            status: Status::default(),
            progress: Progress::default(),
        }
    }

    /// One sync at `now`. `replicas` is the live `spec.replicas`, which an autoscaler moves;
    /// `counts` are the pods of each ReplicaSet, by its name; none for one that is not there.
    pub fn sync(
        &mut self,
        now: Duration,
        deployment: &Deployment,
        replicas: u32,
        counts: &BTreeMap<String, Counts>,
    ) -> Vec<Action> {
        self.progress.observe_pause(now, deployment.paused);
        let newest = self.adopt_newest(&deployment.template);
        let mut step = Step {
            sets: &mut self.sets,
            newest,
            counts,
            replicas,
            fenceposts: fenceposts(&deployment.strategy, replicas),
            actions: Vec::new(),
        };
        let limit = deployment.revision_history_limit;
        if deployment.paused || step.is_scaling_event() {
            step.scale(&deployment.strategy);
            if deployment.paused {
                step.forget(limit);
            }
            let actions = step.actions;
            self.status = self.count(newest, counts);
            return actions;
        }
        let creates = match deployment.strategy {
            Strategy::RollingUpdate { .. } => newest.is_none(),
            Strategy::Recreate => newest.is_none() && step.old_pods_are_gone(),
        };
        if creates {
            self.sets_created += 1;
            let name = format!("{}-r{}", self.name, self.sets_created);
            step.create(name, deployment.template.clone());
            self.progress.new_replica_set(now);
        }
        match deployment.strategy {
            Strategy::RollingUpdate { .. } => step.roll(),
            Strategy::Recreate => step.recreate(),
        }
        if step.actions.is_empty() && self.status.is_complete(replicas) {
            step.forget(limit);
        }
        let actions = step.actions;
        let newest = self.newest_of(&deployment.template);
        let status = self.count(newest, counts);
        self.progress.observe(
            now,
            &self.status,
            &status,
            replicas,
            deployment.progress_deadline,
        );
        self.status = status;
        actions
    }

    /// `kubectl rollout undo`: the template to put into the Deployment, whose next syncs are then
    /// an ordinary rollout. `to_revision` as in `--to-revision`; `None`: the one before.
    pub fn undo(
        &self,
        deployment: &Deployment,
        to_revision: Option<u64>,
    ) -> Result<Undo, UndoError> {
        undo::undo(&self.sets, deployment, to_revision)
    }

    /// Its ReplicaSets, oldest first.
    pub fn replica_sets(&self) -> &[ReplicaSet] {
        &self.sets
    }

    /// The revision it has, or goes to; 0 before the first sync.
    pub fn revision(&self) -> u64 {
        let revisions = self.sets.iter().map(|set| set.revision);
        revisions.max().unwrap_or(0)
    }

    /// The pods as the last sync counted them.
    pub fn status(&self) -> Status {
        self.status
    }

    /// How the rollout stands.
    pub fn state(&self) -> RolloutState {
        self.progress.state(&self.status)
    }

    /// When to sync for the sake of `progressDeadlineSeconds`; `None` when nothing is being waited
    /// for. Pods that become available are the caller's ([`Counts::next_deadline`]).
    pub fn next_deadline(&self, deployment: &Deployment) -> Option<Duration> {
        self.progress.next_deadline(deployment.progress_deadline)
    }

    /// The set of the Deployment's template, with the highest revision of all from now on.
    /// (Kubernetes: `getNewReplicaSet`.)
    fn adopt_newest(&mut self, template: &PodTemplate) -> Option<usize> {
        let newest = self.newest_of(template)?;
        let others = self.sets.iter().enumerate();
        let highest = others
            .filter(|(index, _)| *index != newest)
            .map(|(_, set)| set.revision)
            .max();
        let set = self.sets.get_mut(newest)?;
        set.revision = set.revision.max(highest.unwrap_or(0) + 1);
        Some(newest)
    }

    fn newest_of(&self, template: &PodTemplate) -> Option<usize> {
        self.sets.iter().position(|set| set.template == *template)
    }

    fn count(&self, newest: Option<usize>, counts: &BTreeMap<String, Counts>) -> Status {
        let mut status = Status::default();
        for (index, set) in self.sets.iter().enumerate() {
            let counts = counts.get(&set.name).copied().unwrap_or_default();
            status.replicas += counts.pods;
            status.ready += counts.ready;
            status.available += counts.available;
            if Some(index) == newest {
                status.updated += counts.pods;
            }
        }
        status
    }
}

// === impl Status ===

impl Status {
    /// Every pod is of the newest revision and available, as many as wanted
    /// (Kubernetes: `DeploymentComplete`).
    pub fn is_complete(&self, replicas: u32) -> bool {
        self.updated == replicas && self.replicas == replicas && self.available == replicas
    }
}

#[cfg(test)]
pub(in crate::platform) mod testing;
#[cfg(test)]
mod tests;
