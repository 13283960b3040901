//! pay: approves payments, gives them back.
//!
//! A payment is asked for under an idempotency key. What became of a key is kept in the key's slot:
//! the payment that was approved with it, or that it was abandoned. Whoever comes first, the
//! request or its abandonment, fills the slot; the other finds it filled.

pub mod aggregate;
mod approval;
mod policy;
mod record;

use axum::{Router, routing::post};
use record::PayRecord;
use squall_kit::{
    Error, Pod,
    http::{hal::Hal, resource::Reads},
    store::Entity,
};

use crate::service::{self, Worker};

/// The consumer group.
pub const GROUP: &str = "pay";

/// Runs one instance until its stop signal.
///
/// # Errors
/// Port taken or unreadable settings.
pub async fn run(pod: Pod) -> Result<(), Error> {
    let hal = Hal::new(&pod.config, PayRecord::COLLECTION, "pay");
    let pays = Reads {
        hal: hal.clone(),
        visible: None,
        filters: &[record::ORDER_ID],
    };
    let approve = approval::Desk {
        pod: pod.clone(),
        hal,
        limit: pod.config.parsed("PAY_LIMIT", "an amount", f64::INFINITY)?,
    };
    let commands = Router::new()
        .route("/pays", post(approval::post))
        .with_state(approve);
    let workers = vec![
        Worker::relay(&pod)?,
        Worker::consumer(&pod, GROUP, |unit, event| {
            Box::pin(policy::react(unit, event))
        })?,
    ];
    service::serve(
        &pod,
        pays.router::<PayRecord>(&pod).merge(commands),
        workers,
    )
    .await
}
