//! No pod, database or broker is spared, and some machines lose their power.

use std::time::Duration;

use squall_chaos::fault::{Fault, Kind, Start};

use super::{
    cluster::doubled,
    invariants,
    journeys::{FULL_SHELVES, ORDINARY, customers},
    promises::{accepted_after, at_least_accepted, converges},
};
use crate::scenario::Scenario;

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/everything-restarts",
        claim: "Whatever dies, one after the other, under load: no acknowledged order is lost, \
                none is charged twice, and the shop recovers.",
        cluster: doubled(),
        loads: vec![FULL_SHELVES, customers(ORDINARY, 4.0, 140)],
        faults: vec![
            at(5, kill("order-1")),
            at(12, kill("pay")),
            at(22, power_loss("product-1")),
            at(30, store_outage("order")),
            at(40, store_outage("pay")),
            at(48, store_outage("product")),
            at(55, Kind::BrokerOutage),
            at(62, stop("notice")),
            at(65, power_loss("customercenter")),
            at(72, kill("gateway")),
            at(80, power_loss("order-2")),
        ],
        safety: Duration::from_secs(160),
        settle: Duration::from_secs(90),
        sla: vec![
            at_least_accepted(60.0),
            accepted_after(10, 12, 100.0),
            converges(60),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}

/// Each strikes for 5 s.
fn at(start_s: u64, kind: Kind) -> Fault {
    Fault {
        kind,
        start: Start::AtMs(start_s * 1_000),
        length_ms: Some(5_000),
    }
}

fn kill(target: &'static str) -> Kind {
    let target = target.into();
    Kind::Kill { target }
}

fn power_loss(target: &'static str) -> Kind {
    let target = target.into();
    Kind::PowerLoss { target }
}

fn store_outage(service: &'static str) -> Kind {
    let service = service.into();
    Kind::StoreOutage { service }
}

fn stop(deployment: &'static str) -> Kind {
    let deployment = deployment.into();
    Kind::Stop { deployment }
}
