//! Asking payment, synchronously, through a circuit breaker: what the front can know afterwards.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::Method;
use serde_json::json;
use squall_kit::{
    Error, Pod,
    net::client::{Answer, Call, CallError, ClientSettings, HttpClient},
    planted::{self, Bug},
    resilience::{
        breaker::{Breaker, Cause, Verdict},
        choice::BreakerSettings,
        retry::{BackOff, Retry, RetryBudget},
    },
};
use tokio::time::{Duration, Instant};

use super::aggregate::{Order, payment_key};
use crate::{hints, service::millis};

/// The breaker's name: its command key and its thread pool's, or its instance's.
const PAY: &str = "pay";
/// Times an order asks, if the first answers are lost.
const ATTEMPTS: u32 = 3;
/// Repetitions per hundred orders in the long run, and at once: a payment that answers nobody is
/// not asked thrice as often for it.
const REPETITIONS_PERCENT: u32 = 20;
const REPETITIONS_AT_ONCE: u32 = 3;

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It is paid.
    Approved,
    /// Payment says no: surely not paid.
    Refused(String),
    /// Payment is not available.
    Failed {
        /// Why, in words.
        reason: String,
        /// False when payment was surely not asked, or surely did nothing.
        may_exist: bool,
    },
}

/// The way to payment.
#[derive(Clone)]
pub(super) struct Payment {
    client: HttpClient,
    target: String,
    timeout: Duration,
    breaker: Breaker,
    retry: Retry,
    /// No repetition begins later than this after the first request.
    repeat_within: Duration,
    /// The longest that [`Payment::ask`] takes.
    pub(super) patience: Duration,
}

impl Payment {
    pub(super) fn new(pod: &Pod) -> Result<Self, Error> {
        let url = pod
            .config
            .get("api.url.payment")
            .unwrap_or("http://pay:8080");
        let timeout = millis(pod, "PAY_TIMEOUT_MS", 3_000)?;
        let settings = BreakerSettings::from_config(&pod.config, PAY)?;
        let one_call = settings.execution_timeout().unwrap_or(timeout);
        Ok(Self {
            client: pod.client(ClientSettings {
                // A call that the breaker has given up must not connect and be sent after all.
                connect_timeout: one_call / 2,
                ..ClientSettings::default()
            }),
            target: url
                .trim_start_matches("http://")
                .trim_end_matches('/')
                .to_owned(),
            timeout,
            breaker: Breaker::new(pod, PAY, settings),
            retry: Retry {
                attempts: ATTEMPTS,
                back_off: BackOff {
                    initial: Duration::from_millis(50),
                    factor: 2.0,
                    cap: Duration::from_millis(200),
                    jitter: 0.5,
                },
                budget: RetryBudget::new(REPETITIONS_PERCENT, REPETITIONS_AT_ONCE),
                rng: pod.rng.clone(),
                signals: pod.signals.clone(),
            },
            repeat_within: one_call,
            patience: 2 * one_call,
        })
    }

    /// Asks payment to approve, under the order's key: again while nobody knows what came of it,
    /// for the key makes all requests one. Each request passes the breaker by itself.
    pub(super) async fn ask(&self, id: u64, order: &Order) -> Asked {
        let begun = Instant::now();
        let unknown = AtomicBool::new(false);
        let attempt = async || {
            if unknown.load(Ordering::Relaxed) {
                self.retry.signals.hint(hints::ORDER_PAYMENT_ASKED_AGAIN);
            }
            match self.ask_once(id, order).await {
                Asked::Failed { reason, may_exist } => {
                    unknown.fetch_or(may_exist, Ordering::Relaxed);
                    Err(reason)
                }
                known => Ok(known),
            }
        };
        let again =
            |_: &String| unknown.load(Ordering::Relaxed) && begun.elapsed() < self.repeat_within;
        let last = self.retry.run(attempt, again).await;
        concluded(last, unknown.load(Ordering::Relaxed))
    }

    async fn ask_once(&self, id: u64, order: &Order) -> Asked {
        let key = if planted::is(Bug::NoIdempotencyKey) {
            format!("{id}-{:016x}", self.retry.rng.bits())
        } else {
            payment_key(id)
        };
        let call = Call::new(Method::POST, &self.target, "/pays", self.timeout)
            .json(&json!({ "orderId": id, "price": order.price, "status": order.label }))
            .key(key);
        let client = self.client.clone();
        let asking = async move { understand(client.call(call).await) };
        let fallback = |cause| async { unavailable(cause) };
        let asked = self.breaker.call_or(asking, judge, fallback).await;
        asked.unwrap_or_else(unavailable)
    }
}

/// What is known after the last request, when nobody knows (`unknown`) what came of an earlier one:
/// it may have arrived, whatever the last one met. A refusal, too, is only of the last one.
fn concluded(last: Result<Asked, String>, unknown: bool) -> Asked {
    match last {
        Ok(Asked::Refused(reason)) if unknown => Asked::Failed {
            reason,
            may_exist: true,
        },
        Ok(known) => known,
        Err(reason) => Asked::Failed {
            reason,
            may_exist: unknown,
        },
    }
}

fn understand(result: Result<Answer, CallError>) -> Asked {
    match result {
        Ok(answer) if answer.status.is_success() => Asked::Approved,
        Ok(answer) if answer.status.is_client_error() => Asked::Refused(
            answer
                .problem()
                .unwrap_or_else(|| answer.status.to_string()),
        ),
        Ok(answer) => Asked::Failed {
            reason: format!("it answered {}", answer.status),
            may_exist: !answer.is_refusal(),
        },
        Err(CallError::NotSent(_)) => Asked::failed("it cannot be reached", false),
        Err(CallError::Unknown(_)) => Asked::failed("it does not answer", true),
    }
}

/// A refusal says nothing about payment's health.
fn judge(asked: &Asked) -> Verdict {
    match asked {
        Asked::Approved => Verdict::Success,
        Asked::Refused(_) if planted::is(Bug::BreakerCountsRefusals) => Verdict::Failure,
        Asked::Refused(_) => Verdict::BadRequest,
        Asked::Failed { .. } => Verdict::Failure,
    }
}

/// The fallback. A call that timed out may go on, and pay, after its caller has left.
fn unavailable(cause: Cause<Asked>) -> Asked {
    match cause {
        Cause::Failed(asked) => asked,
        Cause::ShortCircuited => Asked::failed("it is being spared", false),
        Cause::Rejected => Asked::failed("it has too much to do", false),
        Cause::TimedOut | Cause::Ended => Asked::failed("it does not answer in time", true),
    }
}

impl Asked {
    fn failed(reason: &str, may_exist: bool) -> Self {
        Self::Failed {
            reason: reason.to_owned(),
            may_exist,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_never_sent_or_refused_surely_left_no_payment() {
        let may_exist = |asked| {
            matches!(
                asked,
                Asked::Failed {
                    may_exist: true,
                    ..
                }
            )
        };
        assert!(!may_exist(understand(Err(CallError::NotSent(
            String::new()
        )))));
        assert!(may_exist(understand(Err(
            CallError::Unknown(String::new())
        ))));
        assert!(!may_exist(unavailable(Cause::ShortCircuited)));
        assert!(!may_exist(unavailable(Cause::Rejected)));
        assert!(may_exist(unavailable(Cause::TimedOut)));
        assert!(may_exist(unavailable(Cause::Ended)));
        let refused = || Asked::Refused("conflict".to_owned());
        assert_eq!(concluded(Ok(refused()), false), refused());
        assert!(may_exist(concluded(Ok(refused()), true)));
        assert_eq!(concluded(Ok(Asked::Approved), true), Asked::Approved);
    }
}
