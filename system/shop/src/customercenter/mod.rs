//! customercenter: what customers see of their orders, fed by events alone.

pub mod view;

use serde::Serialize;
use squall_kit::{
    Error, Pod,
    event::Event,
    http::{
        hal::Hal,
        resource::{Present, Reads},
    },
    store::Entity,
    worker::Projector,
};
use view::MyPage;

use crate::{
    event::ShopEvent,
    service::{self, Worker},
};

/// The consumer group.
pub const GROUP: &str = "customercenter";

const ORDER_ID: &str = "orderId";

impl Entity for MyPage {
    const COLLECTION: &'static str = "myPages";

    fn indexes(&self) -> Vec<(&'static str, String)> {
        vec![(ORDER_ID, self.order_id.to_string())]
    }
}

impl Present for MyPage {
    fn present(&self) -> impl Serialize {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Shown<'a> {
            order_id: u64,
            item: &'a str,
            quantity: u64,
            price: f64,
            status: Option<&'a str>,
        }
        Shown {
            order_id: self.order_id,
            item: &self.item,
            quantity: self.quantity,
            price: self.price,
            status: self.status.as_deref(),
        }
    }
}

/// Runs one instance until its stop signal.
///
/// # Errors
/// Port taken or unreadable settings.
pub async fn run(pod: Pod) -> Result<(), Error> {
    let pages = Reads {
        hal: Hal::new(&pod.config, MyPage::COLLECTION, "myPage"),
        visible: None,
        filters: &[ORDER_ID],
    };
    let projector = Projector::new(service::consumer(&pod, GROUP)?, ORDER_ID, fold);
    let projector = Worker::new("projector", projector.run(pod.clone()));
    service::serve(&pod, pages.router::<MyPage>(&pod), vec![projector]).await
}

/// A default view is no view yet: orders are counted from 1.
fn fold(page: &mut MyPage, event: &Event) -> bool {
    let Some(event) = ShopEvent::read(event) else {
        return false;
    };
    let before = (page.order_id != 0).then(|| page.clone());
    let mut after = before.clone();
    view::project(&mut after, &event);
    let changed = after != before;
    if let Some(after) = after {
        *page = after;
    }
    changed
}
