//! resilience4j's circuit breaker as a pure state machine (resilience4j:
//! `CircuitBreakerStateMachine`, `CircuitBreakerMetrics`).
//!
//! * CLOSED → OPEN with the recorded call that brings a rate to its threshold, once the window has
//!   the minimum number of calls.
//! * OPEN → HALF_OPEN with the first call *after* the wait, or at its end by a timer when the
//!   transition is automatic.
//! * HALF_OPEN passes as many calls as are permitted, and decides after that many results, or after
//!   the minimum number of calls where that is less (resilience4j#1523); the results of calls that
//!   passed earlier count, too. Permits that nobody reports leave it half open for ever
//!   (resilience4j#903), unless there is a longest wait: then → OPEN.
//! * An ignored result gives its permit back and is not recorded; so does a call whose caller goes
//!   before it has a result (`CircuitBreakerSubscriber.hookOnCancel`). A result that arrives in
//!   OPEN is recorded in the old window, which decides nothing any more.
//!
//! A time-based window counts by the seconds since the breaker was made, the library by those of
//! the wall clock: the phase is all that differs.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    machine::{Machine, Pass},
    resilience4j_settings::{Recorded, Resilience4jSettings, SlidingWindowType},
    sliding::{Counts, SlidingWindow},
};
use crate::{
    planted::{self, Bug},
    signal::{BreakerState, CallOutcome},
};

/// The state machine of one instance.
#[derive(Clone, Debug)]
pub struct Resilience4j {
    settings: Resilience4jSettings,
    made: Instant,
    since: Instant,
    phase: Phase,
    /// Of the state before, while OPEN.
    window: SlidingWindow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Closed,
    Open,
    HalfOpen { permits: u32 },
}

impl Resilience4j {
    /// Closed, with an empty window.
    pub fn new(settings: Resilience4jSettings, now: Instant) -> Self {
        Self {
            made: now,
            since: now,
            phase: Phase::Closed,
            window: settings.window(),
            settings,
        }
    }

    fn close(&mut self, now: Instant) {
        self.phase = Phase::Closed;
        self.since = now;
        self.window = self.settings.window();
    }

    fn open(&mut self, at: Instant) {
        self.phase = Phase::Open;
        self.since = at;
    }

    fn half_open(&mut self, at: Instant) {
        let permits = self.settings.permitted_number_of_calls_in_half_open_state;
        self.phase = Phase::HalfOpen { permits };
        self.since = at;
        self.window = SlidingWindow::of_calls(permits);
    }

    /// `None` below the minimum number of calls, else whether a threshold is reached.
    fn exceeded(&self, counts: Counts, minimum: u32) -> Option<bool> {
        let settings = &self.settings;
        (counts.total >= minimum).then(|| {
            counts.failure_rate() >= settings.failure_rate_threshold
                || counts.slow_rate() >= settings.slow_call_rate_threshold
        })
    }
}

impl Machine for Resilience4j {
    fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    fn advance(&mut self, now: Instant) -> bool {
        let Some(deadline) = self.next_deadline().filter(|deadline| *deadline <= now) else {
            return false;
        };
        match self.phase {
            Phase::Open => self.half_open(deadline),
            Phase::HalfOpen { .. } => self.open(deadline),
            Phase::Closed => unreachable!("a closed breaker has no deadline"),
        }
        true
    }

    fn next_deadline(&self) -> Option<Instant> {
        let settings = &self.settings;
        let wait: Option<Duration> = match self.phase {
            Phase::Closed => None,
            Phase::Open if planted::is(Bug::BreakerNeverHalfOpens) => None,
            Phase::Open => settings
                .automatic_transition
                .then_some(settings.wait_duration_in_open_state),
            Phase::HalfOpen { .. } => settings.max_wait_duration_in_half_open_state,
        };
        wait.map(|wait| self.since + wait)
    }

    fn admit(&mut self, now: Instant) -> Option<Pass> {
        let waits_until = self.since + self.settings.wait_duration_in_open_state;
        let stays_open = planted::is(Bug::BreakerNeverHalfOpens);
        if self.phase == Phase::Open && now > waits_until && !stays_open {
            self.half_open(now);
        }
        let probe = match &mut self.phase {
            Phase::Closed => false,
            Phase::Open | Phase::HalfOpen { permits: 0 } => return None,
            Phase::HalfOpen { permits } => {
                *permits -= 1;
                true
            }
        };
        Some(Pass { probe, begun: now })
    }

    fn record(&mut self, now: Instant, pass: Pass, outcome: CallOutcome) {
        let failed = match self.settings.recorded(outcome) {
            Recorded::Nothing => {
                // The library gives the permit back whenever the call began.
                if let Phase::HalfOpen { permits } = &mut self.phase {
                    *permits += 1;
                }
                return;
            }
            Recorded::Success => false,
            Recorded::Failure => true,
        };
        let slow = now - pass.begun > self.settings.slow_call_duration_threshold;
        let second = (now - self.made).as_secs();
        let counts = self.window.record(second, failed, slow);
        match self.phase {
            Phase::Open => {}
            Phase::Closed => {
                if self.exceeded(counts, self.settings.minimum()) == Some(true) {
                    self.open(now);
                }
            }
            Phase::HalfOpen { .. } => {
                match self.exceeded(counts, self.settings.minimum_in_half_open()) {
                    Some(true) => self.open(now),
                    Some(false) => self.close(now),
                    None => {}
                }
            }
        }
    }
}

impl Resilience4jSettings {
    fn window(&self) -> SlidingWindow {
        match self.sliding_window_type {
            SlidingWindowType::CountBased => SlidingWindow::of_calls(self.sliding_window_size),
            SlidingWindowType::TimeBased => SlidingWindow::of_seconds(self.sliding_window_size),
        }
    }
}
