//! One direction between two hosts while a run goes on: its setting, its draws, what it holds.

use std::collections::BTreeMap;

use squall_kit::rng::Rng;

use super::{effects::Effects, link::Link, wire::Flight};

/// Retransmission timeout of an open connection, and of a SYN (RFC 6298: 200 ms is Linux's
/// `TCP_RTO_MIN`, 1 s its `TCP_TIMEOUT_INIT`). It doubles with each loss in a row.
const RTO_MS: u64 = 200;
const SYN_RTO_MS: u64 = 1_000;

/// After so many losses in a row the packet gets through whatever the probability says: a link that
/// carries nothing is blocked, not lossy.
const LOSSES_IN_A_ROW: u32 = 8;

/// One direction between two slots.
pub(super) struct Lane {
    pub link: Link,
    pub effects: Effects,
    /// What a partition holds, by sequence number.
    pub held: BTreeMap<u64, Flight>,
    latency: Rng,
    loss: Rng,
}

impl Lane {
    pub(super) fn new(seed: u64, from: &str, to: &str, link: Link) -> Self {
        Self {
            link,
            effects: Effects::default(),
            held: BTreeMap::new(),
            latency: Rng::stream(seed, &format!("link/{from}/{to}")),
            loss: Rng::stream(seed, &format!("loss/{from}/{to}")),
        }
    }

    /// How long the next burst takes.
    pub(super) fn latency_ms(&self) -> u64 {
        match self.link.jitter_ms {
            0 => self.link.latency_ms,
            jitter_ms => self.link.latency_ms + self.latency.between(0, jitter_ms),
        }
    }

    /// How long repeating a lost packet takes; 0 when it was not lost.
    pub(super) fn repeat_ms(&mut self, syn: bool) -> u64 {
        if self.link.loss <= 0.0 {
            return 0;
        }
        let timeout_ms = if syn { SYN_RTO_MS } else { RTO_MS };
        let losses = (0..LOSSES_IN_A_ROW)
            .take_while(|_| self.loss.chance(self.link.loss))
            .count();
        if losses == 0 {
            return 0;
        }
        self.effects.delayed += 1;
        timeout_ms * ((1 << losses) - 1)
    }
}
