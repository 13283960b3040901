//! Hystrix recomputed (Hystrix 1.5: `HystrixCircuitBreakerImpl`, `HealthCountsStream`).

use std::collections::VecDeque;

use super::{
    model::{Ask, Change, Model},
    rules::HystrixRules,
};
use crate::{
    history::{
        BreakerState::{self, Closed, HalfOpen, Open},
        CallOutcome,
    },
    window::micros,
};

pub(super) struct HystrixModel {
    rules: HystrixRules,
    state: BreakerState,
    since_us: u64,
    /// The end of the bucket that is being filled.
    bucket_ends_us: u64,
    /// (when, an error), of the window and the bucket that is being filled.
    calls: VecDeque<(u64, bool)>,
    probe: Option<u64>,
}

impl HystrixModel {
    pub(super) fn new(rules: HystrixRules, at_us: u64, before_us: u64) -> Self {
        let bucket = micros(rules.bucket).max(1);
        Self {
            bucket_ends_us: at_us + bucket - before_us % bucket,
            rules,
            state: Closed,
            since_us: at_us,
            calls: VecDeque::new(),
            probe: None,
        }
    }

    fn enter(&mut self, to: BreakerState, at_us: u64, why: String) -> Change {
        let from = std::mem::replace(&mut self.state, to);
        self.since_us = at_us;
        self.probe = None;
        Change {
            from,
            to,
            at_us,
            why,
        }
    }

    /// Calls and errors of the completed buckets, as of the end of one.
    fn counts(&mut self, bucket_end_us: u64) -> (usize, usize) {
        let from = bucket_end_us.saturating_sub(micros(self.rules.window));
        while self.calls.front().is_some_and(|(at, _)| *at < from) {
            self.calls.pop_front();
        }
        let window = self.calls.iter().filter(|(at, _)| *at < bucket_end_us);
        let errors = window.clone().filter(|(_, error)| *error).count();
        (window.count(), errors)
    }
}

impl Model for HystrixModel {
    fn state(&self) -> BreakerState {
        self.state
    }

    fn advance(&mut self, at_us: u64) -> Option<Change> {
        let bucket = micros(self.rules.bucket).max(1);
        while self.bucket_ends_us <= at_us {
            let end = self.bucket_ends_us;
            if self.calls.is_empty() {
                // Nothing to count: on to the bucket that this instant lies in.
                self.bucket_ends_us = at_us - (at_us - end) % bucket + bucket;
                return None;
            }
            self.bucket_ends_us = end + bucket;
            let (total, errors) = self.counts(end);
            let percent = (errors * 100).checked_div(total).unwrap_or(0);
            let unhealthy =
                total >= self.rules.request_volume && percent >= self.rules.error_percent;
            if unhealthy && self.state == Closed {
                let why = format!("{errors} errors of {total} calls, {percent} %");
                return Some(self.enter(Open, end, why));
            }
        }
        None
    }

    fn ask(&self, at_us: u64) -> Ask {
        let sleeps_until = self
            .since_us
            .saturating_add(micros(self.rules.sleep_window));
        match self.state {
            Closed => Ask::Passes,
            Open if at_us > sleeps_until => Ask::HalfOpens,
            HalfOpen if self.probe.is_none() => Ask::Passes,
            Open | HalfOpen => Ask::Refused,
        }
    }

    fn half_open(&mut self, at_us: u64) {
        self.enter(HalfOpen, at_us, String::new());
    }

    fn pass(&mut self, _at_us: u64, call: u64) {
        if self.state == HalfOpen {
            self.probe = Some(call);
        }
    }

    fn end(&mut self, at_us: u64, call: u64, outcome: CallOutcome) -> Option<Change> {
        let good = outcome == CallOutcome::Success;
        if !matches!(outcome, CallOutcome::BadRequest | CallOutcome::Cancelled) {
            self.calls.push_back((at_us, !good));
        }
        if self.probe != Some(call) {
            return None;
        }
        if !good {
            return Some(self.enter(Open, at_us, "the probe did not succeed".to_owned()));
        }
        self.calls.clear();
        self.bucket_ends_us = at_us.saturating_add(micros(self.rules.bucket));
        Some(self.enter(Closed, at_us, "the probe succeeded".to_owned()))
    }
}
