//! What a pod tells of itself as it happens: the stuff of histories, metrics and fault triggers.

use std::sync::Arc;

pub use crate::resilience::admission::Admission;

/// States of a circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// Calls are short-circuited.
    Open,
    /// Probe calls pass.
    HalfOpen,
}

/// How a call through a breaker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallOutcome {
    /// It succeeded.
    Success,
    /// It failed.
    Failure,
    /// The breaker's own timeout ended it.
    Timeout,
    /// No slot in the bulkhead.
    Rejected,
    /// The breaker was open.
    ShortCircuited,
    /// A refusal that says nothing about the callee's health (Hystrix `BAD_REQUEST`).
    BadRequest,
    /// Its caller went before it had a result (Hystrix `CANCELLED`).
    Cancelled,
}

/// What became of a delivered event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consumption {
    /// Its effect was committed with its id.
    Applied,
    /// Its id was already there: acknowledged without effect.
    Duplicate,
    /// No policy of this consumer wants it.
    Ignored,
    /// The domain refused; recorded with its id and acknowledged.
    Rejected(String),
}

/// One thing that happened in a pod.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// A request was handed to the network.
    CallSent {
        /// The callee, `pay:8080`.
        target: String,
        /// GET, POST, …
        method: String,
        /// Path with query.
        path: String,
        /// The request's idempotency key, if it carries one.
        key: Option<String>,
        /// The pass that a breaker gave for it, if it was made through one.
        admission: Option<Admission>,
    },
    /// The request above ended; or, without one above, no connection was found to hand it to.
    CallEnded {
        /// The callee.
        target: String,
        /// GET, POST, …
        method: String,
        /// Path with query.
        path: String,
        /// The answer's status; `None` when there was none.
        status: Option<u16>,
        /// What went wrong, when there was no answer.
        error: Option<String>,
        /// The `type` of a problem+json answer, which says why a callee refused.
        problem: Option<String>,
        /// The request's idempotency key, if it carries one.
        key: Option<String>,
    },
    /// A breaker was made, closed and with empty counts.
    BreakerMade {
        /// Its name.
        name: String,
    },
    /// A breaker let a call pass.
    BreakerAdmitted {
        /// The breaker's name.
        name: String,
        /// The call's number at this breaker, from 1.
        call: u64,
    },
    /// A breaker changed state.
    Breaker {
        /// Its name.
        name: String,
        /// Before.
        from: BreakerState,
        /// After.
        to: BreakerState,
    },
    /// A call through a breaker ended (short-circuited ones too).
    BreakerCall {
        /// The breaker's name.
        name: String,
        /// The call's number; `None`: it did not pass.
        call: Option<u64>,
        /// How.
        outcome: CallOutcome,
    },
    /// A store executed a commit; its reply has not been sent yet.
    Committed {
        /// The commit's id.
        commit: String,
        /// True when it had been executed before.
        replayed: bool,
        /// Ids of the events it put into the outbox: they must all be published.
        events: Vec<String>,
    },
    /// The relay handed an event to the broker, which confirmed.
    Published {
        /// The event's id.
        id: String,
        /// Its kind.
        kind: String,
        /// Its key.
        key: String,
        /// Where it lies.
        partition: u32,
        /// Its place there.
        offset: u64,
    },
    /// A consumer handled an event.
    Consumed {
        /// The consumer group.
        consumer: String,
        /// The event's id.
        id: String,
        /// Its kind.
        kind: String,
        /// Its key.
        key: String,
        /// With what result.
        outcome: Consumption,
    },
    /// A consumer's partitions changed.
    Rebalanced {
        /// The consumer group.
        consumer: String,
        /// The partitions this member now has.
        partitions: Vec<u32>,
    },
    /// A place in the code that names itself: faults hit it exactly, and whoever searches for
    /// failures counts it as reached. All of them: [`hints`](crate::hints).
    Hint(&'static str),
    /// Anything a person would log. Never parsed.
    Note(String),
}

/// Receives signals, synchronously, where they happen.
pub trait Listener: Send + Sync + 'static {
    /// Must not block and must not call back into the pod.
    fn hear(&self, signal: Signal);
}

/// A pod's mouth.
#[derive(Clone)]
pub struct Signals(Arc<dyn Listener>);

impl Signals {
    /// Sends everything to `listener`.
    pub fn new(listener: impl Listener) -> Self {
        Self(Arc::new(listener))
    }

    /// Sends everything nowhere.
    pub fn silent() -> Self {
        Self::new(Silent)
    }

    /// Tells one thing.
    pub fn tell(&self, signal: Signal) {
        self.0.hear(signal);
    }

    /// Tells that the code is at this place.
    pub fn hint(&self, place: &'static str) {
        self.tell(Signal::Hint(place));
    }
}

struct Silent;

impl Listener for Silent {
    fn hear(&self, _signal: Signal) {}
}
