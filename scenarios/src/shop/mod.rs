//! The shop's scenarios, one a file.

mod cluster;
mod invariants;
mod journeys;
mod promises;
mod sieges;

mod bad_weather;
mod broker_outage;
mod burst;
mod cancel_races_completion;
mod cancel_saga;
mod cqrs;
mod everything_restarts;
mod gateway;
mod hpa;
mod no_hpa;
mod notify_outage;
mod order_and_deliver;
mod order_broker_partition;
mod order_killed_mid_payment;
mod pay_outage;
mod pay_partition_one_way;
mod redeploy_ready;
mod redeploy_ready_no_prestop;
mod redeploy_unready;
mod stock;
mod store_lost_reply;
mod year;

pub use cluster::SYSTEM;
pub use year::years;

use crate::scenario::Scenario;

/// All of them, the calm ones first.
pub fn scenarios() -> Vec<Scenario> {
    vec![
        order_and_deliver::scenario(),
        cancel_saga::scenario(),
        stock::scenario(),
        cancel_races_completion::scenario(),
        pay_outage::scenario(),
        notify_outage::scenario(),
        cqrs::scenario(),
        gateway::scenario(),
        order_broker_partition::scenario(),
        pay_partition_one_way::scenario(),
        order_killed_mid_payment::scenario(),
        store_lost_reply::scenario(),
        broker_outage::scenario(),
        everything_restarts::scenario(),
        burst::scenario(),
        bad_weather::scenario(),
        redeploy_unready::scenario(),
        redeploy_ready::scenario(),
        redeploy_ready_no_prestop::scenario(),
        hpa::scenario(),
        no_hpa::scenario(),
    ]
}
