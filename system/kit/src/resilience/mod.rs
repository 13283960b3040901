//! What keeps a slow or broken callee from taking its callers down: breaker, bulkhead, timeout,
//! retry with a budget.
//!
//! **Where to start reading:** [`breaker`], the one thing that services call; its rules are a
//! [`Machine`](breaker::Machine), of which [`hystrix`] is the first.

pub mod breaker;
pub mod bulkhead;
pub mod health;
pub mod hystrix;
pub mod retry;
pub mod settings;
pub mod timeout;

#[cfg(test)]
mod tests;
