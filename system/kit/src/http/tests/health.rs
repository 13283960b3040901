//! Probes see a pod start, serve and stop.

use super::{get, pod};
use crate::http::health::Health;

#[tokio::test(start_paused = true)]
async fn ready_from_the_start_to_the_stop_signal_alive_all_along() {
    let pod = pod();
    let health = Health::new(&pod);
    let router = health.router();
    let seen = async || {
        let ready = get(&pod, &router, "/actuator/health/readiness").await;
        let alive = get(&pod, &router, "/actuator/health/liveness").await;
        let both = get(&pod, &router, "/actuator/health").await;
        assert_eq!((ready.status, &ready.body), (both.status, &both.body));
        assert_eq!(alive.body["status"], "UP");
        (
            ready.status.as_u16(),
            ready.body["status"].as_str().unwrap_or("?").to_owned(),
        )
    };
    assert_eq!(seen().await, (503, "DOWN".to_owned()));
    health.started();
    assert_eq!(seen().await, (200, "UP".to_owned()));
    pod.stop.raise();
    assert_eq!(seen().await, (503, "DOWN".to_owned()));
}
