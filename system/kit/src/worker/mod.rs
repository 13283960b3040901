//! What runs beside the requests: the relay from the outbox to the broker, consumers, projectors.
//!
//! Every worker is a `run(pod)` that ends, once `pod.stop` is raised, after the piece of work it is
//! at. It survives every outage of database and broker: what fails is repeated for ever, with a
//! capped back-off; nothing is ever skipped.

mod back_off;
pub mod consumer;
pub mod projector;
pub mod relay;
#[cfg(test)]
mod tests;

pub use consumer::{Consumer, Handled};
pub use projector::Projector;
pub use relay::Relay;
