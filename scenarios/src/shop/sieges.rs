//! The documents' own measurements: what siege does to order, and what is done to order meanwhile.

use std::time::Duration;

use squall_chaos::fault::{Fault, Kind, Start};
use squall_reports::{requests::Requests, sla::Sla};
use squall_sim::load::{Answer, Journey, Load, Request, Share, Siege, Step};

use super::journeys::get;

/// Siege asks order itself, inside the cluster, and goes on whatever is answered.
const LIST: &[Share] = &[Share {
    weight: 1,
    journey: Journey {
        name: "list the orders",
        steps: &[Step::Request(Request {
            target: "order:8080",
            expect: &[Answer::Any],
            ..get("/orders")
        })],
    },
}];

/// When order is redeployed. The documents do not say; this leaves a rollout that waits for a new
/// pod (some 30 s) the time to end within the minute.
const REDEPLOYED_AT_MS: u64 = 15_000;

/// `siege -c1 -t60S --delay=1S http://order:8080/orders`.
pub(super) const DELAYED: Load = siege(0, 1, 60, 1);

/// `siege -c20 -t40S http://order:8080/orders`, when the metrics know order for a while.
pub(super) const UNDELAYED: Load = siege(20, 20, 40, 0);

/// What siege asks.
pub(super) fn listings() -> Requests {
    Requests::to("GET", "/orders").at("order:8080")
}

/// A rolling redeploy of order.
pub(super) fn redeploy() -> Fault {
    Fault {
        kind: Kind::RolloutRestart {
            deployment: "order".into(),
        },
        start: Start::AtMs(REDEPLOYED_AT_MS),
        length_ms: None,
    }
}

/// What the shop promises in every run is about orders, and nobody orders here.
pub(super) fn no_invariants() -> Vec<Box<dyn Sla>> {
    Vec::new()
}

const fn siege(begins_s: u64, users: u32, time_s: u64, delay_s: u64) -> Load {
    Siege {
        name: "siege",
        begins: Duration::from_secs(begins_s),
        users,
        time: Duration::from_secs(time_s),
        delay: Duration::from_secs(delay_s),
        mix: LIST,
    }
    .load()
}
