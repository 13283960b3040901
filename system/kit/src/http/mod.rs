//! HTTP as every context speaks it: HAL resources, problem+json errors, health, gateway.
//!
//! **Where to start reading:** [`problem`] (what an error looks like), [`body`] (what comes in),
//! [`hal`] (what goes out).

pub mod body;
pub mod command;
pub mod gateway;
pub mod hal;
pub mod health;
pub mod idempotency;
pub mod number;
pub mod page;
pub mod pipeline;
pub mod problem;

pub mod resource;

#[cfg(test)]
mod tests;

pub use body::Body;
pub use problem::Problem;
