//! Payments and their keys as the database keeps them.

use serde::{Deserialize, Serialize};
use squall_kit::{
    http::resource::Present,
    store::{Entity, StoreError, Unit},
};

use super::aggregate::{self, Command, Event, Pay, Payment, Rejection};
use crate::slot::{Named, slot};

/// The index that finds the payments of an order.
pub(super) const ORDER_ID: &str = "orderId";

/// A stored payment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct PayRecord(pub(super) Pay);

impl Entity for PayRecord {
    const COLLECTION: &'static str = "pays";

    fn indexes(&self) -> Vec<(&'static str, String)> {
        vec![(ORDER_ID, self.0.order_id.to_string())]
    }
}

impl Present for PayRecord {
    fn present(&self) -> impl Serialize {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Shown<'a> {
            order_id: u64,
            price: f64,
            status: Option<&'a str>,
        }
        Shown {
            order_id: self.0.order_id,
            price: self.0.price,
            status: self.0.status.as_deref(),
        }
    }
}
/// What became of an idempotency key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaymentKey {
    key: String,
    /// The payment approved with it; `None`: it was abandoned first.
    pay_id: Option<u64>,
}

impl Entity for PaymentKey {
    const COLLECTION: &'static str = "paymentKeys";
}

impl Named for PaymentKey {
    fn name(&self) -> &str {
        &self.key
    }
}

/// A payment in a unit of work: loaded, then decided on.
pub(super) struct Case {
    /// What became of it so far.
    pub(super) payment: Payment,
    /// Its id, once it has one.
    pub(super) pay_id: Option<u64>,
    /// Its key and the key's slot; `None` for one without a key, or found by its id.
    slot: Option<(u64, String)>,
}

impl Case {
    /// A payment that nobody gave a key: every request is one of its own.
    pub(super) fn without_key() -> Self {
        Self {
            payment: Payment::Unasked,
            pay_id: None,
            slot: None,
        }
    }

    /// A payment that is there.
    pub(super) fn of(pay_id: u64, PayRecord(pay): PayRecord) -> Self {
        let payment = if pay.canceled {
            Payment::Canceled(pay)
        } else {
            Payment::Approved(pay)
        };
        Self {
            payment,
            pay_id: Some(pay_id),
            slot: None,
        }
    }

    /// What became of a key.
    pub(super) async fn by_key(unit: &mut Unit, key: &str) -> Result<Self, StoreError> {
        let (slot_id, found) = slot::<PaymentKey>(unit, key).await?;
        let pay_id = match found {
            None => {
                let slot = Some((slot_id, key.to_owned()));
                return Ok(Self {
                    payment: Payment::Unasked,
                    pay_id: None,
                    slot,
                });
            }
            Some(PaymentKey { pay_id, .. }) => pay_id,
        };
        let Some(pay_id) = pay_id else {
            return Ok(Self {
                payment: Payment::Abandoned,
                pay_id: None,
                slot: None,
            });
        };
        let record = unit.load::<PayRecord>(pay_id).await?;
        let lost = || StoreError::Failed(format!("key {key:?} names payment {pay_id}: missing"));
        Ok(Self::of(pay_id, record.ok_or_else(lost)?.value))
    }

    /// Decides a command and puts its consequences into the unit.
    pub(super) async fn decide(
        &mut self,
        unit: &mut Unit,
        command: &Command,
    ) -> Result<Result<(), Rejection>, StoreError> {
        let events = match aggregate::decide(&self.payment, command) {
            Ok(events) => events,
            Err(rejection) => return Ok(Err(rejection)),
        };
        for event in &events {
            aggregate::apply(&mut self.payment, event);
            self.put(unit, event).await?;
        }
        Ok(Ok(()))
    }

    async fn put(&mut self, unit: &mut Unit, event: &Event) -> Result<(), StoreError> {
        if let Payment::Approved(pay) | Payment::Canceled(pay) = &self.payment {
            let record = PayRecord(pay.clone());
            let pay_id = match self.pay_id {
                Some(pay_id) => {
                    unit.put(pay_id, &record);
                    pay_id
                }
                None => unit.insert(&record).await?,
            };
            self.pay_id = Some(pay_id);
            if let Some(told) = pay.published(pay_id, event) {
                told.publish(unit);
            }
        }
        if let Some((slot_id, key)) = self.slot.take() {
            let pay_id = self.pay_id;
            unit.put(slot_id, &PaymentKey { key, pay_id });
        }
        Ok(())
    }
}
