//! Stock: reserved when prepared, released when cancelled, gone when delivered, never below zero.

use axum::http::Method;
use serde_json::json;

use crate::town::Town;

async fn order(town: &Town, item: &str, quantity: u64) {
    let order = json!({ "item": item, "quantity": quantity, "price": 1 });
    assert_eq!(town.post("order", "/orders", order).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_served_in_order_when_stock_comes() {
    let town = Town::start().await;
    for quantity in [3, 2, 1] {
        order(&town, "tv", quantity).await;
        town.pass(5).await;
    }
    let waiting = ["BACKORDERED", "BACKORDERED", "BACKORDERED"];
    assert_eq!(town.statuses("product", "deliveries").await, waiting);
    assert_eq!(
        town.list("product", "products").await.len(),
        0,
        "nobody put it there"
    );

    let tv = town
        .post(
            "product",
            "/products",
            json!({ "item": "tv", "stock": "4" }),
        )
        .await;
    assert_eq!(
        (tv.status, tv.location.as_str()),
        (201, "http://localhost:8082/products/1")
    );
    town.pass(5).await;
    let first = ["PREPARED", "BACKORDERED", "BACKORDERED"];
    assert_eq!(town.statuses("product", "deliveries").await, first);

    let path = "/products/1";
    let more = town
        .send(Method::PATCH, "product", path, json!({ "stock": 6 }))
        .await;
    assert_eq!((more.status, &more.body["stock"]), (200, &json!(6)));
    town.pass(5).await;
    let all = ["PREPARED", "PREPARED", "PREPARED"];
    assert_eq!(town.statuses("product", "deliveries").await, all);
    assert_eq!(town.statuses("customercenter", "myPages").await, all);

    let less = town
        .send(Method::PATCH, "product", path, json!({ "stock": 5 }))
        .await;
    assert_eq!(less.status, 409, "six are promised");
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_serves_who_waits() {
    let town = Town::start().await;
    town.post("product", "/products", json!({ "item": "tv", "stock": 2 }))
        .await;
    for quantity in [2, 1, 1] {
        order(&town, "tv", quantity).await;
        town.pass(5).await;
    }
    town.delete("order", "/orders/1").await;
    town.pass(5).await;
    let served = ["CANCELED", "PREPARED", "PREPARED"];
    assert_eq!(town.statuses("product", "deliveries").await, served);
}

#[tokio::test(start_paused = true)]
async fn a_long_queue_is_served_to_its_end() {
    let town = Town::start().await;
    for _ in 0..120 {
        order(&town, "tv", 1).await;
    }
    town.pass(5).await;
    town.post(
        "product",
        "/products",
        json!({ "item": "tv", "stock": 119 }),
    )
    .await;
    town.pass(10).await;
    let statuses = town.statuses("product", "deliveries").await;
    let prepared = statuses
        .iter()
        .filter(|status| **status == "PREPARED")
        .count();
    assert_eq!(
        (prepared, statuses.last()),
        (119, Some(&json!("BACKORDERED")))
    );
    let batches = town
        .kinds()
        .iter()
        .filter(|kind| **kind == "StockAvailable")
        .count();
    assert_eq!(batches, 3, "fifty a decision");
}

#[tokio::test(start_paused = true)]
async fn an_item_has_one_product() {
    let town = Town::start().await;
    for (item, status) in [("tv", 201), ("radio", 201), ("tv", 409)] {
        let body = json!({ "item": item, "stock": 1 });
        assert_eq!(town.post("product", "/products", body).await.status, status);
    }
    assert_eq!(town.list("product", "products").await.len(), 2);
}
