//! notice: one KakaoTalk message for every change of state a customer cares about.

pub mod message;

use message::Notice;
use serde_json::json;
use squall_kit::{
    Error, Pod,
    event::Event,
    http::{hal::Hal, resource::Reads},
    store::{Entity, StoreError, Unit},
    worker::Handled,
};

use crate::{
    event::ShopEvent,
    service::{self, Worker},
};

/// The consumer group.
pub const GROUP: &str = "notice";

impl Entity for Notice {
    const COLLECTION: &'static str = "notices";

    fn indexes(&self) -> Vec<(&'static str, String)> {
        vec![("orderId", self.order_id.to_string())]
    }
}

/// Runs one instance until its stop signal.
///
/// # Errors
/// Port taken or unreadable settings.
pub async fn run(pod: Pod) -> Result<(), Error> {
    let notices = Reads::<Notice> {
        hal: Hal::new(&pod.config, Notice::COLLECTION, "notice"),
        visible: None,
        filters: &["orderId"],
        present: |notice| json!(notice),
    };
    let consumer = Worker::consumer(&pod, GROUP, |unit, event| Box::pin(send(unit, event)));
    service::serve(&pod, notices.router(&pod), vec![consumer]).await
}

/// Sends the event's message: in this shop a message is sent by being recorded.
async fn send(unit: &mut Unit, event: &Event) -> Result<Handled, StoreError> {
    let Some(notice) = ShopEvent::read(event).as_ref().and_then(message::policy) else {
        return Ok(Handled::Ignored);
    };
    unit.insert(&notice).await?;
    Ok(Handled::Applied)
}
