//! What calls tell of themselves and of their effect.

use std::sync::atomic::AtomicUsize;

use super::*;
use crate::{
    net::client::{CallError, ClientSettings},
    net::memory::Memory,
    signal::Signals,
};

async fn one_connection_serves_many_calls(net: impl Transport) {
    let connections = Arc::new(AtomicUsize::new(0));
    let pod = pod(Counted(net, connections.clone()));
    let server = start(&pod, 8080, routes()).await;
    let client = pod.client(ClientSettings::default());
    for _ in 0..5 {
        let answer = client
            .call(call(Method::GET, "/hello"))
            .await
            .expect("an answer");
        assert_eq!(
            (answer.status, &answer.body[..]),
            (StatusCode::OK, &b"hello"[..])
        );
        assert_eq!(answer.headers["date"], "Thu, 01 Jan 1970 00:00:07 GMT");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);

    let siege = pod.client(ClientSettings::fresh());
    for _ in 0..5 {
        let answer = siege
            .call(call(Method::GET, "/hello"))
            .await
            .expect("an answer");
        assert_eq!(answer.headers["connection"], "close");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 6);
    pod.stop.raise();
    server.ended().await;
}

#[tokio::test(start_paused = true)]
async fn one_connection_serves_many_calls_in_memory() {
    one_connection_serves_many_calls(Memory::default()).await;
}

#[tokio::test]
async fn one_connection_serves_many_calls_over_tcp() {
    one_connection_serves_many_calls(loopback()).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_may_have_had_its_effect() {
    let heard = Heard::default();
    let mut pod = pod(Memory::default());
    pod.signals = Signals::new(heard.clone());
    start(&pod, 8080, routes()).await;
    let begun = Instant::now();
    let client = pod.client(ClientSettings::default());
    let error = client
        .call(call(Method::GET, "/slow").key("k1"))
        .await
        .expect_err("too slow");
    assert!(matches!(error, CallError::Unknown(_)), "{error}");
    assert_eq!(begun.elapsed(), SECOND);

    let heard = heard.0.lock().expect("no panic while hearing").clone();
    let [
        Signal::CallSent {
            target,
            path,
            key: sent,
            ..
        },
        Signal::CallEnded {
            status: None,
            error: Some(_),
            key: ended,
            ..
        },
    ] = &heard[..]
    else {
        panic!("{heard:?}");
    };
    assert_eq!((target.as_str(), path.as_str()), ("pay:8080", "/slow"));
    assert_eq!(
        (sent.as_deref(), ended.as_deref()),
        (Some("k1"), Some("k1"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_surely_had_no_effect_and_was_never_sent() {
    let heard = Heard::default();
    let mut pod = pod(Memory::default());
    pod.signals = Signals::new(heard.clone());
    let client = pod.client(ClientSettings::default());
    let error = client
        .call(call(Method::POST, "/echo"))
        .await
        .expect_err("nobody listens");
    assert!(matches!(error, CallError::NotSent(_)), "{error}");
    let heard = heard.0.lock().expect("no panic while hearing").clone();
    let [
        Signal::CallEnded {
            status: None,
            error: Some(_),
            ..
        },
    ] = &heard[..]
    else {
        panic!("{heard:?}");
    };
}

/// A network whose connects hang, as into a partition.
struct Hangs;

impl Transport for Hangs {
    fn bind(&self, _port: u16) -> BoxFuture<'_, io::Result<Box<dyn Listener>>> {
        Box::pin(std::future::pending())
    }

    fn connect(&self, _host: &str, _port: u16) -> BoxFuture<'_, io::Result<BoxStream>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_connect_that_hangs_ends_by_itself_or_with_the_call_and_sent_nothing() {
    let pod = pod(Hangs);
    let client = pod.client(ClientSettings::default());
    for (timeout, ends) in [(SECOND, SECOND), (10 * SECOND, 2 * SECOND)] {
        let begun = Instant::now();
        let call = Call::new(Method::POST, "pay:8080", "/echo", timeout);
        let error = client.call(call).await.expect_err("no connection");
        assert!(matches!(error, CallError::NotSent(_)), "{error}");
        assert_eq!(begun.elapsed(), ends);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_after_sending_leaves_the_effect_unknown() {
    let net = Memory::default();
    let pod = pod(net.clone());
    let mut listener = pod.net.bind(8080).await.expect("a free port");
    pod.spawn.task("callee", async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut head = [0; 16];
        stream.read_exact(&mut head).await.expect("a request");
    });
    let client = pod.client(ClientSettings::default());
    let error = client
        .call(call(Method::POST, "/echo"))
        .await
        .expect_err("it broke");
    assert!(matches!(error, CallError::Unknown(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_by_the_client_first() {
    let connections = Arc::new(AtomicUsize::new(0));
    let pod = pod(Counted(Memory::default(), connections.clone()));
    start(&pod, 8080, routes()).await;
    let client = pod.client(ClientSettings::default());
    for pause_s in [14, 16, 300] {
        let answer = client.call(call(Method::GET, "/hello")).await;
        assert!(answer.is_ok(), "{answer:?}");
        sleep(pause_s * SECOND).await;
    }
    let last = client.call(call(Method::GET, "/hello")).await;
    assert!(last.is_ok(), "{last:?}");
    assert_eq!(connections.load(Ordering::Relaxed), 3);
}
