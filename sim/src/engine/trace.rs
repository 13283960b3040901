//! What makes two runs comparable: a running hash over all packets delivered.

use turmoil_net::Transport;

use super::wire::Flight;

/// FNV-1a over each packet's time, ends, flags, sequence numbers and length. Not its bytes: those
/// are the business of the history.
pub(super) struct Trace(u64);

impl Default for Trace {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Trace {
    /// Adds a delivered packet.
    pub(super) fn add(&mut self, now_ms: u64, flight: &Flight) {
        let Transport::Tcp(segment) = &flight.packet.payload else {
            return;
        };
        let flags = segment.flags;
        let bits = [flags.syn, flags.ack, flags.fin, flags.rst, flags.psh];
        let bits = bits.iter().fold(0, |sum, bit| sum << 1 | u64::from(*bit));
        self.mix(now_ms);
        self.mix(u64::from(flight.from.slot) << 16 | u64::from(flight.from.port));
        self.mix(u64::from(flight.to.slot) << 16 | u64::from(flight.to.port));
        self.mix(u64::from(segment.seq) << 32 | u64::from(segment.ack));
        self.mix(bits << 32 | segment.payload.len() as u64);
    }

    /// Adds a word.
    pub(super) fn mix(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3);
    }

    /// The hash so far.
    pub(super) fn value(&self) -> u64 {
        self.0
    }
}
