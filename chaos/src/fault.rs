//! What can break, when, and how it heals: plain data, the same for every seed and every build.

mod constructors;

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};
use squall_sim::manifest::Patch;

/// A name in a plan: borrowed in a scenario's literal, owned when read from a file.
pub type Text = Cow<'static, str>;

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// What.
    pub kind: Kind,
    /// From when.
    pub start: Start,
    /// For how long, in virtual milliseconds; `None` until the safety phase ends. A fault that is
    /// over at once (a kill, a lost reply) has no length.
    pub length_ms: Option<u64>,
}

/// When a fault begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// At this virtual time since the run's start.
    AtMs(u64),
    /// At the n-th occurrence (from 1) of a moment: exact for every seed.
    At(Moment, u32),
}

/// A named event of the history that a fault can wait for. Hosts are matched by deployment
/// (`order` matches `order-1`) or by full name; empty texts match everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// A pod hands a request to the network.
    CallSent {
        /// The caller.
        host: Text,
        /// The callee's service.
        target: Text,
    },
    /// A pod has the answer, or the error, of a call.
    CallEnded {
        /// The caller.
        host: Text,
        /// The callee's service.
        target: Text,
    },
    /// A store has executed a commit and not yet replied.
    Committed {
        /// The store's host, `order-store`.
        host: Text,
        /// How the commit's id starts.
        commit: Text,
    },
    /// The broker has confirmed an event.
    Published {
        /// The event's kind.
        kind: Text,
    },
    /// A consumer has handled an event.
    Consumed {
        /// The consumer group.
        consumer: Text,
        /// The event's kind.
        kind: Text,
    },
    /// The code passes a place that names itself.
    Hint {
        /// The pod.
        host: Text,
        /// The place's name.
        name: Text,
    },
    /// A user sends a request.
    Requested {
        /// GET, POST, …
        method: Text,
        /// The route as the scenario writes it.
        route: Text,
    },
}

/// Which way a partition or a link fault acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    Both,
    /// Only what `from` sends to `to`.
    OneWay,
}

/// What goes wrong, or is done to the cluster. A host is a pod (`order-1`), a deployment (`order`:
/// all its pods, later ones too), a store (`order-store`), `broker`, `clients`, a node or a zone
/// (what runs there), or, as one side of a link, `others` (every host but the other side's).
/// `order/1` is the pod of `order` that is the first by name when the fault begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `kubectl scale --replicas=0`, and back at the end.
    Stop {
        /// The deployment.
        deployment: Text,
    },
    /// SIGKILL: peers see their streams end. The container is started again after its back-off.
    Kill {
        /// The pod or deployment.
        target: Text,
    },
    /// A pod's machine loses power and comes back: peers see nothing at all meanwhile.
    PowerLoss {
        /// The pod or deployment.
        target: Text,
    },
    /// Nothing gets through until the heal; nothing sent is lost.
    Partition {
        /// One side.
        from: Text,
        /// The other.
        to: Text,
        /// Which way.
        direction: Direction,
    },
    /// Everything between two sides takes longer.
    SlowLink {
        /// One side.
        from: Text,
        /// The other.
        to: Text,
        /// Added to each packet, in ms: uniform between the two.
        delay_ms: (u64, u64),
    },
    /// Packets between two sides are lost and sent again after a back-off.
    LossyLink {
        /// One side.
        from: Text,
        /// The other.
        to: Text,
        /// 0 to 1.
        probability: f64,
    },
    /// The process of a service's database ends, and its container is started again at the end.
    /// What it committed stays if it lies on a volume.
    StoreOutage {
        /// The service.
        service: Text,
    },
    /// The broker stops answering; its log stays.
    BrokerOutage,
    /// What `host` is about to answer to `peer` is never delivered: the connections between them
    /// are reset. Meant to start at a moment.
    LostReply {
        /// Who has executed the request.
        host: Text,
        /// Who never hears of it.
        peer: Text,
    },
    /// The broker delivers events a second time.
    DuplicateDeliveries {
        /// Share of deliveries that come again, 0 to 1.
        probability: f64,
    },
    /// Everything a pod serves takes longer.
    SlowPod {
        /// The pod or deployment.
        target: Text,
        /// How many times as long.
        factor: f64,
    },
    /// A pod answers everything with 503, whatever is asked.
    Failing {
        /// The pod or deployment.
        target: Text,
    },
    /// Containers deadlock: they accept and never answer, until somebody kills them.
    Hang {
        /// The pod or deployment.
        target: Text,
    },
    /// `kubectl delete pod`: with its grace; its ReplicaSet or StatefulSet replaces it.
    DeletePods {
        /// The pod, deployment or store.
        target: Text,
    },
    /// `kubectl apply` of changed manifests; rollouts follow from it.
    Apply {
        /// What changes.
        patches: Vec<Patch>,
    },
    /// `kubectl rollout restart`: a new revision of the same template.
    RolloutRestart {
        /// The deployment.
        deployment: Text,
    },
    /// `kubectl rollout undo`, to the revision before.
    RolloutUndo {
        /// The deployment.
        deployment: Text,
    },
    /// `kubectl drain`: its pods are evicted as their budgets allow; uncordoned at the end.
    Drain {
        /// The node.
        node: Text,
    },
    /// A machine with all its pods loses power, and has it again at the end.
    NodeLoss {
        /// The node.
        node: Text,
    },
    /// A pod's wall clock is wrong.
    ClockSkew {
        /// The pod or deployment.
        target: Text,
        /// Added to its clock, in ms.
        skew_ms: i64,
    },
}

impl Kind {
    /// True for what happens in an instant and needs no healing. (A killed pod does: it is started
    /// again.)
    pub fn is_over_at_once(&self) -> bool {
        matches!(
            self,
            Self::LostReply { .. }
                | Self::DeletePods { .. }
                | Self::Apply { .. }
                | Self::RolloutRestart { .. }
                | Self::RolloutUndo { .. }
        )
    }

    /// The deployments or hosts that it strikes, as far as it names them: `order/1` is one of
    /// `order`'s.
    pub fn strikes(&self) -> Vec<&str> {
        let targets: Vec<&Text> = match self {
            Self::Kill { target }
            | Self::PowerLoss { target }
            | Self::SlowPod { target, .. }
            | Self::Failing { target }
            | Self::Hang { target }
            | Self::DeletePods { target }
            | Self::ClockSkew { target, .. } => vec![target],
            Self::Stop { deployment }
            | Self::RolloutRestart { deployment }
            | Self::RolloutUndo { deployment } => vec![deployment],
            Self::Partition { from, to, .. }
            | Self::SlowLink { from, to, .. }
            | Self::LossyLink { from, to, .. } => vec![from, to],
            Self::LostReply { host, peer } => vec![host, peer],
            Self::StoreOutage { service } => vec![service],
            Self::BrokerOutage
            | Self::DuplicateDeliveries { .. }
            | Self::Apply { .. }
            | Self::Drain { .. }
            | Self::NodeLoss { .. } => Vec::new(),
        };
        let names = targets.into_iter().map(|target| target.split('/').next());
        names.map(Option::unwrap_or_default).collect()
    }

    /// What it is called, whomever it strikes.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stop { .. } => "stop",
            Self::Kill { .. } => "kill",
            Self::PowerLoss { .. } => "power loss",
            Self::Partition { .. } => "partition",
            Self::SlowLink { .. } => "slow link",
            Self::LossyLink { .. } => "lossy link",
            Self::StoreOutage { .. } => "store outage",
            Self::BrokerOutage => "broker outage",
            Self::LostReply { .. } => "lost reply",
            Self::DuplicateDeliveries { .. } => "duplicate deliveries",
            Self::SlowPod { .. } => "slow pod",
            Self::Failing { .. } => "failing",
            Self::Hang { .. } => "hang",
            Self::DeletePods { .. } => "delete pods",
            Self::Apply { .. } => "apply",
            Self::RolloutRestart { .. } => "rollout restart",
            Self::RolloutUndo { .. } => "rollout undo",
            Self::Drain { .. } => "drain",
            Self::NodeLoss { .. } => "node loss",
            Self::ClockSkew { .. } => "clock skew",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop { deployment } => write!(f, "stop {deployment}"),
            Self::Kill { target } => write!(f, "kill {target}"),
            Self::PowerLoss { target } => write!(f, "power loss of {target}"),
            Self::Partition {
                from,
                to,
                direction: Direction::Both,
            } => {
                write!(f, "partition {from} <-> {to}")
            }
            Self::Partition {
                from,
                to,
                direction: Direction::OneWay,
            } => {
                write!(f, "partition {from} -> {to}")
            }
            Self::SlowLink {
                from,
                to,
                delay_ms: (low, high),
            } => {
                write!(f, "slow link {from} <-> {to} by {low}-{high} ms")
            }
            Self::LossyLink {
                from,
                to,
                probability,
            } => {
                write!(f, "lossy link {from} <-> {to} at {probability}")
            }
            Self::StoreOutage { service } => write!(f, "outage of {service}'s store"),
            Self::BrokerOutage => write!(f, "outage of the broker"),
            Self::LostReply { host, peer } => write!(f, "lost reply of {host} to {peer}"),
            Self::DuplicateDeliveries { probability } => {
                write!(f, "duplicate deliveries at {probability}")
            }
            Self::SlowPod { target, factor } => write!(f, "slow pod {target} by {factor}"),
            Self::Failing { target } => write!(f, "failing {target}"),
            Self::Hang { target } => write!(f, "hang {target}"),
            Self::DeletePods { target } => write!(f, "delete pods of {target}"),
            Self::Apply { patches } => {
                let changed: Vec<String> = patches.iter().map(Patch::to_string).collect();
                write!(f, "apply {}", changed.join(", "))
            }
            Self::RolloutRestart { deployment } => write!(f, "rollout restart of {deployment}"),
            Self::RolloutUndo { deployment } => write!(f, "rollout undo of {deployment}"),
            Self::Drain { node } => write!(f, "drain {node}"),
            Self::NodeLoss { node } => write!(f, "loss of {node}"),
            Self::ClockSkew { target, skew_ms } => {
                write!(f, "clock skew of {target} by {skew_ms} ms")
            }
        }
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMs(ms) => write!(
                f,
                "at {:.3} s",
                std::time::Duration::from_millis(*ms).as_secs_f64()
            ),
            Self::At(moment, nth) => write!(f, "at occurrence {nth} of {moment}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.start)?;
        match self.length_ms {
            Some(ms) => write!(
                f,
                ", for {:.3} s",
                std::time::Duration::from_millis(ms).as_secs_f64()
            ),
            None => Ok(()),
        }
    }
}
