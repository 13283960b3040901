//! How a container is stopped: preStop, SIGTERM, grace, SIGKILL.

use std::time::Duration;

/// What SIGTERM is always followed by before SIGKILL (kuberuntime: `minimumGracePeriodInSeconds`).
pub const SHORTEST_GRACE: Duration = Duration::from_secs(2);

/// What the kubelet does to the container next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// SIGTERM: its stop signal.
    Terminate,
    /// SIGKILL: it is gone now.
    Kill,
}

/// A container that is being stopped, because its pod was deleted or a probe failed. Its endpoint
/// is removed beside it, unordered ([`super::endpoints`]). Drop it when the process ends by itself.
///
/// Kubernetes: kuberuntime `killContainer`. The preStop hook runs within the grace period and
/// counts against it in whole seconds; one that has not ended by then is left behind; SIGTERM is
/// followed by what is left of the grace, but at least 2 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Termination {
    terminate_at: Duration,
    kill_at: Duration,
    next: Option<Step>,
}

impl Termination {
    /// Stopping begins at `now`, with a preStop hook that sleeps for `pre_stop`, within `grace`:
    /// the pod's `terminationGracePeriodSeconds`, or the failed probe's.
    pub fn begin(now: Duration, pre_stop: Option<Duration>, grace: Duration) -> Self {
        let hook = pre_stop.unwrap_or(Duration::ZERO).min(grace);
        let counted = Duration::from_secs(hook.as_secs());
        let terminate_at = now + hook;
        Self {
            terminate_at,
            kill_at: terminate_at + (grace - counted).max(SHORTEST_GRACE),
            next: Some(Step::Terminate),
        }
    }

    /// The step that is due by `now`, each once; call it until it gives none.
    pub fn due(&mut self, now: Duration) -> Option<Step> {
        if self.next_deadline()? > now {
            return None;
        }
        let step = self.next?;
        self.next = match step {
            Step::Terminate => Some(Step::Kill),
            Step::Kill => None,
        };
        Some(step)
    }

    /// When the next step is due; `None` after the last.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.next.map(|step| match step {
            Step::Terminate => self.terminate_at,
            Step::Kill => self.kill_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Step, Termination};

    fn steps(pre_stop: Option<u64>, grace: u64) -> Vec<(u64, Step)> {
        let seconds = Duration::from_secs;
        let mut termination =
            Termination::begin(seconds(100), pre_stop.map(seconds), seconds(grace));
        let mut steps = Vec::new();
        while let Some(at) = termination.next_deadline() {
            assert_eq!(
                termination.due(at - Duration::from_millis(1)),
                None,
                "not early"
            );
            let step = termination.due(at).expect("due at its deadline");
            steps.push((at.as_secs() - 100, step));
        }
        steps
    }

    /// platform §1, termination.
    #[test]
    fn pre_stop_comes_before_sigterm_and_counts_against_the_grace() {
        assert_eq!(steps(None, 30), [(0, Step::Terminate), (30, Step::Kill)]);
        assert_eq!(steps(Some(5), 30), [(5, Step::Terminate), (30, Step::Kill)]);
    }

    /// platform §1, T: grace 3 s with preStop 5 s → SIGKILL at 5 s (3+2).
    #[test]
    fn a_pre_stop_longer_than_the_grace_gets_two_seconds_once() {
        assert_eq!(steps(Some(5), 3), [(3, Step::Terminate), (5, Step::Kill)]);
        assert_eq!(steps(Some(3), 3), [(3, Step::Terminate), (5, Step::Kill)]);
        assert_eq!(steps(Some(2), 3), [(2, Step::Terminate), (4, Step::Kill)]);
    }
}
