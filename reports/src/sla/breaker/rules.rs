//! What a breaker is held to: its library's rules with its settings, stated anew by the scenario.

use std::time::Duration;

use super::{hystrix::HystrixModel, model::Model, resilience4j::Resilience4jModel};
use crate::history::CallOutcome;

/// A breaker's rules.
#[derive(Clone, Debug, PartialEq)]
pub enum Rules {
    /// Hystrix's: one probe decides.
    Hystrix(HystrixRules),
    /// resilience4j's: several probes decide together.
    Resilience4j(Resilience4jRules),
}

/// Hystrix's settings that decide transitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HystrixRules {
    /// Fewer calls in the window open nothing.
    pub request_volume: usize,
    /// Whole percents of errors that open it.
    pub error_percent: usize,
    /// How long it stays open before a probe, strictly.
    pub sleep_window: Duration,
    /// How far back the counts go.
    pub window: Duration,
    /// The length of a bucket: it opens at the end of one.
    pub bucket: Duration,
}

/// resilience4j's settings that decide transitions.
#[derive(Clone, Debug, PartialEq)]
pub struct Resilience4jRules {
    /// True: the window is of seconds; false: of calls.
    pub time_based: bool,
    /// Its size.
    pub window_size: usize,
    /// Fewer calls in the window open nothing.
    pub minimum_calls: usize,
    /// Percents of failed calls that open it.
    pub failure_percent: f64,
    /// Percents of slow calls that open it.
    pub slow_percent: f64,
    /// What takes longer is slow.
    pub slow: Duration,
    /// How long it stays open: strictly, where a call ends it.
    pub open_wait: Duration,
    /// Calls that pass while half open.
    pub half_open_calls: usize,
    /// How long it stays half open; `None`: until its results are there.
    pub half_open_wait: Option<Duration>,
    /// It half-opens by itself.
    pub automatic: bool,
    /// Outcomes that are not recorded.
    pub ignored: Vec<CallOutcome>,
    /// Bad outcomes that are recorded as successes.
    pub forgiven: Vec<CallOutcome>,
}

impl Default for HystrixRules {
    /// Hystrix's own settings.
    fn default() -> Self {
        Self {
            request_volume: 20,
            error_percent: 50,
            sleep_window: Duration::from_secs(5),
            window: Duration::from_secs(10),
            bucket: Duration::from_millis(500),
        }
    }
}

impl Default for Resilience4jRules {
    /// resilience4j's own settings.
    fn default() -> Self {
        Self {
            time_based: false,
            window_size: 100,
            minimum_calls: 100,
            failure_percent: 50.0,
            slow_percent: 100.0,
            slow: Duration::from_secs(60),
            open_wait: Duration::from_secs(60),
            half_open_calls: 10,
            half_open_wait: None,
            automatic: false,
            ignored: Vec::new(),
            forgiven: Vec::new(),
        }
    }
}

impl Rules {
    /// A breaker by these rules, made so long before this µs.
    pub(super) fn model(&self, at_us: u64, before_us: u64) -> Box<dyn Model> {
        match self {
            Self::Hystrix(rules) => Box::new(HystrixModel::new(*rules, at_us, before_us)),
            Self::Resilience4j(rules) => {
                Box::new(Resilience4jModel::new(rules.clone(), at_us, before_us))
            }
        }
    }
}
