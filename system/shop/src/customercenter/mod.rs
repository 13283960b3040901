//! customercenter: what customers see of their orders, fed by events alone.

pub mod view;

use serde_json::{Value, json};
use squall_kit::{
    Error, Pod,
    event::Event,
    http::{hal::Hal, resource::Reads},
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

/// Runs one instance until its stop signal.
///
/// # Errors
/// Port taken or unreadable settings.
pub async fn run(pod: Pod) -> Result<(), Error> {
    let pages = Reads::<MyPage> {
        hal: Hal::new(&pod.config, MyPage::COLLECTION, "myPage"),
        visible: None,
        filters: &[ORDER_ID],
        present,
    };
    let projector = Projector::new(service::consumer(&pod, GROUP)?, ORDER_ID, fold);
    let projector = Worker::new("projector", projector.run(pod.clone()));
    service::serve(&pod, pages.router(&pod), vec![projector]).await
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

fn present(page: &MyPage) -> Value {
    json!({
        "orderId": page.order_id,
        "item": page.item,
        "quantity": page.quantity,
        "price": page.price,
        "status": page.status,
    })
}
