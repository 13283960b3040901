//! What idle hosts and requests cost, on the event-driven engine and on `turmoil::Sim` side by
//! side.
//!
//! `idle`: an element is a simulated millisecond, so 1 Kelem/s is real time.
//! `http`: an element is a request (axum behind hyper, keep-alive) on so many connections; `lone`
//! is one connection among otherwise idle hosts, `proportional` has ten connections per pair of
//! hosts.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark measures real time"
)]
#![allow(missing_docs, reason = "made by criterion's macros")]

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, routing::post};
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http_body_util::{BodyExt, Full};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use squall_kit::{net::Net, spawn::Spawn};
use squall_sim::engine::{Directory, Engine, HostId, Link, Settings, TurmoilEngine, World};

const PORT: u16 = 8080;

#[derive(Clone, Copy)]
enum Kind {
    Event,
    Turmoil,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Turmoil => "turmoil",
        }
    }
}

/// A world with its hosts; even ones serve, odd ones call.
struct Bench {
    world: Box<dyn World>,
    names: Arc<Directory>,
    hosts: Vec<HostId>,
    requests: Arc<AtomicU64>,
}

impl Bench {
    fn new(kind: Kind, hosts: usize) -> Self {
        let settings = Settings {
            link: Link::healthy(1, 1),
            ..Settings::new(1, hosts)
        };
        let mut world: Box<dyn World> = match kind {
            Kind::Event => Box::new(Engine::new(settings).expect("an engine")),
            Kind::Turmoil => Box::new(TurmoilEngine::new(settings).expect("an engine")),
        };
        let names = Arc::new(Directory::default());
        let hosts = (0..hosts).map(|number| {
            let name = format!("host-{number}");
            let host = world.add_host(&name);
            names.set(&name, host);
            host
        });
        let hosts = hosts.collect();
        Self {
            world,
            names,
            hosts,
            requests: Arc::default(),
        }
    }

    fn net(&self, host: HostId) -> Net {
        self.world.net(host, self.names.clone())
    }

    /// Gives every host a process that sleeps, for ever or again and again.
    fn idle(mut self, period: Option<Duration>) -> Self {
        for host in self.hosts.clone() {
            let main = Box::pin(async move {
                match period {
                    Some(period) => loop {
                        tokio::time::sleep(period).await;
                    },
                    None => std::future::pending().await,
                }
            });
            self.world.start(host, "idle", main);
        }
        self
    }

    /// Every even host serves; `connections` of each odd one call the host before it.
    fn http(mut self, callers: usize, connections: usize) -> Self {
        for pair in self.hosts.clone().chunks_exact(2) {
            let (net, spawn) = (self.net(pair[0]), self.world.spawn(pair[0]));
            self.world
                .start(pair[0], "server", Box::pin(serve(net, spawn)));
        }
        self.pass(Duration::from_millis(10));
        let pairs = self.hosts.clone();
        for (number, pair) in pairs.chunks_exact(2).enumerate().take(callers) {
            let spawn = self.world.spawn(pair[1]);
            self.world
                .start(pair[1], "client", Box::pin(std::future::pending()));
            for _ in 0..connections {
                let server = format!("host-{}", 2 * number);
                let (net, requests) = (self.net(pair[1]), self.requests.clone());
                let spawn_too = spawn.clone();
                spawn.task("caller", call(net, spawn_too, server, requests));
            }
        }
        self.pass(Duration::from_millis(50));
        self
    }

    fn pass(&mut self, time: Duration) {
        let deadline = self.world.now() + time;
        self.world.run_until(deadline).expect("the run goes on");
    }

    /// The wall time that `count` requests take.
    fn time_requests(&mut self, count: u64) -> Duration {
        let before = self.requests.load(Ordering::Relaxed);
        let start = Instant::now();
        loop {
            self.pass(Duration::from_millis(20));
            let done = self.requests.load(Ordering::Relaxed) - before;
            if done >= count {
                return start.elapsed().mul_f64(count as f64 / done as f64);
            }
        }
    }
}

async fn serve(net: Net, spawn: Spawn) {
    let router = Router::new().route("/echo", post(|body: Bytes| async move { body }));
    let mut listener = net.bind(PORT).await.expect("a free port");
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let service = TowerToHyperService::new(router.clone());
        spawn.task("connection", async move {
            let serving = hyper::server::conn::http1::Builder::new();
            let _ = serving
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn call(net: Net, spawn: Spawn, server: String, requests: Arc<AtomicU64>) {
    let stream = net.connect(&server, PORT).await.expect("a server");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .expect("a connection");
    spawn.task("connection", async move {
        let _ = connection.await;
    });
    loop {
        let request = http::Request::post("/echo")
            .header("host", "server")
            .body(Full::new(Bytes::from_static(
                b"{\"item\":\"tea\",\"qty\":1}",
            )))
            .expect("a request");
        let answer = sender.send_request(request).await.expect("an answer");
        let body = answer.into_body().collect().await.expect("a body");
        black_box(body.to_bytes());
        requests.fetch_add(1, Ordering::Relaxed);
    }
}

fn idle(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("idle");
    group.sample_size(10);
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(1));
    for (kind, slice_ms) in [(Kind::Event, 60_000), (Kind::Turmoil, 20)] {
        for hosts in [20, 100, 200] {
            for (what, period) in [("", None), (" with timers", Some(100))] {
                let period = period.map(Duration::from_millis);
                let mut bench = Bench::new(kind, hosts).idle(period);
                bench.pass(Duration::from_millis(10));
                group.throughput(Throughput::Elements(slice_ms));
                let name = format!("{}/{hosts} hosts{what}", kind.name());
                group.bench_function(name, |bencher| {
                    bencher.iter(|| bench.pass(Duration::from_millis(slice_ms)));
                });
            }
        }
    }
    group.finish();
}

fn http(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("http");
    group.sample_size(10);
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(1));
    group.throughput(Throughput::Elements(1));
    let mut measure = |name: String, kind, hosts, callers, connections| {
        let mut bench = Bench::new(kind, hosts).http(callers, connections);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| bench.time_requests(count));
        });
    };
    for hosts in [10, 40] {
        for connections in [1, 10, 100] {
            for kind in [Kind::Event, Kind::Turmoil] {
                let name = format!("{hosts} hosts/{connections} connections/{}", kind.name());
                measure(name, kind, hosts, 1, connections);
            }
        }
    }
    for hosts in [20, 200] {
        measure(format!("lone/{hosts} hosts"), Kind::Event, hosts, 1, 1);
        let name = format!("proportional/{hosts} hosts");
        measure(name, Kind::Event, hosts, hosts / 2, 10);
    }
    group.finish();
}

criterion_group!(benches, idle, http);
criterion_main!(benches);
