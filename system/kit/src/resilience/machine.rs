//! A breaker's rules, apart from clock, tasks and I/O.

use tokio::time::Instant;

use crate::signal::{BreakerState, CallOutcome};

/// A breaker's rules: [`Hystrix`](super::hystrix::Hystrix) or
/// [`Resilience4j`](super::resilience4j::Resilience4j).
pub trait Machine: Send {
    /// As of the last call of any method below.
    fn state(&self) -> BreakerState;

    /// Lets time pass, up to the next change of state that time alone brings. True: there was one,
    /// and there may be more, so call it again. The other methods are told times up to which this
    /// one was called until it gave false.
    fn advance(&mut self, now: Instant) -> bool;

    /// When the state may next change by time alone.
    fn next_deadline(&self) -> Option<Instant>;

    /// A call asks to pass; `None` short-circuits it. Every pass is recorded once.
    fn admit(&mut self, now: Instant) -> Option<Pass>;

    /// A call that passed has ended.
    fn record(&mut self, now: Instant, pass: Pass, outcome: CallOutcome);
}

/// The right to make one call.
#[derive(Debug, PartialEq, Eq)]
pub struct Pass {
    /// The breaker is half open, and this call helps to decide.
    pub probe: bool,
    /// When it was given.
    pub begun: Instant,
}
