//! Hystrix's circuit breaker as a pure state machine (Hystrix 1.5: `HystrixCircuitBreakerImpl`).
//!
//! * CLOSED → OPEN at the end of a bucket, when the completed buckets of the last 10 s hold enough
//!   calls and enough of them are errors.
//! * OPEN → HALF_OPEN with the first call *after* the sleep window; that call is the probe.
//! * HALF_OPEN → CLOSED when the probe succeeds, and the counts restart from zero; → OPEN, for
//!   another sleep window, when it ends in any other way: also by a bad request, a rejection, or a
//!   caller that goes before the result.
//!
//! In the library, a probe that its semaphore rejects never reports, and the breaker stays half
//! open for ever (Hystrix#1781, #1861, #1723). Here it opens again, unless
//! [`strict_bugs`](HystrixSettings::strict_bugs) asks for the library's own behaviour.

use tokio::time::Instant;

use super::{
    health::HealthWindow,
    machine::{Machine, Pass},
    settings::{HystrixSettings, Isolation},
};
use crate::{
    planted::{self, Bug},
    signal::{BreakerState, CallOutcome},
};

/// The state machine of one command key.
#[derive(Clone, Debug)]
pub struct Hystrix {
    settings: HystrixSettings,
    state: BreakerState,
    opened_at: Instant,
    health: HealthWindow,
}

impl Hystrix {
    /// Closed, with empty counts.
    pub fn new(settings: HystrixSettings, now: Instant) -> Self {
        Self {
            state: BreakerState::Closed,
            opened_at: now,
            health: window(&settings, now),
            settings,
        }
    }

    fn open(&mut self, at: Instant) {
        self.state = BreakerState::Open;
        self.opened_at = at;
    }

    /// Whether the counts may open it: not where the library has a `NoOpCircuitBreaker`, nor where
    /// its `isOpen` says no whatever they are.
    fn decides(&self) -> bool {
        self.settings.enabled && !self.settings.force_closed
    }

    /// A rejected probe under semaphore isolation, where the library's faults are wanted.
    fn is_lost(&self, outcome: CallOutcome) -> bool {
        self.settings.strict_bugs
            && self.settings.isolation == Isolation::Semaphore
            && outcome == CallOutcome::Rejected
    }
}

impl Machine for Hystrix {
    fn state(&self) -> BreakerState {
        self.state
    }

    fn advance(&mut self, now: Instant) -> bool {
        while let Some((boundary, counts)) = self.health.tick(now) {
            let unhealthy = counts.total >= self.settings.request_volume_threshold
                && counts.error_percentage() >= self.settings.error_threshold_percentage;
            if unhealthy && self.state == BreakerState::Closed && self.decides() {
                self.open(boundary);
                return true;
            }
        }
        false
    }

    fn next_deadline(&self) -> Option<Instant> {
        // Without an error the breaker cannot open by itself, so nobody need wake.
        let may_open = self.state == BreakerState::Closed && self.decides();
        let may_open = may_open && self.health.has_errors();
        may_open.then(|| self.health.next_boundary())
    }

    fn admit(&mut self, now: Instant) -> Option<Pass> {
        if self.settings.enabled && self.settings.force_open {
            return None;
        }
        match self.state {
            BreakerState::Closed => Some(Pass {
                probe: false,
                begun: now,
            }),
            BreakerState::HalfOpen => None,
            BreakerState::Open => {
                let sleeps_until = self.opened_at + self.settings.sleep_window;
                if now <= sleeps_until || planted::is(Bug::BreakerNeverHalfOpens) {
                    return None;
                }
                self.state = BreakerState::HalfOpen;
                Some(Pass {
                    probe: true,
                    begun: now,
                })
            }
        }
    }

    fn record(&mut self, now: Instant, pass: Pass, outcome: CallOutcome) {
        match outcome {
            CallOutcome::Success => self.health.count(false),
            CallOutcome::Failure | CallOutcome::Timeout | CallOutcome::Rejected => {
                self.health.count(true);
            }
            CallOutcome::ShortCircuited | CallOutcome::BadRequest | CallOutcome::Cancelled => {}
        }
        if !pass.probe || self.is_lost(outcome) {
            return;
        }
        assert_eq!(
            self.state,
            BreakerState::HalfOpen,
            "one probe at a time, and it decides"
        );
        if outcome == CallOutcome::Success {
            self.state = BreakerState::Closed;
            self.health = window(&self.settings, now);
        } else {
            self.open(now);
        }
    }
}

fn window(settings: &HystrixSettings, now: Instant) -> HealthWindow {
    let bucket = settings.health_snapshot_interval;
    let buckets = settings.rolling_window.as_nanos() / bucket.as_nanos().max(1);
    let buckets = usize::try_from(buckets).unwrap_or(usize::MAX).max(1);
    HealthWindow::new(now, buckets, bucket)
}
