//! Committed, and nobody heard of it: the normal life of a networked database.

use std::time::Duration;

use squall_chaos::fault::{Fault, Kind, Moment};

use super::{
    cluster::doubled,
    invariants,
    journeys::{FULL_SHELVES, ORDINARY, customers},
    promises::{all_accepted, all_complete, converges, replayed},
};
use crate::scenario::Scenario;

fn lost(store: &'static str, service: &'static str, commit: u32) -> Fault {
    Kind::lost_reply(store, service).at(Moment::committed(store, ""), commit)
}

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/store-lost-reply",
        claim: "A commit whose reply is lost is repeated under its id until its answer is known: \
                it takes effect once and nobody notices.",
        cluster: doubled(),
        loads: vec![FULL_SHELVES, customers(ORDINARY, 5.0, 40)],
        faults: vec![
            lost("order-store", "order", 10),
            lost("order-store", "order", 61),
            lost("order-store", "order", 142),
            lost("pay-store", "pay", 5),
            lost("pay-store", "pay", 26),
            lost("product-store", "product", 17),
            lost("notice-store", "notice", 8),
            lost("customercenter-store", "customercenter", 40),
        ],
        safety: Duration::from_secs(60),
        settle: Duration::from_secs(60),
        sla: vec![
            all_accepted(),
            replayed(8),
            all_complete(100),
            converges(10),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}
