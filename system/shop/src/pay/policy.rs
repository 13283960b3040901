//! What payment does about the events of others.

use squall_kit::{
    event::Event,
    store::{StoreError, Unit},
    worker::Handled,
};

use super::{
    aggregate::{self, Command, Payment, Rejection},
    record::{Case, ORDER_ID, PayRecord},
};
use crate::{event::ShopEvent, hints};

/// `OrderCanceled` gives every payment of the order back; `PaymentAbandoned` the one that was asked
/// with its key, or sees to it that there will be none.
pub(super) async fn react(unit: &mut Unit, event: &Event) -> Result<Handled, StoreError> {
    let Some(event) = ShopEvent::read(event) else {
        return Ok(Handled::Ignored);
    };
    let Some(command) = aggregate::policy(&event) else {
        return Ok(Handled::Ignored);
    };
    let mut cases = match &event {
        ShopEvent::PaymentAbandoned { payment_key, .. } => {
            vec![Case::by_key(unit, payment_key).await?]
        }
        _ => {
            let order_id = event.order_id().unwrap_or_default().to_string();
            let found = unit.find::<PayRecord>(ORDER_ID, &order_id).await?;
            found
                .into_iter()
                .map(|pay| Case::of(pay.id, pay.value))
                .collect()
        }
    };
    if cases.is_empty() {
        return Ok(Handled::Rejected(Rejection::NothingPaid.to_string()));
    }
    for case in &mut cases {
        if let Some(place) = place(&case.payment, &command) {
            unit.hint(place);
        }
        if let Err(rejection) = case.decide(unit, &command).await? {
            return Ok(Handled::Rejected(rejection.to_string()));
        }
    }
    Ok(Handled::Applied)
}

/// What is told once this command is obeyed.
fn place(payment: &Payment, command: &Command) -> Option<&'static str> {
    match (payment, command) {
        (Payment::Unasked, Command::Abandon) => Some(hints::PAY_ABANDONED_FIRST),
        (Payment::Approved(_), Command::Abandon) => Some(hints::PAY_ABANDONED),
        (Payment::Approved(_), Command::Cancel) => Some(hints::PAY_GIVEN_BACK),
        _ => None,
    }
}
