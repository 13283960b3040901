//! Which event is told to the customer, and in what words. Pure.

use serde::{Deserialize, Serialize};

use crate::event::ShopEvent;

/// The messenger: KakaoTalk.
pub const CHANNEL: &str = "KakaoTalk";

/// A message as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// The order it is about.
    pub order_id: u64,
    /// Over which messenger.
    pub channel: String,
    /// Its words.
    pub message: String,
}

/// The message an event calls for. Every change of state that a customer cares about has one.
pub fn policy(event: &ShopEvent) -> Option<Notice> {
    let (order_id, message) = match event {
        ShopEvent::Ordered {
            order_id,
            item,
            order_qty,
            ..
        } => (
            *order_id,
            format!("Order {order_id} is accepted: {order_qty} x {item}."),
        ),
        ShopEvent::DeliveryStarted { order_id } => {
            (*order_id, format!("Order {order_id} is on its way."))
        }
        ShopEvent::DeliveryCompleted { order_id } => {
            (*order_id, format!("Order {order_id} has been delivered."))
        }
        ShopEvent::OrderCanceled { order_id } => (
            *order_id,
            format!("Order {order_id} is cancelled, the payment is returned."),
        ),
        ShopEvent::CancelRefused { order_id } => (
            *order_id,
            format!("Order {order_id} cannot be cancelled: it has been delivered."),
        ),
        _ => return None,
    };
    Some(Notice {
        order_id,
        channel: CHANNEL.to_owned(),
        message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_its_order_and_goes_over_kakao() {
        let notice = policy(&ShopEvent::DeliveryStarted { order_id: 7 }).expect("it is told");
        assert_eq!((notice.order_id, notice.channel.as_str()), (7, "KakaoTalk"));
        assert!(notice.message.contains("Order 7"));
    }

    #[test]
    fn what_happens_behind_the_counter_is_not_told() {
        assert_eq!(policy(&ShopEvent::CancelRequested { order_id: 7 }), None);
        assert_eq!(
            policy(&ShopEvent::StockAvailable { item: "tv".into() }),
            None
        );
    }
}
