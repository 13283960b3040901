//! The shop's scenarios, one a file.

mod arena;
mod cluster;
mod control_plane;
mod invariants;
mod journeys;
mod order_model;
mod promises;
mod sieges;

mod bad_rollout_then_undo;
mod bad_weather;
mod breaker_closed_loop;
mod broker_outage;
mod burst;
mod cancel_races_completion;
mod cancel_saga;
mod config_and_secret;
mod cqrs;
mod crash_loop;
mod everything_restarts;
mod failing_without_ejection;
mod gateway;
mod hang_without_liveness;
mod hpa;
mod liveness_heals;
mod liveness_right_path;
mod liveness_wrong_path;
mod no_hpa;
mod notify_outage;
mod order_and_deliver;
mod order_broker_partition;
mod order_killed_mid_payment;
mod outlier_ejection;
mod pay_outage;
mod pay_partition_one_way;
mod redeploy_ready;
mod redeploy_ready_no_prestop;
mod redeploy_unready;
mod rollout_during_partition;
mod scale_down_loses_nothing;
mod stock;
mod store_lost_reply;
mod volume_missing;
mod volume_survives;
mod year;

pub use arena::arena;
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
        liveness_heals::scenario(),
        hang_without_liveness::scenario(),
        liveness_wrong_path::scenario(),
        liveness_right_path::scenario(),
        crash_loop::scenario(),
        bad_rollout_then_undo::scenario(),
        rollout_during_partition::scenario(),
        scale_down_loses_nothing::scenario(),
        breaker_closed_loop::scenario(),
        outlier_ejection::scenario(),
        failing_without_ejection::scenario(),
        config_and_secret::scenario(),
        volume_survives::scenario(),
        volume_missing::scenario(),
    ]
}
