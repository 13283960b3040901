//! Outages and crashes: what is not paid does not exist, nothing acknowledged is lost, every
//! message is sent once.

use axum::http::Method;
use serde_json::{Value, json};
use squall_kit::signal::{BreakerState, Signal};

use crate::town::{Reply, Town, request};

fn tv() -> Value {
    json!({ "item": "tv", "quantity": 1, "price": 10, "status": "new" })
}

async fn order(town: &Town) -> Reply {
    town.post("order", "/orders", tv()).await
}

/// Nothing of the order with this id is seen anywhere, nor paid for.
async fn assert_never_happened(town: &Town, id: u64) {
    assert_eq!(
        town.get("order", &format!("/orders/{id}")).await.status,
        404
    );
    assert_eq!(town.list("order", "orders").await.len(), 0);
    for (context, path) in [("customercenter", "myPages"), ("notice", "notices")] {
        assert_eq!(town.list(context, path).await.len(), 0, "{path}");
    }
    let standing = town.statuses("pay", "pays").await;
    assert!(
        standing.iter().all(|status| status == "CANCELED"),
        "{standing:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_payment_there_is_no_order() {
    let mut town = Town::start().await;
    town.close("pay").await;
    let refused = order(&town).await;
    assert_eq!(
        (refused.status, refused.media.as_str()),
        (503, "application/problem+json")
    );
    assert_eq!(
        refused.body["type"],
        "urn:squall:refused:payment-unavailable"
    );
    assert_eq!(refused.body["orderId"], 1);
    let words = refused.body["detail"].as_str().expect("a text");
    assert!(
        words.contains("payment is not available") && words.contains("order 1"),
        "{words}"
    );
    town.open("pay");
    town.pass(10).await;
    assert_never_happened(&town, 1).await;
    assert!(town.kinds().is_empty(), "payment was surely never asked");
    assert_eq!(
        order(&town).await.location,
        "http://localhost:8081/orders/2"
    );
}

#[tokio::test(start_paused = true)]
async fn the_breaker_spares_payment_and_closes_again() {
    let mut town = Town::start().await;
    town.kill("pay");
    for _ in 0..25 {
        assert_eq!(order(&town).await.status, 503);
    }
    town.pass(1).await;
    let spared = order(&town).await;
    assert_eq!(spared.status, 503);
    assert!(
        spared.body["detail"]
            .as_str()
            .expect("a text")
            .contains("spared")
    );
    town.open("pay");
    town.pass(6).await;
    assert_eq!(order(&town).await.status, 201, "the probe");
    let states = town
        .signals()
        .into_iter()
        .filter_map(|signal| match signal {
            Signal::Breaker { to, .. } => Some(to),
            _ => None,
        });
    let way = [
        BreakerState::Open,
        BreakerState::HalfOpen,
        BreakerState::Closed,
    ];
    assert_eq!(states.collect::<Vec<_>>(), way);
}

#[tokio::test(start_paused = true)]
async fn missed_messages_are_sent_once() {
    let mut town = Town::start().await;
    town.close("notice").await;
    town.kill("customercenter");
    for _ in 0..2 {
        assert_eq!(order(&town).await.status, 201);
    }
    town.pass(60).await;
    town.open("notice");
    town.open("customercenter");
    town.pass(30).await;
    let notices = town.list("notice", "notices").await;
    assert_eq!(notices.len(), 2);
    assert!(
        notices
            .iter()
            .all(|notice| notice["channel"] == "KakaoTalk")
    );
    assert_eq!(town.list("customercenter", "myPages").await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_payment_and_commit_gives_the_money_back() {
    let mut town = Town::start().await;
    town.trip("order: between payment and commit");
    assert!(
        town.call(request(Method::POST, "order", "/orders").json(&tv()))
            .await
            .is_none()
    );
    assert_eq!(town.statuses("pay", "pays").await, ["new"], "it is paid");
    town.kill("order");
    town.open("order");
    town.pass(30).await;
    assert_never_happened(&town, 1).await;
    assert_eq!(town.statuses("pay", "pays").await, ["CANCELED"]);
    assert_eq!(
        town.kinds(),
        ["PayApproved", "PayCanceled", "PaymentAbandoned"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_crash_before_payment_leaves_a_gap_in_the_ids_and_nothing_else() {
    let mut town = Town::start().await;
    town.trip("order: pending committed");
    assert!(
        town.call(request(Method::POST, "order", "/orders").json(&tv()))
            .await
            .is_none()
    );
    town.kill("order");
    town.open("order");
    town.pass(30).await;
    assert_never_happened(&town, 1).await;
    // Whoever still asks with the abandoned key is refused.
    let late = request(Method::POST, "pay", "/pays").json(&json!({ "orderId": 1, "price": 10 }));
    let late = town.call(late.key("1")).await.expect("an answer");
    assert_eq!(late.status, 409);
    assert_eq!(late.body["type"], "urn:squall:refused:payment-abandoned");
    assert_eq!(
        order(&town).await.location,
        "http://localhost:8081/orders/2"
    );
}

#[tokio::test(start_paused = true)]
async fn a_payment_whose_answer_is_lost_is_given_back() {
    let mut town = Town::start().await;
    town.trip("pay: committed, not answered");
    let refused = order(&town).await;
    assert_eq!(
        refused.body["type"],
        "urn:squall:refused:payment-unavailable"
    );
    town.kill("pay");
    town.open("pay");
    town.pass(30).await;
    assert_never_happened(&town, 1).await;
    assert_eq!(town.statuses("pay", "pays").await, ["CANCELED"]);
}

#[tokio::test(start_paused = true)]
async fn everything_restarts_and_nothing_is_lost() {
    let mut town = Town::start().await;
    town.post("product", "/products", json!({ "item": "tv", "stock": 10 }))
        .await;
    for _ in 0..5 {
        assert_eq!(order(&town).await.status, 201);
    }
    for context in &squall_shop::CONTEXTS {
        town.kill(context.name);
    }
    for context in &squall_shop::CONTEXTS {
        town.open(context.name);
    }
    town.pass(60).await;
    assert_eq!(town.statuses("order", "orders").await, ["PREPARED"; 5]);
    assert_eq!(
        town.statuses("customercenter", "myPages").await,
        ["PREPARED"; 5]
    );
    assert_eq!(town.list("notice", "notices").await.len(), 5);
}
