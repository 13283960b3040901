//! Nodes: where pods are put, and when a lost machine is noticed.

use std::{collections::BTreeMap, time::Duration};

use crate::model::NodeModel;

/// How the control plane watches machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeSettings {
    /// A kubelet renews its lease so often, 10 s (a quarter of `nodeLeaseDurationSeconds`).
    pub heartbeat: Duration,
    /// `--node-monitor-period`, 5 s: the controller looks so often.
    pub monitor_period: Duration,
    /// `--node-monitor-grace-period`, 40 s: a node that is silent for longer is not ready.
    pub monitor_grace: Duration,
    /// `tolerationSeconds` for `node.kubernetes.io/unreachable`, 300 s: then its pods are evicted.
    pub toleration: Duration,
}

/// What the control plane has found out about a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeEvent {
    /// It is silent: its pods count as not ready (and lose their endpoints), nothing is put on it.
    NotReady {
        /// The node.
        node: String,
    },
    /// Its pods are deleted, so that their ReplicaSets replace them. Their processes, if they
    /// still run, end only when its kubelet is heard again.
    Evict {
        /// The node.
        node: String,
    },
}

/// A pod that has a place, or asks for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement<'a> {
    /// What it is one of: the name of its Deployment or StatefulSet.
    pub workload: &'a str,
    /// Where it is; `None` for one that asks.
    pub node: Option<&'a str>,
}

/// Over what the pods of a workload are spread (`topologySpreadConstraints`, `podAntiAffinity`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// Over `kubernetes.io/hostname`.
    pub nodes: bool,
    /// Over `topology.kubernetes.io/zone`.
    pub zones: bool,
}

/// All machines of a cluster.
///
/// Kubernetes: pkg/controller/nodelifecycle (`monitorNodeHealth`), pkg/controller/tainteviction.
/// Heartbeats and looks of the controller happen at multiples of their periods since the world's
/// start; their real phases are open.
#[derive(Clone, Debug)]
pub struct Nodes {
    settings: NodeSettings,
    nodes: BTreeMap<String, Node>,
}

#[derive(Clone, Debug)]
struct Node {
    zone: String,
    cordoned: bool,
    health: Health,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Ready,
    /// Not heard, not noticed yet.
    Silent {
        not_ready_at: Duration,
    },
    NotReady {
        evict_at: Duration,
    },
    Evicted,
}

impl Nodes {
    /// These machines, all of them ready.
    pub fn new(settings: NodeSettings, nodes: &[NodeModel]) -> Self {
        let periods = settings.heartbeat.min(settings.monitor_period);
        assert!(!periods.is_zero(), "heartbeats and looks have periods");
        let node = |model: &NodeModel| Node {
            zone: model.zone.clone(),
            cordoned: false,
            health: Health::Ready,
        };
        let nodes = nodes.iter().map(|model| (model.name.clone(), node(model)));
        Self {
            settings,
            nodes: nodes.collect(),
        }
    }

    /// The node's kubelet is not heard any more: it has stopped, or is cut off.
    pub fn lost(&mut self, node: &str, now: Duration) {
        let not_ready_at = self.settings.not_ready_at(now);
        if let Some(node) = self.nodes.get_mut(node)
            && node.health == Health::Ready
        {
            node.health = Health::Silent { not_ready_at };
        }
    }

    /// The node's kubelet is heard again: it is ready, and stays cordoned if it was. Pods that were
    /// deleted meanwhile end now.
    pub fn heard(&mut self, node: &str) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.health = Health::Ready;
        }
    }

    /// `kubectl cordon` and `uncordon`: whether new pods may be put on it.
    pub fn set_cordoned(&mut self, node: &str, cordoned: bool) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.cordoned = cordoned;
        }
    }

    /// What is found out by `now`, in order of names; call it until it gives nothing.
    pub fn due(&mut self, now: Duration) -> Vec<NodeEvent> {
        let toleration = self.settings.toleration;
        let mut events = Vec::new();
        for (name, node) in &mut self.nodes {
            match node.health {
                Health::Silent { not_ready_at } if not_ready_at <= now => {
                    node.health = Health::NotReady {
                        evict_at: not_ready_at + toleration,
                    };
                    events.push(NodeEvent::NotReady { node: name.clone() });
                }
                Health::NotReady { evict_at } if evict_at <= now => {
                    node.health = Health::Evicted;
                    events.push(NodeEvent::Evict { node: name.clone() });
                }
                _ => {}
            }
        }
        events
    }

    /// When something is found out next.
    pub fn next_deadline(&self) -> Option<Duration> {
        let deadlines = self.nodes.values().filter_map(|node| match node.health {
            Health::Silent { not_ready_at } => Some(not_ready_at),
            Health::NotReady { evict_at } => Some(evict_at),
            Health::Ready | Health::Evicted => None,
        });
        deadlines.min()
    }

    /// True while the control plane takes the node for ready. False for one that is not there.
    pub fn is_ready(&self, node: &str) -> bool {
        self.nodes.get(node).is_some_and(Node::is_ready)
    }

    /// A node for a pod of `workload` among the `placed` ones, which are the pods that are not
    /// terminating; `None` when no node is ready and open: it stays Pending.
    ///
    /// Spread over zones, then over nodes: where the fewest of its kind are. Then where the fewest
    /// pods are, which stands for Kubernetes' scores of free resources; then by name.
    /// (Kubernetes: scheduler plugins `PodTopologySpread`, `NodeResourcesFit`.)
    pub fn place(&self, workload: &str, spread: Spread, placed: &[Placement<'_>]) -> Option<&str> {
        let zone_of = |node: &str| self.nodes.get(node).map(|node| node.zone.as_str());
        let of_its_kind = |node: &str| {
            count(placed, |pod| {
                pod.workload == workload && pod.node == Some(node)
            })
        };
        let in_zone = |zone: &str| {
            count(placed, |pod| {
                pod.workload == workload && pod.node.and_then(zone_of) == Some(zone)
            })
        };
        let open = self
            .nodes
            .iter()
            .filter(|(_, node)| node.is_ready() && !node.cordoned);
        let best = open.min_by_key(|(name, node)| {
            let zone = if spread.zones { in_zone(&node.zone) } else { 0 };
            let kind = if spread.nodes { of_its_kind(name) } else { 0 };
            (
                zone,
                kind,
                count(placed, |pod| pod.node == Some(name)),
                *name,
            )
        });
        best.map(|(name, _)| name.as_str())
    }
}

// === impl Node ===

impl Node {
    fn is_ready(&self) -> bool {
        matches!(self.health, Health::Ready | Health::Silent { .. })
    }
}

// === impl NodeSettings ===

impl NodeSettings {
    /// The controller's first look that is more than the grace period after the look at which it
    /// saw the last heartbeat before `lost`.
    fn not_ready_at(&self, lost: Duration) -> Duration {
        let looks = |until: Duration| until.as_nanos() / self.monitor_period.as_nanos();
        let heartbeats = lost.as_nanos() / self.heartbeat.as_nanos();
        let last = self.heartbeat * small(heartbeats);
        let seen =
            self.monitor_period * small(last.as_nanos().div_ceil(self.monitor_period.as_nanos()));
        self.monitor_period * small(looks(seen + self.monitor_grace) + 1)
    }
}

impl Default for NodeSettings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(10),
            monitor_period: Duration::from_secs(5),
            monitor_grace: Duration::from_secs(40),
            toleration: Duration::from_secs(300),
        }
    }
}

fn small(periods: u128) -> u32 {
    u32::try_from(periods).expect("a run has fewer than 2^32 periods")
}

fn count(placed: &[Placement<'_>], which: impl Fn(&Placement<'_>) -> bool) -> usize {
    placed.iter().filter(|pod| which(pod)).count()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{NodeEvent, NodeSettings, Nodes, Placement, Spread};
    use crate::model::NodeModel;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Two nodes in zone a, one in zone b.
    fn nodes() -> Nodes {
        let models =
            [("node-1", "a"), ("node-2", "a"), ("node-3", "b")].map(|(name, zone)| NodeModel {
                name: name.to_owned(),
                zone: zone.to_owned(),
                cores: 4.0,
            });
        Nodes::new(NodeSettings::default(), &models)
    }

    fn placed(pods: &[(&'static str, &'static str)]) -> Vec<Placement<'static>> {
        let placement = |(workload, node): &(&'static str, &'static str)| Placement {
            workload,
            node: Some(node),
        };
        pods.iter().map(placement).collect()
    }

    /// platform §9, §11: monitor grace 40 s, toleration 300 s.
    #[test]
    fn a_lost_node_is_noticed_after_the_grace_and_emptied_after_the_toleration() {
        let mut nodes = nodes();
        // Its last heartbeat was at 60 s; 100 s is not longer than 40 s, the next look is.
        nodes.lost("node-2", s(67));
        assert!(nodes.is_ready("node-2"));
        assert_eq!(nodes.next_deadline(), Some(s(105)));
        assert_eq!(nodes.due(s(104)), []);
        let node = || "node-2".to_owned();
        assert_eq!(nodes.due(s(105)), [NodeEvent::NotReady { node: node() }]);
        assert!(!nodes.is_ready("node-2") && nodes.is_ready("node-1"));
        assert_eq!(nodes.next_deadline(), Some(s(405)));
        assert_eq!(nodes.due(s(405)), [NodeEvent::Evict { node: node() }]);
        assert_eq!(nodes.next_deadline(), None);
        nodes.heard("node-2");
        assert!(nodes.is_ready("node-2"));
    }

    #[test]
    fn a_node_that_comes_back_in_time_keeps_its_pods() {
        let mut nodes = nodes();
        nodes.lost("node-1", s(0));
        nodes.due(s(45));
        nodes.heard("node-1");
        assert_eq!(
            (nodes.next_deadline(), nodes.due(s(1000))),
            (None, Vec::new())
        );
    }

    #[test]
    fn pods_go_where_the_fewest_are() {
        let nodes = nodes();
        let none = Spread::default();
        assert_eq!(nodes.place("order", none, &[]), Some("node-1"), "by name");
        let pods = placed(&[
            ("order", "node-1"),
            ("pay", "node-2"),
            ("pay", "node-2"),
            ("pay", "node-3"),
        ]);
        assert_eq!(nodes.place("order", none, &pods), Some("node-1"));
        let over_nodes = Spread {
            nodes: true,
            zones: false,
        };
        assert_eq!(nodes.place("order", over_nodes, &pods), Some("node-3"));
        let over_both = Spread {
            nodes: true,
            zones: true,
        };
        let pods = placed(&[
            ("order", "node-1"),
            ("order", "node-3"),
            ("pay", "node-2"),
            ("order", "node-3"),
        ]);
        assert_eq!(nodes.place("order", over_both, &pods), Some("node-2"));
    }

    #[test]
    fn nothing_is_put_on_cordoned_or_lost_nodes() {
        let mut nodes = nodes();
        nodes.set_cordoned("node-1", true);
        nodes.lost("node-2", s(0));
        nodes.due(s(45));
        assert_eq!(nodes.place("order", Spread::default(), &[]), Some("node-3"));
        nodes.set_cordoned("node-3", true);
        assert_eq!(nodes.place("order", Spread::default(), &[]), None);
        nodes.set_cordoned("node-1", false);
        assert_eq!(nodes.place("order", Spread::default(), &[]), Some("node-1"));
    }
}
