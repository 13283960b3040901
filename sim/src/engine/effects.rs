//! Counts of what faults did to traffic: a fault without effect proves nothing.

/// What happened on one direction between two hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Packets sent, whatever became of them: no effect in itself, but what a slow link has slowed.
    pub sent: u64,
    /// Packets held by a partition.
    pub held: u64,
    /// Packets that a lossy link delayed.
    pub delayed: u64,
    /// Packets that vanished: to or from a machine without power, discarded with their connection,
    /// or a SYN that found the backlog full.
    pub dropped: u64,
    /// Connects answered by a reset: nobody listened.
    pub refused: u64,
    /// Connects that ended after the last SYN retry.
    pub timed_out: u64,
    /// Connects that their caller gave up.
    pub given_up: u64,
    /// Open connections that a reset ended.
    pub reset: u64,
}

impl Effects {
    /// What was added after `earlier` was taken.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            sent: self.sent.saturating_sub(earlier.sent),
            held: self.held.saturating_sub(earlier.held),
            delayed: self.delayed.saturating_sub(earlier.delayed),
            dropped: self.dropped.saturating_sub(earlier.dropped),
            refused: self.refused.saturating_sub(earlier.refused),
            timed_out: self.timed_out.saturating_sub(earlier.timed_out),
            given_up: self.given_up.saturating_sub(earlier.given_up),
            reset: self.reset.saturating_sub(earlier.reset),
        }
    }

    /// The sum of all counts of effects.
    pub fn total(&self) -> u64 {
        self.held
            + self.delayed
            + self.dropped
            + self.refused
            + self.timed_out
            + self.given_up
            + self.reset
    }
}
