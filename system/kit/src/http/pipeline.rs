//! What every request passes on its way to a handler, and every answer on its way back.
//!
//! In this order: the body is read whole (at most [`BODY_LIMIT_BYTES`]), a worker is asked for, the
//! handler runs, a panic in it becomes a plain 500, and whatever error is left without a
//! problem+json body gets one.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::{MatchedPath, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::FutureExt;
use http::{HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;

use super::problem::Problem;
use crate::{Pod, clock::Clock, hints, signal::Signals, spawn::Spawn, stop::Stop, work::Work};

/// The largest body a service takes: 1 MiB.
pub const BODY_LIMIT_BYTES: usize = 1024 * 1024;

/// How much of a body over the limit is read and thrown away, so that its sender gets to read the
/// 413 instead of a reset (Tomcat: `maxSwallowSize`).
const SWALLOW_LIMIT_BYTES: usize = 2 * BODY_LIMIT_BYTES;

/// How long a sender may take for one piece of its body (Tomcat: `connectionTimeout`).
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// Marks an answer that is somebody else's and is passed through as it is.
#[derive(Clone, Copy, Debug)]
pub struct Verbatim;

/// `router` with everything around it that a service's answers need.
pub fn pipeline(pod: &Pod, router: Router) -> Router {
    let front = Front {
        work: pod.work.clone(),
        spawn: pod.spawn.clone(),
        clock: pod.clock.clone(),
        stop: pod.stop.clone(),
        signals: pod.signals.clone(),
    };
    router
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(Arc::new(front), pass))
}

struct Front {
    work: Work,
    spawn: Spawn,
    clock: Clock,
    stop: Stop,
    signals: Signals,
}

async fn pass(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let mut answer = match handle(&front, request, next).await {
        Ok(answer) => worded(answer).await,
        Err(problem) => problem.into_response(),
    };
    let now = date(front.clock.now_ms());
    answer.headers_mut().entry(header::DATE).or_insert(now);
    if front.stop.is_raised() {
        // The connection's last answer: see `net::server`.
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert(header::CONNECTION, close);
        front.signals.hint(hints::DRAINED);
    }
    answer
}

async fn handle(front: &Front, request: Request, next: Next) -> Result<Response, Problem> {
    let request = buffered(request).await?;
    let method: Method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("/**", MatchedPath::as_str);
    let Some(permit) = front.work.admit(method.as_str(), route).await else {
        return Err(Problem::refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "too many requests wait already; try again later",
        ));
    };
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    drop(permit);
    answer.map_err(|panic| {
        // The caller learns nothing of it; the pod does, as of every panic in a task of its own.
        front.spawn.task("handler", async move {
            std::panic::resume_unwind(panic);
        });
        Problem::internal()
    })
}

async fn unknown_route(request: Request) -> Problem {
    Problem::not_found(format!("no resource at {}", request.uri().path()))
}

async fn wrong_method(request: Request) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        format!("{} is not for {}", request.method(), request.uri().path()),
    )
}

/// Reads the body before a worker is asked for: a slow sender holds no worker.
async fn buffered(request: Request) -> Result<Request, Problem> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    let (parts, mut body) = request.into_parts();
    let mut whole = BytesMut::new();
    let mut length: usize = 0;
    loop {
        let piece = match tokio::time::timeout(BODY_TIMEOUT, body.frame()).await {
            Err(_elapsed) => return Err(too_slow()),
            Ok(None) => break,
            Ok(Some(Err(error))) => {
                return Err(Problem::malformed(format!("the body broke off: {error}")));
            }
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        };
        length = length.saturating_add(piece.remaining());
        if length > SWALLOW_LIMIT_BYTES {
            break;
        }
        if length <= BODY_LIMIT_BYTES {
            whole.extend_from_slice(&piece);
        }
    }
    if length > BODY_LIMIT_BYTES {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            format!("the body is larger than {BODY_LIMIT_BYTES} bytes"),
        ));
    }
    Ok(Request::from_parts(parts, Body::from(whole.freeze())))
}

fn too_slow() -> Problem {
    let detail = format!("no piece of the body for {} s", BODY_TIMEOUT.as_secs());
    Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", detail)
}

/// Extractors that are not ours answer errors in plain text; every error is problem+json.
async fn worded(answer: Response) -> Response {
    let status = answer.status();
    let media = answer.headers().get(header::CONTENT_TYPE);
    let plain = media.is_none_or(|media| media.as_bytes().starts_with(b"text/plain"));
    let error = status.is_client_error() || status.is_server_error();
    if !error || !plain || answer.extensions().get::<Verbatim>().is_some() {
        return answer;
    }
    let allow = answer.headers().get(header::ALLOW).cloned();
    let body = answer.into_body().collect().await;
    let text = body.map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
    let problem = if status == StatusCode::INTERNAL_SERVER_ERROR {
        Problem::internal()
    } else {
        let reason = status.canonical_reason().unwrap_or("error");
        let name = reason.to_ascii_lowercase().replace(' ', "-");
        Problem::new(status, &name, String::from_utf8_lossy(&text))
    };
    let mut answer = problem.into_response();
    if let Some(allow) = allow {
        answer.headers_mut().insert(header::ALLOW, allow);
    }
    answer
}

/// hyper would ask the machine for the time; an answer carries the pod's own.
fn date(now_ms: u64) -> HeaderValue {
    /// 9999-12-31T23:59:59Z: the last moment that an HTTP date can say.
    const LAST_S: u64 = 253_402_300_799;
    let since = Duration::from_secs((now_ms / 1000).min(LAST_S));
    let text = httpdate::fmt_http_date(std::time::UNIX_EPOCH + since);
    HeaderValue::try_from(text).expect("a date is ASCII")
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn the_date_is_the_pods_own_and_never_panics() {
        assert_eq!(date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
