//! The Progressing condition (Kubernetes: pkg/controller/deployment/progress.go).

use std::time::Duration;

use squall_reports::history::RolloutState;

use super::Status;

/// Whether a rollout gets on. A deadline that has passed is told and changes nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    reason: Option<Reason>,
    updated_at: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// NewReplicaSetCreated.
    Created,
    /// ReplicaSetUpdated.
    Updated,
    /// NewReplicaSetAvailable.
    Available,
    /// ProgressDeadlineExceeded.
    TimedOut,
    /// DeploymentPaused.
    Paused,
    /// DeploymentResumed.
    Resumed,
}

impl Progress {
    pub(super) fn new_replica_set(&mut self, now: Duration) {
        self.set(now, Reason::Created);
    }

    /// A pause stops the clock, resuming starts it anew (`checkPausedConditions`).
    pub(super) fn observe_pause(&mut self, now: Duration, paused: bool) {
        match (self.reason, paused) {
            (Some(Reason::TimedOut | Reason::Paused), true) => {}
            (_, true) => self.set(now, Reason::Paused),
            (Some(Reason::Paused), false) => self.set(now, Reason::Resumed),
            (_, false) => {}
        }
    }

    /// `syncRolloutStatus`: complete, else progressing, else timed out.
    pub(super) fn observe(
        &mut self,
        now: Duration,
        before: &Status,
        after: &Status,
        replicas: u32,
        deadline: Duration,
    ) {
        let was_complete = self.reason == Some(Reason::Available);
        if was_complete && after.replicas == after.updated {
            return;
        }
        let old = |status: &Status| status.replicas.saturating_sub(status.updated);
        let progressed = after.updated > before.updated
            || old(after) < old(before)
            || after.ready > before.ready
            || after.available > before.available;
        if after.is_complete(replicas) {
            if !was_complete {
                self.set(now, Reason::Available);
            }
        } else if progressed {
            self.set(now, Reason::Updated);
        } else if self.is_waiting() && self.updated_at + deadline < now {
            self.set(now, Reason::TimedOut);
        }
    }

    pub(super) fn state(&self, status: &Status) -> RolloutState {
        match self.reason {
            Some(Reason::TimedOut) => RolloutState::DeadlineExceeded,
            Some(Reason::Available) if status.replicas == status.updated => RolloutState::Complete,
            _ => RolloutState::Progressing,
        }
    }

    /// `requeueStuckDeployment`: a second after the deadline.
    pub(super) fn next_deadline(&self, deadline: Duration) -> Option<Duration> {
        self.is_waiting()
            .then(|| self.updated_at + deadline + Duration::from_secs(1))
    }

    fn is_waiting(&self) -> bool {
        matches!(
            self.reason,
            Some(Reason::Created | Reason::Updated | Reason::Resumed)
        )
    }

    fn set(&mut self, now: Duration, reason: Reason) {
        (self.reason, self.updated_at) = (Some(reason), now);
    }
}
