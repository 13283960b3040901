//! Clients that order, cancel and deliver, and remember what they were told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::support::client::call;

/// Most orders of a client.
const ORDERS_MAX: u64 = 500;

/// What clients were told, and must find again.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Orders answered with 201, with the price that tells them apart.
    pub(crate) accepted: BTreeMap<u64, u64>,
    /// Orders whose cancellation was answered with 204.
    pub(crate) cancelled: BTreeSet<u64>,
    /// Orders whose delivery was completed, with 200.
    pub(crate) completed: BTreeSet<u64>,
    /// Orders answered with a refusal.
    pub(crate) refused: u64,
    /// Orders without an answer.
    pub(crate) unanswered: u64,
}

/// The clients' common memory, and the sign to go home.
#[derive(Default)]
pub(crate) struct Clients {
    ledger: Mutex<Ledger>,
    gone_home: AtomicBool,
}

impl Clients {
    /// Runs `work` on what was told so far.
    pub(crate) fn told<T>(&self, work: impl FnOnce(&mut Ledger) -> T) -> T {
        work(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn send_home(&self) {
        self.gone_home.store(true, Ordering::Relaxed);
    }

    /// Orders one after the other until sent home, or until nobody answers. Of four orders one is
    /// cancelled, one delivered.
    pub(crate) fn order(&self, client: u64, offset: u16) {
        let asked = |method, port, path: String, status| {
            let reply = call(method, port + offset, &path, b"");
            reply.is_ok_and(|reply| reply.status == status)
        };
        let mut to_deliver = None;
        for number in 0..ORDERS_MAX {
            if self.gone_home.load(Ordering::Relaxed) {
                return;
            }
            let price = client * ORDERS_MAX + number + 1;
            let port = offset + if number % 2 == 0 { 8081 } else { 8088 };
            let body = format!(r#"{{"item": "tv", "orderQty": "2", "price": "{price}"}}"#);
            let Ok(reply) = call("POST", port, "/orders", body.as_bytes()) else {
                return self.told(|ledger| ledger.unanswered += 1);
            };
            if reply.status != 201 {
                self.told(|ledger| ledger.refused += 1);
                continue;
            }
            let id = reply.id();
            self.told(|ledger| ledger.accepted.insert(id, price));
            match number % 4 {
                0 => to_deliver = Some(id),
                1 if asked("DELETE", 8088, format!("/orders/{id}"), 204) => {
                    self.told(|ledger| ledger.cancelled.insert(id));
                }
                // Three orders later its pieces are most likely reserved.
                3 => {
                    if let Some(id) = to_deliver.take()
                        && asked("PUT", 8088, format!("/deliveries/{id}/start"), 200)
                        && asked("PUT", 8082, format!("/deliveries/{id}/complete"), 200)
                    {
                        self.told(|ledger| ledger.completed.insert(id));
                    }
                }
                _ => {}
            }
        }
    }
}
