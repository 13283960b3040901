//! What manifests cannot say and a simulation has to know: what serving costs, how long a start
//! takes, where the nodes are. It is read from `model.yaml` beside the manifests; every field there
//! is documented here, and none is unknown.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use crate::range::TimeRange;

/// `model.yaml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// What connects the hosts.
    pub network: NetworkModel,
    /// The machines and the control plane.
    #[serde(default)]
    pub cluster: ClusterModel,
    /// The broker.
    pub broker: BrokerModel,
    /// What each Deployment's program costs, by the Deployment's name.
    pub programs: BTreeMap<String, ProgramModel>,
    /// The databases, by their StatefulSets' names.
    #[serde(default)]
    pub stores: BTreeMap<String, StoreModel>,
}

/// Every link, unless a fault changes it.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkModel {
    /// From sender to receiver; whole milliseconds are meant.
    pub latency_ms: TimeRange,
    /// Share of packets lost (and sent again after a back-off), 0 to 1.
    #[serde(default)]
    pub loss: f64,
}

/// Machines, and what Kubernetes leaves open or makes configurable (platform: §11).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterModel {
    /// The nodes.
    pub nodes: Vec<NodeModel>,
    /// From a change of an endpoint to every proxy's knowledge of it; drawn for each change.
    pub endpoint_propagation_ms: TimeRange,
    /// How often metrics are scraped (metrics-server: `--metric-resolution`), s.
    pub metrics_resolution_s: u64,
    /// How often an autoscaler looks (`--horizontal-pod-autoscaler-sync-period`), s.
    pub autoscaler_period_s: u64,
    /// A container that runs and is not ready yet is also probed at every status change.
    pub eager_readiness: bool,
    /// How long pods on a lost node are tolerated (`node.kubernetes.io/unreachable`), s.
    pub unreachable_toleration_s: u64,
    /// How long a node is silent before it counts as lost (`--node-monitor-grace-period`), s.
    pub node_monitor_grace_s: u64,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeModel {
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Its cores: what a container without a limit may use.
    pub cores: f64,
}

/// The broker.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerModel {
    /// Partitions of the system's topic.
    pub partitions: u32,
    /// A member that is silent for so long has left its group (Kafka: `session.timeout.ms`).
    pub session_timeout_s: u64,
    /// What an append takes.
    pub append_ms: TimeRange,
}

/// A program as a server.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramModel {
    /// Requests served at one time.
    pub workers: u32,
    /// Requests that may wait for a worker; one more is answered 503.
    pub queue: u32,
    /// Connections that may wait to be accepted. A further one is tried again as Linux does.
    pub backlog: u32,
    /// Connections to its database at one time; `None`: as many as it likes.
    #[serde(default)]
    pub database_pool: Option<u32>,
    /// From the container's start to the program's.
    pub startup_ms: TimeRange,
    /// Cores that starting up keeps busy.
    #[serde(default)]
    pub startup_cores: f64,
    /// Costs on the routes that are named here.
    #[serde(default)]
    pub routes: Vec<RouteModel>,
    /// Costs on all others.
    pub other_routes: Cost,
}

/// What serving one route costs.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RouteModel {
    /// GET, POST, …
    pub method: String,
    /// The route's pattern, `/orders/{id}`.
    pub route: String,
    /// What it costs.
    #[serde(flatten)]
    pub cost: Cost,
}

/// What serving a request costs its pod.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Cost {
    /// Time on a core of its own; longer when cores are shared or throttled.
    pub cpu_ms: TimeRange,
    /// Time on a worker without any core: waiting for something outside the model.
    #[serde(default = "no_time")]
    pub wait_ms: TimeRange,
}

/// A database.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreModel {
    /// What a commit takes.
    pub commit_ms: TimeRange,
    /// What every other operation takes.
    pub read_ms: TimeRange,
    /// Where its files are: what is mounted there decides what survives.
    pub data: String,
    /// Records that mean unfinished work: the system is quiet only when there are none.
    #[serde(default)]
    pub unfinished: Vec<Unfinished>,
}

/// A mark of unfinished work: a record of `collection` whose `member` is the text `value`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unfinished {
    /// The collection, `orders`.
    pub collection: String,
    /// The body's top-level member.
    pub member: String,
    /// Its value, `pending`.
    pub value: String,
}

// === impl ClusterModel ===

impl Default for ClusterModel {
    /// One machine, and a control plane as platform §11 has it.
    fn default() -> Self {
        Self {
            nodes: vec![NodeModel {
                name: "node-1".to_owned(),
                zone: "zone-a".to_owned(),
                cores: 64.0,
            }],
            endpoint_propagation_ms: TimeRange::ms(500, 2_000),
            metrics_resolution_s: 60,
            autoscaler_period_s: 15,
            eager_readiness: false,
            unreachable_toleration_s: 300,
            node_monitor_grace_s: 40,
        }
    }
}

fn no_time() -> TimeRange {
    TimeRange {
        low: Duration::ZERO,
        high: Duration::ZERO,
    }
}
