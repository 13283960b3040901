//! All contexts of the shop in one process: networks, databases and broker in memory, time paused.

use std::{
    collections::BTreeMap,
    io,
    panic::resume_unwind,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::database::Forgetful;
use axum::http::Method;
use serde_json::Value;
use squall_kit::{
    BoxFuture, Pod,
    bus::{
        Batch, Broker, Bus, BusError, Delivery, Member, Position,
        log::{self, Log},
    },
    clock::{Clock, WallClock},
    config::Config,
    event::Event,
    net::{
        BoxStream, Listener, Net, Transport,
        client::{Call, CallError, ClientSettings, HttpClient},
        memory::Memory,
    },
    rng::Rng,
    signal::{self, Signal, Signals},
    spawn::{Spawn, Spawner},
    stop::Stop,
    store::{Settings, Store, sqlite::Sqlite},
    work::Work,
};
use squall_shop::{CONTEXTS, Context, PORT};
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep},
};

/// What a caller waits for at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running shop.
pub(crate) struct Town {
    road: Road,
    clock: Clock,
    houses: Arc<BTreeMap<&'static str, Memory>>,
    databases: BTreeMap<&'static str, Forgetful>,
    running: BTreeMap<&'static str, Running>,
    starts: u64,
    heard: Arc<Mutex<Heard>>,
    customer: HttpClient,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// Its status.
    pub(crate) status: u16,
    /// Where what was created is found.
    pub(crate) location: String,
    /// Its media type.
    pub(crate) media: String,
    /// Its body.
    pub(crate) body: Value,
}

struct Running {
    stop: Stop,
    tasks: Tasks,
}

#[derive(Default)]
struct Heard {
    signals: Vec<Signal>,
    /// A pod that says one of these dies on the spot, once.
    trips: Vec<&'static str>,
}

impl Town {
    /// A shop with every context running and nothing in it.
    pub(crate) async fn start() -> Self {
        let clock = Clock::new(Steady(Instant::now()));
        let houses = CONTEXTS
            .iter()
            .map(|context| (context.name, Memory::default()));
        let houses = Arc::new(houses.collect());
        let database = || Forgetful::new(Sqlite::memory(clock.clone()).expect("memory"));
        let customer = Net::new(House {
            name: "customer",
            houses: Arc::clone(&houses),
        });
        let mut town = Self {
            road: Road {
                log: Log::memory(log::Settings::default()),
                closed: Arc::default(),
            },
            databases: CONTEXTS
                .iter()
                .map(|context| (context.name, database()))
                .collect(),
            clock,
            houses,
            running: BTreeMap::new(),
            starts: 0,
            heard: Arc::default(),
            customer: HttpClient::new(
                customer,
                Spawn::tokio(),
                Signals::silent(),
                ClientSettings::fresh(),
            ),
        };
        for context in &CONTEXTS {
            town.open(context.name);
        }
        town.pass(1).await;
        town
    }

    /// Starts a context that does not run.
    pub(crate) fn open(&mut self, name: &'static str) {
        let context = context(name);
        self.starts += 1;
        let rng = Rng::stream(self.starts, name);
        let base_url = format!("http://localhost:{}", context.documented_port);
        let tasks = Tasks::new();
        let signals = Signals::new(Ear {
            heard: Arc::clone(&self.heard),
            tasks: tasks.clone(),
        });
        let settings = Settings {
            source: name.to_owned(),
            clock: self.clock.clone(),
            rng: rng.clone(),
            patience: Duration::from_secs(5),
            signals: signals.clone(),
        };
        let pod = Pod {
            name: format!("{name}-1").into(),
            config: Config::new([("BASE_URL", base_url)]),
            net: Net::new(House {
                name,
                houses: Arc::clone(&self.houses),
            }),
            store: Store::new(self.databases[name].clone(), settings),
            bus: Bus::new(self.road.clone()),
            clock: self.clock.clone(),
            rng,
            spawn: Spawn::new(tasks.clone()),
            work: Work::free(),
            stop: Stop::new(),
            signals,
        };
        let stop = pod.stop.clone();
        let running = (context.run)(pod);
        tasks.spawn(
            "run",
            Box::pin(async move { running.await.expect("it ends cleanly") }),
        );
        let former = self.running.insert(name, Running { stop, tasks });
        assert!(former.is_none(), "{name} runs already");
    }

    /// Stops a context as Kubernetes does, and waits for its end.
    pub(crate) async fn close(&mut self, name: &'static str) {
        let running = self.running.remove(name).expect("it runs");
        running.stop.raise();
        sleep(Duration::from_secs(30)).await;
        assert!(
            running.tasks.are_done(),
            "{name} has ended within its grace period"
        );
    }

    /// Kills a context.
    pub(crate) fn kill(&mut self, name: &'static str) {
        self.running.remove(name).expect("it runs").tasks.kill();
    }

    /// The next pod that says `hint` dies on the spot.
    pub(crate) fn trip(&mut self, hint: &'static str) {
        locked(&self.heard).trips.push(hint);
    }

    /// From now on a context's database executes commits whose id contains `part` without ever
    /// answering them; `None`: it answers all.
    pub(crate) fn lose_replies(&self, of: &str, part: Option<&'static str>) {
        self.databases[of].lose_replies(part);
    }

    /// From now on the replies of a context's database take so long.
    pub(crate) fn delay_replies(&self, of: &str, ms: u64) {
        self.databases[of].delay_replies(ms);
    }

    /// Closes the road to the broker, or opens it again.
    pub(crate) fn close_road(&self, closed: bool) {
        self.road.closed.store(closed, Ordering::Relaxed);
    }

    /// Waits until everything has settled: no fault lasts longer than this many seconds.
    pub(crate) async fn pass(&self, seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }

    /// Everything all pods have told.
    pub(crate) fn signals(&self) -> Vec<Signal> {
        locked(&self.heard).signals.clone()
    }

    /// The kinds of events in the log, in no particular order.
    pub(crate) fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<_> = self
            .events()
            .into_iter()
            .map(|found| found.event.kind)
            .collect();
        kinds.sort();
        kinds
    }

    /// Every event in the log.
    pub(crate) fn events(&self) -> Vec<Delivery> {
        self.road.log.events("shop").expect("memory")
    }

    /// Calls a context; `None` when there was no answer.
    pub(crate) async fn call(&self, call: Call) -> Option<Reply> {
        let answer = match self.customer.call(call).await {
            Ok(answer) => answer,
            Err(CallError::NotSent(_) | CallError::Unknown(_)) => return None,
        };
        let header = |name| {
            let value = answer
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        Some(Reply {
            status: answer.status.as_u16(),
            location: header("location"),
            media: header("content-type"),
            body: serde_json::from_slice(&answer.body).unwrap_or_default(),
        })
    }

    /// Sends a body to `/path` of a context.
    pub(crate) async fn send(&self, method: Method, to: &str, path: &str, body: Value) -> Reply {
        self.call(request(method, to, path).json(&body))
            .await
            .expect("an answer")
    }

    /// POSTs.
    pub(crate) async fn post(&self, to: &str, path: &str, body: Value) -> Reply {
        self.send(Method::POST, to, path, body).await
    }

    /// GETs.
    pub(crate) async fn get(&self, to: &str, path: &str) -> Reply {
        self.call(request(Method::GET, to, path))
            .await
            .expect("an answer")
    }

    /// DELETEs.
    pub(crate) async fn delete(&self, to: &str, path: &str) -> Reply {
        self.call(request(Method::DELETE, to, path))
            .await
            .expect("an answer")
    }

    /// The collection at `/path` of a context, in order of ids.
    pub(crate) async fn list(&self, of: &str, path: &str) -> Vec<Value> {
        let reply = self.get(of, &format!("/{path}?size=1000")).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.body["_embedded"][path]
            .as_array()
            .expect("a collection")
            .clone()
    }

    /// The `status` members of a collection.
    pub(crate) async fn statuses(&self, of: &str, path: &str) -> Vec<Value> {
        let resources = self.list(of, path).await.into_iter();
        resources
            .map(|mut resource| resource["status"].take())
            .collect()
    }
}

/// A request of a customer.
pub(crate) fn request(method: Method, to: &str, path: &str) -> Call {
    Call::new(method, &format!("{to}:{PORT}"), path, PATIENCE)
}

fn context(name: &str) -> &'static Context {
    CONTEXTS
        .iter()
        .find(|context| context.name == name)
        .expect("a context's name")
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // Pods die on purpose here, though never with a lock held.
    shared.lock().expect("nobody panics with the lock held")
}

/// A place in the network: its own ports, and the way to the others'.
struct House {
    name: &'static str,
    houses: Arc<BTreeMap<&'static str, Memory>>,
}

impl Transport for House {
    fn bind(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Listener>>> {
        self.houses[self.name].bind(port)
    }

    fn connect(&self, host: &str, port: u16) -> BoxFuture<'_, io::Result<BoxStream>> {
        match self.houses.get(host) {
            Some(house) => house.connect(host, port),
            None => Box::pin(async { Err(io::ErrorKind::NotFound.into()) }),
        }
    }
}

/// A wall clock that goes with paused time.
struct Steady(Instant);

impl WallClock for Steady {
    fn now_ms(&self) -> u64 {
        1_600_000_000_000 + u64::try_from(self.0.elapsed().as_millis()).expect("a short test")
    }
}

/// Tasks of one pod, which die together; `None` once dead.
#[derive(Clone)]
struct Tasks(Arc<Mutex<Option<Vec<AbortHandle>>>>);

impl Tasks {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(Vec::new()))))
    }

    fn kill(&self) {
        let tasks = locked(&self.0).take();
        tasks.iter().flatten().for_each(AbortHandle::abort);
    }

    fn are_done(&self) -> bool {
        let tasks = locked(&self.0);
        tasks.iter().flatten().all(AbortHandle::is_finished)
    }
}

impl Spawner for Tasks {
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' own adapter, on a current-thread runtime"
    )]
    fn spawn(&self, _name: &'static str, task: BoxFuture<'static, ()>) {
        if let Some(tasks) = &mut *locked(&self.0) {
            tasks.push(tokio::spawn(task).abort_handle());
        }
    }
}

struct Ear {
    heard: Arc<Mutex<Heard>>,
    tasks: Tasks,
}

impl signal::Listener for Ear {
    fn hear(&self, signal: Signal) {
        let mut heard = locked(&self.heard);
        heard.signals.push(signal.clone());
        if let Signal::Hint(hint) = signal
            && let Some(at) = heard.trips.iter().position(|trip| *trip == hint)
        {
            heard.trips.remove(at);
            drop(heard);
            self.tasks.kill();
            // An abort waits for the next await; this ends the task that spoke where it stands.
            resume_unwind(Box::new(hint));
        }
    }
}

/// The broker, as long as the road to it is open.
#[derive(Clone)]
struct Road {
    log: Log,
    closed: Arc<AtomicBool>,
}

impl Road {
    fn pass<'a, T: Send + 'a>(
        &self,
        call: BoxFuture<'a, Result<T, BusError>>,
    ) -> BoxFuture<'a, Result<T, BusError>> {
        if self.closed.load(Ordering::Relaxed) {
            return Box::pin(async { Err(BusError::Unavailable("the road is closed".into())) });
        }
        call
    }
}

impl Broker for Road {
    fn append(
        &self,
        topic: String,
        events: Vec<Event>,
    ) -> BoxFuture<'_, Result<Vec<Position>, BusError>> {
        self.pass(self.log.append(topic, events))
    }

    fn poll(
        &self,
        member: Member,
        limit: u64,
        wait_ms: u64,
    ) -> BoxFuture<'_, Result<Batch, BusError>> {
        self.pass(self.log.poll(member, limit, wait_ms))
    }

    fn acknowledge(
        &self,
        member: Member,
        generation: u64,
        handled: Vec<Position>,
    ) -> BoxFuture<'_, Result<(), BusError>> {
        self.pass(self.log.acknowledge(member, generation, handled))
    }

    fn leave(&self, member: Member) -> BoxFuture<'_, Result<(), BusError>> {
        self.pass(self.log.leave(member))
    }

    fn lag(&self, topic: String, group: String) -> BoxFuture<'_, Result<u64, BusError>> {
        self.pass(self.log.lag(topic, group))
    }
}
