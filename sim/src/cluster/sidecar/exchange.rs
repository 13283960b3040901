//! One request through a sidecar: faults, tries, time, and what its program is answered.

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use squall_kit::http::gateway::end_to_end;
use squall_reports::history::{Name, SidecarAct};
use tokio::{
    io::DuplexStream,
    time::{Instant, sleep, timeout_at},
};

use super::{
    NEVER_SENT,
    connection::{TryResult, Unanswered},
    hub::{Hub, Key},
};
use crate::{
    objects::mesh::{RetryPolicy, VirtualService},
    platform::envoy::{
        flag::{Flags, LocalReply, ResponseFlag},
        route::{Retries, TryEnd, Verdict, injected_abort, injected_delay},
    },
};

/// The largest body of a request.
const BODY_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// What the program is answered.
type Answer = Response<Full<Bytes>>;

/// The program's connection is cut: there is nothing honest to answer, or nobody to answer to.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut")]
struct Cut;

/// Starts serving one connection of the pod's program.
pub(super) fn serve(hub: &Arc<Hub>, service: Name, port: u16, stream: DuplexStream) {
    let key = (service, port);
    let shared = Arc::clone(hub);
    let answer = service_fn(move |request| {
        let exchange = Exchange {
            hub: Arc::clone(&shared),
            key: key.clone(),
            flags: Flags::default(),
            tries: 0,
            was_sent: false,
        };
        exchange.run(request)
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // The program closes what it no longer needs.
        .header_read_timeout(None)
        .auto_date_header(false);
    let serving = builder.serve_connection(TokioIo::new(stream), answer);
    hub.seat.spawn.task("sidecar", async move {
        // An error is a program that went away, or a connection that was cut.
        let _ = serving.await;
    });
}

struct Exchange {
    hub: Arc<Hub>,
    key: Key,
    flags: Flags,
    tries: u32,
    /// A try was handed to a pod.
    was_sent: bool,
}

impl Exchange {
    async fn run(mut self, request: Request<Incoming>) -> Result<Answer, Cut> {
        let request = match buffered(request).await? {
            Ok(request) => request,
            Err(too_large) => return Ok(too_large),
        };
        let Some(destination) = self.hub.destination(&self.key) else {
            return Ok(self.own(LocalReply::no_route()));
        };
        let route = destination.route.clone();
        if let Some(status) = self.faults(route.as_deref()).await {
            return Ok(self.own(LocalReply::fault(status)));
        }
        let policy = route.as_ref().map(|route| route.retries.clone());
        // The route's time begins when the request is complete and covers every try.
        let timeout = route.as_ref().and_then(|route| route.timeout);
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        self.tries(request, policy.unwrap_or_default(), deadline)
            .await
    }

    /// Injected faults: the delay, and the status that ends the request here.
    async fn faults(&mut self, route: Option<&VirtualService>) -> Option<u16> {
        let (route, rng) = (route?, &self.hub.seat.rng);
        if let Some(delay) = injected_delay(route, rng) {
            self.flags.set(ResponseFlag::DelayInjected);
            let ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
            self.hub.record(&self.key, SidecarAct::Delayed { ms });
            sleep(delay).await;
        }
        injected_abort(route, rng)
    }

    /// Tries until one try's end is the request's end. The policy bounds how often.
    async fn tries(
        &mut self,
        request: Request<Bytes>,
        policy: RetryPolicy,
        deadline: Option<Instant>,
    ) -> Result<Answer, Cut> {
        let mut retries = Retries::new(&policy);
        let mut place;
        loop {
            let Some(destination) = self.hub.destination(&self.key) else {
                return Ok(self.own(LocalReply::no_route()));
            };
            let Some(pod) = self.hub.pick(&self.key, &destination, retries.tried()) else {
                return Ok(self.own(LocalReply::no_healthy_upstream()));
            };
            retries.note(&pod);
            let limit = policy.per_try_timeout;
            let Some(result) = self.attempt(&pod, request.clone(), limit, deadline).await else {
                return Ok(self.own(LocalReply::timeout()));
            };
            let end = match &result {
                Ok(answer) => TryEnd::Answered(answer.status().as_u16()),
                Err(Unanswered::Reset(reset)) => TryEnd::Reset(*reset),
                Err(Unanswered::Broken(status)) => {
                    self.flags.set(ResponseFlag::ConnectionTermination);
                    self.answered(*status);
                    return Err(Cut);
                }
            };
            place = None;
            let begin = || {
                place = self.hub.begin_retry(&self.key);
                place.is_some()
            };
            match retries.decide(end, begin, &self.hub.seat.rng) {
                Verdict::Again(after) => {
                    let reason = self.hub.seat.recorder.name(&reason(end));
                    self.hub.record(&self.key, SidecarAct::Retried { reason });
                    if within(deadline, sleep(after)).await.is_none() {
                        return Ok(self.own(LocalReply::timeout()));
                    }
                    continue;
                }
                Verdict::Exhausted => self.flags.set(ResponseFlag::RetryLimit),
                Verdict::Overflow => self.flags.set(ResponseFlag::Overflow),
                Verdict::Final => {}
            }
            drop(place);
            return Ok(self.ended(result));
        }
    }

    /// One try, and its charge. `None`: the route's time is over.
    async fn attempt(
        &mut self,
        pod: &Name,
        request: Request<Bytes>,
        limit: Option<Duration>,
        deadline: Option<Instant>,
    ) -> Option<TryResult> {
        self.tries += 1;
        let mut ticket = self.hub.submit(&self.key, pod, request, limit);
        let Some(result) = within(deadline, ticket.reply()).await else {
            if ticket.was_sent() {
                self.was_sent = true;
                self.hub.charge(&self.key, pod, 504);
            }
            return None;
        };
        let (sent, charge) = match &result {
            Ok(answer) => (true, Some(answer.status().as_u16())),
            Err(Unanswered::Reset(reset)) => (!reset.is_before_sending(), reset.charge()),
            Err(Unanswered::Broken(_)) => (true, Some(503)),
        };
        self.was_sent |= sent;
        if let Some(status) = charge {
            self.hub.charge(&self.key, pod, status);
        }
        Some(result)
    }

    /// The last try's end, as the program gets it.
    fn ended(&mut self, result: TryResult) -> Answer {
        match result {
            Ok(answer) => {
                let flag = [ResponseFlag::RetryLimit, ResponseFlag::Overflow];
                if let Some(flag) = flag.into_iter().find(|flag| self.flags.has(*flag)) {
                    let flag = self.hub.seat.recorder.name(flag.code());
                    self.hub.record(&self.key, SidecarAct::NotRetried { flag });
                }
                passed(answer)
            }
            Err(Unanswered::Reset(reset)) => self.own(LocalReply::reset(reset, self.tries > 1)),
            Err(Unanswered::Broken(_)) => unreachable!("it cut the connection"),
        }
    }

    /// An answer of the sidecar's own.
    fn own(&mut self, reply: LocalReply) -> Answer {
        self.flags.set(reply.flag);
        self.answered(reply.status);
        let overloaded = reply.is_overloaded();
        let mut answer = plain(reply.status, reply.body);
        let headers = answer.headers_mut();
        if overloaded {
            headers.insert("x-envoy-overloaded", HeaderValue::from_static("true"));
        }
        if !self.was_sent {
            let flags = HeaderValue::try_from(self.flags.to_string());
            headers.insert(NEVER_SENT, flags.expect("flags are letters and commas"));
        }
        answer
    }

    fn answered(&self, status: u16) {
        let flag = self.hub.seat.recorder.name(&self.flags.to_string());
        let did = SidecarAct::Answered { flag, status };
        self.hub.record(&self.key, did);
    }
}

/// The whole request, as it goes on; or the refusal of one that is too large.
async fn buffered(request: Request<Incoming>) -> Result<Result<Request<Bytes>, Answer>, Cut> {
    let (mut parts, body) = request.into_parts();
    let body = match Limited::new(body, BODY_LIMIT_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            return Ok(Err(plain(413, "Payload Too Large".to_owned())));
        }
        Err(_gone) => return Err(Cut),
    };
    parts.headers = end_to_end(&parts.headers);
    Ok(Ok(Request::from_parts(parts, body)))
}

fn passed(answer: Response<Bytes>) -> Answer {
    let (mut parts, body) = answer.into_parts();
    parts.headers = end_to_end(&parts.headers);
    Response::from_parts(parts, Full::new(body))
}

fn plain(status: u16, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    // A fault may name a status that HTTP does not have.
    let fallback = StatusCode::INTERNAL_SERVER_ERROR;
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(fallback);
    let text = HeaderValue::from_static("text/plain");
    answer.headers_mut().insert(header::CONTENT_TYPE, text);
    answer
}

/// Why it is tried again, as the history has it.
fn reason(end: TryEnd) -> String {
    match end {
        TryEnd::Answered(status) => status.to_string(),
        TryEnd::Reset(reset) => LocalReply::reset(reset, false).flag.code().to_owned(),
    }
}

async fn within<T>(deadline: Option<Instant>, future: impl Future<Output = T>) -> Option<T> {
    match deadline {
        None => Some(future.await),
        Some(deadline) => timeout_at(deadline, future).await.ok(),
    }
}
