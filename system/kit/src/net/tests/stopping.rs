//! The graceful stop, and its bound.

use super::*;
use crate::{
    config::Config,
    net::client::{CallError, ClientSettings},
    net::memory::Memory,
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
