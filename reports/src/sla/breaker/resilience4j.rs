//! resilience4j recomputed (resilience4j: `CircuitBreakerStateMachine`, `CircuitBreakerMetrics`).

use std::collections::{BTreeMap, VecDeque};

use super::{
    model::{Ask, Change, Model},
    rules::Resilience4jRules,
};
use crate::{
    history::{
        BreakerState::{self, Closed, HalfOpen, Open},
        CallOutcome,
    },
    window::micros,
};

const SECOND_US: u64 = 1_000_000;

pub(super) struct Resilience4jModel {
    rules: Resilience4jRules,
    /// Its seconds began so long before this µs.
    made: (u64, u64),
    state: BreakerState,
    since_us: u64,
    /// May fall below and rise above what it began with: late results give back, too.
    permits: usize,
    /// (second since it was made, failed, slow) since the window was new.
    calls: VecDeque<(u64, bool, bool)>,
    under_way: BTreeMap<u64, u64>,
}

impl Resilience4jModel {
    pub(super) fn new(rules: Resilience4jRules, at_us: u64, before_us: u64) -> Self {
        Self {
            rules,
            made: (before_us, at_us),
            state: Closed,
            since_us: at_us,
            permits: 0,
            calls: VecDeque::new(),
            under_way: BTreeMap::new(),
        }
    }

    fn enter(&mut self, to: BreakerState, at_us: u64, why: String) -> Change {
        let from = std::mem::replace(&mut self.state, to);
        self.since_us = at_us;
        self.permits = self.rules.half_open_calls;
        if to != Open {
            self.calls.clear();
        }
        Change {
            from,
            to,
            at_us,
            why,
        }
    }

    /// Calls, failed and slow ones of the window, and how many it takes to decide.
    fn window(&mut self, second: u64) -> (usize, usize, usize, usize) {
        let rules = &self.rules;
        let half_open = self.state == HalfOpen;
        let (size, minimum) = match (half_open, rules.time_based) {
            (true, _) => (
                rules.half_open_calls,
                rules.minimum_calls.min(rules.half_open_calls),
            ),
            (false, true) => (usize::MAX, rules.minimum_calls),
            (false, false) => (
                rules.window_size,
                rules.minimum_calls.min(rules.window_size),
            ),
        };
        while self.calls.len() > size {
            self.calls.pop_front();
        }
        if rules.time_based && !half_open {
            let oldest = (second + 1).saturating_sub(rules.window_size as u64);
            while self.calls.front().is_some_and(|(at, ..)| *at < oldest) {
                self.calls.pop_front();
            }
        }
        let failed = self.calls.iter().filter(|(_, failed, _)| *failed).count();
        let slow = self.calls.iter().filter(|(.., slow)| *slow).count();
        (self.calls.len(), failed, slow, minimum)
    }
}

impl Model for Resilience4jModel {
    fn state(&self) -> BreakerState {
        self.state
    }

    fn advance(&mut self, at_us: u64) -> Option<Change> {
        let (wait, to, why) = match self.state {
            Open if self.rules.automatic => (self.rules.open_wait, HalfOpen, "the wait is over"),
            HalfOpen => (self.rules.half_open_wait?, Open, "half open for too long"),
            Open | Closed => return None,
        };
        let ends = self.since_us.saturating_add(micros(wait));
        (ends <= at_us).then(|| self.enter(to, ends, why.to_owned()))
    }

    fn ask(&self, at_us: u64) -> Ask {
        let waits_until = self.since_us.saturating_add(micros(self.rules.open_wait));
        match self.state {
            Closed => Ask::Passes,
            Open if at_us > waits_until => Ask::HalfOpens,
            HalfOpen if self.permits > 0 => Ask::Passes,
            Open | HalfOpen => Ask::Refused,
        }
    }

    fn half_open(&mut self, at_us: u64) {
        self.enter(HalfOpen, at_us, String::new());
    }

    fn pass(&mut self, at_us: u64, call: u64) {
        self.under_way.insert(call, at_us);
        if self.state == HalfOpen {
            self.permits = self.permits.saturating_sub(1);
        }
    }

    fn end(&mut self, at_us: u64, call: u64, outcome: CallOutcome) -> Option<Change> {
        let began_us = self.under_way.remove(&call).unwrap_or(at_us);
        if outcome == CallOutcome::Cancelled || self.rules.ignored.contains(&outcome) {
            self.permits += usize::from(self.state == HalfOpen);
            return None;
        }
        let failed = outcome != CallOutcome::Success && !self.rules.forgiven.contains(&outcome);
        let slow = at_us - began_us > micros(self.rules.slow);
        let (before_us, made_us) = self.made;
        let second = (at_us + before_us).saturating_sub(made_us) / SECOND_US;
        self.calls.push_back((second, failed, slow));
        if self.state == Open {
            return None;
        }
        let (total, failed, slow, minimum) = self.window(second);
        if total < minimum {
            return None;
        }
        let reaches = |part: usize, percent: f64| part as f64 * 100.0 / total as f64 >= percent;
        let why = format!("{failed} of {total} calls failed, {slow} were slow");
        let exceeded =
            reaches(failed, self.rules.failure_percent) || reaches(slow, self.rules.slow_percent);
        match (exceeded, self.state) {
            (true, _) => Some(self.enter(Open, at_us, why)),
            (false, HalfOpen) => Some(self.enter(Closed, at_us, why)),
            (false, _) => None,
        }
    }
}
