//! One direction of the network between two hosts.

/// Latency, loss and partition of one direction. Times have the grain of tokio's timers, 1 ms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// What every packet takes, in milliseconds.
    pub latency_ms: u64,
    /// Up to this many milliseconds more, drawn from the link's own stream, `link/from/to`, once
    /// for all that one connection sends in one instant. Packets of one connection never overtake.
    pub jitter_ms: u64,
    /// Probability (0 to 1) that a packet is lost. TCP repeats it, so it arrives later: by the
    /// retransmission timeout of 200 ms, doubling each time (a SYN: 1 s). Drawn from
    /// `loss/from/to`, and only when above zero.
    pub loss: f64,
    /// Partition: what arrives is held until this is false again.
    pub blocked: bool,
}

impl Link {
    /// A healthy link.
    pub const fn healthy(latency_ms: u64, jitter_ms: u64) -> Self {
        Self {
            latency_ms,
            jitter_ms,
            loss: 0.0,
            blocked: false,
        }
    }
}
