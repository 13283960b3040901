//! Pods, services, databases and the broker, as a spec states them.

pub mod spec;
