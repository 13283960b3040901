//! What product does about events: those of orders, and its own about free stock.

use squall_kit::{
    event::Event,
    store::{StoreError, Unit},
    worker::Handled,
};

use super::{aggregate, record::Case};
use crate::event::ShopEvent;

/// One event, one decision about one item.
pub(super) async fn react(unit: &mut Unit, event: &Event) -> Result<Handled, StoreError> {
    let Some(command) = ShopEvent::read(event).as_ref().and_then(aggregate::policy) else {
        return Ok(Handled::Ignored);
    };
    let mut case = Case::load(unit, &command).await?;
    Ok(match case.decide(unit, &command).await? {
        Ok(_changed) => Handled::Applied,
        Err(rejection) => Handled::Rejected(rejection.to_string()),
    })
}
