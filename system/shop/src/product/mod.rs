//! product: stock and deliveries; decides whether an order can still be cancelled.

pub mod aggregate;
mod counter;
mod decision;
mod policy;
mod record;

use aggregate::{Delivery, Product};
use counter::Counter;
use squall_kit::{
    Error, Pod,
    http::{hal::Hal, resource::Reads},
    store::Entity,
};

use crate::service::{self, Worker};

/// The consumer group.
pub const GROUP: &str = "product";

/// Runs one instance until its stop signal.
///
/// # Errors
/// Port taken or unreadable settings.
pub async fn run(pod: Pod) -> Result<(), Error> {
    let products = Reads {
        hal: Hal::new(&pod.config, Product::COLLECTION, "product"),
        visible: Some((record::LISTED, record::YES)),
        filters: &[],
    };
    let deliveries = Reads {
        hal: Hal::new(&pod.config, Delivery::COLLECTION, "delivery"),
        visible: None,
        filters: &[record::ORDER_ID, record::STATUS],
    };
    let counter = counter::router(Counter {
        pod: pod.clone(),
        products: products.hal.clone(),
        deliveries: deliveries.hal.clone(),
    });
    let router = products
        .router::<Product>(&pod)
        .merge(deliveries.router::<Delivery>(&pod))
        .merge(counter);
    let workers = vec![
        Worker::relay(&pod)?,
        Worker::consumer(&pod, GROUP, |unit, event| {
            Box::pin(policy::react(unit, event))
        })?,
    ];
    service::serve(&pod, router, workers).await
}
