//! An item on its shelf and the deliveries that want it: reservation, queue, point of no return.
//! Pure.
//!
//! One decision concerns one item and a few deliveries of it, and is one commit: the item's record
//! with its expected version, and each delivery it touches with its own. Two decisions about one
//! item therefore never both count on the same piece.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::decision::decide;
use crate::event::ShopEvent;

/// Waiting deliveries that one decision prepares at most; the rest follows by the next.
pub const QUEUE_BATCH: usize = 50;

/// An item on its shelf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its name: what orders call it by.
    pub item: String,
    /// Pieces there are, the reserved ones included.
    pub stock: u64,
    /// Pieces promised to deliveries that are prepared or started. Never above `stock`.
    pub reserved: u64,
    /// Deliveries that wait for it.
    pub waiting: u64,
    /// False for an item that was ordered but is not in the catalogue: in no list, unknown by id.
    pub listed: bool,
}

/// The delivery of one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The order; the delivery has its id.
    pub order_id: u64,
    /// What is delivered; `None` for a cancellation that came before any delivery.
    pub item: Option<String>,
    /// How many pieces.
    pub order_qty: u64,
    /// How far it is.
    pub status: DeliveryStatus,
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeliveryStatus {
    /// Its pieces are reserved.
    Prepared,
    /// It waits for stock.
    Backordered,
    /// It is on its way.
    Started,
    /// It has arrived: the point of no return.
    Completed,
    /// It will never arrive.
    Canceled,
}

/// What one decision sees.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shelf {
    /// The item; `None` when nobody has ever ordered or stocked it.
    pub product: Option<Product>,
    /// The deliveries concerned, by order: the one a command is about, and, to prepare,
    /// the head of the queue (in the order of orders).
    pub deliveries: BTreeMap<u64, Delivery>,
}

/// What can be asked of an item or a delivery.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Put an item into the catalogue.
    Register {
        /// Its name.
        item: String,
        /// Pieces there are.
        stock: u64,
    },
    /// There are now this many pieces.
    SetStock {
        /// The product.
        product_id: u64,
        /// The reserved ones included.
        stock: u64,
    },
    /// Prepare the delivery of an order.
    Prepare {
        /// The order.
        order_id: u64,
        /// What is to be delivered.
        item: String,
        /// How many pieces.
        order_qty: u64,
    },
    /// Prepare those who wait, first come first served.
    ServeQueue {
        /// The item.
        item: String,
    },
    /// The delivery leaves.
    Start {
        /// The order.
        order_id: u64,
    },
    /// The delivery has arrived.
    Complete {
        /// The order.
        order_id: u64,
    },
    /// The customer wants out.
    Cancel {
        /// The order.
        order_id: u64,
    },
}

/// What happened to an item or a delivery.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The item is in the catalogue.
    Registered {
        /// Its name.
        item: String,
        /// Pieces there are.
        stock: u64,
    },
    /// There are now this many pieces.
    StockSet {
        /// The reserved ones included.
        stock: u64,
    },
    /// A cancellation came before its delivery: nothing will start for this order.
    CancellationRecorded {
        /// The order.
        order_id: u64,
    },
    /// Everything else is told to the world as it is.
    Told(ShopEvent),
}

/// Why product does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Its name is taken.
    #[error("item {item:?} is already in the catalogue")]
    AlreadyRegistered {
        /// The name.
        item: String,
    },
    /// It is not in the catalogue.
    #[error("there is no such product")]
    NoSuchProduct,
    /// The order has no delivery.
    #[error("there is no such delivery")]
    NoSuchDelivery,
    /// Reserved pieces cannot disappear.
    #[error("{reserved} pieces are reserved, the stock cannot be set to {stock}")]
    Reserved {
        /// Pieces promised.
        reserved: u64,
        /// What was asked for.
        stock: u64,
    },
    /// The order has a delivery already, or a recorded cancellation.
    #[error("the order's delivery is already {status:?}")]
    AlreadyDecided {
        /// Its status.
        status: DeliveryStatus,
    },
    /// The delivery is not at a point where this can happen.
    #[error("the delivery is {status:?}, it must be {needed:?} for that")]
    WrongStatus {
        /// Its status.
        status: DeliveryStatus,
        /// What it would have to be.
        needed: DeliveryStatus,
    },
}

/// Applies what happened.
///
/// # Panics
/// When an invariant breaks: stock below zero, or less of it than is reserved.
pub fn apply(shelf: &mut Shelf, event: &Event) {
    match event {
        Event::Registered { item, stock } => {
            let product = shelf.product.get_or_insert_with(|| Product::unlisted(item));
            product.stock = *stock;
            product.listed = true;
        }
        Event::StockSet { stock } => shelf.known().stock = *stock,
        Event::CancellationRecorded { order_id } => {
            let status = DeliveryStatus::Canceled;
            let none = Delivery {
                order_id: *order_id,
                item: None,
                order_qty: 0,
                status,
            };
            shelf.deliveries.insert(*order_id, none);
        }
        Event::Told(event) => apply_told(shelf, event),
    }
    if let Some(product) = &shelf.product {
        assert!(
            product.reserved <= product.stock,
            "more reserved than there is: {product:?}"
        );
    }
}

/// Which command an event means for product, its own included.
pub fn policy(event: &ShopEvent) -> Option<Command> {
    match event {
        ShopEvent::Ordered {
            order_id,
            item,
            order_qty,
            ..
        } => Some(Command::Prepare {
            order_id: *order_id,
            item: item.clone(),
            order_qty: *order_qty,
        }),
        ShopEvent::CancelRequested { order_id } => Some(Command::Cancel {
            order_id: *order_id,
        }),
        ShopEvent::StockAvailable { item } => Some(Command::ServeQueue { item: item.clone() }),
        _ => None,
    }
}

impl Event {
    /// What the world hears of it.
    pub fn published(&self) -> Option<ShopEvent> {
        match self {
            Self::Told(event) => Some(event.clone()),
            _ => None,
        }
    }
}

impl Product {
    /// An item that is not in the catalogue.
    pub fn unlisted(item: &str) -> Self {
        Self {
            item: item.to_owned(),
            stock: 0,
            reserved: 0,
            waiting: 0,
            listed: false,
        }
    }

    /// Pieces that are promised to nobody.
    pub fn available(&self) -> u64 {
        self.stock - self.reserved
    }
}

impl Delivery {
    /// True while it waits for stock.
    pub fn is_waiting(&self) -> bool {
        self.status == DeliveryStatus::Backordered
    }
}

impl DeliveryStatus {
    /// The word shown as status, and found by.
    pub fn word(self) -> &'static str {
        match self {
            Self::Prepared => "PREPARED",
            Self::Backordered => "BACKORDERED",
            Self::Started => "STARTED",
            Self::Completed => "COMPLETED",
            Self::Canceled => "CANCELED",
        }
    }
}

impl Shelf {
    /// True when its parts cannot be of one moment: deliveries that hold or await more than the
    /// product knows of.
    pub(super) fn is_torn(&self) -> bool {
        let (mut reserved, mut waiting) = (0, 0);
        for delivery in self.deliveries.values() {
            match delivery.status {
                DeliveryStatus::Prepared | DeliveryStatus::Started => {
                    reserved += delivery.order_qty;
                }
                DeliveryStatus::Backordered => waiting += 1,
                DeliveryStatus::Completed | DeliveryStatus::Canceled => {}
            }
        }
        match &self.product {
            Some(product) => reserved > product.reserved || waiting > product.waiting,
            None => reserved + waiting > 0,
        }
    }

    pub(super) fn known(&mut self) -> &mut Product {
        self.product
            .as_mut()
            .expect("decided on an item that is known")
    }
}

fn apply_told(shelf: &mut Shelf, event: &ShopEvent) {
    match event {
        ShopEvent::DeliveryPrepared {
            order_id,
            item,
            order_qty,
        } => {
            let waited = shelf.deliveries.contains_key(order_id);
            let product = shelf.known();
            product.reserved += order_qty;
            product.waiting -= u64::from(waited);
            shelf.deliver(*order_id, item, *order_qty, DeliveryStatus::Prepared);
        }
        ShopEvent::DeliveryBackordered {
            order_id,
            item,
            order_qty,
        } => {
            let product = shelf.product.get_or_insert_with(|| Product::unlisted(item));
            product.waiting += 1;
            shelf.deliver(*order_id, item, *order_qty, DeliveryStatus::Backordered);
        }
        ShopEvent::DeliveryStarted { order_id } => {
            shelf.move_to(*order_id, DeliveryStatus::Started);
        }
        ShopEvent::DeliveryCompleted { order_id } => {
            let delivery = shelf.move_to(*order_id, DeliveryStatus::Completed);
            shelf.known().reserved -= delivery.order_qty;
        }
        ShopEvent::StockDecreased { stock, .. } => shelf.known().stock = *stock,
        ShopEvent::DeliveryCanceled { order_id } => {
            let was = shelf.move_to(*order_id, DeliveryStatus::Canceled);
            let product = shelf.known();
            match was.status {
                DeliveryStatus::Backordered => product.waiting -= 1,
                _ => product.reserved -= was.order_qty,
            }
        }
        ShopEvent::CancelAccepted { .. }
        | ShopEvent::CancelRefused { .. }
        | ShopEvent::StockAvailable { .. } => {}
        other => unreachable!("product does not decide {other:?}"),
    }
}

impl Shelf {
    fn deliver(&mut self, order_id: u64, item: &str, order_qty: u64, status: DeliveryStatus) {
        let item = Some(item.to_owned());
        self.deliveries.insert(
            order_id,
            Delivery {
                order_id,
                item,
                order_qty,
                status,
            },
        );
    }

    /// Moves a delivery and gives what it was.
    fn move_to(&mut self, order_id: u64, status: DeliveryStatus) -> Delivery {
        let delivery = self
            .deliveries
            .get_mut(&order_id)
            .expect("decided on one that is there");
        let was = delivery.clone();
        delivery.status = status;
        was
    }
}

#[cfg(test)]
#[path = "aggregate_tests.rs"]
mod tests;
