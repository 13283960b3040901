//! A breaker recomputed from what its history records. Naive on purpose, and told nothing of how
//! the real one is made: it remembers calls and counts afresh.

use crate::history::{BreakerState, CallOutcome};

/// What a model of a breaker answers. Times are µs of virtual time and never go back.
pub(super) trait Model {
    /// The state that it is in.
    fn state(&self) -> BreakerState;

    /// Makes the next change that time alone brings until `at_us`, if there is one.
    fn advance(&mut self, at_us: u64) -> Option<Change>;

    /// A call asks to pass.
    fn ask(&self, at_us: u64) -> Ask;

    /// The waiting is over: half-opens. Only after [`Ask::HalfOpens`].
    fn half_open(&mut self, at_us: u64);

    /// A call passes.
    fn pass(&mut self, at_us: u64, call: u64);

    /// A call that passed has ended.
    fn end(&mut self, at_us: u64, call: u64, outcome: CallOutcome) -> Option<Change>;
}

/// A change of state that must be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) from: BreakerState,
    pub(super) to: BreakerState,
    pub(super) at_us: u64,
    /// In words.
    pub(super) why: String,
}

/// What must happen to a call that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// It passes.
    Passes,
    /// It is refused.
    Refused,
    /// The breaker half-opens, and then it passes.
    HalfOpens,
}
