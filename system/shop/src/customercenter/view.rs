//! What a customer sees of an order: a fold of its events. Pure.

use serde::{Deserialize, Serialize};
use squall_kit::planted::{self, Bug};

use crate::event::ShopEvent;

/// One order, as its customer sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MyPage {
    /// The order.
    pub order_id: u64,
    /// What was ordered.
    pub item: String,
    /// How many pieces.
    pub quantity: u64,
    /// What was paid.
    pub price: f64,
    /// The caller's own label until an event moves the order on, then a word for its state.
    pub status: Option<String>,
    /// The status that a refused cancellation puts back; `None` while none is asked for.
    #[serde(default)]
    pub before: Option<Before>,
}

/// A status put aside, which may itself be absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The status.
    pub status: Option<String>,
}

/// Folds one event into the view of its order. The view begins with `Ordered` and never before, so
/// a payment alone shows nothing.
pub fn project(view: &mut Option<MyPage>, event: &ShopEvent) {
    if planted::is(Bug::ReadModelFedByPayment) {
        begin_with_payment(view, event);
    }
    match (event, view) {
        (
            ShopEvent::Ordered {
                order_id,
                item,
                order_qty,
                price,
                status,
            },
            view @ None,
        ) => {
            *view = Some(MyPage {
                order_id: *order_id,
                item: item.clone(),
                quantity: *order_qty,
                price: *price,
                status: status.clone(),
                before: None,
            });
        }
        (ShopEvent::DeliveryPrepared { .. }, Some(view)) => view.move_to("PREPARED"),
        (ShopEvent::DeliveryBackordered { .. }, Some(view)) => view.move_to("BACKORDERED"),
        (ShopEvent::DeliveryStarted { .. }, Some(view)) => view.move_to("STARTED"),
        (ShopEvent::DeliveryCompleted { .. }, Some(view)) => view.move_to("COMPLETED"),
        (ShopEvent::CancelRequested { .. }, Some(view)) => {
            let status = view.status.replace("CANCELING".to_owned());
            view.before = Some(Before { status });
        }
        (ShopEvent::CancelRefused { .. }, Some(view)) => {
            if let Some(before) = view.before.take() {
                view.status = before.status;
            }
        }
        (ShopEvent::OrderCanceled { .. }, Some(view)) => {
            view.status = Some("CANCELED".to_owned());
            view.before = None;
        }
        // What these say, an order's status does not show.
        (
            ShopEvent::PayApproved { .. }
            | ShopEvent::PayCanceled { .. }
            | ShopEvent::PaymentAbandoned { .. }
            | ShopEvent::DeliveryCanceled { .. }
            | ShopEvent::StockDecreased { .. }
            | ShopEvent::StockAvailable { .. }
            | ShopEvent::CancelAccepted { .. },
            _,
        ) => {}
        // A second `Ordered`, or a delivery of an order never accepted: events of one order come in
        // order and once, so these say nothing that is known.
        (ShopEvent::Ordered { .. }, Some(_)) | (_, None) => {}
    }
}

/// What the bug does: a payment begins the page, its order completes it.
fn begin_with_payment(view: &mut Option<MyPage>, event: &ShopEvent) {
    match (event, view) {
        (
            ShopEvent::PayApproved {
                order_id,
                price,
                status,
                ..
            },
            view @ None,
        ) => {
            *view = Some(MyPage {
                order_id: *order_id,
                price: *price,
                status: status.clone(),
                ..MyPage::default()
            });
        }
        (
            ShopEvent::Ordered {
                item, order_qty, ..
            },
            Some(view),
        ) => {
            view.item.clone_from(item);
            view.quantity = *order_qty;
        }
        _ => {}
    }
}

impl MyPage {
    /// Under CANCELING what moves is the status that a refusal puts back.
    fn move_to(&mut self, status: &str) {
        let status = Some(status.to_owned());
        match &mut self.before {
            Some(before) => before.status = status,
            None => self.status = status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered() -> ShopEvent {
        ShopEvent::Ordered {
            order_id: 1,
            item: "CQR111".into(),
            order_qty: 111,
            price: 111.0,
            status: Some("st1".into()),
        }
    }

    fn status(events: &[ShopEvent]) -> Option<String> {
        let mut view = None;
        events.iter().for_each(|event| project(&mut view, event));
        view.and_then(|view: MyPage| view.status)
    }

    #[test]
    fn a_payment_alone_shows_nothing() {
        let mut view = None;
        let paid = ShopEvent::PayApproved {
            order_id: 1,
            pay_id: 1,
            price: 111.0,
            status: None,
        };
        project(&mut view, &paid);
        assert_eq!(view, None);
        project(&mut view, &ordered());
        let view = view.expect("it was ordered");
        assert_eq!((view.item.as_str(), view.quantity), ("CQR111", 111));
        assert_eq!(view.status.as_deref(), Some("st1"));
    }

    #[test]
    fn a_refused_cancellation_shows_what_happened_meanwhile() {
        let asked = ShopEvent::CancelRequested { order_id: 1 };
        let done = ShopEvent::DeliveryCompleted { order_id: 1 };
        let refused = ShopEvent::CancelRefused { order_id: 1 };
        let canceling = [ordered(), asked, done];
        assert_eq!(status(&canceling).as_deref(), Some("CANCELING"));
        let after = [&canceling[..], &[refused]].concat();
        assert_eq!(status(&after).as_deref(), Some("COMPLETED"));
    }
}
