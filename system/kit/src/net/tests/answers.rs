//! What a server answers when something is wrong.

use super::*;
use crate::{
    config::Config,
    net::client::{CallError, ClientSettings},
    net::memory::Memory,
    spawn::{Spawn, Spawner},
    work::{Admission, Permit, Work},
};

async fn a_body_over_the_limit_is_413(net: impl Transport) {
    let pod = pod(net);
    start(&pod, 8080, routes()).await;
    let client = pod.client(ClientSettings::default());
    let size = |bytes: usize| {
        Call::new(Method::POST, "pay:8080", "/echo", 10 * SECOND).bytes(vec![b'x'; bytes])
    };
    let answer = client.call(size(1024 * 1024)).await.expect("an answer");
    assert_eq!(
        (answer.status, answer.body.len()),
        (StatusCode::OK, 1024 * 1024)
    );
    let answer = client.call(size(1024 * 1024 + 1)).await.expect("an answer");
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        answer.problem().as_deref(),
        Some("urn:squall:problem:too-large")
    );
    pod.stop.raise();
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_limit_is_413_in_memory() {
    a_body_over_the_limit_is_413(Memory::default()).await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_over_tcp() {
    a_body_over_the_limit_is_413(loopback()).await;
}

#[tokio::test(start_paused = true)]
async fn every_error_is_a_problem() {
    let pod = pod(Memory::default());
    start(&pod, 8080, routes()).await;
    let client = pod.client(ClientSettings::default());
    for (call, status, kind) in [
        (
            call(Method::GET, "/nothing"),
            404,
            "urn:squall:problem:not-found",
        ),
        (
            call(Method::DELETE, "/orders"),
            405,
            "urn:squall:problem:method-not-allowed",
        ),
        (
            call(Method::POST, "/orders").bytes("{"),
            400,
            "urn:squall:problem:malformed",
        ),
        (
            call(Method::POST, "/orders").bytes("[1]"),
            422,
            "urn:squall:problem:unprocessable",
        ),
    ] {
        let answer = client.call(call).await.expect("an answer");
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.problem().as_deref(), Some(kind));
        let document: Value = answer.json().expect("a document");
        assert_eq!(document["status"], status);
        if status == 405 {
            assert_eq!(answer.headers["allow"], "POST");
        }
    }
    // The text of an extractor that knows no problems is kept as the detail.
    let broken = call(Method::POST, "/echo").bytes(vec![0xff]);
    let answer = client.call(broken).await.expect("an answer");
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let document: Value = answer.json().expect("a document");
    assert!(
        document["detail"]
            .as_str()
            .is_some_and(|text| text.contains("UTF-8")),
        "{document}"
    );
}

/// Keeps the panics of its tasks, as the simulator does.
#[derive(Clone, Default)]
struct Recording(Arc<Mutex<Vec<String>>>);

impl Spawner for Recording {
    fn spawn(&self, _name: &'static str, task: BoxFuture<'static, ()>) {
        let panics = self.0.clone();
        Spawn::tokio().task("recorded", async move {
            let ended = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(task));
            if let Err(panic) = ended.await {
                let message = panic
                    .downcast_ref::<&str>()
                    .copied()
                    .unwrap_or("?")
                    .to_owned();
                panics
                    .lock()
                    .expect("no panic while recording")
                    .push(message);
            }
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_bare_500_for_the_caller_and_a_panic_for_the_pod() {
    let recording = Recording::default();
    let mut pod = pod(Memory::default());
    pod.spawn = Spawn::new(recording.clone());
    start(&pod, 8080, routes()).await;
    let client = pod.client(ClientSettings::default());
    let answer = client
        .call(call(Method::GET, "/panic"))
        .await
        .expect("an answer");
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        answer.problem().as_deref(),
        Some("urn:squall:problem:internal")
    );
    assert!(!String::from_utf8_lossy(&answer.body).contains("secret"));
    assert!(
        client.call(call(Method::GET, "/hello")).await.is_ok(),
        "others are still served"
    );
    let recorded = recording
        .0
        .lock()
        .expect("no panic while recording")
        .clone();
    assert_eq!(recorded, ["the secret is 42"]);
}

/// Admits nobody, and remembers who asked.
#[derive(Clone, Default)]
struct Full(Arc<Mutex<Vec<String>>>);

impl Admission for Full {
    fn admit(&self, method: &str, route: &str) -> BoxFuture<'_, Option<Permit>> {
        let asked = format!("{method} {route}");
        self.0.lock().expect("no panic while asking").push(asked);
        Box::pin(async { None })
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_and_is_asked_by_route() {
    let full = Full::default();
    let mut pod = pod(Memory::default());
    pod.work = Work::new(full.clone());
    let router = Router::new().route("/orders/{id}", get(|| async { "never" }));
    start(&pod, 8080, router).await;
    let client = pod.client(ClientSettings::default());
    let answer = client
        .call(call(Method::GET, "/orders/7"))
        .await
        .expect("an answer");
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        answer.problem().as_deref(),
        Some("urn:squall:refused:overloaded")
    );
    assert!(answer.is_refusal());
    assert_eq!(
        *full.0.lock().expect("no panic while asking"),
        ["GET /orders/{id}"]
    );
}

#[tokio::test(start_paused = true)]
async fn connections_are_bounded() {
    let mut pod = pod(Memory::default());
    pod.config = Config::new([("SERVER_CONNECTIONS", "1")]);
    start(&pod, 8080, routes()).await;
    let mut first = pod.net.connect("pay", 8080).await.expect("a connection");
    first
        .write_all(b"GET /slow HTTP/1.1\r\nhost: pay\r\n\r\n")
        .await
        .expect("room");
    let client = pod.client(ClientSettings::default());
    let second = client.call(call(Method::GET, "/hello")).await;
    assert!(
        matches!(second, Err(CallError::Unknown(_))),
        "it waits in the backlog: {second:?}"
    );
    drop(first);
    let third = client.call(call(Method::GET, "/hello")).await;
    assert!(third.is_ok(), "{third:?}");
}
