//! Items and deliveries as the database keeps them, and the part of them that one decision sees.

use serde::{Deserialize, Serialize};
use squall_kit::{
    http::resource::Present,
    store::{Entity, Key, StoreError, Unit},
};

use super::aggregate::{
    self, Command, Delivery, DeliveryStatus, Event, Product, QUEUE_BATCH, Rejection, Shelf,
};
use crate::{
    event::ShopEvent,
    hints,
    slot::{Named, slot},
};

/// Found in this index under [`YES`]: the products in the catalogue.
pub(super) const LISTED: &str = "listed";
/// Its one value.
pub(super) const YES: &str = "yes";
/// The index that finds the delivery of an order.
pub(super) const ORDER_ID: &str = "orderId";
/// The index that finds the deliveries of a status.
pub(super) const STATUS: &str = "status";
/// The index that finds, under an item's name, the deliveries that wait for it.
const WAITING: &str = "waiting";

impl Entity for Product {
    const COLLECTION: &'static str = "products";

    fn indexes(&self) -> Vec<(&'static str, String)> {
        let listed = self.listed.then(|| (LISTED, YES.to_owned()));
        listed.into_iter().collect()
    }
}

impl Present for Product {
    fn present(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct Shown<'a> {
            item: &'a str,
            stock: u64,
            reserved: u64,
        }
        Shown {
            item: &self.item,
            stock: self.stock,
            reserved: self.reserved,
        }
    }
}

impl Entity for Delivery {
    const COLLECTION: &'static str = "deliveries";

    fn indexes(&self) -> Vec<(&'static str, String)> {
        let mut indexes = vec![
            (ORDER_ID, self.order_id.to_string()),
            (STATUS, self.status.word().to_owned()),
        ];
        if let Some(item) = self.item.clone().filter(|_| self.is_waiting()) {
            indexes.push((WAITING, item));
        }
        indexes
    }
}

impl Present for Delivery {
    fn present(&self) -> impl Serialize {
        self
    }
}

/// Which product has an item's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemName {
    item: String,
    product_id: u64,
}

impl Entity for ItemName {
    const COLLECTION: &'static str = "itemNames";
}

impl Named for ItemName {
    fn name(&self) -> &str {
        &self.item
    }
}

/// A shelf in a unit of work: loaded, then decided on.
pub(super) struct Case {
    shelf: Shelf,
    /// The product's id, or where its name is to be kept once it has one.
    place: Place,
}

enum Place {
    Product(u64),
    Name(u64),
    Nowhere,
}

impl Case {
    /// What a command needs to see.
    ///
    /// Its records are read one after the other, and somebody may commit in between. The commit's
    /// expected versions would refuse a decision on such a torn shelf; the decision itself must not
    /// see one, as its sums do not add up. It is the same [`StoreError::Conflict`].
    pub(super) async fn load(unit: &mut Unit, command: &Command) -> Result<Self, StoreError> {
        let case = Self::read(unit, command).await?;
        match case.shelf.is_torn() {
            true => Err(case.torn()),
            false => Ok(case),
        }
    }

    /// Somebody committed between two of its reads.
    fn torn(&self) -> StoreError {
        let collection = Product::COLLECTION.to_owned();
        let id = self.product_id().unwrap_or_default();
        StoreError::Conflict {
            key: Key { collection, id },
        }
    }

    async fn read(unit: &mut Unit, command: &Command) -> Result<Self, StoreError> {
        match command {
            Command::Register { item, .. } => Self::of_item(unit, item).await,
            Command::Prepare { item, order_id, .. } => {
                let mut case = Self::of_item(unit, item).await?;
                case.see_delivery(unit, *order_id).await?;
                case.see_queue(unit, item, 1).await?;
                Ok(case)
            }
            Command::ServeQueue { item } => {
                let mut case = Self::of_item(unit, item).await?;
                case.see_queue(unit, item, QUEUE_BATCH).await?;
                Ok(case)
            }
            Command::Start { order_id }
            | Command::Complete { order_id }
            | Command::Cancel { order_id } => Self::of_delivery(unit, *order_id).await,
            Command::SetStock { product_id, .. } => Self::of_product(unit, *product_id).await,
        }
    }

    /// The product's id, if it has one.
    pub(super) fn product_id(&self) -> Option<u64> {
        match self.place {
            Place::Product(id) => Some(id),
            Place::Name(_) | Place::Nowhere => None,
        }
    }

    /// The shelf as it is now.
    pub(super) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Decides a command and puts its consequences into the unit. False: there are none.
    pub(super) async fn decide(
        &mut self,
        unit: &mut Unit,
        command: &Command,
    ) -> Result<Result<bool, Rejection>, StoreError> {
        let events = match aggregate::decide(&self.shelf, command) {
            Ok(events) => events,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let before = self.shelf.clone();
        for event in &events {
            aggregate::apply(&mut self.shelf, event);
            if let Some(place) = place(&before, event) {
                unit.hint(place);
            }
            if let Some(told) = event.published() {
                told.publish(unit);
            }
        }
        self.put(unit, &before).await?;
        Ok(Ok(!events.is_empty()))
    }

    async fn of_product(unit: &mut Unit, product_id: u64) -> Result<Self, StoreError> {
        let product = unit
            .load::<Product>(product_id)
            .await?
            .map(|found| found.value);
        let shelf = Shelf {
            product,
            ..Shelf::default()
        };
        Ok(Self {
            shelf,
            place: Place::Product(product_id),
        })
    }

    async fn of_item(unit: &mut Unit, item: &str) -> Result<Self, StoreError> {
        match slot::<ItemName>(unit, item).await? {
            (_, Some(name)) => Self::of_product(unit, name.product_id).await,
            (slot_id, None) => Ok(Self {
                shelf: Shelf::default(),
                place: Place::Name(slot_id),
            }),
        }
    }

    async fn of_delivery(unit: &mut Unit, order_id: u64) -> Result<Self, StoreError> {
        let delivery = unit
            .load::<Delivery>(order_id)
            .await?
            .map(|found| found.value);
        let item = delivery.as_ref().and_then(|delivery| delivery.item.clone());
        let mut case = match item {
            Some(item) => Self::of_item(unit, &item).await?,
            None => Self {
                shelf: Shelf::default(),
                place: Place::Nowhere,
            },
        };
        case.see(delivery);
        Ok(case)
    }

    async fn see_delivery(&mut self, unit: &mut Unit, order_id: u64) -> Result<(), StoreError> {
        let delivery = unit.load::<Delivery>(order_id).await?;
        self.see(delivery.map(|found| found.value));
        Ok(())
    }

    async fn see_queue(
        &mut self,
        unit: &mut Unit,
        item: &str,
        limit: usize,
    ) -> Result<(), StoreError> {
        if self
            .shelf
            .product
            .as_ref()
            .is_none_or(|product| product.waiting == 0)
        {
            return Ok(());
        }
        let queue = unit.oldest::<Delivery>(WAITING, item, limit).await?;
        if queue.is_empty() {
            // Whoever waited when the product was read has been served since, or is gone.
            return Err(self.torn());
        }
        queue
            .into_iter()
            .for_each(|found| self.see(Some(found.value)));
        Ok(())
    }

    fn see(&mut self, delivery: Option<Delivery>) {
        let seen = delivery.map(|delivery| (delivery.order_id, delivery));
        self.shelf.deliveries.extend(seen);
    }

    async fn put(&mut self, unit: &mut Unit, before: &Shelf) -> Result<(), StoreError> {
        for (order_id, delivery) in &self.shelf.deliveries {
            if before.deliveries.get(order_id) != Some(delivery) {
                unit.put(*order_id, delivery);
            }
        }
        let Some(product) = self.shelf.product.clone() else {
            return Ok(());
        };
        match self.place {
            Place::Product(id) if before.product.as_ref() != Some(&product) => {
                unit.put(id, &product);
            }
            Place::Product(_) => {}
            Place::Name(slot_id) => {
                let product_id = unit.insert(&product).await?;
                let item = product.item;
                unit.put(slot_id, &ItemName { item, product_id });
                self.place = Place::Product(product_id);
            }
            Place::Nowhere => unreachable!("a decision without an item concerns no product"),
        }
        Ok(())
    }
}

/// What is told once this has happened to the shelf.
fn place(before: &Shelf, event: &Event) -> Option<&'static str> {
    let status = |order_id| before.deliveries.get(order_id).map(|it| it.status);
    match event {
        Event::CancellationRecorded { .. } => Some(hints::PRODUCT_CANCELED_FIRST),
        Event::Told(ShopEvent::DeliveryBackordered { .. }) => Some(hints::PRODUCT_BACKORDERED),
        Event::Told(ShopEvent::DeliveryPrepared { order_id, .. }) => {
            status(order_id).map(|_waited| hints::PRODUCT_QUEUE_SERVED)
        }
        Event::Told(ShopEvent::DeliveryCanceled { order_id }) => match status(order_id)? {
            DeliveryStatus::Backordered => Some(hints::PRODUCT_CANCELED_WAITING),
            DeliveryStatus::Started => Some(hints::PRODUCT_CANCELED_UNDER_WAY),
            _ => None,
        },
        Event::Told(ShopEvent::CancelRefused { .. }) => Some(hints::PRODUCT_CANCEL_REFUSED),
        Event::Told(ShopEvent::StockDecreased { .. }) => Some(hints::PRODUCT_STOCK_DECREASED),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use squall_kit::{
        clock::Clock,
        rng::Rng,
        signal::Signals,
        store::{Settings, Store, sqlite::Sqlite},
    };

    use super::*;

    fn store() -> Store {
        let settings = Settings {
            source: "product".to_owned(),
            clock: Clock::system(),
            rng: Rng::stream(1, "test"),
            patience: Duration::from_secs(5),
            signals: Signals::silent(),
        };
        let database = Sqlite::memory(Clock::system()).expect("memory");
        Store::new(database, settings)
    }

    fn prepare(order_id: u64) -> Command {
        let item = "boat".to_owned();
        Command::Prepare {
            order_id,
            item,
            order_qty: 3,
        }
    }

    async fn carry_out(store: &Store, command: &Command) -> Result<(), StoreError> {
        let mut unit = store.unit(store.fresh_id());
        let mut case = Case::load(&mut unit, command).await?;
        let decided = case.decide(&mut unit, command).await?;
        assert_eq!(decided, Ok(true), "{command:?}");
        unit.commit(&()).await.map(drop)
    }

    /// Found by exploring: the head of the queue was served after the product had been read, and
    /// before the queue was.
    #[tokio::test]
    async fn a_queue_that_empties_while_it_is_looked_at_is_a_conflict() {
        let store = store();
        let item = "boat".to_owned();
        let register = Command::Register { item, stock: 1 };
        carry_out(&store, &register).await.expect("nothing is sold");
        carry_out(&store, &prepare(1))
            .await
            .expect("it has to wait");
        // What is read afterwards is of a later moment than the product.
        let mut unit = store.unit(store.fresh_id());
        let waiting = unit.load::<Delivery>(1).await.expect("read");
        let waiting = waiting.expect("it is there").value;
        let status = DeliveryStatus::Prepared;
        unit.put(1, &Delivery { status, ..waiting });
        unit.commit(&()).await.expect("committed");
        let seen = carry_out(&store, &prepare(2)).await;
        assert!(matches!(seen, Err(StoreError::Conflict { .. })), "{seen:?}");
    }
}
