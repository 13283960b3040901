//! Server and client together, over memory under paused time and over loopback TCP.

mod answers;
mod calls;
mod gateway;
mod stopping;

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    routing::{get, post},
};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep},
};

use super::{BoxStream, Listener, Net, Transport, client::Call, tcp::Tcp};
use crate::{
    BoxFuture, Pod,
    http::Body,
    signal::{self, Signal},
    testing,
};

const SECOND: Duration = Duration::from_secs(1);

/// Counts the connections that stand, over any network.
struct Counted<T>(T, Arc<AtomicUsize>);

impl<T: Transport> Transport for Counted<T> {
    fn bind(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Listener>>> {
        self.0.bind(port)
    }

    fn connect(&self, host: &str, port: u16) -> BoxFuture<'_, io::Result<BoxStream>> {
        let connecting = self.0.connect(host, port);
        Box::pin(async move {
            let stream = connecting.await?;
            self.1.fetch_add(1, Ordering::Relaxed);
            Ok(stream)
        })
    }
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Signal>>>);

impl signal::Listener for Heard {
    fn hear(&self, signal: Signal) {
        self.0.lock().expect("no panic while hearing").push(signal);
    }
}

fn routes() -> Router {
    Router::new()
        .route("/echo", post(|body: String| async move { body }))
        .route("/hello", get(|| async { "hello" }))
        .route(
            "/orders",
            post(|Body(body): Body<Value>| async move { Json(body) }),
        )
        .route("/panic", get(|| async { boom() }))
        .route(
            "/slow",
            get(|| async {
                sleep(5 * SECOND).await;
                "slow"
            }),
        )
}

fn boom() -> &'static str {
    panic!("the secret is 42")
}

/// A server that has been started.
struct Running(BoxFuture<'static, Option<()>>);

impl Running {
    async fn ended(self) {
        self.0.await.expect("it ended by itself");
    }
}

/// Starts a server and lets it take its port.
async fn start(pod: &Pod, port: u16, router: Router) -> Running {
    let server = pod.clone();
    let running = pod.spawn.result("server", async move {
        server.serve(port, router).await.expect("the port is free");
    });
    tokio::task::yield_now().await;
    Running(running)
}

fn pod(net: impl Transport) -> Pod {
    testing::pod(Net::new(net))
}

fn call(method: Method, path: &str) -> Call {
    Call::new(method, "pay:8080", path, SECOND)
}

/// The shop's port for a real socket: one that the machine says is free.
#[expect(clippy::disallowed_types, reason = "asks for a free port")]
fn loopback() -> Tcp {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = probe.local_addr().expect("bound");
    Tcp {
        services: [(("pay".to_owned(), 8080), address)].into(),
        binds: [(8080, address.port())].into(),
    }
}
