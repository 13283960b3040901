//! One probe's worker (Kubernetes: pkg/kubelet/prober/worker.go).

use std::time::Duration;

use super::{Attempt, ProbeKind, Tried};
use crate::objects::probe::Probe;

#[derive(Clone, Debug)]
pub(super) struct Worker {
    kind: ProbeKind,
    probe: Probe,
    /// The ticker's first tick; the others follow every period.
    first_tick: Duration,
    /// Ticks up to this one are used up.
    next_tick: u32,
    /// Ticks before this instant found nothing to try.
    open_at: Duration,
    /// A try at once, beside the ticks.
    triggered: bool,
    /// The try that is under way.
    running: Option<u64>,
    attempts: u64,
    /// The verdict; `None`: not known yet.
    success: Option<bool>,
    last: Option<Tried>,
    run: u32,
    /// It has failed: no tries until there is a new container.
    on_hold: bool,
    /// The pod was deleted.
    stopped: bool,
}

impl Worker {
    pub(super) fn new(kind: ProbeKind, probe: Probe, first_tick: Duration) -> Self {
        assert!(!probe.period.is_zero(), "periodSeconds is at least 1");
        Self {
            kind,
            probe,
            first_tick,
            next_tick: 0,
            open_at: Duration::ZERO,
            triggered: false,
            running: None,
            attempts: 0,
            success: None,
            last: None,
            run: 0,
            on_hold: false,
            stopped: false,
        }
    }

    pub(super) fn kind(&self) -> ProbeKind {
        self.kind
    }

    pub(super) fn probe(&self) -> &Probe {
        &self.probe
    }

    pub(super) fn is_success(&self) -> bool {
        self.success == Some(true)
    }

    pub(super) fn is_on_hold(&self) -> bool {
        self.on_hold
    }

    pub(super) fn container_started(&mut self, now: Duration) {
        self.abandon();
        if self.stopped {
            return;
        }
        self.success = match self.kind {
            ProbeKind::Startup => None,
            ProbeKind::Readiness => Some(false),
            ProbeKind::Liveness => Some(true),
        };
        self.on_hold = false;
        self.open(now);
    }

    pub(super) fn abandon(&mut self) {
        self.running = None;
        self.triggered = false;
    }

    pub(super) fn stop(&mut self) {
        self.abandon();
        self.stopped = true;
        self.on_hold = false;
        self.success = Some(true);
    }

    /// Tries make sense from `now` on: ticks before it are used up.
    pub(super) fn open(&mut self, now: Duration) {
        self.open_at = now;
    }

    /// A try at once, or after the one that is under way. Too early, it is lost.
    pub(super) fn trigger(&mut self, now: Duration, running_since: Duration) {
        self.triggered |= now >= self.earliest(running_since);
    }

    /// When the next try is due, given when the container was started and whether its startup probe
    /// has succeeded.
    pub(super) fn next_launch(
        &self,
        running_since: Option<Duration>,
        started: bool,
    ) -> Option<Duration> {
        let running_since = running_since?;
        // The startup probe ends where the others begin.
        let gated = started == (self.kind == ProbeKind::Startup);
        if gated || self.running.is_some() || self.on_hold || self.stopped {
            return None;
        }
        let earliest = self.earliest(running_since);
        let tick = self.next_tick.max(self.first_tick_from(earliest));
        let at = self.first_tick + self.probe.period * tick;
        Some(if self.triggered { at.min(earliest) } else { at })
    }

    fn earliest(&self, running_since: Duration) -> Duration {
        // int32(age in seconds) < initialDelaySeconds: whole seconds on both sides.
        let delay = Duration::from_secs(self.probe.initial_delay.as_secs());
        self.open_at.max(running_since + delay)
    }

    pub(super) fn launch(
        &mut self,
        now: Duration,
        running_since: Option<Duration>,
        started: bool,
    ) -> Option<Attempt> {
        if self.next_launch(running_since, started)? > now {
            return None;
        }
        self.attempts += 1;
        self.running = Some(self.attempts);
        self.triggered = false;
        // Every tick until now is used up; the first one while the try lasts is kept.
        self.next_tick = self.next_tick.max(self.first_tick_after(now));
        Some(Attempt {
            kind: self.kind,
            number: self.attempts,
        })
    }

    /// The verdict if it has changed.
    pub(super) fn report(&mut self, number: u64, tried: Tried) -> Option<bool> {
        if self.running != Some(number) {
            return None;
        }
        self.running = None;
        let (success, threshold) = match tried {
            Tried::Success => (true, self.probe.success_threshold),
            Tried::Failure => (false, self.probe.failure_threshold),
            Tried::Unknown => return None,
        };
        self.run = if self.last == Some(tried) {
            self.run.saturating_add(1)
        } else {
            1
        };
        self.last = Some(tried);
        if self.run < threshold {
            return None;
        }
        let changed = self.success != Some(success);
        self.success = Some(success);
        if !success && self.kind != ProbeKind::Readiness {
            self.on_hold = true;
            self.run = 0;
        }
        changed.then_some(success)
    }

    /// The number of the first tick at or after `instant`.
    fn first_tick_from(&self, instant: Duration) -> u32 {
        let since = instant.saturating_sub(self.first_tick).as_nanos();
        u32::try_from(since.div_ceil(self.probe.period.as_nanos()))
            .expect("a run has fewer than 2^32 ticks")
    }

    /// The number of the first tick after `instant`.
    fn first_tick_after(&self, instant: Duration) -> u32 {
        match instant.checked_sub(self.first_tick) {
            Some(since) => {
                let passed = since.as_nanos() / self.probe.period.as_nanos();
                u32::try_from(passed).expect("a run has fewer than 2^32 ticks") + 1
            }
            None => 0,
        }
    }
}
