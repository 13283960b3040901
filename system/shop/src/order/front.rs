//! The front: an order is placed and paid in one call, or does not exist.

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{delete, post},
};
use serde::Deserialize;
use squall_kit::{
    Pod,
    http::{
        Body, Problem,
        command::command,
        hal::Hal,
        number,
        resource::{Id, Present as _},
    },
    signal::Signal,
    store::StoreError,
};

use super::{
    aggregate::{self, Command, Event, Order, Rejection},
    payment::{Asked, Payment},
    record::OrderRecord,
    settlement::{Settled, settle},
};
use crate::hints;

/// Times a cancellation is tried again that met an event about the same order.
const CONFLICTS_MAX: u32 = 10;

/// Where customers stand.
#[derive(Clone)]
pub(super) struct Front {
    pub(super) pod: Pod,
    pub(super) hal: Hal,
    pub(super) payment: Payment,
}

/// The body of an order.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewOrder {
    #[serde(deserialize_with = "number::text")]
    item: String,
    #[serde(alias = "quantity", deserialize_with = "number::whole")]
    order_qty: u64,
    #[serde(deserialize_with = "number::decimal")]
    price: f64,
    #[serde(default, deserialize_with = "number::optional_text")]
    status: Option<String>,
}

/// The customers' routes.
pub(super) fn router(front: Front) -> Router {
    Router::new()
        .route("/orders", post(place))
        .route("/orders/{id}", delete(cancel))
        .with_state(front)
}

/// 201 with the order. 503 when payment is not available and 402 when it refuses: surely not
/// ordered. 504 when nobody knows; the order is settled later, and seen as soon as it is accepted.
async fn place(State(front): State<Front>, Body(new): Body<NewOrder>) -> Result<Response, Problem> {
    if new.item.trim().is_empty() {
        return Err(Problem::unprocessable("item", "item: expected a name"));
    }
    if new.order_qty == 0 {
        let detail = "orderQty: expected at least one piece, got 0";
        return Err(Problem::unprocessable("orderQty", detail));
    }
    let order = Order::pending(new.item, new.order_qty, new.price, new.status);
    let hal = front.hal.clone();
    let pod = front.pod.clone();
    let placing = async move { front.place(order).await };
    let (id, record) = command(&pod, "place order", placing).await?;
    Ok(hal.created(id, record.present()))
}

/// 204: the cancellation is asked for, or was before. 409 when the delivery is known to be
/// completed.
async fn cancel(State(front): State<Front>, Id(id): Id) -> Result<StatusCode, Problem> {
    let pod = front.pod.clone();
    let canceling = async move { front.cancel(id).await };
    command(&pod, "cancel order", canceling).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Front {
    async fn place(&self, mut order: Order) -> Result<(u64, OrderRecord), Problem> {
        let signals = &self.pod.signals;
        let id = self.open(&order).await?;
        signals.hint(hints::ORDER_PENDING);
        let asked = self.payment.ask(id, &order).await;
        signals.hint(hints::ORDER_ANSWERED);
        let problem = match asked {
            Asked::Approved => match settle(&self.pod.store, id, &Command::Accept).await? {
                Settled::Accepted => {
                    signals.hint(hints::ORDER_ACCEPTED);
                    aggregate::apply(&mut order, &Event::Accepted);
                    return Ok((id, OrderRecord::from(order)));
                }
                // This front took so long that the recovery refused the order.
                Settled::Refused => {
                    signals.hint(hints::ORDER_PAID_TOO_LATE);
                    unavailable(id, "it answered too late")
                }
            },
            Asked::Refused(reason) => {
                self.refuse(id, false).await;
                refused(id, &reason)
            }
            Asked::Failed { reason, may_exist } => {
                self.refuse(id, may_exist).await;
                unavailable(id, &reason)
            }
        };
        Err(problem)
    }

    /// Commits the order as `PENDING`.
    async fn open(&self, order: &Order) -> Result<u64, Problem> {
        let store = &self.pod.store;
        let mut unit = store.unit(store.fresh_id());
        let id = unit.insert(&OrderRecord::from(order.clone())).await?;
        unit.commit(&id).await?;
        Ok(id)
    }

    /// Whether this commit gets through or not, nobody but this front could accept the order: it is
    /// surely refused, and what the commit does not do, the recovery will.
    async fn refuse(&self, id: u64, payment_may_exist: bool) {
        self.pod.signals.hint(if payment_may_exist {
            hints::ORDER_ABANDONED
        } else {
            hints::ORDER_REFUSED
        });
        let refuse = Command::Refuse { payment_may_exist };
        if let Err(error) = settle(&self.pod.store, id, &refuse).await {
            let note = format!("order {id} is refused, but not yet settled: {error}");
            self.pod.signals.tell(Signal::Note(note));
        }
    }

    async fn cancel(&self, id: u64) -> Result<(), Problem> {
        for _ in 0..CONFLICTS_MAX {
            match self.attempt_cancel(id).await {
                Err(StoreError::Conflict { .. }) => {
                    self.pod.signals.hint(hints::ORDER_CANCEL_CONFLICT);
                }
                Err(error) => return Err(error.into()),
                Ok(Ok(())) => return Ok(()),
                Ok(Err(rejection @ Rejection::Delivered)) => {
                    self.pod.signals.hint(hints::ORDER_CANCEL_TOO_LATE);
                    return Err(Problem::conflict(rejection.to_string()));
                }
                Ok(Err(_)) => return Err(Problem::not_found(format!("there is no order {id}"))),
            }
        }
        let detail = "too much happens to this order at once; try again";
        Err(Problem::refused(StatusCode::CONFLICT, "conflict", detail))
    }

    async fn attempt_cancel(&self, id: u64) -> Result<Result<(), Rejection>, StoreError> {
        let store = &self.pod.store;
        let mut unit = store.unit(store.fresh_id());
        let Some(found) = unit.load::<OrderRecord>(id).await? else {
            return Ok(Err(Rejection::NeverAccepted));
        };
        match found.value.decide(&mut unit, id, &Command::Cancel) {
            Ok(true) => {
                unit.hint(hints::ORDER_CANCEL_REQUESTED);
                unit.commit(&()).await.map(|_receipt| Ok(()))
            }
            Ok(false) => {
                self.pod.signals.hint(hints::ORDER_CANCEL_REPEATED);
                Ok(Ok(()))
            }
            Err(rejection) => Ok(Err(rejection)),
        }
    }
}

/// The fallback.
fn unavailable(id: u64, reason: &str) -> Problem {
    let detail = format!(
        "payment is not available ({reason}): order {id} was not placed, please order and pay later"
    );
    let busy = StatusCode::SERVICE_UNAVAILABLE;
    Problem::refused(busy, "payment-unavailable", detail).with("orderId", id)
}

fn refused(id: u64, reason: &str) -> Problem {
    let detail = format!("payment refused order {id}: {reason}");
    let unpaid = StatusCode::PAYMENT_REQUIRED;
    Problem::refused(unpaid, "payment-refused", detail).with("orderId", id)
}
