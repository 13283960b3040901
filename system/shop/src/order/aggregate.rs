//! An order's life, from `PENDING` to delivered or cancelled. Pure: no clock, no network, no store.

use serde::{Deserialize, Serialize};
use squall_kit::planted::{self, Bug};

use crate::event::ShopEvent;

/// An order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// What is ordered.
    pub item: String,
    /// How many pieces.
    pub order_qty: u64,
    /// What is paid for all of them.
    pub price: f64,
    /// The caller's own text, shown as status until an event moves the order on.
    pub label: Option<String>,
    /// Where it stands.
    pub state: State,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Payment is being asked; the order is invisible.
    Pending,
    /// It was not paid; it stays invisible for ever.
    Refused,
    /// It is paid; the delivery has come this far.
    Accepted(Stage),
    /// Product is being asked whether it can still be cancelled; the delivery has come this far.
    Canceling(Stage),
    /// It is cancelled for good.
    Canceled,
}

/// How far the delivery has come, as far as the order knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing was heard of it.
    Ordered,
    /// The pieces are reserved.
    Prepared,
    /// It waits for stock.
    Backordered,
    /// It is on its way.
    Started,
    /// It has arrived: the point of no return.
    Completed,
}

/// What can be asked of an order.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Payment was approved.
    Accept,
    /// Payment was not approved, or nobody knows.
    Refuse {
        /// False only when payment was surely never asked, or surely refused.
        payment_may_exist: bool,
    },
    /// The customer wants out.
    Cancel,
    /// The delivery has come this far.
    Follow(Stage),
    /// Product agrees to the cancellation.
    ConfirmCancel,
    /// Product refuses the cancellation.
    WithdrawCancel,
}

/// What happened to an order.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// It is paid and visible. Published as `Ordered`.
    Accepted,
    /// It was not paid.
    Refused,
    /// A payment may exist for it. Published as `PaymentAbandoned`.
    PaymentAbandoned,
    /// Product is to decide. Published as `CancelRequested`.
    CancelRequested,
    /// Published as `OrderCanceled`.
    Canceled,
    /// The status before the cancellation is back.
    CancelWithdrawn,
    /// The delivery has come this far.
    Moved(Stage),
}

/// Why an order does not do what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Somebody else settled it first: acceptance and refusal are decided once.
    #[error("the order is no longer pending")]
    AlreadySettled,
    /// It was never accepted, so nobody can see or cancel it.
    #[error("the order was never accepted")]
    NeverAccepted,
    /// The delivery is completed.
    #[error("the delivery is completed, the order cannot be cancelled any more")]
    Delivered,
    /// A decision came for a cancellation that nobody waits for.
    #[error("the order is not being cancelled")]
    NotCanceling,
    /// A cancelled order does not move.
    #[error("the order is cancelled")]
    AlreadyCanceled,
}

/// Decides a command. Repeating what is already so is no event, and no error.
///
/// # Errors
/// The [`Rejection`].
pub fn decide(order: &Order, command: &Command) -> Result<Vec<Event>, Rejection> {
    match (order.state, command) {
        (State::Pending, Command::Accept) => Ok(vec![Event::Accepted]),
        (State::Pending, Command::Refuse { payment_may_exist }) => {
            let mut events = vec![Event::Refused];
            let abandons = *payment_may_exist && !planted::is(Bug::NoPaymentAbandoned);
            events.extend(abandons.then_some(Event::PaymentAbandoned));
            Ok(events)
        }
        (_, Command::Accept | Command::Refuse { .. }) => Err(Rejection::AlreadySettled),
        (State::Pending | State::Refused, _) => Err(Rejection::NeverAccepted),

        (
            State::Accepted(Stage::Completed) | State::Canceling(Stage::Completed),
            Command::Cancel,
        ) => Err(Rejection::Delivered),
        (State::Accepted(_), Command::Cancel) => Ok(vec![Event::CancelRequested]),
        (State::Canceling(_) | State::Canceled, Command::Cancel) => Ok(vec![]),

        (State::Canceled, Command::Follow(_)) => Err(Rejection::AlreadyCanceled),
        (State::Accepted(_) | State::Canceling(_), Command::Follow(stage)) => {
            Ok(vec![Event::Moved(*stage)])
        }

        (State::Canceling(_), Command::ConfirmCancel) => Ok(vec![Event::Canceled]),
        (State::Canceling(_), Command::WithdrawCancel) => Ok(vec![Event::CancelWithdrawn]),
        (
            State::Accepted(_) | State::Canceled,
            Command::ConfirmCancel | Command::WithdrawCancel,
        ) => Err(Rejection::NotCanceling),
    }
}

/// Applies what happened.
pub fn apply(order: &mut Order, event: &Event) {
    order.state = match (event, order.state) {
        (Event::Accepted, _) => State::Accepted(Stage::Ordered),
        (Event::Refused, _) => State::Refused,
        (Event::PaymentAbandoned, state) => state,
        (Event::CancelRequested, State::Accepted(stage)) => State::Canceling(stage),
        (Event::Canceled, _) => State::Canceled,
        (Event::CancelWithdrawn, State::Canceling(stage)) => State::Accepted(stage),
        // Also under CANCELING: what moves is the status that a refusal puts back.
        (Event::Moved(stage), State::Canceling(_)) => State::Canceling(*stage),
        (Event::Moved(stage), State::Accepted(_)) => State::Accepted(*stage),
        (event, state) => unreachable!("{event:?} was not decided on an order in {state:?}"),
    };
}

/// Which command an event of another context means for an order.
pub fn policy(event: &ShopEvent) -> Option<Command> {
    match event {
        ShopEvent::DeliveryPrepared { .. } => Some(Command::Follow(Stage::Prepared)),
        ShopEvent::DeliveryBackordered { .. } => Some(Command::Follow(Stage::Backordered)),
        ShopEvent::DeliveryStarted { .. } => Some(Command::Follow(Stage::Started)),
        ShopEvent::DeliveryCompleted { .. } => Some(Command::Follow(Stage::Completed)),
        ShopEvent::CancelAccepted { .. } => Some(Command::ConfirmCancel),
        ShopEvent::CancelRefused { .. } => Some(Command::WithdrawCancel),
        _ => None,
    }
}

impl Order {
    /// A new order, not yet paid.
    pub fn pending(item: String, order_qty: u64, price: f64, label: Option<String>) -> Self {
        Self {
            item,
            order_qty,
            price,
            label,
            state: State::Pending,
        }
    }

    /// True once accepted: until then it is in no list and its id is unknown.
    pub fn is_visible(&self) -> bool {
        match self.state {
            State::Pending => planted::is(Bug::PendingVisible),
            State::Refused => false,
            State::Accepted(_) | State::Canceling(_) | State::Canceled => true,
        }
    }

    /// The status shown: the caller's label until an event moved the order on.
    pub fn status(&self) -> Option<&str> {
        match self.state {
            State::Pending => Some("PENDING"),
            State::Refused => Some("REFUSED"),
            State::Accepted(Stage::Ordered) => self.label.as_deref(),
            State::Accepted(stage) => stage.word(),
            State::Canceling(_) => Some("CANCELING"),
            State::Canceled => Some("CANCELED"),
        }
    }

    /// What the world hears of an event of the order with this id.
    pub fn published(&self, order_id: u64, event: &Event) -> Option<ShopEvent> {
        match event {
            Event::Accepted => Some(ShopEvent::Ordered {
                order_id,
                item: self.item.clone(),
                order_qty: self.order_qty,
                price: self.price,
                status: self.label.clone(),
            }),
            Event::PaymentAbandoned => Some(ShopEvent::PaymentAbandoned {
                order_id,
                payment_key: payment_key(order_id),
            }),
            Event::CancelRequested => Some(ShopEvent::CancelRequested { order_id }),
            Event::Canceled => Some(ShopEvent::OrderCanceled { order_id }),
            Event::Refused | Event::CancelWithdrawn | Event::Moved(_) => None,
        }
    }
}

impl Stage {
    /// The word shown as status; none where nothing was heard yet.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Ordered => None,
            Self::Prepared => Some("PREPARED"),
            Self::Backordered => Some("BACKORDERED"),
            Self::Started => Some("STARTED"),
            Self::Completed => Some("COMPLETED"),
        }
    }
}

/// The idempotency key payment is asked with: the order's own key.
pub fn payment_key(order_id: u64) -> String {
    order_id.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(commands: &[Command]) -> Order {
        let mut order = Order::pending("tv".into(), 3, 1000.0, Some("0".into()));
        for command in commands {
            for event in decide(&order, command).expect("the test's commands are legal") {
                apply(&mut order, &event);
            }
        }
        order
    }

    #[test]
    fn nobody_sees_an_order_before_it_is_paid() {
        assert!(!order(&[]).is_visible());
        assert!(
            !order(&[Command::Refuse {
                payment_may_exist: true
            }])
            .is_visible()
        );
        assert!(order(&[Command::Accept]).is_visible());
    }

    #[test]
    fn the_callers_label_stays_until_the_delivery_moves() {
        assert_eq!(order(&[Command::Accept]).status(), Some("0"));
        for (stage, word) in [
            (Stage::Prepared, "PREPARED"),
            (Stage::Backordered, "BACKORDERED"),
            (Stage::Started, "STARTED"),
            (Stage::Completed, "COMPLETED"),
        ] {
            let moved = order(&[Command::Accept, Command::Follow(stage)]);
            assert_eq!(moved.status(), Some(word));
        }
    }

    #[test]
    fn an_order_is_settled_once() {
        let refuse = Command::Refuse {
            payment_may_exist: true,
        };
        let refused = order(std::slice::from_ref(&refuse));
        assert_eq!(
            decide(&refused, &Command::Accept),
            Err(Rejection::AlreadySettled)
        );
        let accepted = order(&[Command::Accept]);
        assert_eq!(decide(&accepted, &refuse), Err(Rejection::AlreadySettled));
    }

    #[test]
    fn payment_is_abandoned_unless_it_surely_does_not_exist() {
        let decided = |payment_may_exist| {
            decide(&order(&[]), &Command::Refuse { payment_may_exist }).expect("it is pending")
        };
        assert_eq!(decided(true), [Event::Refused, Event::PaymentAbandoned]);
        assert_eq!(decided(false), [Event::Refused]);
    }

    #[test]
    fn a_refused_cancellation_puts_the_status_before_back() {
        let before = [
            Command::Accept,
            Command::Follow(Stage::Started),
            Command::Cancel,
        ];
        assert_eq!(order(&before).status(), Some("CANCELING"));
        let back = [&before[..], &[Command::WithdrawCancel]].concat();
        assert_eq!(order(&back).status(), Some("STARTED"));

        let label = [Command::Accept, Command::Cancel, Command::WithdrawCancel];
        assert_eq!(order(&label).status(), Some("0"));
    }

    #[test]
    fn the_delivery_moves_on_under_a_cancellation() {
        let steps = [
            Command::Accept,
            Command::Cancel,
            Command::Follow(Stage::Completed),
        ];
        let canceling = order(&steps);
        assert_eq!(canceling.status(), Some("CANCELING"));
        assert_eq!(
            decide(&canceling, &Command::Cancel),
            Err(Rejection::Delivered)
        );
        let back = [&steps[..], &[Command::WithdrawCancel]].concat();
        assert_eq!(order(&back).status(), Some("COMPLETED"));
    }

    #[test]
    fn cancelling_twice_is_harmless_and_too_late_is_told() {
        let canceling = order(&[Command::Accept, Command::Cancel]);
        assert_eq!(decide(&canceling, &Command::Cancel), Ok(vec![]));
        let canceled = order(&[Command::Accept, Command::Cancel, Command::ConfirmCancel]);
        assert_eq!(canceled.status(), Some("CANCELED"));
        assert_eq!(decide(&canceled, &Command::Cancel), Ok(vec![]));
        let delivered = order(&[Command::Accept, Command::Follow(Stage::Completed)]);
        assert_eq!(
            decide(&delivered, &Command::Cancel),
            Err(Rejection::Delivered)
        );
    }
}
