//! Routers as their callers see them, without a network: `oneshot`.

mod health;
mod idempotency;
mod resource;

use axum::{Router, body::Body as RequestBody};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::pipeline::pipeline;
use crate::{
    Pod,
    net::{Net, memory::Memory},
    testing,
};

fn pod() -> Pod {
    testing::pod(Net::new(Memory::default()))
}

/// One answer, its body read as JSON.
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

/// `GET /path` or `POST /path`, with header fields and a body.
async fn ask(
    pod: &Pod,
    router: Router,
    line: &str,
    headers: &[(&'static str, &'static str)],
    body: &str,
) -> Answered {
    let (method, path) = line.split_once(' ').expect("a method and a path");
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(RequestBody::from(body.to_owned()))
        .expect("a request");
    let answer = pipeline(pod, router)
        .oneshot(request)
        .await
        .expect("routers do not fail");
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    Answered {
        status: parts.status,
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    }
}

async fn get(pod: &Pod, router: &Router, path: &str) -> Answered {
    ask(pod, router.clone(), &format!("GET {path}"), &[], "").await
}
