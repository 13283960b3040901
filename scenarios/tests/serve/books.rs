//! What the shop's services say when it is quiet, and whether it fits together.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{load::Ledger, support::program::Shop};

/// Resources by their order's id.
type ByOrder = BTreeMap<u64, Vec<Value>>;

/// Every resource of every service.
pub(crate) struct Books {
    orders: BTreeMap<u64, Value>,
    pays: ByOrder,
    deliveries: ByOrder,
    notices: ByOrder,
    my_pages: ByOrder,
    product: Value,
}

impl Books {
    pub(crate) fn read(shop: &Shop) -> Self {
        let by_order = |port, collection: &str| {
            let mut found = ByOrder::new();
            for resource in all(shop, port, collection) {
                let order_id = resource["orderId"].as_u64().expect("an order's id");
                found.entry(order_id).or_default().push(resource);
            }
            found
        };
        let orders = all(shop, 8081, "orders").into_iter();
        Self {
            orders: orders.map(|order| (id(&order), order)).collect(),
            pays: by_order(8083, "pays"),
            deliveries: by_order(8082, "deliveries"),
            notices: by_order(8084, "notices"),
            my_pages: by_order(8085, "myPages"),
            product: shop.get(8082, "/products/1").body,
        }
    }

    /// Everything that is not, or not yet, as promised.
    pub(crate) fn faults(&self, ledger: &Ledger, stock: u64) -> Vec<String> {
        let mut faults = Vec::new();
        for (id, price) in &ledger.accepted {
            let found = self.orders.get(id).map(|order| &order["price"]);
            if found.and_then(Value::as_f64) != Some(*price as f64) {
                faults.push(format!(
                    "order {id} was accepted at {price}, found {found:?}"
                ));
            }
        }
        for (ids, statuses) in [
            (&ledger.cancelled, ["CANCELED", "COMPLETED"]),
            (&ledger.completed, ["COMPLETED", "COMPLETED"]),
        ] {
            let found = ids.iter().filter_map(|id| self.orders.get(id));
            let other = found.filter(|order| !statuses.iter().any(|it| order["status"] == *it));
            faults.extend(other.map(|order| format!("not {statuses:?}: {order}")));
        }
        for (id, order) in &self.orders {
            faults.extend(self.faults_of(*id, order));
        }
        faults.extend(self.strangers());
        faults.extend(self.stock_fault(stock));
        faults
    }

    fn faults_of(&self, id: u64, order: &Value) -> Vec<String> {
        let of = |books: &ByOrder| books.get(&id).cloned().unwrap_or_default();
        let (pays, deliveries, my_pages) =
            (of(&self.pays), of(&self.deliveries), of(&self.my_pages));
        let status = order["status"].as_str().unwrap_or_default();
        let given_back = pays.iter().all(|pay| pay["status"] == "CANCELED");
        let page = my_pages.first().unwrap_or(&Value::Null);
        let settled = ["PREPARED", "STARTED", "COMPLETED", "CANCELED"].contains(&status);
        let mut faults = Vec::new();
        for (right, what) in [
            (settled, "the order is settled"),
            (pays.len() == 1, "one payment"),
            (
                given_back == (status == "CANCELED"),
                "paid for, unless cancelled",
            ),
            (
                pays.iter().all(|pay| pay["price"] == order["price"]),
                "its price is paid",
            ),
            (deliveries.len() == 1, "one delivery"),
            (
                deliveries.iter().all(|it| it["status"] == status),
                "delivery and order agree",
            ),
            (my_pages.len() == 1, "one myPage"),
            (page["status"] == status, "myPage and order agree"),
            (page["price"] == order["price"], "myPage shows the price"),
            (
                page["quantity"] == order["orderQty"],
                "myPage shows the quantity",
            ),
        ] {
            if !right {
                faults.push(format!(
                    "order {id}: not so: {what}: {order} {pays:?} {deliveries:?} {my_pages:?}"
                ));
            }
        }
        let told = self.told(id);
        let expected: BTreeMap<&str, usize> = match status {
            "STARTED" => [("accepted", 1), ("on its way", 1)].into(),
            "COMPLETED" => [("accepted", 1), ("on its way", 1), ("delivered", 1)].into(),
            "CANCELED" => [("accepted", 1), ("is cancelled", 1)].into(),
            _ => [("accepted", 1)].into(),
        };
        let mut known = told.clone();
        // Both may be told besides: a start before the cancellation, a cancellation that came late.
        for (word, also) in [
            ("on its way", "CANCELED"),
            ("cannot be cancelled", "COMPLETED"),
        ] {
            if status == also && known.get(word) == Some(&1) {
                known.remove(word);
            }
        }
        if known != expected {
            faults.push(format!("order {id}, {status}: told {told:?}"));
        }
        faults
    }

    /// How often the order's customer was told what.
    fn told(&self, id: u64) -> BTreeMap<&'static str, usize> {
        const WORDS: [&str; 5] = [
            "accepted",
            "on its way",
            "cannot be cancelled",
            "is cancelled",
            "delivered",
        ];
        let mut told = BTreeMap::new();
        for notice in self.notices.get(&id).into_iter().flatten() {
            let message = notice["message"].as_str().unwrap_or_default();
            let word = WORDS.iter().find(|word| message.contains(**word));
            *told.entry(*word.expect("a known message")).or_insert(0) += 1;
        }
        told
    }

    /// Traces of orders that nobody can see: only a payment given back may be one.
    fn strangers(&self) -> Vec<String> {
        let books = [&self.pays, &self.deliveries, &self.notices, &self.my_pages];
        let all = books.into_iter().flatten();
        let unseen = all.filter(|(id, _)| !self.orders.contains_key(id));
        unseen
            .flat_map(|(_, resources)| resources)
            .filter(|it| it["status"] != "CANCELED")
            .map(|it| format!("of an order that is not there: {it}"))
            .collect()
    }

    fn stock_fault(&self, stock: u64) -> Option<String> {
        let pieces = |statuses: &[&str]| {
            let deliveries = self.deliveries.values().flatten();
            deliveries
                .filter(|delivery| statuses.iter().any(|it| delivery["status"] == *it))
                .filter_map(|delivery| delivery["orderQty"].as_u64())
                .sum::<u64>()
        };
        let left = stock - pieces(&["COMPLETED"]);
        let reserved = pieces(&["PREPARED", "STARTED"]);
        let right = self.product["stock"] == left && self.product["reserved"] == reserved;
        (!right).then(|| format!("{}: expected {}", self.product, json!([left, reserved])))
    }

    /// How many orders there are, and how many payments given back without one.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let unseen = self.pays.keys().filter(|id| !self.orders.contains_key(id));
        (self.orders.len(), unseen.count())
    }
}

/// Every resource of a collection, page by page.
fn all(shop: &Shop, port: u16, collection: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for page in 0_u64.. {
        let path = format!("/{collection}?size=1000&page={page}");
        let mut body = shop.get(port, &path).body;
        match body["_embedded"][collection].take() {
            Value::Array(mut resources) => found.append(&mut resources),
            other => panic!("{path}: {other}"),
        }
        if body["page"]["totalPages"].as_u64() <= Some(page + 1) {
            break;
        }
    }
    found
}

/// The id at the end of a resource's link.
fn id(resource: &Value) -> u64 {
    let href = resource["_links"]["self"]["href"].as_str();
    let id = href.and_then(|href| href.rsplit('/').next());
    id.and_then(|id| id.parse().ok())
        .expect("a link with an id")
}
