//! A system for real: every context in this process, over TCP, with its data in files.

use std::{
    collections::BTreeSet,
    fs::{self, File, TryLockError},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use squall_kit::{
    Error, Pod,
    bus::{
        Bus,
        log::{self, Log},
    },
    clock::Clock,
    config::Config,
    net::{Net, tcp::Tcp},
    rng::Rng,
    signal::Signals,
    spawn::Spawn,
    stop::Stop,
    store::{
        self, Store,
        sqlite::{Sqlite, Threads},
    },
    work::Work,
};
use squall_sim::cluster::spec::Program;
use tokio::{
    task::{JoinError, JoinSet},
    time::timeout,
};

use crate::system::System;

/// The port that every context listens on in a cluster, and by which others dial it.
pub const CLUSTER_PORT: u16 = 8080;

/// How long the contexts may take to end, all together (Kubernetes: 30 s).
const GRACE: Duration = Duration::from_secs(30);
/// How long reads and commits are repeated while a database is silent.
const PATIENCE: Duration = Duration::from_secs(5);

/// A system about to be served.
pub struct Real {
    /// The ones others depend on first, each with a stop signal of its own.
    pods: Vec<(Pod, Program)>,
    /// Held for as long as the data is in use.
    _lock: File,
}

impl Real {
    /// Opens the data in `data` (made if absent) and lays out one pod a context, on the documented
    /// ports plus `port_offset`.
    ///
    /// # Errors
    /// A directory or a file that cannot be used, with its path; ports that are taken, or above
    /// 65535.
    pub fn open(system: &System, data: &Path, port_offset: u16) -> Result<Self> {
        let folder = data.join(system.name);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot use the data directory {}", folder.display()))?;
        let lock = lock(&folder)?;
        let services = addresses(system, port_offset)?;
        claim(&services)?;
        let broker = Log::file(
            &folder.join("broker.db"),
            log::Settings::default(),
            Threads::MayBlock,
        )
        .context("cannot open the broker's log")?;
        let mut pods = Vec::new();
        for (context, &(_, address)) in system.contexts.iter().zip(&services) {
            let net = Tcp {
                services: services
                    .iter()
                    .map(|(name, address)| ((name.clone(), CLUSTER_PORT), *address))
                    .collect(),
                binds: [(CLUSTER_PORT, address.port())].into(),
            };
            let path = folder.join(format!("{}.db", context.name));
            let base_url = format!("http://localhost:{}", address.port());
            let pod = Pod {
                name: Arc::from(format!("{}-1", context.name)),
                config: Config::new([
                    ("BASE_URL", base_url.as_str()),
                    ("TOPIC", system.name),
                    // Whoever serves it on one machine waits for its end, and for no idle browser.
                    ("SHUTDOWN_LINGER_MS", "0"),
                ]),
                net: Net::new(net),
                store: open_store(context.name, &path)?,
                bus: Bus::new(broker.clone()),
                clock: Clock::system(),
                rng: fresh_rng(context.name)?,
                spawn: Spawn::tokio(),
                work: Work::free(),
                stop: Stop::new(),
                signals: Signals::silent(),
            };
            pods.push((pod, context.program));
        }
        Ok(Self { pods, _lock: lock })
    }

    /// Serves until `end` is raised, then ends cleanly within the grace period. `ready` is called
    /// once every port answers.
    ///
    /// # Errors
    /// The first context that cannot start or that ends by itself, by name.
    pub async fn serve(self, end: Stop, ready: impl FnOnce()) -> Result<()> {
        let mut running = JoinSet::new();
        let pods: Vec<_> = self.pods.iter().map(|(pod, _)| pod.clone()).collect();
        for (pod, program) in self.pods {
            let name = Arc::clone(&pod.name);
            #[expect(clippy::disallowed_methods, reason = "the real world's runtime")]
            running.spawn(async move { (name, program(pod).await) });
        }
        let started_and_asked_to_end = async {
            wait_until_listening(&pods).await;
            ready();
            end.raised().await;
        };
        let failure = tokio::select! {
            biased;
            ended = running.join_next() => Some(explain(ended)),
            () = end.raised() => None,
            () = started_and_asked_to_end => None,
        };
        if failure.is_some() {
            // Somebody is missing already: no turn is worth waiting for.
            pods.iter().for_each(|pod| pod.stop.raise());
        }
        let clean = timeout(GRACE, end_in_turn(&pods, &mut running)).await;
        match failure {
            Some(failure) => Err(failure),
            None if clean.is_ok() => Ok(()),
            None => bail!(
                "some contexts had not ended {} s after the stop",
                GRACE.as_secs()
            ),
        }
    }
}

/// Ends the gateway first and what others depend on last, so that a request under way still finds
/// everybody it needs.
async fn end_in_turn(pods: &[Pod], running: &mut JoinSet<Ended>) {
    let mut ended = BTreeSet::new();
    for pod in pods.iter().rev() {
        pod.stop.raise();
        while !ended.contains(&pod.name) {
            match running.join_next().await {
                Some(Ok((name, _))) => ended.insert(name),
                // Who panicked tells no name; it may be this one.
                Some(Err(_)) | None => break,
            };
        }
    }
    while running.join_next().await.is_some() {}
}

fn addresses(system: &System, port_offset: u16) -> Result<Vec<(String, SocketAddr)>> {
    let addresses = system.contexts.iter().map(|context| {
        let port = context.port.checked_add(port_offset).with_context(|| {
            format!(
                "--port-offset {port_offset} moves port {} above 65535",
                context.port
            )
        })?;
        Ok((
            context.name.to_owned(),
            SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        ))
    });
    addresses.collect()
}

/// Fails where a port cannot be had, before anything runs.
#[expect(clippy::disallowed_types, reason = "a look at the real network")]
fn claim(services: &[(String, SocketAddr)]) -> Result<()> {
    for (context, address) in services {
        std::net::TcpListener::bind(address)
            .with_context(|| format!("cannot serve {context} on port {}", address.port()))?;
    }
    Ok(())
}

fn lock(folder: &Path) -> Result<File> {
    let path: PathBuf = folder.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("{} is in use by another process", folder.display())
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

fn open_store(context: &str, path: &Path) -> Result<Store> {
    let clock = Clock::system();
    let database = Sqlite::file(path, clock.clone(), Threads::MayBlock)
        .with_context(|| format!("cannot open {context}'s database"))?;
    let rng = fresh_rng(&format!("{context}/store"))?;
    let settings = store::Settings {
        source: context.to_owned(),
        clock,
        rng,
        patience: PATIENCE,
        signals: Signals::silent(),
    };
    Ok(Store::new(database, settings))
}

/// A stream that no former start of this pod has had.
fn fresh_rng(name: &str) -> Result<Rng> {
    let seed = getrandom::u64().context("the operating system gives no random numbers")?;
    Ok(Rng::stream(seed, name))
}

/// Returns once every pod's port accepts connections.
async fn wait_until_listening(pods: &[Pod]) {
    const PAUSE: Duration = Duration::from_millis(20);
    for pod in pods {
        let context = pod.name.trim_end_matches("-1");
        while pod.net.connect(context, CLUSTER_PORT).await.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A context that has ended: its pod's name, and how.
type Ended = (Arc<str>, Result<(), Error>);

fn explain(ended: Option<Result<Ended, JoinError>>) -> anyhow::Error {
    match ended {
        Some(Ok((name, Err(error)))) => {
            let context = name.trim_end_matches("-1");
            anyhow::anyhow!("{context} cannot be served: {error}")
        }
        Some(Ok((name, Ok(())))) => anyhow::anyhow!("{name} ended by itself"),
        Some(Err(error)) => anyhow::anyhow!("a context died: {error}"),
        None => anyhow::anyhow!("the system has no contexts"),
    }
}
