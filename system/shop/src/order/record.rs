//! An order as the database keeps it, and as callers see it.

use serde::{Deserialize, Serialize};
use squall_kit::{
    http::resource::Present,
    store::{Entity, Unit},
};

use super::aggregate::{self, Command, Order, Rejection, State};

/// Found in this index under [`YES`]: the orders that exist for callers.
pub(super) const VISIBLE: &str = "visible";
/// Found in this index under [`YES`]: the orders that are not settled.
pub(super) const PENDING: &str = "pending";
/// The one value of both.
pub(super) const YES: &str = "yes";

/// A stored order: the aggregate, and the status callers see (so that lists can be sorted by it),
/// which is not read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Order")]
pub(super) struct OrderRecord {
    /// The aggregate.
    #[serde(flatten)]
    pub order: Order,
    /// [`Order::status`].
    pub status: Option<String>,
}

impl From<Order> for OrderRecord {
    fn from(order: Order) -> Self {
        let status = order.status().map(str::to_owned);
        Self { order, status }
    }
}

impl Entity for OrderRecord {
    const COLLECTION: &'static str = "orders";

    fn indexes(&self) -> Vec<(&'static str, String)> {
        let mut indexes = Vec::new();
        if self.order.is_visible() {
            indexes.push((VISIBLE, YES.to_owned()));
        }
        if self.order.state == State::Pending {
            indexes.push((PENDING, YES.to_owned()));
        }
        indexes
    }
}

impl Present for OrderRecord {
    fn present(&self) -> impl Serialize {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Shown<'a> {
            item: &'a str,
            order_qty: u64,
            price: f64,
            status: Option<&'a str>,
        }
        Shown {
            item: &self.order.item,
            order_qty: self.order.order_qty,
            price: self.order.price,
            status: self.status.as_deref(),
        }
    }
}

impl OrderRecord {
    /// Decides a command on the order with this id and puts its consequences into the unit. False:
    /// there are none.
    pub(super) fn decide(
        self,
        unit: &mut Unit,
        id: u64,
        command: &Command,
    ) -> Result<bool, Rejection> {
        let mut order = self.order;
        let events = aggregate::decide(&order, command)?;
        for event in &events {
            aggregate::apply(&mut order, event);
            if let Some(told) = order.published(id, event) {
                told.publish(unit);
            }
        }
        let changed = !events.is_empty();
        if changed {
            unit.put(id, &Self::from(order));
        }
        Ok(changed)
    }
}
