//! The shop's promises in few words, for scenarios to list.

use std::time::Duration;

use squall_reports::{
    history::BreakerState::{Closed, HalfOpen, Open},
    requests::Requests,
    sla::{
        Availability, Convergence, Good, Journeys, Latency, NoneAccepted, Refusals, Seen, Sight,
        Since, Sla, Uptime,
    },
    window::Window,
};

use super::invariants;

/// What an order is refused with while payment cannot be asked.
const FALLBACK: &str = "urn:squall:refused:payment-unavailable";

type Promise = Box<dyn Sla>;

fn orders() -> Requests {
    Requests::to("POST", "/orders")
}

fn ok(requests: Requests, window: Window, at_least_percent: f64) -> Promise {
    Box::new(Availability {
        requests,
        window,
        good: Good::Ok,
        at_least_percent,
    })
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Every order is accepted.
pub(super) fn all_accepted() -> Promise {
    at_least_accepted(100.0)
}

/// At least this share of all orders is accepted.
pub(super) fn at_least_accepted(percent: f64) -> Promise {
    ok(orders(), Window::Run, percent)
}

/// Of the orders placed so long after a fault's healing, at least this share is accepted.
pub(super) fn accepted_after(fault: usize, skip_s: u64, percent: f64) -> Promise {
    ok(
        orders(),
        Window::After {
            fault,
            skip: seconds(skip_s),
        },
        percent,
    )
}

/// Of the orders placed between two seconds of the run, at least this share is accepted.
pub(super) fn accepted_between(from_s: u64, to_s: u64, percent: f64) -> Promise {
    ok(
        orders(),
        Window::Between {
            from: seconds(from_s),
            to: seconds(to_s),
        },
        percent,
    )
}

/// Every such request takes effect.
pub(super) fn all_ok(method: &str, route: &str) -> Promise {
    ok(Requests::to(method, route), Window::Run, 100.0)
}

/// While a fault acts, at least this share of such requests is answered well.
pub(super) fn ok_during(fault: usize, method: &str, route: &str, percent: f64) -> Promise {
    let window = Window::During {
        fault,
        skip: Duration::ZERO,
    };
    ok(Requests::to(method, route), window, percent)
}

/// No order placed while a fault acts is accepted, the first seconds apart.
pub(super) fn none_accepted_during(fault: usize, skip_s: u64) -> Promise {
    let window = Window::During {
        fault,
        skip: seconds(skip_s),
    };
    Box::new(NoneAccepted {
        requests: orders(),
        window,
    })
}

/// No order placed between two seconds of the run is accepted.
pub(super) fn none_accepted_between(from_s: u64, to_s: u64) -> Promise {
    let window = Window::Between {
        from: seconds(from_s),
        to: seconds(to_s),
    };
    Box::new(NoneAccepted {
        requests: orders(),
        window,
    })
}

/// Orders placed while a fault acts are refused with the fallback, the first seconds apart.
pub(super) fn refused_during(fault: usize, skip_s: u64) -> Promise {
    let window = Window::During {
        fault,
        skip: seconds(skip_s),
    };
    Box::new(Refusals {
        requests: orders(),
        window,
        problem: FALLBACK.into(),
    })
}

/// Orders refused between two seconds of the run are refused with the fallback.
pub(super) fn refused_with_fallback(from_s: u64, to_s: u64) -> Promise {
    let window = Window::Between {
        from: seconds(from_s),
        to: seconds(to_s),
    };
    Box::new(Refusals {
        requests: orders(),
        window,
        problem: FALLBACK.into(),
    })
}

/// Every journey is completed that did not begin just before the end, and so many are.
pub(super) fn all_complete(at_least: usize) -> Promise {
    Box::new(Journeys {
        journey: None,
        all: true,
        at_least,
    })
}

/// A percentile of the time that customers wait for their order, since they wanted to place it.
pub(super) fn waits_at_most(percentile: f64, ms: u64) -> Promise {
    Box::new(Latency {
        requests: orders(),
        window: Window::Run,
        since: Since::Intended,
        percentile,
        at_most: Duration::from_millis(ms),
    })
}

/// Everything owed has happened so many seconds after the faults end.
pub(super) fn converges(within_s: u64) -> Promise {
    Box::new(Convergence {
        consumers: Vec::new(),
        within: seconds(within_s),
    })
}

/// A service's uptime, as its callers measure it.
pub(super) fn up(target: &str, at_least_percent: f64) -> Promise {
    Box::new(Uptime {
        target: target.into(),
        window: Window::Run,
        timeout: seconds(3),
        at_least_percent,
    })
}

/// The breaker opens, half-opens and closes.
pub(super) fn breaker_cycles() -> Promise {
    Box::new(invariants::breaker(&[
        (Closed, Open),
        (Open, HalfOpen),
        (HalfOpen, Closed),
    ]))
}

/// Some payments are abandoned.
pub(super) fn payments_abandoned() -> Promise {
    happens("PaymentAbandoned")
}

/// Some deliveries wait for stock.
pub(super) fn backorders() -> Promise {
    happens("DeliveryBackordered")
}

/// Some event of this kind is stated.
pub(super) fn happens(kind: &str) -> Promise {
    Box::new(Seen {
        sight: Sight::Event(kind.into()),
        at_least: 1,
    })
}

/// So many commits are repeated after a lost reply.
pub(super) fn replayed(at_least: usize) -> Promise {
    Box::new(Seen {
        sight: Sight::ReplayedCommit,
        at_least,
    })
}
