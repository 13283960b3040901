//! Users who wait for their answer, and a payment that takes ten times as long.
//!
//! As the documents load their systems (`siege --delay=1S`): so many users, each with its next
//! order when it has the answer and a second of thinking at most. A payment takes 0.5 to 1.5 s, so
//! that half of them time out (Hystrix: 1 s), each holding its thread until payment answers; the
//! other users find no thread. Platform §12, first row.

use std::time::Duration;

use squall_chaos::fault::Kind;
use squall_reports::{
    requests::Requests,
    sla::{CallsAtOnce, Throughput},
    window::Window,
};
use squall_sim::{
    load::{Arrival, Extent, Journey, Load, Share, Step},
    range::TimeRange,
};

use super::{
    cluster::one_order,
    control_plane::lasting,
    invariants::{self, PAY},
    journeys::{FULL_SHELVES, PLACE, customers},
    promises::{
        accepted_after, breaker_cycles, converges, refused_with_fallback, up, waits_at_most,
    },
};
use crate::scenario::Scenario;

/// Hystrix: `hystrix.threadpool.default.coreSize`.
const THREADS: usize = 10;
/// What a payment takes on average meanwhile, in seconds.
const PAYMENT_S: f64 = 1.0;
/// When payment is slow.
const SLOW_FROM_S: u64 = 20;
const SLOW_FOR_S: u64 = 40;
/// How long users stay.
const USERS_S: u64 = 90;

const USERS: Load = Load {
    name: "user",
    arrival: Arrival::Closed {
        users: 30,
        think: TimeRange::ms(0, 1_000),
    },
    extent: Extent::For(Duration::from_secs(USERS_S)),
    ..customers(
        &[Share {
            weight: 1,
            journey: Journey {
                name: "place",
                steps: &[Step::Request(PLACE)],
            },
        }],
        1.0,
        USERS_S,
    )
};

/// The scenario.
pub(super) fn scenario() -> Scenario {
    let slow = Kind::SlowPod {
        target: "pay".into(),
        factor: 10.0,
    };
    Scenario {
        name: "shop/breaker-closed-loop",
        claim: "Thirty users order as fast as they are answered, and payment becomes slow: the \
                breaker opens, half-opens and closes, no more is paid than the threads let \
                through, and order never stops answering.",
        cluster: one_order(),
        loads: vec![FULL_SHELVES, USERS],
        faults: vec![lasting(SLOW_FROM_S, SLOW_FOR_S, slow)],
        safety: Duration::from_secs(USERS_S + 5),
        settle: Duration::from_secs(60),
        sla: vec![
            breaker_cycles(),
            Box::new(CallsAtOnce {
                target: PAY.into(),
                path: "/pays".to_owned(),
                slots: THREADS,
            }),
            Box::new(Throughput {
                requests: Requests::to("POST", "/orders"),
                window: Window::During {
                    fault: 0,
                    skip: Duration::from_secs(1),
                },
                at_most_per_s: THREADS as f64 / PAYMENT_S,
            }),
            refused_with_fallback(SLOW_FROM_S, SLOW_FROM_S + SLOW_FOR_S),
            // Who is paid at last waits for one payment, or for its timeout.
            waits_at_most(99.9, 2_500),
            up("order:8080", 99.999),
            // The last slow payment ends after 1.5 s, the breaker half-opens 5 s later at most,
            // and ten threads for thirty users reject one in some hundred once it is closed.
            accepted_after(0, 8, 95.0),
            converges(20),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}
