//! # kit: what services are written against
//!
//! A bounded context is `async fn run(pod: Pod) -> Result<(), Error>`. Everything it touches
//! outside itself comes with the [`Pod`]; the same `run` serves over TCP and inside the simulator.
//!
//! **What it must not know:** any domain word (order, payment, ticket…), the simulator, scenarios,
//! reports. It depends on no other crate of this workspace.
//!
//! **Where to start reading:** [`pod`], then the three ports: [`net`], [`store`] and [`bus`].

pub mod bus;
pub mod clock;
pub mod config;
pub mod event;
pub mod hints;
pub mod http;
pub mod net;
pub mod planted;
pub mod pod;
pub mod resilience;
pub mod rng;
pub mod rpc;
pub mod signal;
pub mod spawn;
pub mod stop;
pub mod store;
#[cfg(test)]
mod testing;
pub mod work;
pub mod worker;

use std::{future::Future, pin::Pin};

pub use pod::Pod;

/// A boxed, sendable future: what makes the ports usable as trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a context ended other than by its stop signal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The network refused (port taken, no such host).
    #[error("network: {0}")]
    Io(#[from] std::io::Error),
    /// The store failed in a way that repeating cannot mend.
    #[error("store: {0}")]
    Store(#[from] store::StoreError),
    /// The broker failed in a way that repeating cannot mend.
    #[error("bus: {0}")]
    Bus(#[from] bus::BusError),
    /// Something that runs beside the requests ended, or panicked, while nobody had asked it to.
    #[error("{worker} ended by itself")]
    WorkerEnded {
        /// Its name.
        worker: &'static str,
    },
    /// A setting is missing or unreadable.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
}
