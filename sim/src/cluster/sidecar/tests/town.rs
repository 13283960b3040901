//! A caller with a sidecar, a service of a few pods, and what came of each call.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use squall_kit::{
    net::{
        Net,
        client::{Answer, Call, CallError, ClientSettings, HttpClient},
    },
    rng::Rng,
    signal::Signals,
    spawn::Spawn,
};
use squall_reports::history::{Name, SidecarAct, What};
use tokio::time::sleep;

use crate::{
    cluster::sidecar::{Destination, Mesh, Seat, Sidecar},
    engine::{Directory, Engine, HostId, Link, Settings, World},
    objects::mesh::{
        ConnectionPool, DestinationRule, LoadBalancer, OutlierDetection, RetryPolicy,
        VirtualService,
    },
    recorder::Recorder,
};

/// The service's port; its pods listen on [`TARGET_PORT`].
pub(super) const PORT: u16 = 80;
const TARGET_PORT: u16 = 8080;
const CALLER: &str = "order-1";

pub(super) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What the mesh says; tests change it while it runs.
#[derive(Default)]
pub(super) struct Told {
    pub(super) pods: Vec<Name>,
    pub(super) rule: Option<Arc<DestinationRule>>,
    pub(super) route: Option<Arc<VirtualService>>,
}

#[derive(Clone, Default)]
struct OneService(Arc<Mutex<Told>>);

impl Mesh for OneService {
    fn destination(&self, service: &str, port: u16) -> Option<Destination> {
        let told = self.0.lock().unwrap();
        ((service, port) == ("pay", PORT)).then(|| Destination {
            pods: told.pods.clone(),
            port: TARGET_PORT,
            rule: told.rule.clone(),
            route: told.route.clone(),
        })
    }
}

/// How often each pod was connected to and asked.
#[derive(Clone, Default)]
pub(super) struct Tally(Arc<Mutex<BTreeMap<Name, (u32, u32)>>>);

impl Tally {
    pub(super) fn connections(&self, pod: &str) -> u32 {
        self.0.lock().unwrap().get(pod).map_or(0, |counts| counts.0)
    }

    pub(super) fn requests(&self, pod: &str) -> u32 {
        self.0.lock().unwrap().get(pod).map_or(0, |counts| counts.1)
    }

    fn connected(&self, pod: &Name) {
        let mut counts = self.0.lock().unwrap();
        counts.entry(Arc::clone(pod)).or_default().0 += 1;
    }

    fn asked(&self, pod: &Name) {
        let mut counts = self.0.lock().unwrap();
        counts.entry(Arc::clone(pod)).or_default().1 += 1;
    }
}

/// A finished call: when it was made and ended, and how.
pub(super) struct Called {
    pub(super) from: Duration,
    pub(super) to: Duration,
    pub(super) result: Result<Answer, CallError>,
}

impl Called {
    pub(super) fn answer(&self) -> &Answer {
        self.result.as_ref().expect("an answer")
    }

    pub(super) fn status(&self) -> u16 {
        self.answer().status.as_u16()
    }

    pub(super) fn body(&self) -> &str {
        std::str::from_utf8(&self.answer().body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let value = self.answer().headers.get(name)?;
        Some(value.to_str().unwrap())
    }

    pub(super) fn took(&self) -> Duration {
        self.to - self.from
    }
}

pub(super) struct Town {
    pub(super) world: Engine,
    pub(super) names: Arc<Directory>,
    pub(super) tally: Tally,
    mesh: OneService,
    caller: HostId,
    caller_net: Net,
    recorder: Recorder,
    calls: Arc<Mutex<Vec<Called>>>,
}

impl Town {
    /// Links of 1 ms, a caller, nobody else.
    pub(super) fn new() -> Self {
        let mut world = Engine::new(Settings {
            link: Link::healthy(1, 0),
            ..Settings::new(1, 16)
        })
        .expect("an engine");
        let names = Arc::new(Directory::default());
        let caller = world.add_host(CALLER);
        let (clock, interrupter) = (world.clock(caller), world.interrupter());
        let epoch_ms = clock.now_ms();
        let recorder = Recorder::new(
            move || ms(clock.now_ms() - epoch_ms),
            move || interrupter.interrupt(),
        );
        recorder.start(Box::new(crate::controls::Calm));
        let mesh = OneService::default();
        let seat = Seat {
            pod: CALLER.into(),
            spawn: world.spawn(caller),
            rng: Rng::stream(1, "sidecar/order-1"),
            recorder: recorder.clone(),
            mesh: Arc::new(mesh.clone()),
        };
        let caller_net = Sidecar::net(world.net(caller, names.clone()), seat);
        world.start(caller, "main", Box::pin(std::future::pending()));
        Self {
            world,
            names,
            tally: Tally::default(),
            mesh,
            caller,
            caller_net,
            recorder,
            calls: Arc::default(),
        }
    }

    /// Changes what sidecars are told.
    pub(super) fn tell(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.mesh.0.lock().unwrap());
    }

    /// A ready pod that answers so.
    pub(super) fn pod(&mut self, name: &str, router: Router) -> HostId {
        let host = self.dead_pod(name);
        let (net, spawn) = (
            self.world.net(host, self.names.clone()),
            self.world.spawn(host),
        );
        let serving = serve(net, spawn, router, name.into(), self.tally.clone());
        self.world.start(host, "main", Box::pin(serving));
        host
    }

    /// A ready pod that refuses connections.
    pub(super) fn dead_pod(&mut self, name: &str) -> HostId {
        let host = self.world.add_host(name);
        self.names.set(name, host);
        self.tell(|told| told.pods.push(name.into()));
        host
    }

    /// Calls `GET /` of `target` once for each of these times from now, in ms.
    pub(super) fn call(&mut self, target: &str, at_ms: impl IntoIterator<Item = u64>) {
        self.calls_with(target, at_ms, ms(600_000));
    }

    /// Calls once, and hangs up after `patience`.
    pub(super) fn impatient_call(&mut self, target: &str, at_ms: u64, patience: Duration) {
        self.calls_with(target, [at_ms], patience);
    }

    fn calls_with(
        &mut self,
        target: &str,
        at_ms: impl IntoIterator<Item = u64>,
        patience: Duration,
    ) {
        let spawn = self.world.spawn(self.caller);
        let client = HttpClient::new(
            self.caller_net.clone(),
            spawn.clone(),
            Signals::silent(),
            ClientSettings::default(),
        );
        for at in at_ms {
            let call = Call::new(http::Method::GET, target, "/", patience);
            let (client, calls) = (client.clone(), Arc::clone(&self.calls));
            let recorder = self.recorder.clone();
            spawn.task("call", async move {
                sleep(ms(at)).await;
                let from = recorder.now();
                let result = client.call(call).await;
                let to = recorder.now();
                calls.lock().unwrap().push(Called { from, to, result });
            });
        }
    }

    /// Lets so much time pass.
    pub(super) fn pass(&mut self, ms: u64) {
        let deadline = self.world.now() + Duration::from_millis(ms);
        while self.world.now() < deadline {
            self.world.run_until(deadline).expect("the run goes on");
        }
        assert_eq!(self.world.take_panics(), []);
    }

    /// The calls that ended, in the order they did.
    pub(super) fn calls(&self) -> Vec<Called> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// Their statuses.
    pub(super) fn statuses(&self) -> Vec<u16> {
        self.calls().iter().map(Called::status).collect()
    }

    /// What the sidecar did since the last look, and when.
    pub(super) fn acts(&self) -> Vec<(Duration, SidecarAct)> {
        let entries = self.recorder.take_history().entries;
        let acts = entries.into_iter().filter_map(|entry| match entry.what {
            What::Sidecar { upstream, did } => {
                assert_eq!((&*entry.host, &*upstream), (CALLER, "pay"));
                Some((Duration::from_micros(entry.at_us), did))
            }
            _ => None,
        });
        acts.collect()
    }

    /// The flags and statuses of the sidecar's own answers.
    pub(super) fn own_answers(&self) -> Vec<(String, u16)> {
        let acts = self.acts().into_iter();
        let answers = acts.filter_map(|(_, did)| match did {
            SidecarAct::Answered { flag, status } => Some((flag.to_string(), status)),
            _ => None,
        });
        answers.collect()
    }
}

/// A server that counts. Without a `date`, as everything in a simulation.
async fn serve(net: Net, spawn: Spawn, router: Router, name: Name, tally: Tally) {
    let mut listener = net.bind(TARGET_PORT).await.expect("a free port");
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        tally.connected(&name);
        let (name, tally) = (Arc::clone(&name), tally.clone());
        let count = axum::middleware::from_fn(
            move |request: axum::extract::Request, next: axum::middleware::Next| {
                tally.asked(&name);
                next.run(request)
            },
        );
        let app = TowerToHyperService::new(router.clone().layer(count));
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .auto_date_header(false);
        let serving = builder.serve_connection(TokioIo::new(stream), app);
        spawn.task("connection", async move {
            let _ = serving.await;
        });
    }
}

/// A rule without limits, detection or surprises.
pub(super) fn rule() -> DestinationRule {
    DestinationRule {
        name: "pay".to_owned(),
        host: "pay".to_owned(),
        connection_pool: ConnectionPool::default(),
        outlier_detection: None,
        load_balancer: LoadBalancer::RoundRobin,
    }
}

/// A rule with these limits.
pub(super) fn limited(connection_pool: ConnectionPool) -> Option<Arc<DestinationRule>> {
    Some(Arc::new(DestinationRule {
        connection_pool,
        ..rule()
    }))
}

/// A rule with this detection.
pub(super) fn detecting(detection: OutlierDetection) -> Option<Arc<DestinationRule>> {
    Some(Arc::new(DestinationRule {
        outlier_detection: Some(detection),
        ..rule()
    }))
}

/// A route as Istio makes it where nothing is said.
pub(super) fn route() -> VirtualService {
    VirtualService {
        name: "pay".to_owned(),
        host: "pay".to_owned(),
        timeout: None,
        retries: RetryPolicy::default(),
        abort: None,
        delay: None,
    }
}
