//! A lost reply after a commit is normal life: nobody guesses, nothing happens twice.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::town::{Reply, Town, request};

fn tv() -> Value {
    json!({ "item": "tv", "quantity": 1, "price": 10, "status": "new" })
}

fn assert_unknown(reply: &Reply) {
    assert_eq!(
        (reply.status, reply.media.as_str()),
        (504, "application/problem+json")
    );
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_whose_reply_is_lost_is_unknown_and_stands() {
    let town = Town::start().await;
    town.lose_replies("order", Some("/settled"));
    assert_unknown(&town.post("order", "/orders", tv()).await);
    town.lose_replies("order", None);
    town.pass(30).await;
    assert_eq!(town.statuses("order", "orders").await, ["BACKORDERED"]);
    assert_eq!(town.statuses("pay", "pays").await, ["new"]);
    assert_eq!(
        town.kinds(),
        ["DeliveryBackordered", "Ordered", "PayApproved"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_reply_lost_for_a_moment_is_asked_for_again() {
    let town = Town::start().await;
    town.lose_replies("order", Some("/settled"));
    let (order, ()) = tokio::join!(town.post("order", "/orders", tv()), async {
        town.pass(2).await;
        town.lose_replies("order", None);
    });
    assert_eq!(order.status, 201);
    assert_eq!(town.list("order", "orders").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_perhaps_was_opened_is_never_paid() {
    let town = Town::start().await;
    // Every commit that is not a settlement has a fresh id, in which there is a dash.
    town.lose_replies("order", Some("-"));
    assert_unknown(&town.post("order", "/orders", tv()).await);
    town.lose_replies("order", None);
    town.pass(30).await;
    assert_eq!(town.list("order", "orders").await.len(), 0);
    assert_eq!(town.list("pay", "pays").await.len(), 0);
    assert_eq!(
        town.kinds(),
        ["PaymentAbandoned"],
        "nobody knows whether payment was asked"
    );
}

#[tokio::test(start_paused = true)]
async fn a_payment_whose_commit_gets_no_reply_is_given_back() {
    let town = Town::start().await;
    town.lose_replies("pay", Some("key/"));
    let refused = town.post("order", "/orders", tv()).await;
    assert_eq!(
        refused.body["type"],
        "urn:squall:refused:payment-unavailable"
    );
    let direct = request(Method::POST, "pay", "/pays").json(&json!({ "orderId": 9, "price": 1 }));
    assert_unknown(&town.call(direct.key("nine")).await.expect("an answer"));
    town.lose_replies("pay", None);
    town.pass(30).await;
    assert_eq!(town.list("order", "orders").await.len(), 0);
    assert_eq!(
        town.statuses("pay", "pays").await,
        [json!("CANCELED"), json!(null)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_whose_reply_is_lost_happens_once() {
    let town = Town::start().await;
    assert_eq!(town.post("order", "/orders", tv()).await.status, 201);
    town.pass(5).await;
    town.lose_replies("order", Some("-"));
    assert_unknown(&town.delete("order", "/orders/1").await);
    town.lose_replies("order", None);
    assert_eq!(town.delete("order", "/orders/1").await.status, 204);
    town.pass(30).await;
    assert_eq!(town.statuses("order", "orders").await, ["CANCELED"]);
    assert_eq!(town.statuses("pay", "pays").await, ["CANCELED"]);
    let asked = town
        .kinds()
        .into_iter()
        .filter(|kind| kind == "CancelRequested")
        .count();
    assert_eq!(asked, 1);
}

/// Whoever does not know asks again, perhaps while the first request is still being decided.
#[tokio::test(start_paused = true)]
async fn a_repetition_gets_the_first_answer_whenever_it_comes() {
    let town = Town::start().await;
    town.delay_replies("pay", 2);
    for (order, lag_ms) in (1..).zip(0..20) {
        let body = json!({ "orderId": order, "price": 10 });
        let ask = || {
            let call = request(Method::POST, "pay", "/pays").json(&body);
            town.call(call.key(format!("key-{order}")))
        };
        let (first, again) = tokio::join!(ask(), async {
            sleep(Duration::from_millis(lag_ms)).await;
            ask().await
        });
        let (first, again) = (first.expect("an answer"), again.expect("an answer"));
        let ids = (first.status, again.status, &first.location);
        assert_eq!(ids, (201, 201, &again.location), "{lag_ms} ms later");
        assert_eq!(first.body, again.body);
    }
    assert_eq!(town.list("pay", "pays").await.len(), 20);
}
