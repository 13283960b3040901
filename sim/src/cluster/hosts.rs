//! The hosts behind the pods: a database for each service, and the broker. What they hold outlives
//! their processes; a database's, if it lies on a volume.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use squall_kit::{
    bus::{self, Bus, log::Log, remote::serve_broker},
    net::Net,
    rng::Rng,
    spawn::Spawn,
    stop::Stop,
    store::{Database, remote::serve_database, sqlite::Sqlite},
};
use squall_reports::history::{Name, PodPhase, What};

use super::{
    admission::Pace,
    directory::Directory,
    files::{End, Files},
    listening::Watched,
    timed::{Repeats, TimedBroker, TimedDatabase},
};
use crate::{
    engine::{HostId, Main, World},
    model::{BrokerModel, StoreModel, Unfinished},
    recorder::Recorder,
};

/// Where a database listens.
pub(crate) const STORE_PORT: u16 = 5432;
/// The broker's host.
pub(crate) const BROKER_HOST: &str = "broker";
/// Where it listens.
pub(crate) const BROKER_PORT: u16 = 9092;

/// A host that serves what outlives it.
pub(crate) struct Backing {
    pub(crate) name: Name,
    pub(crate) host: HostId,
    pub(crate) content: Content,
    /// Its process runs.
    pub(crate) is_up: bool,
    /// Somebody ended its process.
    stopped: bool,
    /// Its machine has no power.
    dark: bool,
    ready: Arc<Mutex<bool>>,
    directory: Directory,
    recorder: Recorder,
}

/// A database to be.
pub(crate) struct NewStore<'a> {
    /// Its host's name.
    pub(crate) name: &'a str,
    /// Whose it is.
    pub(crate) service: &'a str,
    pub(crate) model: &'a StoreModel,
    /// Where its files lie.
    pub(crate) files: Files,
}

/// What it serves.
pub(crate) enum Content {
    /// A service's database.
    Store(Box<StoreContent>),
    /// The system's log.
    Broker(Box<BrokerContent>),
}

/// A service's database.
pub(crate) struct StoreContent {
    pub(crate) service: Name,
    pub(crate) database: Sqlite,
    pub(crate) pace: Pace,
    files: Files,
    model: Arc<StoreModel>,
    rng: Rng,
}

/// The system's log.
pub(crate) struct BrokerContent {
    pub(crate) log: Log,
    pub(crate) repeats: Repeats,
    model: BrokerModel,
    rng: Rng,
}

// === impl Backing ===

impl Backing {
    /// A database, empty and down.
    pub(crate) fn store(
        new: &NewStore<'_>,
        seed: u64,
        directory: &Directory,
        recorder: &Recorder,
        world: &mut dyn World,
    ) -> Self {
        let name: Name = new.name.into();
        let host = world.add_host(&name);
        let content = StoreContent {
            service: new.service.into(),
            database: empty(host, world),
            pace: Pace::normal(),
            files: new.files,
            model: Arc::new(new.model.clone()),
            rng: Rng::stream(seed, &format!("store/{name}")),
        };
        Self::new(
            name,
            host,
            Content::Store(Box::new(content)),
            directory,
            recorder,
        )
    }

    /// The broker, with an empty log and down.
    pub(crate) fn broker(
        model: BrokerModel,
        seed: u64,
        directory: &Directory,
        recorder: &Recorder,
        world: &mut dyn World,
    ) -> Self {
        let name: Name = BROKER_HOST.into();
        let host = world.add_host(&name);
        let settings = bus::log::Settings {
            partitions: model.partitions,
            session: Duration::from_secs(model.session_timeout_s),
        };
        let content = BrokerContent {
            log: Log::memory(settings),
            repeats: Repeats::none(Rng::stream(seed, "faults/repeats")),
            model,
            rng: Rng::stream(seed, "broker"),
        };
        Self::new(
            name,
            host,
            Content::Broker(Box::new(content)),
            directory,
            recorder,
        )
    }

    fn new(
        name: Name,
        host: HostId,
        content: Content,
        directory: &Directory,
        recorder: &Recorder,
    ) -> Self {
        directory.add_host(&name, host);
        Self {
            name,
            host,
            content,
            is_up: false,
            stopped: false,
            dark: false,
            ready: Arc::default(),
            directory: directory.clone(),
            recorder: recorder.clone(),
        }
    }

    /// True once it listens.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_up && *self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its machine is with or without power. It starts with it, unless it was stopped meanwhile.
    pub(crate) fn set_power(&mut self, on: bool, world: &mut dyn World) {
        self.dark = !on;
        if on {
            self.run(world);
        } else if std::mem::take(&mut self.is_up) {
            world.power_loss(self.host);
            self.record(PodPhase::Killed, "its node lost power");
            // The node's disk is there when it is back, and its kubelet makes a new container.
            self.lose(End::Container, world);
        }
    }

    /// Starts its process, unless it runs; without power as soon as that is back.
    pub(crate) fn start(&mut self, world: &mut dyn World) {
        self.stopped = false;
        self.run(world);
    }

    fn run(&mut self, world: &mut dyn World) {
        if self.stopped || self.dark || std::mem::replace(&mut self.is_up, true) {
            return;
        }
        self.record(PodPhase::Starting, "started");
        let (ready, recorder) = (Arc::default(), self.recorder.clone());
        self.ready = Arc::clone(&ready);
        let name = Arc::clone(&self.name);
        let net = world.net(self.host, Arc::new(self.directory.clone()));
        let net = Watched::net(net, move |port| {
            *ready.lock().unwrap_or_else(PoisonError::into_inner) = true;
            let what = What::Pod {
                deployment: Arc::clone(&name),
                phase: PodPhase::Ready,
                reason: format!("listens on {port}"),
            };
            recorder.record(&name, what);
        });
        let spawn = world.spawn(self.host);
        let main = match &self.content {
            Content::Store(store) => store.serve(net, spawn, &self.recorder, &self.name),
            Content::Broker(broker) => broker.serve(net, spawn, &self.recorder, &self.name),
        };
        world.start(self.host, "main", main);
    }

    /// Kills its process, with its container or its whole pod; files that are nowhere else go with
    /// it. True: it ran.
    pub(crate) fn kill(&mut self, end: End, world: &mut dyn World) -> bool {
        self.stopped = true;
        if !std::mem::replace(&mut self.is_up, false) {
            return false;
        }
        world.kill(self.host);
        self.record(PodPhase::Killed, "outage");
        self.lose(end, world);
        true
    }

    /// The files go that do not outlive this end.
    fn lose(&mut self, end: End, world: &dyn World) {
        if let Content::Store(store) = &mut self.content
            && !store.files.survive(end)
        {
            store.database = empty(self.host, world);
            let text = format!("its files are gone: they lay in the {:?}", store.files);
            self.recorder.record(&self.name, What::Note { text });
        }
    }

    fn record(&self, phase: PodPhase, reason: &str) {
        let what = What::Pod {
            deployment: Arc::clone(&self.name),
            phase,
            reason: reason.to_owned(),
        };
        self.recorder.record(&self.name, what);
    }
}

// === impl StoreContent ===

impl StoreContent {
    /// Marks of unfinished work.
    pub(crate) fn unfinished(&self) -> &[Unfinished] {
        &self.model.unfinished
    }

    fn serve(&self, net: Net, spawn: Spawn, recorder: &Recorder, name: &Name) -> Main {
        let database: Arc<dyn Database> = Arc::new(TimedDatabase {
            inner: Arc::new(self.database.clone()),
            model: Arc::clone(&self.model),
            pace: self.pace.clone(),
            rng: self.rng.clone(),
        });
        let signals = recorder.signals(name);
        let (recorder, name) = (recorder.clone(), Arc::clone(name));
        Box::pin(async move {
            let stop = Stop::new();
            let served = serve_database(&net, &spawn, &stop, STORE_PORT, database, signals).await;
            tell_end(&recorder, &name, served);
        })
    }
}

// === impl BrokerContent ===

impl BrokerContent {
    fn serve(&self, net: Net, spawn: Spawn, recorder: &Recorder, name: &Name) -> Main {
        let broker = TimedBroker::new(
            self.log.clone(),
            self.model.append_ms,
            self.rng.clone(),
            self.repeats.clone(),
        );
        let (recorder, name) = (recorder.clone(), Arc::clone(name));
        Box::pin(async move {
            let (bus, stop) = (Bus::new(broker), Stop::new());
            let served = serve_broker(bus, &net, &spawn, &stop, BROKER_PORT).await;
            tell_end(&recorder, &name, served);
        })
    }
}

fn empty(host: HostId, world: &dyn World) -> Sqlite {
    Sqlite::memory(world.clock(host)).expect("memory for an empty database")
}

/// These processes only end when they cannot listen.
fn tell_end(recorder: &Recorder, name: &Name, served: std::io::Result<()>) {
    let text = match served {
        Ok(()) => "ended by itself".to_owned(),
        Err(error) => format!("ended: {error}"),
    };
    recorder.record(name, What::Note { text });
}
