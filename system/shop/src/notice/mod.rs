//! notice: one KakaoTalk message for every change of state a customer cares about.

pub mod message;

use message::Notice;
use serde::{Deserialize, Serialize};
use squall_kit::{
    Error, Pod,
    event::Event,
    http::{
        hal::Hal,
        resource::{Present, Reads},
    },
    store::{Entity, StoreError, Unit},
    worker::Handled,
};

use crate::{
    event::ShopEvent,
    service::{self, Worker},
};

/// The consumer group.
pub const GROUP: &str = "notice";

/// A message as it was sent, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NoticeRecord {
    #[serde(flatten)]
    notice: Notice,
    /// The event it tells of.
    event_id: String,
}

impl Entity for NoticeRecord {
    const COLLECTION: &'static str = "notices";

    fn indexes(&self) -> Vec<(&'static str, String)> {
        vec![("orderId", self.notice.order_id.to_string())]
    }
}

impl Present for NoticeRecord {
    fn present(&self) -> impl Serialize {
        &self.notice
    }
}

/// Runs one instance until its stop signal.
///
/// # Errors
/// Port taken or unreadable settings.
pub async fn run(pod: Pod) -> Result<(), Error> {
    let notices = Reads {
        hal: Hal::new(&pod.config, NoticeRecord::COLLECTION, "notice"),
        visible: None,
        filters: &["orderId"],
    };
    let consumer = Worker::consumer(&pod, GROUP, |unit, event| Box::pin(send(unit, event)))?;
    service::serve(&pod, notices.router::<NoticeRecord>(&pod), vec![consumer]).await
}

/// Sends the event's message: in this shop a message is sent by being recorded.
async fn send(unit: &mut Unit, event: &Event) -> Result<Handled, StoreError> {
    let Some(notice) = ShopEvent::read(event).as_ref().and_then(message::policy) else {
        return Ok(Handled::Ignored);
    };
    let event_id = event.id.clone();
    unit.insert(&NoticeRecord { notice, event_id }).await?;
    Ok(Handled::Applied)
}
