//! Small clusters, described in a few constants.

use std::{collections::BTreeMap, time::Duration};

use squall_sim::{
    cluster::spec::{ClusterSpec, Program},
    manifest::Manifests,
    model::{
        BrokerModel, ClusterModel, Cost, Model, NetworkModel, ProgramModel, StoreModel, Unfinished,
    },
    objects::{
        Labels, Objects,
        container::{Container, Environment, PodTemplate, Resources, Volume, VolumeKind},
        deployment::{Deployment, IntOrPercent, Service, ServicePort, StatefulSet, Strategy},
        probe::{Probe, ProbeHandler, Probes},
    },
    range::TimeRange,
};

use crate::story::{ms, who};

/// Where databases have their files.
const DATA: &str = "/data";

/// A Deployment and its Service.
#[derive(Clone, Copy)]
pub(crate) struct DeploymentSpec {
    pub(crate) name: &'static str,
    pub(crate) replicas: u32,
    pub(crate) program: Program,
    pub(crate) server: ServerSpec,
    pub(crate) store: Option<StoreSpec>,
    pub(crate) config: &'static [(&'static str, &'static str)],
    pub(crate) grace: Duration,
    pub(crate) pre_stop: Option<Duration>,
    /// It has a readiness probe: a connection, tried every second.
    pub(crate) readiness: bool,
    /// It has a liveness probe: `GET /who`, every second, three failures.
    pub(crate) liveness: bool,
}

#[derive(Clone, Copy)]
pub(crate) struct ServerSpec {
    pub(crate) workers: u32,
    pub(crate) queue: u32,
    pub(crate) backlog: u32,
    pub(crate) startup: TimeRange,
    /// Without any core.
    pub(crate) takes: TimeRange,
}

#[derive(Clone, Copy)]
pub(crate) struct StoreSpec {
    pub(crate) commit: TimeRange,
    pub(crate) read: TimeRange,
    /// (collection, member, value).
    pub(crate) unfinished: &'static [(&'static str, &'static str, &'static str)],
}

/// A Deployment of one quick pod, to be changed by `..PLAIN`.
pub(crate) const PLAIN: DeploymentSpec = DeploymentSpec {
    name: "who",
    replicas: 1,
    program: who,
    server: SERVER,
    store: None,
    config: &[],
    grace: ms(5_000),
    pre_stop: None,
    readiness: true,
    liveness: false,
};

/// Eight workers, 10 ms for everything.
pub(crate) const SERVER: ServerSpec = ServerSpec {
    workers: 8,
    queue: 100,
    backlog: 128,
    startup: TimeRange::ms(500, 500),
    takes: TimeRange::ms(10, 10),
};

/// A cluster of these, 1 ms from host to host, whose proxies learn of changes at once.
pub(crate) fn cluster(specs: &[DeploymentSpec]) -> ClusterSpec {
    let mut objects = Objects::default();
    let mut stores = BTreeMap::new();
    for spec in specs {
        objects
            .deployments
            .insert(spec.name.to_owned(), deployment(spec));
        objects.services.insert(spec.name.to_owned(), service(spec));
        if let Some(store) = spec.store {
            let name = format!("{}-store", spec.name);
            objects
                .stateful_sets
                .insert(name.clone(), stateful_set(&name));
            stores.insert(name, store_model(store));
        }
    }
    let model = Model {
        network: NetworkModel {
            latency_ms: TimeRange::ms(1, 1),
            loss: 0.0,
        },
        cluster: ClusterModel {
            endpoint_propagation_ms: TimeRange::ZERO,
            reboot_s: 2,
            ..ClusterModel::default()
        },
        broker: BrokerModel {
            partitions: 2,
            session_timeout_s: 6,
            append_ms: TimeRange::ms(1, 1),
        },
        programs: specs
            .iter()
            .map(|spec| (spec.name.to_owned(), program_model(spec.server)))
            .collect(),
        stores,
        file: String::new(),
    };
    ClusterSpec {
        system: "story".to_owned(),
        manifests: Manifests::read(&[]).expect("nothing is wrong with nothing"),
        objects,
        model,
        programs: specs
            .iter()
            .map(|spec| (spec.name.to_owned(), spec.program))
            .collect(),
    }
}

fn labels(name: &str) -> Labels {
    Labels::from([("app".to_owned(), name.to_owned())])
}

fn template(name: &str) -> PodTemplate {
    PodTemplate {
        labels: labels(name),
        annotations: BTreeMap::new(),
        container: Container {
            name: name.to_owned(),
            image: format!("{name}:1"),
            ports: vec![(String::new(), 8080)],
            env: Vec::new(),
            resources: Resources::default(),
            probes: Probes::default(),
            pre_stop: None,
            mounts: Vec::new(),
        },
        termination_grace: ms(5_000),
        volumes: Vec::new(),
        spread_over_nodes: false,
        spread_over_zones: false,
        sidecar: false,
    }
}

fn deployment(spec: &DeploymentSpec) -> Deployment {
    let mut template = template(spec.name);
    template.termination_grace = spec.grace;
    template.container.pre_stop = spec.pre_stop;
    template.container.env = spec
        .config
        .iter()
        .map(|(name, value)| Environment::Value {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        })
        .collect();
    let tcp = ProbeHandler::TcpSocket { port: 8080 };
    let http = ProbeHandler::HttpGet {
        path: "/who".to_owned(),
        port: 8080,
    };
    template.container.probes = Probes {
        startup: None,
        readiness: spec.readiness.then(|| every_second(tcp)),
        liveness: spec.liveness.then(|| every_second(http)),
    };
    Deployment {
        name: spec.name.to_owned(),
        replicas: spec.replicas,
        selector: labels(spec.name),
        strategy: Strategy::RollingUpdate {
            max_surge: IntOrPercent::Percent(25),
            max_unavailable: IntOrPercent::Percent(25),
        },
        min_ready: Duration::ZERO,
        progress_deadline: ms(600_000),
        revision_history_limit: 10,
        paused: false,
        template,
    }
}

fn every_second(handler: ProbeHandler) -> Probe {
    Probe {
        handler,
        initial_delay: Duration::ZERO,
        period: ms(1_000),
        timeout: ms(1_000),
        success_threshold: 1,
        failure_threshold: 3,
        termination_grace: None,
    }
}

fn service(spec: &DeploymentSpec) -> Service {
    Service {
        name: spec.name.to_owned(),
        selector: labels(spec.name),
        ports: vec![ServicePort {
            port: 8080,
            target_port: 8080,
        }],
    }
}

/// Its files lie on a claimed volume.
fn stateful_set(name: &str) -> StatefulSet {
    let mut template = template(name);
    let kind = VolumeKind::Claim(format!("files-{name}-0"));
    template.volumes.push(Volume {
        name: "files".to_owned(),
        kind,
    });
    let mount = ("files".to_owned(), DATA.to_owned());
    template.container.mounts.push(mount);
    StatefulSet {
        name: name.to_owned(),
        replicas: 1,
        selector: labels(name),
        template,
    }
}

fn store_model(spec: StoreSpec) -> StoreModel {
    StoreModel {
        commit_ms: spec.commit,
        read_ms: spec.read,
        data: DATA.to_owned(),
        unfinished: spec
            .unfinished
            .iter()
            .map(|(collection, member, value)| Unfinished {
                collection: (*collection).to_owned(),
                member: (*member).to_owned(),
                value: (*value).to_owned(),
            })
            .collect(),
    }
}

fn program_model(server: ServerSpec) -> ProgramModel {
    ProgramModel {
        workers: server.workers,
        queue: server.queue,
        backlog: server.backlog,
        database_pool: None,
        startup_ms: server.startup,
        startup_cores: 0.0,
        routes: Vec::new(),
        other_routes: Cost {
            cpu_ms: TimeRange::ZERO,
            wait_ms: server.takes,
        },
    }
}
