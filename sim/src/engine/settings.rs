//! What a run's engine is made with.

use super::{interleaving::Interleaving, link::Link};

/// Settings of one run's engine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Everything random in the run follows from it.
    pub seed: u64,
    /// How many hosts can be alive together. At most 4096.
    pub slots: usize,
    /// Wall-clock time at the start, in milliseconds since 1970.
    pub epoch_ms: u64,
    /// Every link until it is set.
    pub link: Link,
    /// Accept backlog of every host until it is set.
    pub backlog: usize,
    /// More polls of one host than this in one instant of virtual time are a livelock. Each poll
    /// runs up to 61 ready tasks.
    pub polls_per_instant: u64,
    /// What comes first at one instant. The turmoil engine knows one order only and ignores it.
    pub interleaving: Interleaving,
}

impl Settings {
    /// Links of 1 to 2 ms, a backlog of 1024 (what tokio asks of Linux), noon of 2024-01-01.
    pub const fn new(seed: u64, slots: usize) -> Self {
        Self {
            seed,
            slots,
            epoch_ms: 1_704_110_400_000,
            link: Link::healthy(1, 1),
            backlog: 1024,
            polls_per_instant: 100_000,
            interleaving: Interleaving::Fifo,
        }
    }
}
