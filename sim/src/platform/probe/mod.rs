//! Probes: what a kubelet does to find out whether a container has started, is ready, is alive.

mod worker;

use std::time::Duration;

use self::worker::Worker;
use crate::objects::probe::{Probe, Probes};

/// Which question a probe answers. In the order in which due tries are launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeKind {
    /// Has it started? The others wait for that.
    Startup,
    /// May it get traffic?
    Readiness,
    /// Must it be killed and started again?
    Liveness,
}

/// A try to make now. Make it, within the probe's `timeout`, and [report](ContainerProbes::report)
/// it under the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Of which probe.
    pub kind: ProbeKind,
    /// Unique among the tries of this probe of this pod.
    pub number: u64,
}

/// What a try gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// A status from 200 to below 400, or a connection.
    Success,
    /// Anything else, no answer within the timeout included.
    Failure,
    /// The kubelet itself could not try. It is as if there had been no try.
    Unknown,
}

/// A probe's verdict that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Of which probe.
    pub kind: ProbeKind,
    /// True: it counts as a success from now on.
    pub success: bool,
}

/// The container must be killed (preStop, SIGTERM, grace, SIGKILL) and started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// The probe that has failed.
    pub kind: ProbeKind,
    /// How long it gets: the probe's `terminationGracePeriodSeconds`, else the pod's.
    pub grace: Duration,
}

/// How a kubelet probes; Kubernetes leaves both open (platform §11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProbeSettings {
    /// From the pod's start to the first tick of each probe. 0: a node that has run for long. A
    /// kubelet that has started within the last period waits a random part of one.
    pub phase: Duration,
    /// A running container that is not ready is also tried at each status sync
    /// ([`ContainerProbes::status_synced`]), as newer kubelets do. False: at ticks only.
    pub eager_readiness: bool,
}

/// The three probes of one container of one pod, over all its restarts.
///
/// Kubernetes: pkg/kubelet/prober `worker` and `prober_manager`. Each probe has a worker of its own
/// that makes one try at a time, at the ticks of a ticker; while a try lasts, one tick is kept and
/// further ones are dropped. A probe that is not configured counts as a success.
#[derive(Clone, Debug)]
pub struct ContainerProbes {
    settings: ProbeSettings,
    termination_grace: Duration,
    /// When the container that runs now was started; `None`: none runs.
    started_at: Option<Duration>,
    startup: Option<Worker>,
    readiness: Option<Worker>,
    liveness: Option<Worker>,
}

impl ContainerProbes {
    /// For a pod whose kubelet takes it up at `now`; its container does not run yet. A kill gets
    /// the pod's `termination_grace` unless its probe has one.
    pub fn new(
        probes: &Probes,
        termination_grace: Duration,
        settings: ProbeSettings,
        now: Duration,
    ) -> Self {
        let first_tick = now + settings.phase;
        let worker = |kind, probe: &Option<Probe>| {
            let probe = probe.clone()?;
            Some(Worker::new(kind, probe, first_tick))
        };
        Self {
            settings,
            termination_grace,
            started_at: None,
            startup: worker(ProbeKind::Startup, &probes.startup),
            readiness: worker(ProbeKind::Readiness, &probes.readiness),
            liveness: worker(ProbeKind::Liveness, &probes.liveness),
        }
    }

    /// A container runs since `now`: every probe is back at its initial value (readiness: failure,
    /// liveness: success, startup: unknown) and no longer on hold. The tickers go on as they were.
    pub fn container_started(&mut self, now: Duration) {
        self.started_at = Some(now);
        for worker in self.workers() {
            worker.container_started(now);
        }
        self.status_synced(now);
    }

    /// The container has ended: tries that are under way count no more.
    pub fn container_ended(&mut self) {
        self.started_at = None;
        for worker in self.workers() {
            worker.abandon();
        }
    }

    /// The pod was deleted. Liveness and startup stop, as successes; readiness goes on
    /// (Kubernetes: worker `doProbe`, "Graceful shutdown of the pod").
    pub fn stop_for_deletion(&mut self) {
        for worker in [&mut self.startup, &mut self.liveness]
            .into_iter()
            .flatten()
        {
            worker.stop();
        }
    }

    /// The kubelet has looked at the pod's status, as it does when a container starts, a verdict
    /// changes, and now and then: with `eager_readiness`, readiness is tried at once while it is
    /// not a success. (Kubernetes: prober_manager `UpdatePodStatus`, `manualTriggerCh`.)
    pub fn status_synced(&mut self, now: Duration) {
        let Some(running_since) = self.started_at else {
            return;
        };
        if !self.settings.eager_readiness || !self.is_started() || self.is_ready() {
            return;
        }
        if let Some(readiness) = &mut self.readiness {
            readiness.trigger(now, running_since);
        }
    }

    /// The tries to launch at `now`.
    pub fn due(&mut self, now: Duration) -> Vec<Attempt> {
        let (running_since, started) = (self.started_at, self.is_started());
        let attempts = self
            .workers()
            .filter_map(|worker| worker.launch(now, running_since, started));
        attempts.collect()
    }

    /// The try `attempt` ended at `now`. The verdict, if that changed it. A try of a container
    /// that has ended, or of a stopped probe, is ignored.
    pub fn report(&mut self, attempt: Attempt, now: Duration, tried: Tried) -> Option<Verdict> {
        let worker = match attempt.kind {
            ProbeKind::Startup => self.startup.as_mut(),
            ProbeKind::Readiness => self.readiness.as_mut(),
            ProbeKind::Liveness => self.liveness.as_mut(),
        };
        let success = worker?.report(attempt.number, tried)?;
        if attempt.kind == ProbeKind::Startup && success {
            for worker in [&mut self.readiness, &mut self.liveness]
                .into_iter()
                .flatten()
            {
                worker.open(now);
            }
        }
        self.status_synced(now);
        Some(Verdict {
            kind: attempt.kind,
            success,
        })
    }

    /// True when its container runs and its startup probe has succeeded.
    pub fn is_started(&self) -> bool {
        self.started_at.is_some() && self.startup.as_ref().is_none_or(Worker::is_success)
    }

    /// True when it has started and its readiness probe is a success: the pod's Ready condition.
    /// Without probes that is as soon as the container runs, before its program listens.
    pub fn is_ready(&self) -> bool {
        self.is_started() && self.readiness.as_ref().is_none_or(Worker::is_success)
    }

    /// The kill that a failed startup or liveness probe wants, until the container has ended.
    pub fn wants_kill(&self) -> Option<Kill> {
        self.started_at?;
        let mut failed = [&self.startup, &self.liveness].into_iter().flatten();
        let worker = failed.find(|worker| worker.is_on_hold())?;
        Some(Kill {
            kind: worker.kind(),
            grace: worker
                .probe()
                .termination_grace
                .unwrap_or(self.termination_grace),
        })
    }

    /// What is tried, and how.
    pub fn probe(&self, kind: ProbeKind) -> Option<&Probe> {
        let worker = match kind {
            ProbeKind::Startup => &self.startup,
            ProbeKind::Readiness => &self.readiness,
            ProbeKind::Liveness => &self.liveness,
        };
        worker.as_ref().map(Worker::probe)
    }

    /// When the next try is due, at once if that has passed; `None` while there is nothing to try,
    /// or tries are under way. Every other call may change it.
    pub fn next_deadline(&self) -> Option<Duration> {
        let (running_since, started) = (self.started_at, self.is_started());
        [&self.startup, &self.readiness, &self.liveness]
            .into_iter()
            .flatten()
            .filter_map(|worker| worker.next_launch(running_since, started))
            .min()
    }

    fn workers(&mut self) -> impl Iterator<Item = &mut Worker> {
        [&mut self.startup, &mut self.readiness, &mut self.liveness]
            .into_iter()
            .flatten()
    }
}

// === impl ProbeKind ===

impl ProbeKind {
    /// As a history writes it: `startup`, `readiness`, `liveness`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Readiness => "readiness",
            Self::Liveness => "liveness",
        }
    }
}

#[cfg(test)]
mod tests;
