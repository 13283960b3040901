//! A gateway: path prefixes to services, requests and answers passed through (Spring Cloud
//! Gateway).
//!
//! It never repeats a request. What it answers itself says what it knows: 503, marked as refused,
//! when surely nothing was sent; 504 when the request may have had its effect.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::any,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request};

use super::{
    pipeline::{BODY_LIMIT_BYTES, Verbatim},
    problem::Problem,
};
use crate::{
    Pod,
    clock::Clock,
    net::call::{Answer, Call, CallError},
    net::client::HttpClient,
};

/// Where requests under a prefix go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `/orders`: takes `/orders` and everything below it.
    pub prefix: String,
    /// Service and port: `order:8080`.
    pub target: String,
}

/// What a gateway is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewaySettings {
    /// No two with the same prefix.
    pub routes: Vec<Route>,
    /// How long a service may take for its whole answer.
    pub timeout: Duration,
    /// Let browsers call from pages of every origin.
    pub cors: bool,
}

/// The gateway's router. Bodies of both directions are buffered.
pub fn router(pod: &Pod, client: HttpClient, settings: GatewaySettings) -> Router {
    let mut router = Router::new();
    for Route { prefix, target } in settings.routes {
        let backend = Arc::new(Backend {
            client: client.clone(),
            clock: pod.clock.clone(),
            target,
            timeout: settings.timeout,
            cors: settings.cors,
        });
        let forward = any(forward).with_state(backend);
        router = router
            .route(&prefix, forward.clone())
            .route(&format!("{prefix}/"), forward.clone())
            .route(&format!("{prefix}/{{*rest}}"), forward);
    }
    router
}

struct Backend {
    client: HttpClient,
    clock: Clock,
    target: String,
    timeout: Duration,
    cors: bool,
}

async fn forward(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let from_page = parts.headers.contains_key(header::ORIGIN);
    let mut answer = if backend.cors && from_page && is_preflight(&parts) {
        preflight(&parts)
    } else {
        backend.exchange(&parts, body).await
    };
    if backend.cors && from_page {
        let every = HeaderValue::from_static("*");
        let headers = answer.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, every.clone());
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, every);
    }
    answer
}

impl Backend {
    async fn exchange(&self, parts: &request::Parts, body: Body) -> Response {
        // The pipeline has read it within the same limit; this only unwraps it.
        let Ok(body) = to_bytes(body, BODY_LIMIT_BYTES).await else {
            return Problem::malformed("the body cannot be read").into_response();
        };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut call =
            Call::new(parts.method.clone(), &self.target, path, self.timeout).bytes(body);
        call.headers = end_to_end(&parts.headers);
        // These two are the client's to set.
        call.headers.remove(header::HOST);
        call.headers.remove(header::CONTENT_LENGTH);
        match self.client.call(call).await {
            Ok(answer) => passed(answer, &parts.method),
            Err(error) => self.failed(parts, &error).into_response(),
        }
    }

    fn failed(&self, parts: &request::Parts, error: &CallError) -> Problem {
        let problem = match error {
            CallError::NotSent(_) => Problem::refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "backend-unavailable",
                "the service cannot be reached; nothing was done",
            ),
            CallError::Unknown(_) => Problem::new(
                StatusCode::GATEWAY_TIMEOUT,
                "backend-silent",
                "the service gave no answer; the request may have had its effect",
            ),
        };
        let (status, message) = (problem.status, problem.detail.clone());
        problem
            .with("timestamp", self.clock.now_ms())
            .with("path", parts.uri.path())
            .with("error", status.canonical_reason().unwrap_or_default())
            .with("message", message)
    }
}

fn passed(answer: Answer, method: &Method) -> Response {
    let mut headers = end_to_end(&answer.headers);
    if method != Method::HEAD {
        // The server counts the body itself; without one, only the field tells its length.
        headers.remove(header::CONTENT_LENGTH);
    }
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = headers;
    response.extensions_mut().insert(Verbatim);
    response
}

/// Without the fields that are about one connection only (RFC 9110, section 7.6.1).
pub fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    const HOP_BY_HOP: [HeaderName; 7] = [
        header::CONNECTION,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    let mut kept = headers.clone();
    for options in headers.get_all(header::CONNECTION) {
        for name in options.to_str().unwrap_or_default().split(',') {
            kept.remove(name.trim());
        }
    }
    for name in HOP_BY_HOP {
        kept.remove(name);
    }
    kept.remove("keep-alive");
    kept.remove("proxy-connection");
    kept
}

fn is_preflight(parts: &request::Parts) -> bool {
    let asks = header::ACCESS_CONTROL_REQUEST_METHOD;
    parts.method == Method::OPTIONS && parts.headers.contains_key(asks)
}

/// A browser asks before it sends: every method and header is fine.
fn preflight(parts: &request::Parts) -> Response {
    let mut answer = StatusCode::NO_CONTENT.into_response();
    let methods = HeaderValue::from_static("GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS");
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(
        header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static("1800"),
    );
    if let Some(wanted) = parts.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    answer
}
