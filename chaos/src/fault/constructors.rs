//! Short ways to write a fault: `Kind::kill("order/1").at_ms(35_000)`,
//! `Kind::partition("order", "pay").at_ms(15_000).for_ms(4_000)`,
//! `Kind::lost_reply("pay", "order").at(Moment::call_sent("order", "pay"), 10)`.

use squall_sim::manifest::Patch;

use super::{Direction, Fault, Kind, Moment, Start, Text};

// === impl Fault ===

impl Fault {
    /// The same for so many virtual milliseconds.
    #[must_use]
    pub fn for_ms(self, length_ms: u64) -> Self {
        Self {
            length_ms: Some(length_ms),
            ..self
        }
    }
}

// === impl Kind ===

/// What the texts name is said at [`Kind`].
impl Kind {
    /// From this virtual time on, until the safety phase ends or [`Fault::for_ms`] says otherwise.
    pub fn at_ms(self, ms: u64) -> Fault {
        Fault {
            kind: self,
            start: Start::AtMs(ms),
            length_ms: None,
        }
    }

    /// From the n-th occurrence (from 1) of a moment on.
    pub fn at(self, moment: Moment, nth: u32) -> Fault {
        Fault {
            kind: self,
            start: Start::At(moment, nth),
            length_ms: None,
        }
    }

    /// [`Kind::Stop`].
    pub fn stop(deployment: impl Into<Text>) -> Self {
        Self::Stop {
            deployment: deployment.into(),
        }
    }

    /// [`Kind::Kill`].
    pub fn kill(target: impl Into<Text>) -> Self {
        Self::Kill {
            target: target.into(),
        }
    }

    /// [`Kind::PowerLoss`].
    pub fn power_loss(target: impl Into<Text>) -> Self {
        Self::PowerLoss {
            target: target.into(),
        }
    }

    /// [`Kind::Partition`], both ways.
    pub fn partition(from: impl Into<Text>, to: impl Into<Text>) -> Self {
        Self::Partition {
            from: from.into(),
            to: to.into(),
            direction: Direction::Both,
        }
    }

    /// [`Kind::Partition`], only of what `from` sends to `to`.
    pub fn partition_one_way(from: impl Into<Text>, to: impl Into<Text>) -> Self {
        Self::Partition {
            from: from.into(),
            to: to.into(),
            direction: Direction::OneWay,
        }
    }

    /// [`Kind::SlowLink`].
    pub fn slow_link(from: impl Into<Text>, to: impl Into<Text>, delay_ms: (u64, u64)) -> Self {
        Self::SlowLink {
            from: from.into(),
            to: to.into(),
            delay_ms,
        }
    }

    /// [`Kind::LossyLink`].
    pub fn lossy_link(from: impl Into<Text>, to: impl Into<Text>, probability: f64) -> Self {
        Self::LossyLink {
            from: from.into(),
            to: to.into(),
            probability,
        }
    }

    /// [`Kind::StoreOutage`].
    pub fn store_outage(service: impl Into<Text>) -> Self {
        Self::StoreOutage {
            service: service.into(),
        }
    }

    /// [`Kind::LostReply`].
    pub fn lost_reply(host: impl Into<Text>, peer: impl Into<Text>) -> Self {
        Self::LostReply {
            host: host.into(),
            peer: peer.into(),
        }
    }

    /// [`Kind::SlowPod`].
    pub fn slow_pod(target: impl Into<Text>, factor: f64) -> Self {
        Self::SlowPod {
            target: target.into(),
            factor,
        }
    }

    /// [`Kind::Failing`].
    pub fn failing(target: impl Into<Text>) -> Self {
        Self::Failing {
            target: target.into(),
        }
    }

    /// [`Kind::Hang`].
    pub fn hang(target: impl Into<Text>) -> Self {
        Self::Hang {
            target: target.into(),
        }
    }

    /// [`Kind::DeletePods`].
    pub fn delete_pods(target: impl Into<Text>) -> Self {
        Self::DeletePods {
            target: target.into(),
        }
    }

    /// [`Kind::Apply`].
    pub fn apply(patches: impl IntoIterator<Item = Patch>) -> Self {
        Self::Apply {
            patches: patches.into_iter().collect(),
        }
    }

    /// [`Kind::RolloutRestart`].
    pub fn rollout_restart(deployment: impl Into<Text>) -> Self {
        Self::RolloutRestart {
            deployment: deployment.into(),
        }
    }

    /// [`Kind::RolloutUndo`].
    pub fn rollout_undo(deployment: impl Into<Text>) -> Self {
        Self::RolloutUndo {
            deployment: deployment.into(),
        }
    }

    /// [`Kind::Drain`].
    pub fn drain(node: impl Into<Text>) -> Self {
        Self::Drain { node: node.into() }
    }

    /// [`Kind::NodeLoss`].
    pub fn node_loss(node: impl Into<Text>) -> Self {
        Self::NodeLoss { node: node.into() }
    }

    /// [`Kind::ClockSkew`].
    pub fn clock_skew(target: impl Into<Text>, skew_ms: i64) -> Self {
        Self::ClockSkew {
            target: target.into(),
            skew_ms,
        }
    }
}

// === impl Moment ===

/// What the texts name is said at [`Moment`].
impl Moment {
    /// [`Moment::CallSent`].
    pub fn call_sent(host: impl Into<Text>, target: impl Into<Text>) -> Self {
        Self::CallSent {
            host: host.into(),
            target: target.into(),
        }
    }

    /// [`Moment::CallEnded`].
    pub fn call_ended(host: impl Into<Text>, target: impl Into<Text>) -> Self {
        Self::CallEnded {
            host: host.into(),
            target: target.into(),
        }
    }

    /// [`Moment::Committed`].
    pub fn committed(host: impl Into<Text>, commit: impl Into<Text>) -> Self {
        Self::Committed {
            host: host.into(),
            commit: commit.into(),
        }
    }

    /// [`Moment::Published`].
    pub fn published(kind: impl Into<Text>) -> Self {
        Self::Published { kind: kind.into() }
    }

    /// [`Moment::Consumed`].
    pub fn consumed(consumer: impl Into<Text>, kind: impl Into<Text>) -> Self {
        Self::Consumed {
            consumer: consumer.into(),
            kind: kind.into(),
        }
    }

    /// [`Moment::Hint`].
    pub fn hint(host: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self::Hint {
            host: host.into(),
            name: name.into(),
        }
    }

    /// [`Moment::Requested`].
    pub fn requested(method: impl Into<Text>, route: impl Into<Text>) -> Self {
        Self::Requested {
            method: method.into(),
            route: route.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_shortly_reads_as_it_is_written() {
        let kill = Kind::kill("order/1").at(Moment::call_sent("order", "pay"), 3);
        assert_eq!(
            kill.to_string(),
            "kill order/1 at occurrence 3 of a call from order to pay"
        );
        let cut = Kind::partition_one_way("order", "pay")
            .at_ms(15_000)
            .for_ms(4_000);
        assert_eq!(
            cut.to_string(),
            "partition order -> pay at 15.000 s, for 4.000 s"
        );
    }
}
