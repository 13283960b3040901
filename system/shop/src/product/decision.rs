//! What product decides: who gets a piece, who waits, what can still be cancelled. Pure.

use squall_kit::planted::{self, Bug};

use super::aggregate::{Command, DeliveryStatus, Event, Rejection, Shelf, apply};
use crate::event::ShopEvent;

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
        Some(DeliveryStatus::Completed) if planted::is(Bug::CancelWinsAfterCompletion) => {
            Ok(vec![accepted])
        }
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

impl Shelf {
    /// First come, first served: in the order of their orders, which is not always the order in
    /// which product hears of them. Nobody overtakes, even where a piece would do.
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
