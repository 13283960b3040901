//! `kubectl rollout undo` (Kubernetes: kubectl polymorphichelpers/rollback.go).

use thiserror::Error;

use super::ReplicaSet;
use crate::objects::{container::PodTemplate, deployment::Deployment};

/// What an undo comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Undo {
    /// The Deployment gets this template back; its ReplicaSet will have a new, highest revision.
    RolledBack {
        /// The revision it was until now.
        revision: u64,
        /// The template.
        template: Box<PodTemplate>,
    },
    /// The Deployment has the template of that revision: nothing to do.
    Skipped {
        /// The revision.
        revision: u64,
    },
}

/// Why there is no undo.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UndoError {
    /// `spec.paused`.
    #[error("deployment {0} is paused and cannot be rolled back; resume it first")]
    Paused(String),
    /// It never had another revision, or its history is not kept.
    #[error("deployment {0} has no revision to go back to")]
    NoHistory(String),
    /// `--to-revision` names none that is kept.
    #[error("deployment {deployment} has no revision {revision}; it has {kept}")]
    NoSuchRevision {
        /// The Deployment.
        deployment: String,
        /// The revision asked for.
        revision: u64,
        /// Those that are kept, `1, 2`.
        kept: String,
    },
}

/// Without `to_revision`: to the second-highest revision. 0 is the same, as for kubectl.
pub(super) fn undo(
    sets: &[ReplicaSet],
    deployment: &Deployment,
    to_revision: Option<u64>,
) -> Result<Undo, UndoError> {
    if deployment.paused {
        return Err(UndoError::Paused(deployment.name.clone()));
    }
    let mut by_revision: Vec<&ReplicaSet> = sets.iter().collect();
    by_revision.sort_by_key(|set| set.revision);
    let target = match to_revision {
        None | Some(0) => by_revision
            .iter()
            .rev()
            .nth(1)
            .ok_or_else(|| UndoError::NoHistory(deployment.name.clone()))?,
        Some(revision) => by_revision
            .iter()
            .find(|set| set.revision == revision)
            .ok_or_else(|| {
                let kept = by_revision.iter().map(|set| set.revision.to_string());
                UndoError::NoSuchRevision {
                    deployment: deployment.name.clone(),
                    revision,
                    kept: kept.collect::<Vec<_>>().join(", "),
                }
            })?,
    };
    let revision = target.revision;
    if target.template == deployment.template {
        return Ok(Undo::Skipped { revision });
    }
    Ok(Undo::RolledBack {
        revision,
        template: Box::new(target.template.clone()),
    })
}
