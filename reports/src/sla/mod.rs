//! Promises, one a file: plain data that a scenario lists, each judging a history by itself.
//!
//! A promise that finds nothing to judge is [`Vacuous`](crate::check::Verdict::Vacuous): a run that
//! tested nothing is not green.

mod acknowledged;
mod availability;
mod back_off;
mod breaker;
mod calls_at_once;
mod convergence;
mod deadline;
mod ejections;
mod ends;
mod exactly_once;
mod faults;
mod fold;
mod journeys;
mod latency;
mod linearizable;
mod locations;
mod log;
mod lost;
mod never_both;
mod never_negative;
mod never_passed;
mod none_left;
mod occurrences;
mod one_at_a_time;
mod one_to_one;
mod outage;
mod pairing;
mod pods_ready;
mod refusals;
mod refusals_counted;
mod retry_budget;
mod rollout;
mod rollouts;
mod run;
mod scaling;
mod seen;
mod sums_up;
mod throughput;
mod uptime;

use std::fmt::Debug;

use crate::{check::Check, history::History};

pub use self::{
    acknowledged::Acknowledged,
    availability::{Availability, Good},
    back_off::BackOff,
    breaker::{Breaker, HystrixRules, Resilience4jRules, Rules},
    calls_at_once::CallsAtOnce,
    convergence::Convergence,
    deadline::Deadline,
    ejections::Ejections,
    ends::Ends,
    exactly_once::ExactlyOnce,
    faults::FaultsActed,
    fold::FoldEquality,
    journeys::Journeys,
    latency::{Latency, Since},
    linearizable::{Linearizable, Model, Operation, Operations, SEARCH_MAX},
    locations::Locations,
    log::LogComplete,
    lost::Lost,
    never_both::NeverBoth,
    never_negative::NeverNegative,
    never_passed::NeverPassed,
    none_left::NoneLeft,
    occurrences::{Occurrences, Reaction},
    one_at_a_time::OneAtATime,
    one_to_one::{EventSide, OneToOne},
    outage::{Mark, Outage},
    pairing::{Pairing, Statuses},
    pods_ready::PodsReady,
    refusals::{NoneAccepted, Refusals},
    refusals_counted::RefusalsAreNoFailures,
    retry_budget::RetryBudget,
    rollout::RolloutCompletes,
    rollouts::Rollouts,
    run::{NoPanics, RunEnded},
    scaling::{Scales, ScalesDownLate},
    seen::{Seen, Sight},
    sums_up::SumsUp,
    throughput::Throughput,
    uptime::Uptime,
};

/// A promise as data.
pub trait Sla: Debug + Send + Sync {
    /// Judges one run. Pure: the same history gets the same answer.
    fn judge(&self, history: &History) -> Check;
}

/// Judges every promise, in their order.
pub fn judge(history: &History, promises: &[Box<dyn Sla>]) -> Vec<Check> {
    promises
        .iter()
        .map(|promise| promise.judge(history))
        .collect()
}

/// A share in percent, as siege prints it; 0 of nothing.
fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 * 100.0 / whole as f64
    }
}

/// Names in a row, for bounds.
fn list<T: AsRef<str>>(names: &[T]) -> String {
    names
        .iter()
        .map(AsRef::as_ref)
        .collect::<Vec<_>>()
        .join(", ")
}
