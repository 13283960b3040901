//! What manifests cannot say and a simulation has to know: what serving costs, how long a start
//! takes, where the nodes are. It is read from `model.yaml` beside the manifests; every field there
//! is documented here, and none is unknown.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use serde::Deserialize;

use crate::{
    manifest::{self, ManifestError},
    range::TimeRange,
};

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
    /// The file it was read from.
    #[serde(skip)]
    pub file: String,
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
    /// From a write of a Service's endpoints to every proxy's knowledge of it; drawn for each.
    pub endpoint_propagation_ms: TimeRange,
    /// How often metrics are scraped (metrics-server: `--metric-resolution`), s.
    pub metrics_resolution_s: u64,
    /// What a metric is averaged over, at most the resolution (older kubelets: about 15 s), s.
    pub metrics_window_s: u64,
    /// How often an autoscaler looks (`--horizontal-pod-autoscaler-sync-period`), s.
    pub autoscaler_period_s: u64,
    /// A container that runs and is not ready yet is also probed at every status change.
    pub eager_readiness: bool,
    /// How long pods on a lost node are tolerated (`node.kubernetes.io/unreachable`), s.
    pub unreachable_toleration_s: u64,
    /// How long a machine that lost its power takes to be back, s.
    pub reboot_s: u64,
    /// How long a node is silent before it counts as lost (`--node-monitor-grace-period`), s.
    pub node_monitor_grace_s: u64,
    /// Outlier detection follows the older rule of the documents' time: the first host may be
    /// ejected whatever `maxEjectionPercent` says (platform: §5).
    pub legacy_first_eject: bool,
    /// The deprecated `consecutiveErrors` of a DestinationRule counts gateway errors and switches
    /// `consecutive5xxErrors` off, as in the documents' time. False: nobody reads it, as today, and
    /// the default of 5 holds (platform: §5).
    pub consecutive_errors_gateway_only: bool,
    /// Autoscalers take surge pods for replicas that are wanted, as before Kubernetes 1.17
    /// (platform: §3).
    pub hpa_legacy_surge_bug: bool,
    /// From a pod's start to the first tick of each of its probes: 0 on a node that has run for
    /// long, a part of a period on one that has just started (platform: §1).
    pub kubelet_probe_phase_ms: u64,
    /// What a kubelet adds to each restart before it looks at the container again; its real size is
    /// not established (platform: §1).
    pub restart_requeue_ms: u64,
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
    /// Requests that may wait for a worker; one more is answered 503. Tomcat never does that: its
    /// queue is `maxConnections − maxThreads`, 8192 − 200.
    pub queue: u32,
    /// Connections that may wait to be accepted (Tomcat: `acceptCount`, 100). A further one is
    /// tried again as Linux does. The kit's server accepts whatever its workers do, until
    /// `SERVER_CONNECTIONS` (8192) are open; only then does its backlog fill.
    pub backlog: u32,
    /// Connections to its database at one time (HikariCP: `maximumPoolSize`, 10); at least 1.
    /// `None`: as many as it likes.
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
#[serde(from = "WrittenRoute")]
pub struct RouteModel {
    /// GET, POST, …
    pub method: String,
    /// The route's pattern, `/orders/{id}`.
    pub route: String,
    /// What it costs: `cpu_ms` and `wait_ms`, beside the others.
    pub cost: Cost,
}

/// What serving a request costs its pod.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
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

// === impl Model ===

impl Model {
    /// Reads `model.yaml` in `folder`; `None` when there is none.
    ///
    /// # Errors
    /// As [`Model::read`], and a file that cannot be read.
    pub fn read_beside(folder: &Path) -> Result<Option<Self>, ManifestError> {
        let path = folder.join(manifest::MODEL_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(ManifestError::unreadable(&path))?;
        Self::read(&path.display().to_string(), &text).map(Some)
    }

    /// Reads the text of `file`.
    ///
    /// # Errors
    /// What is no YAML, an unknown or missing field, a wrong type, a value that cannot be.
    pub fn read(file: &str, text: &str) -> Result<Self, ManifestError> {
        let error = |path: String, problem: String| ManifestError::Model {
            file: file.to_owned(),
            path,
            problem,
        };
        let values = manifest::values(file, text)?;
        let [value] = values.as_slice() else {
            let problem = format!("{} documents, expected one", values.len());
            return Err(error(".".to_owned(), problem));
        };
        let model: Self = manifest::typed(value).map_err(|(path, problem)| error(path, problem))?;
        let model = Self {
            file: file.to_owned(),
            ..model
        };
        model.check()?;
        Ok(model)
    }

    /// What is wrong with the field at `path`.
    pub(crate) fn error(&self, path: &str, problem: impl Into<String>) -> ManifestError {
        ManifestError::Model {
            file: self.file.clone(),
            path: path.to_owned(),
            problem: problem.into(),
        }
    }

    /// What the types cannot say.
    fn check(&self) -> Result<(), ManifestError> {
        let loss = self.network.loss;
        if !(0.0..1.0).contains(&loss) {
            let problem = format!("{loss}, expected 0 or more and below 1");
            return Err(self.error("network.loss", problem));
        }
        self.check_cluster()?;
        for (path, value) in [
            ("broker.partitions", u64::from(self.broker.partitions)),
            ("broker.session_timeout_s", self.broker.session_timeout_s),
        ] {
            if value == 0 {
                return Err(self.error(path, "0, expected 1 or more"));
            }
        }
        for (name, program) in &self.programs {
            if program.workers == 0 {
                let path = format!("programs.{name}.workers");
                return Err(self.error(&path, "0, nothing would ever be served"));
            }
            if program.database_pool == Some(0) {
                let path = format!("programs.{name}.database_pool");
                return Err(self.error(&path, "0, nothing would ever be read"));
            }
            if !is_amount(program.startup_cores) {
                let problem = format!("{}, expected 0 or more", program.startup_cores);
                return Err(self.error(&format!("programs.{name}.startup_cores"), problem));
            }
            let routes = &program.routes;
            for (index, route) in routes.iter().enumerate() {
                let same = |other: &&RouteModel| {
                    (&other.method, &other.route) == (&route.method, &route.route)
                };
                if routes.iter().filter(same).count() > 1 {
                    let problem = format!("{} {} is there twice", route.method, route.route);
                    return Err(self.error(&format!("programs.{name}.routes[{index}]"), problem));
                }
            }
        }
        Ok(())
    }

    fn check_cluster(&self) -> Result<(), ManifestError> {
        let cluster = &self.cluster;
        if cluster.nodes.is_empty() {
            return Err(self.error("cluster.nodes", "none, expected one or more"));
        }
        for (index, node) in cluster.nodes.iter().enumerate() {
            let path = format!("cluster.nodes[{index}]");
            if cluster
                .nodes
                .iter()
                .filter(|other| other.name == node.name)
                .count()
                > 1
            {
                let problem = format!("{:?} is there twice", node.name);
                return Err(self.error(&format!("{path}.name"), problem));
            }
            if !is_amount(node.cores) || node.cores == 0.0 {
                let problem = format!("{}, expected more than 0", node.cores);
                return Err(self.error(&format!("{path}.cores"), problem));
            }
        }
        for (name, value) in [
            ("metrics_resolution_s", cluster.metrics_resolution_s),
            ("autoscaler_period_s", cluster.autoscaler_period_s),
            ("node_monitor_grace_s", cluster.node_monitor_grace_s),
        ] {
            if value == 0 {
                return Err(self.error(&format!("cluster.{name}"), "0, expected 1 or more"));
            }
        }
        Ok(())
    }
}

fn is_amount(value: f64) -> bool {
    value.is_finite() && value >= 0.0
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
            metrics_window_s: 15,
            autoscaler_period_s: 15,
            eager_readiness: false,
            unreachable_toleration_s: 300,
            reboot_s: 30,
            node_monitor_grace_s: 40,
            legacy_first_eject: false,
            consecutive_errors_gateway_only: true,
            hpa_legacy_surge_bug: false,
            kubelet_probe_phase_ms: 0,
            restart_requeue_ms: 0,
        }
    }
}

/// A route as it is written: flat, so that an unknown field is seen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRoute {
    method: String,
    route: String,
    cpu_ms: TimeRange,
    #[serde(default = "no_time")]
    wait_ms: TimeRange,
}

impl From<WrittenRoute> for RouteModel {
    fn from(written: WrittenRoute) -> Self {
        Self {
            method: written.method,
            route: written.route,
            cost: Cost {
                cpu_ms: written.cpu_ms,
                wait_ms: written.wait_ms,
            },
        }
    }
}

fn no_time() -> TimeRange {
    TimeRange {
        low: Duration::ZERO,
        high: Duration::ZERO,
    }
}
