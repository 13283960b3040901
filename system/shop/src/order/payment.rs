//! Asking payment, synchronously, through a circuit breaker: what the front can know afterwards.

use axum::http::Method;
use serde_json::json;
use squall_kit::{
    Error, Pod,
    net::client::{Call, CallError, ClientSettings, HttpClient},
};
use tokio::time::Duration;

use super::aggregate::{Order, payment_key};
use crate::service::millis;

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
}

impl Payment {
    pub(super) fn new(pod: &Pod) -> Result<Self, Error> {
        let url = pod
            .config
            .get("api.url.payment")
            .unwrap_or("http://pay:8080");
        Ok(Self {
            client: pod.client(ClientSettings::default()),
            target: url
                .trim_start_matches("http://")
                .trim_end_matches('/')
                .to_owned(),
            timeout: millis(pod, "PAY_TIMEOUT_MS", 3_000)?,
        })
    }

    /// Asks payment to approve, once, under the order's key.
    pub(super) async fn ask(&self, id: u64, order: &Order) -> Asked {
        let call = Call::new(Method::POST, &self.target, "/pays", self.timeout)
            .json(&json!({ "orderId": id, "price": order.price, "status": order.label }))
            .key(payment_key(id));
        match self.client.call(call).await {
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
            Err(CallError::NotSent(reason)) => Asked::Failed {
                reason,
                may_exist: false,
            },
            Err(CallError::Unknown(reason)) => Asked::Failed {
                reason,
                may_exist: true,
            },
        }
    }

    /// The longest that [`Payment::ask`] takes.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }
}
