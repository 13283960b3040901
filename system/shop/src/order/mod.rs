//! order: the front. What is not paid does not exist.
//!
//! `POST /orders` commits the order as `PENDING` (invisible), asks payment, and settles it:
//! accepted or refused, whoever commits first (`settlement`). A worker settles what is left behind
//! (`recovery`). What happens later, the order follows by events.

pub mod aggregate;
mod front;
mod payment;
mod record;
mod recovery;
mod settlement;

use aggregate::{Command, State};
use front::Front;
use payment::Payment;
use record::OrderRecord;
use squall_kit::{
    Error, Pod,
    event::Event,
    http::{hal::Hal, resource::Reads},
    planted::{self, Bug},
    store::{Entity, StoreError, Unit},
    worker::Handled,
};

use crate::{
    event::ShopEvent,
    hints,
    service::{self, Worker, millis},
};

/// The consumer group.
pub const GROUP: &str = "order";

/// Runs one instance until its stop signal.
///
/// # Errors
/// Port taken or unreadable settings.
pub async fn run(pod: Pod) -> Result<(), Error> {
    let hal = Hal::new(&pod.config, OrderRecord::COLLECTION, "order");
    let payment = Payment::new(&pod)?;
    let patience = payment.patience + millis(&pod, "RECOVERY_MARGIN_MS", 2_000)?;
    let period = millis(&pod, "RECOVERY_PERIOD_MS", 2_000)?;
    let orders = Reads {
        hal: hal.clone(),
        visible: Some((record::VISIBLE, record::YES)),
        filters: &[],
    };
    let front = front::router(Front {
        pod: pod.clone(),
        hal,
        payment,
    });
    let mut workers = vec![
        Worker::relay(&pod)?,
        Worker::consumer(&pod, GROUP, |unit, event| Box::pin(follow(unit, event)))?,
    ];
    if !planted::is(Bug::NoRecoveryWorker) {
        let recovery = recovery::run(pod.clone(), patience, period);
        workers.push(Worker::new("recovery", recovery));
    }
    service::serve(
        &pod,
        orders.router::<OrderRecord>(&pod).merge(front),
        workers,
    )
    .await
}

/// The order follows what product says of its delivery and its cancellation.
async fn follow(unit: &mut Unit, event: &Event) -> Result<Handled, StoreError> {
    let Some(event) = ShopEvent::read(event) else {
        return Ok(Handled::Ignored);
    };
    let (Some(command), Some(id)) = (aggregate::policy(&event), event.order_id()) else {
        return Ok(Handled::Ignored);
    };
    let Some(found) = unit.load::<OrderRecord>(id).await? else {
        return Ok(Handled::Rejected(format!("there is no order {id}")));
    };
    if let Some(place) = place(found.value.order.state, &command) {
        unit.hint(place);
    }
    Ok(match found.value.decide(unit, id, &command) {
        Ok(_changed) => Handled::Applied,
        Err(rejection) => Handled::Rejected(rejection.to_string()),
    })
}

/// What is told once an order in this state has obeyed.
fn place(state: State, command: &Command) -> Option<&'static str> {
    match (state, command) {
        (State::Canceling(_), Command::ConfirmCancel) => Some(hints::ORDER_CANCEL_WON),
        (State::Canceling(_), Command::WithdrawCancel) => Some(hints::ORDER_CANCEL_WITHDRAWN),
        (State::Canceling(_), Command::Follow(_)) => Some(hints::ORDER_MOVED_CANCELING),
        _ => None,
    }
}
