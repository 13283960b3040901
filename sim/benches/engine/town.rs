//! A world of hosts on either engine, idle or busy with HTTP.

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
use http_body_util::{BodyExt, Full};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use squall_kit::{net::Net, spawn::Spawn};
use squall_sim::engine::{Directory, Engine, HostId, Link, Settings, TurmoilEngine, World};

const PORT: u16 = 8080;

/// Which engine.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Event,
    Turmoil,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Turmoil => "turmoil",
        }
    }
}

/// A world with its hosts; even ones serve, odd ones call.
pub(crate) struct Town {
    world: Box<dyn World>,
    names: Arc<Directory>,
    hosts: Vec<HostId>,
    requests: Arc<AtomicU64>,
}

impl Town {
    /// Empty hosts, with healthy links of 1 to 2 ms.
    pub(crate) fn new(kind: Kind, hosts: usize) -> Self {
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
    pub(crate) fn idle(mut self, period: Option<Duration>) -> Self {
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
    pub(crate) fn http(mut self, callers: usize, connections: usize) -> Self {
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

    /// Lets virtual time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        let deadline = self.world.now() + time;
        self.world.run_until(deadline).expect("the run goes on");
    }

    /// The wall time that `count` requests take.
    pub(crate) fn time_requests(&mut self, count: u64) -> Duration {
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

/// How much virtual time an idle world is given at a time: enough to be measured, and not for ever.
pub(crate) fn idle_slice_ms(kind: Kind) -> u64 {
    match kind {
        Kind::Event => 60_000,
        Kind::Turmoil => 20,
    }
}
