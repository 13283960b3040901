//! Sidecars on the real engine, with real HTTP.

mod limits;
mod outliers;
mod retries;
mod town;

use std::time::Duration;

use axum::{Router, routing::get};
use http::StatusCode;
use tokio::time::sleep;

use self::town::ms;

/// Answers `GET /` with 200 and a word.
fn good() -> Router {
    Router::new().route("/", get(|| async { "paid" }))
}

/// Answers with this status.
fn bad(status: StatusCode) -> Router {
    Router::new().route("/", get(move || async move { status }))
}

/// Answers 200 after a while.
fn slow(after_ms: u64) -> Router {
    let answer = move || async move {
        sleep(ms(after_ms)).await;
        "paid"
    };
    Router::new().route("/", get(answer))
}

fn secs(time: Duration) -> f64 {
    time.as_secs_f64()
}
