//! What keeps a slow or broken callee from taking its callers down: breaker, bulkhead, timeout,
//! retry with a budget.
//!
//! What the libraries have and this has not: Hystrix's request cache and collapser, resilience4j's
//! rate limiter and thread-pool bulkhead (no system here used them). What they have not: the
//! [`retry`] budget, without which retries become the overload.
//!
//! **Where to start reading:** [`breaker`], the one thing that services call; its rules are a
//! [`Machine`](machine::Machine), [`hystrix`] or [`resilience4j`], as the [`choice`] says.

pub mod admission;
pub mod breaker;
pub mod bulkhead;
pub mod choice;
pub mod health;
pub mod hystrix;
pub mod machine;
pub mod resilience4j;
pub mod resilience4j_settings;
pub mod retry;
pub mod settings;
pub mod sliding;
pub mod timeout;

#[cfg(test)]
mod tests;
