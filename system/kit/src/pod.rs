//! The [`Pod`]: everything a bounded context gets, and nothing else.

use std::sync::Arc;

use crate::{
    bus::Bus, clock::Clock, config::Config, net::Net, rng::Rng, signal::Signals, spawn::Spawn,
    stop::Stop, store::Store, work::Work,
};

/// The outside world of one instance of a bounded context. Cloning is cheap: handles only.
#[derive(Clone)]
pub struct Pod {
    /// The instance, `order-1`. Unique in its cluster.
    pub name: Arc<str>,
    /// Settings, as environment variables would give them.
    pub config: Config,
    /// Listen and call.
    pub net: Net,
    /// This context's own database. No context reads another's.
    pub store: Store,
    /// The broker.
    pub bus: Bus,
    /// Wall clock; it may be skewed. Durations come from `tokio::time`.
    pub clock: Clock,
    /// Randomness, from a stream of this pod's own.
    pub rng: Rng,
    /// The only way to start a task.
    pub spawn: Spawn,
    /// What serving a request costs; free in the real world.
    pub work: Work,
    /// Raised when the pod is asked to end (SIGTERM).
    pub stop: Stop,
    /// Where the pod tells what happens in it (breaker transitions, consumed events, …).
    pub signals: Signals,
}
