//! Cancelling: product decides, everything else follows, nothing is both delivered and refunded.

use serde_json::{Value, json};

use crate::town::Town;

async fn ordered(stock: u64) -> Town {
    let town = Town::start().await;
    town.post(
        "product",
        "/products",
        json!({ "item": "tv", "stock": stock }),
    )
    .await;
    let order = json!({ "item": "tv", "quantity": 2, "price": 50, "status": "new" });
    assert_eq!(town.post("order", "/orders", order).await.status, 201);
    town.pass(5).await;
    town
}

async fn everywhere(town: &Town) -> [Vec<Value>; 4] {
    [
        town.statuses("order", "orders").await,
        town.statuses("pay", "pays").await,
        town.statuses("product", "deliveries").await,
        town.statuses("customercenter", "myPages").await,
    ]
}

async fn stock(town: &Town) -> Value {
    let tv = town.get("product", "/products/1").await.body;
    json!([tv["stock"], tv["reserved"]])
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_order_is_cancelled_everywhere() {
    let town = ordered(5).await;
    assert_eq!(
        everywhere(&town).await,
        [["PREPARED"], ["new"], ["PREPARED"], ["PREPARED"]]
    );
    assert_eq!(stock(&town).await, json!([5, 2]));
    assert_eq!(town.delete("order", "/orders/1").await.status, 204);
    town.pass(5).await;
    let canceled = ["CANCELED"];
    assert_eq!(
        everywhere(&town).await,
        [canceled, canceled, canceled, canceled]
    );
    assert_eq!(stock(&town).await, json!([5, 0]));
    assert_eq!(town.list("notice", "notices").await.len(), 2);
    assert_eq!(
        town.delete("order", "/orders/1").await.status,
        204,
        "twice is harmless"
    );
    town.pass(5).await;
    assert_eq!(town.list("notice", "notices").await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_on_its_way_can_be_cancelled() {
    let town = ordered(5).await;
    assert_eq!(
        town.post("product", "/deliveries/1/start", json!({}))
            .await
            .status,
        200
    );
    town.pass(5).await;
    town.delete("order", "/orders/1").await;
    town.pass(5).await;
    let canceled = ["CANCELED"];
    assert_eq!(
        everywhere(&town).await,
        [canceled, canceled, canceled, canceled]
    );
    let late = town
        .post("product", "/deliveries/1/complete", json!({}))
        .await;
    assert_eq!(
        (late.status, late.media.as_str()),
        (409, "application/problem+json")
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_delivered_stays_delivered() {
    let town = ordered(5).await;
    // Nobody hears of anything: customer and operator act at the same time.
    town.close_road(true);
    for step in ["start", "start", "complete", "complete"] {
        let path = format!("/deliveries/1/{step}");
        assert_eq!(town.post("product", &path, json!({})).await.status, 200);
    }
    assert_eq!(stock(&town).await, json!([3, 0]));
    assert_eq!(town.delete("order", "/orders/1").await.status, 204);
    assert_eq!(
        town.get("order", "/orders/1").await.body["status"],
        "CANCELING"
    );
    town.pass(10).await;
    town.close_road(false);
    town.pass(10).await;
    let completed = ["COMPLETED"];
    assert_eq!(
        everywhere(&town).await,
        [completed, ["new"], completed, completed]
    );
    assert!(town.kinds().contains(&"CancelRefused".to_owned()));
    let known = town.delete("order", "/orders/1").await;
    assert_eq!(
        (known.status, known.media.as_str()),
        (409, "application/problem+json")
    );
    // Accepted, started, completed, not cancelled.
    assert_eq!(town.list("notice", "notices").await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn without_product_a_cancellation_waits() {
    let mut town = ordered(5).await;
    town.close("product").await;
    assert_eq!(town.delete("order", "/orders/1").await.status, 204);
    town.pass(60).await;
    assert_eq!(
        everywhere_but_product(&town).await,
        [["CANCELING"], ["new"], ["CANCELING"]]
    );
    town.open("product");
    town.pass(30).await;
    let canceled = ["CANCELED"];
    assert_eq!(
        everywhere(&town).await,
        [canceled, canceled, canceled, canceled]
    );
}

async fn everywhere_but_product(town: &Town) -> [Vec<Value>; 3] {
    [
        town.statuses("order", "orders").await,
        town.statuses("pay", "pays").await,
        town.statuses("customercenter", "myPages").await,
    ]
}
