//! The adapters of this crate, held to the contract.

use tempfile::TempDir;

use super::{
    Bus, BusError,
    contract::{self, PARTITIONS, SESSION, Setup},
    log::{Log, Settings},
    remote::{self, RemoteBroker, serve_broker},
};
use crate::{
    BoxFuture,
    event::Event,
    net::{Net, memory::Memory},
    spawn::Spawn,
    stop::Stop,
    store::sqlite::Threads,
};

const SETTINGS: Settings = Settings {
    partitions: PARTITIONS,
    session: SESSION,
};

/// The log in memory outlives its host: a restart changes nothing.
struct InMemory(Log);

impl Setup for InMemory {
    fn open(&mut self) -> BoxFuture<'_, Bus> {
        self.reopen()
    }

    fn reopen(&mut self) -> BoxFuture<'_, Bus> {
        let log = self.0.clone();
        Box::pin(async move { Bus::new(log) })
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_in_memory_keeps_the_contract() {
    contract::check(|| InMemory(Log::memory(SETTINGS))).await;
}

struct InFile(TempDir);

impl InFile {
    fn log(&self) -> Result<Log, BusError> {
        Log::file(&self.0.path().join("bus.db"), SETTINGS, Threads::Inline)
    }
}

impl Setup for InFile {
    fn open(&mut self) -> BoxFuture<'_, Bus> {
        self.reopen()
    }

    fn reopen(&mut self) -> BoxFuture<'_, Bus> {
        Box::pin(async { Bus::new(self.log().expect("the former log is closed")) })
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_in_a_file_keeps_the_contract() {
    contract::check(|| InFile(TempDir::new().unwrap())).await;
}

/// A log that is served on one side of a network and called from the other.
struct Remote {
    log: Log,
    net: Net,
    stop: Stop,
}

impl Remote {
    fn new() -> Self {
        Self {
            log: Log::memory(SETTINGS),
            net: Net::new(Memory::default()),
            stop: Stop::new(),
        }
    }
}

impl Setup for Remote {
    fn open(&mut self) -> BoxFuture<'_, Bus> {
        Box::pin(async {
            let (bus, net, stop) = (
                Bus::new(self.log.clone()),
                self.net.clone(),
                self.stop.clone(),
            );
            Spawn::tokio().task("broker", async move {
                let served = serve_broker(bus, &net, &Spawn::tokio(), &stop, 9092).await;
                served.expect("the port is free");
            });
            tokio::task::yield_now().await;
            let (net, spawn) = (self.net.clone(), Spawn::tokio());
            let settings = remote::Settings::default();
            Bus::new(RemoteBroker::new(net, spawn, "broker", 9092, settings))
        })
    }

    fn reopen(&mut self) -> BoxFuture<'_, Bus> {
        Box::pin(async {
            std::mem::take(&mut self.stop).raise();
            tokio::time::sleep(SESSION / 10).await;
            self.open().await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_over_the_network_keeps_the_contract() {
    contract::check(Remote::new).await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_gone_is_unavailable() {
    let net = Net::new(Memory::default());
    let remote = RemoteBroker::new(
        net,
        Spawn::tokio(),
        "broker",
        9092,
        remote::Settings::default(),
    );
    let lag = Bus::new(remote)
        .broker()
        .lag("shop".to_owned(), "pay".to_owned())
        .await;
    assert!(matches!(lag, Err(BusError::Unavailable(_))), "{lag:?}");
}

#[test]
fn a_file_belongs_to_one_log_at_a_time() {
    let file = InFile(TempDir::new().unwrap());
    let first = file.log().unwrap();
    assert!(matches!(file.log(), Err(BusError::Failed(_))));
    drop(first);
    assert!(file.log().is_ok());
}

#[test]
fn a_file_that_is_no_log_is_refused() {
    let file = InFile(TempDir::new().unwrap());
    std::fs::write(file.0.path().join("bus.db"), "no database at all").unwrap();
    assert!(matches!(file.log(), Err(BusError::Failed(_))));
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_survives_a_kill() {
    let (mut living, killed) = (
        InFile(TempDir::new().unwrap()),
        InFile(TempDir::new().unwrap()),
    );
    let bus = living.open().await;
    let event = Event {
        id: "c#1".to_owned(),
        kind: "Ordered".to_owned(),
        key: "42".to_owned(),
        source: "order".to_owned(),
        at_ms: 1,
        body: serde_json::Value::Null,
    };
    let events = vec![event.clone(), event];
    let appended = bus.broker().append("shop".to_owned(), events).await;
    // What the disk holds while the log is open is what a killed process leaves.
    for file in std::fs::read_dir(living.0.path()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), killed.0.path().join(file.file_name())).unwrap();
    }
    let found = killed.log().unwrap().events("shop").unwrap();
    let found: Vec<_> = found.into_iter().map(|it| it.position).collect();
    assert_eq!(Ok(found), appended);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "only there may a call block")]
async fn a_file_may_block_the_threads_of_the_real_binary() {
    let file = InFile(TempDir::new().unwrap());
    let path = file.0.path().join("bus.db");
    let log = Log::file(&path, SETTINGS, Threads::MayBlock).unwrap();
    let bus = Bus::new(log);
    let lag = bus.broker().lag("shop".to_owned(), "pay".to_owned());
    assert_eq!(lag.await, Ok(0));
}
