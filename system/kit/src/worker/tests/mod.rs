//! Workers on a stage: a database and a broker in memory, both of which may fail, under paused
//! time.

mod consuming;
mod flaky;
mod projecting;
mod relaying;

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};
use tokio::time::{Duration, Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::flaky::{Faults, FlakyBroker, FlakyDatabase};
use crate::{
    Pod,
    bus::{
        Bus, Delivery,
        log::{Log, Settings},
    },
    clock::{Clock, WallClock},
    config::Config,
    event::Event,
    net::{Net, memory::Memory},
    rng::Rng,
    signal::{Consumption, Listener, Signal, Signals},
    spawn::Spawn,
    stop::Stop,
    store::{self, Entity, Store, sqlite::Sqlite},
    work::Work,
};

const TOPIC: &str = "shop";

/// What was noted of a key, in the order it was noted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Diary {
    key: String,
    lines: Vec<u64>,
}

impl Entity for Diary {
    const COLLECTION: &'static str = "diaries";

    fn indexes(&self) -> Vec<(&'static str, String)> {
        vec![("key", self.key.clone())]
    }
}

/// The wall clock of paused time.
struct Paused(Instant);

impl WallClock for Paused {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Everything that pods told, with their names.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<(String, Signal)>>>);

struct Ear {
    pod: String,
    heard: Heard,
}

impl Listener for Ear {
    fn hear(&self, signal: Signal) {
        let heard = (self.pod.clone(), signal);
        self.heard.0.lock().unwrap().push(heard);
    }
}

struct Stage {
    log: Log,
    database: Sqlite,
    clock: Clock,
    faults: Faults,
    heard: Heard,
}

impl Stage {
    fn new(faults: Faults) -> Self {
        let clock = Clock::new(Paused(Instant::now()));
        Self {
            log: Log::memory(Settings::default()),
            database: Sqlite::memory(clock.clone()).unwrap(),
            clock,
            faults,
            heard: Heard::default(),
        }
    }

    /// A pod whose calls of broker and database suffer the stage's faults.
    fn pod(&self, name: &str) -> Pod {
        let broker = FlakyBroker::new(self.log.clone(), self.faults, name);
        let database = FlakyDatabase::new(self.database.clone(), self.faults, name);
        Pod {
            name: name.into(),
            config: Config::default(),
            net: Net::new(Memory::default()),
            store: Store::new(database, self.store_settings(name)),
            bus: Bus::new(broker),
            clock: self.clock.clone(),
            rng: Rng::stream(1, name),
            spawn: Spawn::tokio(),
            work: Work::free(),
            stop: Stop::new(),
            signals: Signals::new(Ear {
                pod: name.to_owned(),
                heard: self.heard.clone(),
            }),
        }
    }

    /// The database without faults.
    fn store(&self) -> Store {
        Store::new(self.database.clone(), self.store_settings("test"))
    }

    fn store_settings(&self, name: &str) -> store::Settings {
        store::Settings {
            source: "order".to_owned(),
            clock: self.clock.clone(),
            rng: Rng::stream(2, name),
            patience: Duration::from_millis(500),
            signals: Signals::silent(),
        }
    }

    /// Has the context state facts: one commit each, whose event's body is its place in `keys`.
    async fn commit(&self, ids: &str, keys: &[&str]) {
        for (place, key) in keys.iter().enumerate() {
            let mut unit = self.store().unit(format!("{ids}{place}"));
            unit.publish("Noted", key, &place);
            unit.commit(&()).await.unwrap();
        }
    }

    /// Puts events right into the log; their bodies are their places in `keys`.
    async fn append(&self, kind: &str, keys: &[&str]) {
        let event = |(place, key): (usize, &&str)| Event {
            id: format!("{kind}/{key}/{place}"),
            kind: kind.to_owned(),
            key: (*key).to_owned(),
            source: "test".to_owned(),
            at_ms: 1,
            body: place.into(),
        };
        let events = keys.iter().enumerate().map(event).collect();
        let bus = Bus::new(self.log.clone());
        bus.broker().append(TOPIC.to_owned(), events).await.unwrap();
    }

    async fn lag(&self, group: &str) -> u64 {
        let bus = Bus::new(self.log.clone());
        let lag = bus.broker().lag(TOPIC.to_owned(), group.to_owned());
        lag.await.unwrap()
    }

    /// Waits until the group has acknowledged all there is.
    async fn until_consumed(&self, group: &str) {
        until(async || self.lag(group).await == 0).await;
    }

    async fn until_relayed(&self) {
        use crate::store::Database;
        until(async || self.database.outbox(1, 0).await.unwrap().is_empty()).await;
    }

    /// The lines of all diaries, by key.
    async fn diaries(&self) -> BTreeMap<String, Vec<u64>> {
        let query = store::Query::of::<Diary>().page(0, 1_000);
        let (found, total) = self.store().page::<Diary>(query).await.unwrap();
        let diaries: BTreeMap<_, _> = found
            .into_iter()
            .map(|it| (it.value.key, it.value.lines))
            .collect();
        assert_eq!(diaries.len() as u64, total, "one diary a key");
        diaries
    }

    /// The log's events, each where it first lies.
    fn first_occurrences(&self) -> Vec<Delivery> {
        let mut seen = std::collections::BTreeSet::new();
        let mut events = self.log.events(TOPIC).unwrap();
        events.retain(|it| seen.insert(it.event.id.clone()));
        events
    }

    /// How each event was consumed, and by whom, in the order it was told.
    fn consumed(&self) -> Vec<(String, String, Consumption)> {
        let heard = self.heard.0.lock().unwrap();
        let consumed = heard.iter().filter_map(|(pod, signal)| match signal {
            Signal::Consumed { id, outcome, .. } => {
                Some((pod.clone(), id.clone(), outcome.clone()))
            }
            _ => None,
        });
        consumed.collect()
    }

    /// Ids of the events that were told to be consumed so.
    fn ids_of(&self, outcome: &Consumption) -> Vec<String> {
        let mut ids: Vec<_> = self.consumed();
        ids.retain(|(_, _, it)| it == outcome);
        ids.into_iter().map(|(_, id, _)| id).collect()
    }
}

/// A task that can be killed like a process: at any await, without a word.
struct Life(CancellationToken);

impl Life {
    fn of(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self::until(CancellationToken::new(), task)
    }

    /// One that somebody else may end.
    fn until(end: CancellationToken, task: impl Future<Output = ()> + Send + 'static) -> Self {
        let token = end.clone();
        Spawn::tokio().task("life", async move {
            tokio::select! {
                () = token.cancelled() => {}
                () = task => {}
            }
        });
        Self(end)
    }

    fn kill(&self) {
        self.0.cancel();
    }
}

/// Looks every 50 ms of virtual time, for at most an hour of it.
async fn until(condition: impl AsyncFn() -> bool) {
    for _ in 0..72_000 {
        if condition().await {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("it never came true");
}
