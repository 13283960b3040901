//! Some planted bugs shown by hand, each by the one thing that it needs; and that the shop without
//! them does not show it. One test, as a bug is planted in the whole process.
#![cfg(feature = "planted")]

#[path = "services/database.rs"]
mod database;
#[path = "services/town.rs"]
#[expect(dead_code, reason = "a part of it is enough here")]
mod town;

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use squall_kit::{
    BoxFuture,
    planted::{Bug, plant},
};
use tokio::time::sleep;
use town::{Reply, Town, request};

/// Whether something is seen that must never be.
type Shows = fn() -> BoxFuture<'static, bool>;

const CASES: &[(Bug, Shows)] = &[
    (Bug::NoOutbox, || Box::pin(an_event_is_lost())),
    (
        Bug::NoIdempotencyKey,
        || Box::pin(a_refused_order_is_paid()),
    ),
    (Bug::NoPaymentAbandoned, || {
        Box::pin(a_refused_order_is_paid())
    }),
    (Bug::ReadModelFedByPayment, || {
        Box::pin(a_refused_order_has_a_page())
    }),
    (Bug::KeyNotBoundToBody, || {
        Box::pin(a_key_takes_another_body())
    }),
    (Bug::AbandonedKeysForgotten, || {
        Box::pin(a_late_request_is_paid())
    }),
    (
        Bug::NoRecoveryWorker,
        || Box::pin(an_order_is_left_behind()),
    ),
    (Bug::PendingVisible, || Box::pin(a_pending_order_is_seen())),
    (Bug::HandlerBoundCommand, || {
        Box::pin(a_command_ends_with_its_caller())
    }),
    (Bug::CancelWinsAfterCompletion, || {
        Box::pin(a_delivered_order_is_refunded())
    }),
    (Bug::PartitionKeyDropped, || {
        Box::pin(an_order_lies_in_two_partitions())
    }),
];

#[test]
fn a_planted_bug_shows_and_without_it_nothing_does() {
    for (bug, shows) in CASES {
        for planted in [None, Some(*bug)] {
            plant(planted).expect("this build has planted bugs");
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .expect("a runtime of this thread's own");
            assert_eq!(runtime.block_on(shows()), planted.is_some(), "{bug}");
        }
    }
    plant(None).expect("this build has planted bugs");
}

fn tv() -> Value {
    json!({ "item": "tv", "quantity": 1, "price": 10, "status": "new" })
}

async fn order(town: &Town) -> Reply {
    town.post("order", "/orders", tv()).await
}

/// The broker is away for a moment, after the commit.
async fn an_event_is_lost() -> bool {
    let town = Town::start().await;
    town.close_road(true);
    assert_eq!(order(&town).await.status, 201);
    town.close_road(false);
    town.pass(30).await;
    town.list("product", "deliveries").await.is_empty()
}

/// Payment dies after its commit.
async fn lose_a_payment() -> Town {
    let mut town = Town::start().await;
    town.trip("pay: committed, not answered");
    assert_eq!(order(&town).await.status, 503);
    town.kill("pay");
    town.open("pay");
    town.pass(30).await;
    town
}

async fn a_refused_order_is_paid() -> bool {
    let town = lose_a_payment().await;
    town.statuses("pay", "pays").await.contains(&json!("new"))
}

async fn a_refused_order_has_a_page() -> bool {
    let town = lose_a_payment().await;
    !town.list("customercenter", "myPages").await.is_empty()
}

async fn ask_payment(town: &Town, price: u64) -> u16 {
    let call = request(Method::POST, "pay", "/pays");
    let call = call.json(&json!({ "orderId": 1, "price": price })).key("1");
    town.call(call).await.expect("an answer").status
}

async fn a_key_takes_another_body() -> bool {
    let town = Town::start().await;
    assert_eq!(ask_payment(&town, 10).await, 201);
    ask_payment(&town, 1).await != 422
}

/// The front dies before it asks; what it would have sent comes late.
async fn a_late_request_is_paid() -> bool {
    let mut town = Town::start().await;
    town.trip("order: pending committed");
    let gone = town.call(request(Method::POST, "order", "/orders").json(&tv()));
    assert!(gone.await.is_none());
    town.kill("order");
    town.open("order");
    town.pass(30).await;
    ask_payment(&town, 10).await == 201
}

async fn an_order_is_left_behind() -> bool {
    let mut town = Town::start().await;
    town.trip("order: between payment and commit");
    let gone = town.call(request(Method::POST, "order", "/orders").json(&tv()));
    assert!(gone.await.is_none());
    town.kill("order");
    town.open("order");
    town.pass(30).await;
    town.statuses("pay", "pays").await == ["new"]
}

async fn a_pending_order_is_seen() -> bool {
    let town = Town::start().await;
    town.delay_replies("pay", 50);
    let (placed, seen) = tokio::join!(order(&town), async {
        sleep(Duration::from_millis(20)).await;
        town.get("order", "/orders/1").await.status
    });
    assert_eq!(placed.status, 201);
    seen != 404
}

/// The caller hangs up while payment is asked, and the front stays.
async fn a_command_ends_with_its_caller() -> bool {
    let town = Town::start().await;
    town.delay_replies("pay", 50);
    let order = request(Method::POST, "order", "/orders").json(&tv());
    let hangs_up = tokio::time::timeout(Duration::from_millis(20), town.call(order)).await;
    assert!(hangs_up.is_err());
    town.pass(30).await;
    town.list("order", "orders").await.is_empty()
}

/// The order does not hear of its completion before it is cancelled.
async fn a_delivered_order_is_refunded() -> bool {
    let town = Town::start().await;
    let stock = json!({ "item": "tv", "stock": 5 });
    town.post("product", "/products", stock).await;
    assert_eq!(order(&town).await.status, 201);
    town.pass(5).await;
    town.close_road(true);
    for step in ["start", "complete"] {
        let path = format!("/deliveries/1/{step}");
        assert_eq!(town.post("product", &path, json!({})).await.status, 200);
    }
    assert_eq!(town.delete("order", "/orders/1").await.status, 204);
    town.close_road(false);
    town.pass(30).await;
    town.statuses("order", "orders").await == ["CANCELED"]
}

async fn an_order_lies_in_two_partitions() -> bool {
    let town = Town::start().await;
    assert_eq!(order(&town).await.status, 201);
    town.pass(5).await;
    let events = town.events();
    let first = events[0].position.partition;
    events.iter().any(|it| it.position.partition != first)
}
