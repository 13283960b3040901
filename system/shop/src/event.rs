//! The shop's published language: every event that leaves a context.
//!
//! All but [`ShopEvent::StockAvailable`] carry the order's id and are keyed by it, so that
//! everything about one order lies in one partition, in order.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use squall_kit::{event::Event, store::Unit};

/// A fact that one context states and others react to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all_fields = "camelCase")]
pub enum ShopEvent {
    /// order: an order was accepted; it is paid for.
    Ordered {
        /// The order.
        order_id: u64,
        /// What was ordered.
        item: String,
        /// How many pieces.
        order_qty: u64,
        /// What was paid.
        price: f64,
        /// The caller's own label.
        status: Option<String>,
    },
    /// order: a customer wants the order cancelled; product decides.
    CancelRequested {
        /// The order.
        order_id: u64,
    },
    /// order: the order is cancelled for good.
    OrderCanceled {
        /// The order.
        order_id: u64,
    },
    /// order: payment was perhaps asked for an order that is refused.
    PaymentAbandoned {
        /// The refused order.
        order_id: u64,
        /// The idempotency key payment was asked with.
        payment_key: String,
    },
    /// pay: a payment was approved.
    PayApproved {
        /// The order.
        order_id: u64,
        /// The payment.
        pay_id: u64,
        /// How much.
        price: f64,
        /// The caller's own label.
        status: Option<String>,
    },
    /// pay: a payment was given back.
    PayCanceled {
        /// The order.
        order_id: u64,
        /// The payment.
        pay_id: u64,
        /// How much.
        price: f64,
    },
    /// product: the order's pieces are reserved and wait to be sent.
    DeliveryPrepared {
        /// The order.
        order_id: u64,
        /// What is delivered.
        item: String,
        /// How many pieces.
        order_qty: u64,
    },
    /// product: the order waits for stock.
    DeliveryBackordered {
        /// The order.
        order_id: u64,
        /// What is missing.
        item: String,
        /// How many pieces are wanted.
        order_qty: u64,
    },
    /// product: the delivery is on its way.
    DeliveryStarted {
        /// The order.
        order_id: u64,
    },
    /// product: the delivery has arrived. From here on nothing can be cancelled.
    DeliveryCompleted {
        /// The order.
        order_id: u64,
    },
    /// product: a completed delivery left the stock.
    StockDecreased {
        /// The order.
        order_id: u64,
        /// The item.
        item: String,
        /// By how many pieces.
        by: u64,
        /// How many are left.
        stock: u64,
    },
    /// product: the delivery is cancelled, its reservation released.
    DeliveryCanceled {
        /// The order.
        order_id: u64,
    },
    /// product: the order may be cancelled.
    CancelAccepted {
        /// The order.
        order_id: u64,
    },
    /// product: too late, the delivery is completed.
    CancelRefused {
        /// The order.
        order_id: u64,
    },
    /// product, to itself: there is unreserved stock of an item that somebody waits for.
    StockAvailable {
        /// The item.
        item: String,
    },
}

impl ShopEvent {
    /// Reads an envelope; `None` for kinds that are not the shop's, or a body of another shape.
    pub fn read(event: &Event) -> Option<Self> {
        serde_json::from_value(json!({ "kind": event.kind, "body": event.body })).ok()
    }

    /// Kind and body, as an envelope carries them.
    pub fn write(&self) -> (String, Value) {
        let mut tagged = serde_json::to_value(self).expect("an enum of plain fields is JSON");
        let kind = tagged["kind"].as_str().expect("serde's tag").to_owned();
        (kind, tagged["body"].take())
    }

    /// States the fact in the unit's commit.
    pub fn publish(&self, unit: &mut Unit) {
        let (kind, body) = self.write();
        unit.publish(&kind, &self.key(), &body);
    }

    /// The order it is about; `None` for [`ShopEvent::StockAvailable`], which is about an item.
    pub fn order_id(&self) -> Option<u64> {
        match *self {
            Self::Ordered { order_id, .. }
            | Self::CancelRequested { order_id }
            | Self::OrderCanceled { order_id }
            | Self::PaymentAbandoned { order_id, .. }
            | Self::PayApproved { order_id, .. }
            | Self::PayCanceled { order_id, .. }
            | Self::DeliveryPrepared { order_id, .. }
            | Self::DeliveryBackordered { order_id, .. }
            | Self::DeliveryStarted { order_id }
            | Self::DeliveryCompleted { order_id }
            | Self::StockDecreased { order_id, .. }
            | Self::DeliveryCanceled { order_id }
            | Self::CancelAccepted { order_id }
            | Self::CancelRefused { order_id } => Some(order_id),
            Self::StockAvailable { .. } => None,
        }
    }

    /// The partition key: the order's id in decimal, or `item:<item>`.
    pub fn key(&self) -> String {
        match (self.order_id(), self) {
            (Some(order_id), _) => order_id.to_string(),
            (None, Self::StockAvailable { item }) => format!("item:{item}"),
            (None, _) => unreachable!("only StockAvailable is about an item"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_survives_its_envelope() {
        let fact = ShopEvent::Ordered {
            order_id: 7,
            item: "tv".into(),
            order_qty: 3,
            price: 1000.0,
            status: Some("0".into()),
        };
        let (kind, body) = fact.write();
        assert_eq!(kind, "Ordered");
        assert_eq!(body["orderQty"], 3);
        let envelope = Event {
            id: "c#0".into(),
            kind,
            key: fact.key(),
            source: "order".into(),
            at_ms: 0,
            body,
        };
        assert_eq!(ShopEvent::read(&envelope), Some(fact));
    }

    #[test]
    fn a_stranger_is_not_read() {
        let envelope = Event {
            id: "c#0".into(),
            kind: "Booked".into(),
            key: "1".into(),
            source: "book".into(),
            at_ms: 0,
            body: json!({ "orderId": 1 }),
        };
        assert_eq!(ShopEvent::read(&envelope), None);
    }
}
