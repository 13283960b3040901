//! The graceful stop, and its bound.

use super::*;
use crate::{
    config::Config,
    net::client::{CallError, ClientSettings},
    net::memory::Memory,
    net::server::ServerSettings,
};

#[tokio::test(start_paused = true)]
async fn stopping_lets_requests_under_way_end_and_takes_no_more() {
    let pod = pod(Memory::default());
    let server = start(&pod, 8080, routes()).await;
    let client = pod.client(ClientSettings::default());
    let idle = client.call(call(Method::GET, "/hello")).await;
    assert!(idle.is_ok());
    let slow = Call::new(Method::GET, "pay:8080", "/slow", 10 * SECOND);
    let under_way = pod.spawn.result("caller", {
        let client = client.clone();
        async move { client.call(slow).await }
    });
    sleep(SECOND).await;
    let stopped = Instant::now();
    pod.stop.raise();
    sleep(SECOND).await;
    let late = client.call(call(Method::GET, "/hello")).await;
    assert!(matches!(late, Err(CallError::NotSent(_))), "{late:?}");
    server.ended().await;
    assert_eq!(
        stopped.elapsed(),
        4 * SECOND,
        "as long as the slow request takes"
    );
    let answer = under_way.await.expect("a result").expect("an answer");
    assert_eq!(&answer.body[..], b"slow");
}

#[tokio::test(start_paused = true)]
async fn the_grace_period_is_bounded() {
    let mut pod = pod(Memory::default());
    pod.config = Config::new([("SHUTDOWN_GRACE_MS", "1500")]);
    let server = start(&pod, 8080, routes()).await;
    let client = pod.client(ClientSettings::default());
    let slow = Call::new(Method::GET, "pay:8080", "/slow", 10 * SECOND);
    let under_way = pod
        .spawn
        .result("caller", async move { client.call(slow).await });
    sleep(SECOND).await;
    let stopped = Instant::now();
    pod.stop.raise();
    server.ended().await;
    assert_eq!(stopped.elapsed(), Duration::from_millis(1500));
    let result = under_way.await.expect("a result");
    assert!(matches!(result, Err(CallError::Unknown(_))), "{result:?}");
}

/// A connection whose holder closes nothing and has its answers as they come.
struct Line(BoxStream);

impl Line {
    /// Connects and has one request answered, after which the connection is idle.
    async fn idle(pod: &Pod) -> Self {
        let stream = pod.net.connect("pay", 8080).await.expect("a listener");
        let mut line = Self(stream);
        line.send().await;
        let answer = line.answer().await;
        assert!(answer.ends_with("hello"), "{answer}");
        assert!(!answer.contains("connection: close"), "{answer}");
        line
    }

    async fn send(&mut self) {
        let request = b"GET /hello HTTP/1.1\r\nhost: pay\r\n\r\n";
        self.0.write_all(request).await.expect("an open line");
    }

    /// The next piece that the server sends; nothing once it has closed.
    async fn answer(&mut self) -> String {
        let mut piece = [0; 1024];
        let length = self.0.read(&mut piece).await.expect("no reset");
        String::from_utf8_lossy(&piece[..length]).into_owned()
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_meets_the_stop_on_an_idle_connection_is_answered() {
    let pod = pod(Memory::default());
    let server = start(&pod, 8080, routes()).await;
    let mut at_once = Line::idle(&pod).await;
    let mut later = Line::idle(&pod).await;
    let stopped = Instant::now();
    // On its way, and not yet read by the server.
    at_once.send().await;
    pod.stop.raise();
    sleep(3 * SECOND).await;
    later.send().await;
    for line in [&mut at_once, &mut later] {
        let answer = line.answer().await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        assert_eq!(line.answer().await, "", "closed after the last answer");
    }
    server.ended().await;
    assert_eq!(stopped.elapsed(), 3 * SECOND, "nobody is waited for");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_that_nobody_uses_lingers_and_is_closed() {
    let pod = pod(Memory::default());
    let server = start(&pod, 8080, routes()).await;
    let mut line = Line::idle(&pod).await;
    let stopped = Instant::now();
    pod.stop.raise();
    server.ended().await;
    let linger = ServerSettings::default().linger;
    assert_eq!(stopped.elapsed(), linger);
    assert_eq!(line.answer().await, "");
    let idle = ClientSettings::default().idle;
    assert!(idle < linger, "no client would use it any more");
}

#[tokio::test(start_paused = true)]
async fn without_a_linger_idle_connections_are_closed_at_once() {
    let mut pod = pod(Memory::default());
    pod.config = Config::new([("SHUTDOWN_LINGER_MS", "0")]);
    let server = start(&pod, 8080, routes()).await;
    let mut line = Line::idle(&pod).await;
    let stopped = Instant::now();
    pod.stop.raise();
    server.ended().await;
    assert_eq!(stopped.elapsed(), Duration::ZERO);
    assert_eq!(line.answer().await, "");
}
