//! `/actuator/health` and its two groups, as Kubernetes probes ask for them (Spring Boot Actuator).

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use serde_json::json;

use crate::{Pod, stop::Stop};

/// A pod's answer to probes. Alive as long as it answers; ready from [`started`](Self::started) on
/// until its stop signal.
#[derive(Clone)]
pub struct Health {
    started: Arc<AtomicBool>,
    stop: Stop,
}

impl Health {
    /// Not ready yet.
    pub fn new(pod: &Pod) -> Self {
        Self {
            started: Arc::default(),
            stop: pod.stop.clone(),
        }
    }

    /// The pod can do its work now.
    pub fn started(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    /// True between start and stop.
    pub fn is_ready(&self) -> bool {
        self.started.load(Ordering::Relaxed) && !self.stop.is_raised()
    }

    /// The three routes; merge them into the service's own.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/actuator/health", get(readiness))
            .route("/actuator/health/readiness", get(readiness))
            .route("/actuator/health/liveness", get(liveness))
            .with_state(self.clone())
    }
}

async fn liveness() -> Response {
    Json(json!({ "status": "UP" })).into_response()
}

async fn readiness(State(health): State<Health>) -> Response {
    if health.is_ready() {
        return Json(json!({ "status": "UP" })).into_response();
    }
    let down = Json(json!({ "status": "DOWN" }));
    (StatusCode::SERVICE_UNAVAILABLE, down).into_response()
}
