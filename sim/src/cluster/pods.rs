//! The pods of all deployments: started, stopped, killed, and started again.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use squall_kit::{
    Pod,
    bus::{self, Bus},
    clock::Clock,
    config::Config,
    net::Net,
    rng::Rng,
    stop::Stop,
    store::{self, Store},
    work::Work,
};
use squall_reports::history::{Name, PodPhase, What};
use tokio::time::sleep;

use super::{
    absent::Absent,
    admission::{Container, Hang, Pace, Workers},
    directory::Directory,
    hosts::{BROKER_HOST, BROKER_PORT, STORE_PORT},
    listening::Watched,
    pool::Pooled,
    process::{Due, Life, Process},
    processor::Processor,
    spec::DeploymentSpec,
};
use crate::{
    engine::{HostId, World},
    recorder::Recorder,
};

/// From a program's end to its process's.
const LINGER: Duration = Duration::from_millis(10);
/// How long a pod's store repeats what the network lost, unless the service asks for less.
const STORE_PATIENCE: Duration = Duration::from_secs(5);
/// Of a pod's calls to its store.
const STORE_TIMEOUTS: store::remote::Settings = store::remote::Settings {
    connect_timeout: Duration::from_secs(1),
    call_timeout: Duration::from_secs(2),
};

/// Cores of a container without a limit, in millicores.
const UNLIMITED_MILLI: u64 = 64_000;

/// All pods, by name.
pub(crate) struct Pods {
    pods: BTreeMap<Name, PodSlot>,
    directory: Directory,
    recorder: Recorder,
    exits: Exits,
}

/// One pod's place in the cluster; processes come and go in it.
pub(crate) struct PodSlot {
    pub(crate) name: Name,
    pub(crate) deployment: &'static DeploymentSpec,
    pub(crate) host: HostId,
    pub(crate) pace: Pace,
    process: Process,
    /// False while the deployment is stopped.
    wanted: bool,
    service: Name,
    alive: Arc<AtomicBool>,
    streams: Streams,
}

/// A pod's own randomness. The streams go on over restarts, so that no id is made twice.
struct Streams {
    program: Rng,
    store: Rng,
    startup: Rng,
    service_times: Rng,
}

/// A process ended by itself.
struct Exit {
    pod: Name,
    start: u64,
    error: Option<String>,
}

type Exits = Arc<Mutex<Vec<Exit>>>;

// === impl Pods ===

impl Pods {
    pub(crate) fn new(directory: Directory, recorder: Recorder) -> Self {
        Self {
            pods: BTreeMap::new(),
            directory,
            recorder,
            exits: Exits::default(),
        }
    }

    /// Adds a pod that is to be started at once.
    pub(crate) fn add(
        &mut self,
        deployment: &'static DeploymentSpec,
        name: &Name,
        host: HostId,
        seed: u64,
    ) {
        let stream = |kind: &str| Rng::stream(seed, &format!("{kind}/{name}"));
        let mut process = Process::down();
        process.end(Some(Duration::ZERO));
        let slot = PodSlot {
            name: Arc::clone(name),
            deployment,
            host,
            pace: Pace::normal(),
            process,
            wanted: true,
            service: deployment.name.into(),
            alive: Arc::default(),
            streams: Streams {
                program: stream("pod"),
                store: stream("store-client"),
                startup: stream("startup"),
                service_times: stream("service"),
            },
        };
        self.pods.insert(Arc::clone(name), slot);
    }

    /// The pods that a target names: one, or all of a deployment.
    pub(crate) fn named(&self, target: &str) -> Vec<Name> {
        let pods = self.pods.values();
        let named = pods.filter(|p| *p.name == *target || p.deployment.name == target);
        named.map(|p| Arc::clone(&p.name)).collect()
    }

    /// One pod.
    pub(crate) fn get(&self, name: &str) -> &PodSlot {
        self.pods
            .get(name)
            .expect("names of pods come from `named`")
    }

    /// True while a process runs in this pod.
    pub(crate) fn is_alive(&self, name: &str) -> bool {
        self.get(name).process.is_alive()
    }

    /// True when every pod that is meant to run gets traffic.
    pub(crate) fn are_ready(&self) -> bool {
        let mut wanted = self.pods.values().filter(|pod| pod.wanted);
        wanted.all(|pod| self.directory.is_endpoint(&pod.service, &pod.name))
    }

    /// When something is due next.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let pods = self.pods.values();
        pods.filter_map(|pod| pod.process.next_deadline()).min()
    }

    /// Does what is due, and notices who ended.
    pub(crate) fn advance(&mut self, world: &mut dyn World) {
        let now = world.now();
        self.notice_exits(world);
        let due: Vec<(Name, Due)> = self
            .pods
            .values()
            .filter_map(|pod| Some((Arc::clone(&pod.name), pod.process.due(now)?)))
            .collect();
        for (name, due) in due {
            match due {
                Due::Start => self.start(&name, world),
                Due::Kill => {
                    self.finish(&name, world, PodPhase::Killed, "its grace was over");
                }
            }
        }
    }

    /// Asks a pod to stop, and not to come back. True: it ran.
    pub(crate) fn stop(&mut self, name: &str, now: Duration) -> bool {
        let pod = self
            .pods
            .get_mut(name)
            .expect("names of pods come from `named`");
        pod.wanted = false;
        if !pod.process.is_alive() {
            pod.process.end(None);
            return false;
        }
        let asked = pod.process.ask_to_stop(now + pod.deployment.grace);
        if asked {
            self.directory.remove_endpoint(&pod.service, &pod.name);
            self.record(name, PodPhase::Draining, "asked to stop");
        }
        asked
    }

    /// The pod is meant to run again, from now on.
    pub(crate) fn want(&mut self, name: &str, now: Duration) {
        let pod = self
            .pods
            .get_mut(name)
            .expect("names of pods come from `named`");
        pod.wanted = true;
        if !pod.process.is_alive() {
            pod.process.end(Some(now));
        }
    }

    /// Ends a pod's process at once; `power` takes its machine along. True: it ran.
    pub(crate) fn kill(&mut self, name: &str, power: bool, world: &mut dyn World) -> bool {
        let pod = self.get(name);
        if !pod.process.is_alive() {
            return false;
        }
        if power {
            let host = pod.host;
            pod.alive.store(false, Ordering::Relaxed);
            world.power_loss(host);
            self.ended(name, world.now(), PodPhase::Killed, "power loss");
        } else {
            self.finish(name, world, PodPhase::Killed, "killed");
        }
        true
    }

    /// Pods that wait for their restart are started now.
    pub(crate) fn hurry_all(&mut self, now: Duration) {
        for pod in self.pods.values_mut() {
            if let Life::Waiting(until) = &mut pod.process.life {
                *until = now.min(*until);
            }
        }
    }

    fn notice_exits(&mut self, world: &mut dyn World) {
        let exits = std::mem::take(&mut *self.exits.lock().unwrap_or_else(PoisonError::into_inner));
        for exit in exits {
            let pod = self.get(&exit.pod);
            if pod.process.start != exit.start || !pod.process.is_alive() {
                continue;
            }
            let asked = !pod.process.is_running();
            let reason = match (exit.error, asked) {
                (Some(error), _) => error,
                (None, true) => "stopped".to_owned(),
                (None, false) => "ended by itself, unasked".to_owned(),
            };
            self.finish(&exit.pod, world, PodPhase::Ended, &reason);
        }
    }

    /// Clears away what is left of a process.
    fn finish(&mut self, name: &str, world: &mut dyn World, phase: PodPhase, reason: &str) {
        let pod = self.get(name);
        pod.alive.store(false, Ordering::Relaxed);
        world.kill(pod.host);
        self.ended(name, world.now(), phase, reason);
    }

    fn ended(&mut self, name: &str, now: Duration, phase: PodPhase, reason: &str) {
        let pod = self
            .pods
            .get_mut(name)
            .expect("names of pods come from `named`");
        // Asked to stop and wanted again since: it comes back at once. A crash waits.
        let again = match pod.process.life {
            Life::Draining(_) => now,
            _ => now + pod.deployment.restart_after,
        };
        pod.process.end(pod.wanted.then_some(again));
        self.directory.remove_endpoint(&pod.service, &pod.name);
        self.record(name, phase, reason);
    }

    fn start(&mut self, name: &str, world: &mut dyn World) {
        let pod = self
            .pods
            .get_mut(name)
            .expect("names of pods come from `named`");
        let (start, stop) = pod.process.begin();
        pod.alive = Arc::new(AtomicBool::new(true));
        let startup = pod.deployment.server.startup.draw(&pod.streams.startup);
        let given = self.given(name, stop.clone(), world);
        let pod = self.get(name);
        world.set_backlog(pod.host, pod.deployment.server.backlog as usize);
        let program = pod.deployment.program;
        let (exits, pod_name) = (Arc::clone(&self.exits), Arc::clone(&pod.name));
        let interrupter = world.interrupter();
        let main = async move {
            let asked = tokio::select! {
                biased;
                () = stop.raised() => true,
                () = sleep(startup) => false,
            };
            let ended = if asked { Ok(()) } else { program(given).await };
            // What it wrote last is the kernel's to deliver, and must have left before the host is
            // cleared of this process.
            sleep(LINGER).await;
            exits
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(Exit {
                    pod: pod_name,
                    start,
                    error: ended.err().map(|error| error.to_string()),
                });
            interrupter.interrupt();
        };
        world.start(pod.host, "main", Box::pin(main));
        let reason = if start == 1 {
            "first start"
        } else {
            "started again"
        };
        self.record(name, PodPhase::Starting, reason);
    }

    /// What the program gets.
    fn given(&self, name: &str, stop: Stop, world: &dyn World) -> Pod {
        let slot = self.get(name);
        let net = self.net(slot, world);
        let spawn = world.spawn(slot.host);
        let clock = world.clock(slot.host);
        let store = slot.store(&net, world, &clock);
        let bus = bus::remote::RemoteBroker::new(
            net.clone(),
            spawn.clone(),
            BROKER_HOST,
            BROKER_PORT,
            bus::remote::Settings::default(),
        );
        let container = Container {
            processor: Processor::new(UNLIMITED_MILLI, self.recorder.clone()),
            hang: Hang::default(),
            pace: slot.pace.clone(),
            rng: slot.streams.service_times.clone(),
            recorder: self.recorder.clone(),
            host: Arc::clone(&slot.name),
            alive: Arc::clone(&slot.alive),
        };
        let workers = Workers::new(&slot.deployment.server.model(), container);
        Pod {
            name: Arc::clone(&slot.name),
            config: Config::new(slot.deployment.config.iter().copied()),
            net,
            store,
            bus: Bus::new(bus),
            clock,
            rng: slot.streams.program.clone(),
            spawn,
            work: Work::new(workers),
            stop,
            signals: self.recorder.signals(&slot.name),
        }
    }

    /// The pod's network, which makes it an endpoint once it listens.
    fn net(&self, slot: &PodSlot, world: &dyn World) -> Net {
        let directory = self.directory.clone();
        let recorder = self.recorder.clone();
        let (name, service) = (Arc::clone(&slot.name), Arc::clone(&slot.service));
        let (host, port) = (slot.host, slot.deployment.port);
        let Life::Running(stop) = slot.process.life.clone() else {
            unreachable!("only a process that begins gets a network");
        };
        let net = world.net(slot.host, Arc::new(self.directory.clone()));
        Watched::net(net, move |bound| {
            let serves = bound == port && !stop.is_raised();
            if serves && directory.add_endpoint(&service, &name, host) {
                let what = What::Pod {
                    deployment: Arc::clone(&service),
                    phase: PodPhase::Ready,
                    reason: format!("listens on {port}"),
                };
                recorder.record(&name, what);
            }
        })
    }

    fn record(&self, name: &str, phase: PodPhase, reason: &str) {
        let pod = self.get(name);
        let what = What::Pod {
            deployment: Arc::clone(&pod.service),
            phase,
            reason: reason.to_owned(),
        };
        self.recorder.record(&pod.name, what);
    }
}

// === impl PodSlot ===

impl PodSlot {
    fn store(&self, net: &Net, world: &dyn World, clock: &Clock) -> Store {
        let settings = store::Settings {
            source: self.deployment.name.to_owned(),
            clock: clock.clone(),
            rng: self.streams.store.clone(),
            patience: STORE_PATIENCE,
        };
        if self.deployment.store.is_none() {
            return Store::new(Absent, settings);
        }
        let database = store::remote::RemoteDatabase::new(
            net.clone(),
            world.spawn(self.host),
            &self.deployment.store_name(),
            STORE_PORT,
            STORE_TIMEOUTS,
        );
        match self.deployment.server.model().database_pool {
            Some(size) => Store::new(Pooled::new(database, size), settings),
            None => Store::new(database, settings),
        }
    }
}
