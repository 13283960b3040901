//! One pod: its place in the cluster, and what its program is given.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use squall_kit::{
    Pod,
    bus::{self, Bus},
    clock::Clock,
    config::Config,
    net::{Net, memory::Memory},
    rng::Rng,
    signal::Signals,
    spawn::Spawn,
    stop::Stop,
    store::{self, Store},
    work::Work,
};
use squall_reports::history::Name;

use super::{
    absent::Absent,
    admission::{self, Failing, Hang, Pace, Workers},
    container::Container,
    directory::Directory,
    hosts::{BROKER_HOST, BROKER_PORT, STORE_PORT},
    machines::Kubelet,
    pool::Pooled,
    processor::Processor,
    sidecar::{Seat, Sidecar},
    spec::Program,
};
use crate::{
    engine::{HostId, World},
    model::ProgramModel,
    objects::{
        Objects,
        container::{Environment, PodTemplate, Source},
    },
    recorder::Recorder,
};

/// How long a pod's store repeats what the network lost, unless the service asks for less.
const STORE_PATIENCE: Duration = Duration::from_secs(5);
/// Of a pod's calls to its store.
const STORE_TIMEOUTS: store::remote::Settings = store::remote::Settings {
    connect_timeout: Duration::from_secs(1),
    call_timeout: Duration::from_secs(2),
};

/// What all pods of a Deployment have in common.
#[derive(Clone)]
pub(crate) struct Workload {
    /// The Deployment's name.
    pub(crate) name: Name,
    pub(crate) program: Program,
    pub(crate) model: Arc<ProgramModel>,
    /// The host of its database, if it has one.
    pub(crate) store: Option<Name>,
}

/// A pod; containers come and go in it.
pub(crate) struct PodSlot {
    pub(crate) name: Name,
    pub(crate) workload: Workload,
    pub(crate) template: Arc<PodTemplate>,
    /// The ReplicaSet it belongs to.
    pub(crate) set: Name,
    pub(crate) host: HostId,
    /// The machine it is on.
    pub(crate) node: Name,
    /// Cores of that machine, for a container without a limit.
    pub(crate) node_cores: f64,
    /// Whether the kubelet of that machine is heard.
    pub(crate) kubelet: Kubelet,
    /// Deleted, and its kubelet does not know yet: why.
    pub(crate) doomed: Option<String>,
    pub(crate) created: Duration,
    pub(crate) container: Container,
    /// When its present container was started.
    pub(crate) started: Duration,
    /// The condition `Ready`, and since when it is what it is.
    pub(crate) ready: bool,
    pub(crate) ready_since: Duration,
    pub(crate) pace: Pace,
    /// Whether it answers nothing but 503.
    pub(crate) failing: Failing,
    /// False once the present container has ended: the dead tell nothing.
    pub(crate) alive: Arc<AtomicBool>,
    /// The cores of the present container.
    pub(crate) processor: Option<Processor>,
    /// Whether the present container is deadlocked.
    pub(crate) hang: Hang,
    /// How its machine reaches the present container.
    pub(crate) machine: Memory,
    /// True once the present container listens where its template says.
    pub(crate) listening: Arc<AtomicBool>,
    pub(crate) streams: Streams,
}

/// A pod's own randomness. The streams go on over restarts, so that no id is made twice.
pub(crate) struct Streams {
    program: Rng,
    store: Rng,
    sidecar: Rng,
    pub(crate) startup: Rng,
    service_times: Rng,
}

impl Streams {
    pub(crate) fn new(seed: u64, pod: &str) -> Self {
        let stream = |kind: &str| Rng::stream(seed, &format!("{kind}/{pod}"));
        Self {
            program: stream("pod"),
            store: stream("store-client"),
            sidecar: stream("sidecar"),
            startup: stream("startup"),
            service_times: stream("service"),
        }
    }
}

// === impl PodSlot ===

impl PodSlot {
    /// True while it is meant to stay.
    pub(crate) fn is_staying(&self) -> bool {
        !self.container.is_deleted() && self.doomed.is_none()
    }

    /// False while its kubelet has no power, or has never heard of it.
    pub(crate) fn can_act(&self) -> bool {
        match self.kubelet {
            Kubelet::Heard => true,
            Kubelet::CutOff => self.container.start > 0,
            Kubelet::Dark => false,
        }
    }

    /// What the program gets.
    pub(crate) fn given(
        &self,
        config: Config,
        net: Net,
        stop: Stop,
        directory: &Directory,
        recorder: &Recorder,
        world: &dyn World,
    ) -> Pod {
        let spawn = world.spawn(self.host);
        let net = self.with_sidecar(net, &spawn, directory, recorder);
        let clock = world.clock(self.host);
        let signals = recorder.signals(&self.name);
        let store = self.store(&net, world, &clock, signals.clone());
        let bus = bus::remote::RemoteBroker::new(
            net.clone(),
            spawn.clone(),
            BROKER_HOST,
            BROKER_PORT,
            bus::remote::Settings::default(),
        );
        let processor = self.processor.clone();
        let container = admission::Container {
            processor: processor.expect("a container that starts has its cores"),
            hang: self.hang.clone(),
            failing: self.failing.clone(),
            pace: self.pace.clone(),
            rng: self.streams.service_times.clone(),
            recorder: recorder.clone(),
            host: Arc::clone(&self.name),
            alive: Arc::clone(&self.alive),
        };
        let workers = Workers::new(&self.workload.model, container);
        Pod {
            name: Arc::clone(&self.name),
            config,
            net,
            store,
            bus: Bus::new(bus),
            clock,
            rng: self.streams.program.clone(),
            spawn,
            work: Work::new(workers),
            stop,
            signals,
        }
    }

    fn with_sidecar(
        &self,
        net: Net,
        spawn: &Spawn,
        directory: &Directory,
        recorder: &Recorder,
    ) -> Net {
        if !self.template.sidecar {
            return net;
        }
        let seat = Seat {
            pod: Arc::clone(&self.name),
            spawn: spawn.clone(),
            rng: self.streams.sidecar.clone(),
            recorder: recorder.clone(),
            mesh: Arc::new(directory.clone()),
        };
        Sidecar::net(net, seat)
    }

    fn store(&self, net: &Net, world: &dyn World, clock: &Clock, signals: Signals) -> Store {
        let settings = store::Settings {
            source: self.workload.name.to_string(),
            clock: clock.clone(),
            rng: self.streams.store.clone(),
            patience: STORE_PATIENCE,
            signals,
        };
        let Some(host) = &self.workload.store else {
            return Store::new(Absent, settings);
        };
        let database = store::remote::RemoteDatabase::new(
            net.clone(),
            world.spawn(self.host),
            host,
            STORE_PORT,
            STORE_TIMEOUTS,
        );
        match self.workload.model.database_pool {
            Some(size) => Store::new(Pooled::new(database, size), settings),
            None => Store::new(database, settings),
        }
    }

    /// What its container may use: its limit, else what its machine has.
    pub(crate) fn cores_milli(&self) -> u64 {
        let machine = (self.node_cores * 1000.0) as u64;
        let limit = self.template.container.resources.limit_milli;
        limit.unwrap_or(machine).clamp(1, machine.max(1))
    }
}

/// A container's environment, as it is when it starts (Kubernetes: a running container does not
/// see a ConfigMap change).
///
/// # Errors
/// What is missing: the container cannot start (`CreateContainerConfigError`).
pub(crate) fn environment(template: &PodTemplate, objects: &Objects) -> Result<Config, String> {
    let mut settings: BTreeMap<String, String> = BTreeMap::new();
    for entry in &template.container.env {
        match entry {
            Environment::Value { name, value } => {
                settings.insert(name.clone(), value.clone());
            }
            Environment::Key {
                name,
                source,
                key,
                optional,
            } => match data(objects, source).and_then(|data| data.get(key)) {
                Some(value) => {
                    settings.insert(name.clone(), value.clone());
                }
                None if *optional => {}
                None => return Err(format!("{source} has no {key:?}")),
            },
            Environment::All {
                source,
                prefix,
                optional,
            } => match data(objects, source) {
                Some(data) => settings.extend(
                    data.iter()
                        .map(|(name, value)| (format!("{prefix}{name}"), value.clone())),
                ),
                None if *optional => {}
                None => return Err(format!("there is no {source}")),
            },
        }
    }
    Ok(Config::new(settings))
}

fn data<'a>(objects: &'a Objects, source: &Source) -> Option<&'a BTreeMap<String, String>> {
    match source {
        Source::ConfigMap(name) => objects.config_maps.get(name),
        Source::Secret(name) => objects.secrets.get(name),
    }
}
