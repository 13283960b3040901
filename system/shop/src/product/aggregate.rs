//! An item on its shelf and the deliveries that want it: reservation, queue, point of no return. Pure.
//!
//! One decision concerns one item and a few deliveries of it, and is one commit: the item's record
//! with its expected version, and each delivery it touches with its own. Two decisions about one item
//! therefore never both count on the same piece.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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

/// Decides a command. Repeating what is already so is no event, and no error.
///
/// # Errors
/// The [`Rejection`].
pub fn decide(shelf: &Shelf, command: &Command) -> Result<Vec<Event>, Rejection> {
    match command {
        Command::Register { item, stock } => register(shelf, item, *stock),
        Command::SetStock { stock, .. } => set_stock(shelf, *stock),
        Command::Prepare {
            order_id,
            item,
            order_qty,
        } => prepare(shelf, *order_id, item, *order_qty),
        Command::ServeQueue { .. } => Ok(serve_queue(shelf)),
        Command::Start { order_id } => start(shelf, *order_id),
        Command::Complete { order_id } => complete(shelf, *order_id),
        Command::Cancel { order_id } => cancel(shelf, *order_id),
    }
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
    fn known(&mut self) -> &mut Product {
        self.product
            .as_mut()
            .expect("decided on an item that is known")
    }

    /// First come, first served: in the order of their orders, which is not always the order in which
    /// product hears of them. Nobody overtakes, even where a piece would do.
    fn somebody_is_before(&self, order_id: u64) -> bool {
        let mut queue = self
            .deliveries
            .values()
            .filter(|delivery| delivery.is_waiting());
        let head = queue.next();
        let waiting = self.product.as_ref().map_or(0, |product| product.waiting);
        assert_eq!(
            waiting > 0,
            head.is_some(),
            "a decision sees the head of the queue"
        );
        head.is_some_and(|head| head.order_id < order_id)
    }

    /// The item, if somebody waits for it and there is a piece for them.
    fn to_serve(&self) -> Option<Event> {
        let product = self.product.as_ref()?;
        (product.waiting > 0 && product.available() > 0).then(|| {
            Event::Told(ShopEvent::StockAvailable {
                item: product.item.clone(),
            })
        })
    }
}

// === the decisions ===

fn register(shelf: &Shelf, item: &str, stock: u64) -> Result<Vec<Event>, Rejection> {
    if shelf.product.as_ref().is_some_and(|product| product.listed) {
        return Err(Rejection::AlreadyRegistered {
            item: item.to_owned(),
        });
    }
    let registered = Event::Registered {
        item: item.to_owned(),
        stock,
    };
    Ok(and_serve(shelf, vec![registered]))
}

fn set_stock(shelf: &Shelf, stock: u64) -> Result<Vec<Event>, Rejection> {
    let Some(product) = shelf.product.as_ref().filter(|product| product.listed) else {
        return Err(Rejection::NoSuchProduct);
    };
    if stock < product.reserved {
        return Err(Rejection::Reserved {
            reserved: product.reserved,
            stock,
        });
    }
    if stock == product.stock {
        return Ok(vec![]);
    }
    Ok(and_serve(shelf, vec![Event::StockSet { stock }]))
}

fn prepare(
    shelf: &Shelf,
    order_id: u64,
    item: &str,
    order_qty: u64,
) -> Result<Vec<Event>, Rejection> {
    if let Some(delivery) = shelf.deliveries.get(&order_id) {
        return Err(Rejection::AlreadyDecided {
            status: delivery.status,
        });
    }
    let item = item.to_owned();
    let enough = shelf.product.as_ref().is_some_and(|product| {
        product.available() >= order_qty && !shelf.somebody_is_before(order_id)
    });
    Ok(vec![Event::Told(if enough {
        ShopEvent::DeliveryPrepared {
            order_id,
            item,
            order_qty,
        }
    } else {
        ShopEvent::DeliveryBackordered {
            order_id,
            item,
            order_qty,
        }
    })])
}

fn serve_queue(shelf: &Shelf) -> Vec<Event> {
    let mut next = shelf.clone();
    let mut events = Vec::new();
    for (&order_id, delivery) in &shelf.deliveries {
        let Some(item) = delivery.item.clone() else {
            continue;
        };
        if !delivery.is_waiting() {
            continue;
        }
        if next.known().available() < delivery.order_qty {
            return events;
        }
        let order_qty = delivery.order_qty;
        let event = Event::Told(ShopEvent::DeliveryPrepared {
            order_id,
            item,
            order_qty,
        });
        apply(&mut next, &event);
        events.push(event);
    }
    // Everybody seen was served; who waits behind them is served by the next decision.
    if !events.is_empty() {
        events.extend(next.to_serve());
    }
    events
}

fn start(shelf: &Shelf, order_id: u64) -> Result<Vec<Event>, Rejection> {
    match shelf
        .deliveries
        .get(&order_id)
        .map(|delivery| delivery.status)
    {
        None => Err(Rejection::NoSuchDelivery),
        Some(DeliveryStatus::Prepared) => {
            Ok(vec![Event::Told(ShopEvent::DeliveryStarted { order_id })])
        }
        Some(DeliveryStatus::Started) => Ok(vec![]),
        Some(status) => Err(Rejection::WrongStatus {
            status,
            needed: DeliveryStatus::Prepared,
        }),
    }
}

fn complete(shelf: &Shelf, order_id: u64) -> Result<Vec<Event>, Rejection> {
    let delivery = shelf
        .deliveries
        .get(&order_id)
        .ok_or(Rejection::NoSuchDelivery)?;
    match (delivery.status, &shelf.product) {
        (DeliveryStatus::Completed, _) => Ok(vec![]),
        (DeliveryStatus::Started, Some(product)) => {
            let by = delivery.order_qty;
            let stock = product
                .stock
                .checked_sub(by)
                .expect("what is reserved is in stock");
            let item = product.item.clone();
            Ok(vec![
                Event::Told(ShopEvent::DeliveryCompleted { order_id }),
                Event::Told(ShopEvent::StockDecreased {
                    order_id,
                    item,
                    by,
                    stock,
                }),
            ])
        }
        (status, _) => Err(Rejection::WrongStatus {
            status,
            needed: DeliveryStatus::Started,
        }),
    }
}

fn cancel(shelf: &Shelf, order_id: u64) -> Result<Vec<Event>, Rejection> {
    let accepted = Event::Told(ShopEvent::CancelAccepted { order_id });
    match shelf
        .deliveries
        .get(&order_id)
        .map(|delivery| delivery.status)
    {
        None => Ok(vec![Event::CancellationRecorded { order_id }, accepted]),
        Some(DeliveryStatus::Completed) => {
            Ok(vec![Event::Told(ShopEvent::CancelRefused { order_id })])
        }
        Some(status @ DeliveryStatus::Canceled) => Err(Rejection::AlreadyDecided { status }),
        Some(_) => {
            let canceled = Event::Told(ShopEvent::DeliveryCanceled { order_id });
            Ok(and_serve(shelf, vec![canceled, accepted]))
        }
    }
}

/// `events`, and the call to serve the queue if they leave a piece for somebody who waits.
fn and_serve(shelf: &Shelf, mut events: Vec<Event>) -> Vec<Event> {
    let mut next = shelf.clone();
    for event in &events {
        apply(&mut next, event);
    }
    events.extend(next.to_serve());
    events
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
