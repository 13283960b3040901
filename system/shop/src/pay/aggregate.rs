//! What became of a request for payment, by its idempotency key. Pure.

use serde::{Deserialize, Serialize};
use squall_kit::planted::{self, Bug};

use crate::event::ShopEvent;

/// The status of a payment that was given back.
pub const CANCELED: &str = "CANCELED";

/// A payment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pay {
    /// The order it is for.
    pub order_id: u64,
    /// How much.
    pub price: f64,
    /// The caller's own label while it stands, [`CANCELED`] once given back.
    pub status: Option<String>,
    /// True once given back.
    #[serde(default)]
    pub canceled: bool,
}

/// What became of a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Payment {
    /// Nobody asked with it.
    Unasked,
    /// Its order was refused before it was asked with: it never will be approved.
    Abandoned,
    /// It stands.
    Approved(Pay),
    /// It was given back.
    Canceled(Pay),
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Pay.
    Approve(Pay),
    /// Whatever was or will be asked with this key is not wanted.
    Abandon,
    /// The order is cancelled: give the money back.
    Cancel,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Published as `PayApproved`.
    Approved(Pay),
    /// The key is recorded as abandoned.
    Abandoned,
    /// Published as `PayCanceled`.
    Canceled,
}

/// Why payment does not do what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The order was refused in the meantime.
    #[error("the order of this payment was abandoned")]
    Abandoned,
    /// One key pays once: who repeats its request gets the first answer, not a second payment.
    #[error("the idempotency key was used before")]
    AlreadyAsked,
    /// Nothing was paid with this key.
    #[error("there is no payment to cancel")]
    NothingPaid,
}

/// Decides a command. Repeating what is already so is no event, and no error.
///
/// # Errors
/// The [`Rejection`].
pub fn decide(payment: &Payment, command: &Command) -> Result<Vec<Event>, Rejection> {
    match (payment, command) {
        (Payment::Unasked, Command::Approve(pay)) => Ok(vec![Event::Approved(pay.clone())]),
        (Payment::Abandoned, Command::Approve(_)) => Err(Rejection::Abandoned),
        (Payment::Approved(_) | Payment::Canceled(_), Command::Approve(_)) => {
            Err(Rejection::AlreadyAsked)
        }
        (Payment::Unasked, Command::Abandon) if planted::is(Bug::AbandonedKeysForgotten) => {
            Ok(vec![])
        }
        (Payment::Unasked, Command::Abandon) => Ok(vec![Event::Abandoned]),
        (Payment::Approved(_), Command::Abandon | Command::Cancel) => Ok(vec![Event::Canceled]),
        (Payment::Abandoned | Payment::Canceled(_), Command::Abandon) => Ok(vec![]),
        (Payment::Canceled(_), Command::Cancel) => Ok(vec![]),
        (Payment::Unasked | Payment::Abandoned, Command::Cancel) => Err(Rejection::NothingPaid),
    }
}

/// Applies what happened.
pub fn apply(payment: &mut Payment, event: &Event) {
    *payment = match (event, &*payment) {
        (Event::Approved(pay), _) => Payment::Approved(pay.clone()),
        (Event::Abandoned, _) => Payment::Abandoned,
        (Event::Canceled, Payment::Approved(pay)) => Payment::Canceled(Pay {
            status: Some(CANCELED.to_owned()),
            canceled: true,
            ..pay.clone()
        }),
        (Event::Canceled, payment) => unreachable!("nothing stands to be given back: {payment:?}"),
    };
}

/// Which command an event of another context means for payment.
pub fn policy(event: &ShopEvent) -> Option<Command> {
    match event {
        ShopEvent::OrderCanceled { .. } => Some(Command::Cancel),
        ShopEvent::PaymentAbandoned { .. } => Some(Command::Abandon),
        _ => None,
    }
}

impl Pay {
    /// What the world hears of an event of this payment.
    pub fn published(&self, pay_id: u64, event: &Event) -> Option<ShopEvent> {
        match event {
            Event::Approved(pay) => Some(ShopEvent::PayApproved {
                order_id: pay.order_id,
                pay_id,
                price: pay.price,
                status: pay.status.clone(),
            }),
            Event::Canceled => Some(ShopEvent::PayCanceled {
                order_id: self.order_id,
                pay_id,
                price: self.price,
            }),
            Event::Abandoned => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pay(price: f64) -> Pay {
        Pay {
            order_id: 1,
            price,
            status: Some("0".into()),
            canceled: false,
        }
    }

    fn payment(commands: &[Command]) -> Payment {
        let mut payment = Payment::Unasked;
        for command in commands {
            for event in decide(&payment, command).expect("the test's commands are legal") {
                apply(&mut payment, &event);
            }
        }
        payment
    }

    #[test]
    fn one_key_pays_once() {
        let paid = payment(&[Command::Approve(pay(5.0))]);
        let again = decide(&paid, &Command::Approve(pay(5.0)));
        assert_eq!(again, Err(Rejection::AlreadyAsked));
    }

    #[test]
    fn an_abandoned_key_never_pays() {
        let late = payment(&[Command::Abandon]);
        assert_eq!(
            decide(&late, &Command::Approve(pay(5.0))),
            Err(Rejection::Abandoned)
        );
        let paid = payment(&[Command::Approve(pay(5.0)), Command::Abandon]);
        assert!(matches!(&paid, Payment::Canceled(pay) if pay.canceled));
    }

    #[test]
    fn money_goes_back_once() {
        let back = payment(&[Command::Approve(pay(5.0)), Command::Cancel]);
        assert_eq!(decide(&back, &Command::Cancel), Ok(vec![]));
        assert_eq!(
            decide(&Payment::Unasked, &Command::Cancel),
            Err(Rejection::NothingPaid)
        );
    }
}
