//! The calls of the documents, answered as documented.

use axum::http::Method;
use serde_json::json;

use crate::town::{Town, request};

#[tokio::test(start_paused = true)]
async fn an_order_is_placed_and_paid() {
    let town = Town::start().await;
    let tv = json!({ "item": "tv", "orderQty": "3", "status": "0", "price": "1000" });
    let order = town.post("order", "/orders", tv).await;
    assert_eq!(
        (order.status, order.media.as_str()),
        (201, "application/hal+json")
    );
    assert_eq!(order.location, "http://localhost:8081/orders/1");
    let link = json!({ "href": "http://localhost:8081/orders/1" });
    let shown = json!({
        "item": "tv", "orderQty": 3, "price": 1000.0, "status": "0",
        "_links": { "self": link, "order": link },
    });
    assert_eq!(order.body, shown);

    let pay = town.get("pay", "/pays/1").await;
    assert_eq!(pay.status, 200);
    assert_eq!(pay.body["orderId"], 1);
    assert_eq!(pay.body["price"].to_string(), "1000.0");
    assert_eq!(pay.body["status"], "0");
}

#[tokio::test(start_paused = true)]
async fn the_read_model_shows_the_callers_label_until_the_delivery_moves() {
    let mut town = Town::start().await;
    town.kill("product");
    let order = json!({ "item": "CQR111", "quantity": "111", "status": "st1", "price": "111" });
    assert_eq!(town.post("order", "/orders", order).await.status, 201);
    town.pass(5).await;
    let pages = town.list("customercenter", "myPages").await;
    assert_eq!(pages.len(), 1);
    let shown = ["item", "quantity", "status", "orderId", "price"].map(|field| &pages[0][field]);
    assert_eq!(json!(shown), json!(["CQR111", 111, "st1", 1, 111.0]));

    town.open("product");
    town.pass(30).await;
    assert_eq!(
        town.statuses("customercenter", "myPages").await,
        ["BACKORDERED"]
    );
    assert_eq!(town.statuses("order", "orders").await, ["BACKORDERED"]);
}

#[tokio::test(start_paused = true)]
async fn the_gateway_is_the_one_way_in() {
    let town = Town::start().await;
    let order = json!({ "item": "TV-GatewayPort", "orderQty": "2", "price": "100", "status": "0" });
    let placed = town.post("gateway", "/orders", order).await;
    assert_eq!(placed.status, 201);
    assert_eq!(placed.location, "http://localhost:8081/orders/1");
    town.pass(5).await;
    for path in ["orders", "deliveries", "pays", "notices", "myPages"] {
        assert_eq!(town.list("gateway", path).await.len(), 1, "{path}");
    }
    assert_eq!(
        town.get("gateway", "/orders/1").await.body["item"],
        "TV-GatewayPort"
    );
    assert_eq!(town.delete("gateway", "/orders/1").await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn every_context_tells_its_health() {
    let town = Town::start().await;
    for context in &squall_shop::CONTEXTS {
        for path in ["/actuator/health", "/actuator/health/liveness"] {
            assert_eq!(
                town.get(context.name, path).await.status,
                200,
                "{} {path}",
                context.name
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_key_pays_once() {
    let town = Town::start().await;
    let body = json!({ "orderId": 7, "price": "10.5" });
    let pay = |body| request(Method::POST, "pay", "/pays").json(&body).key("7");
    let first = town.call(pay(body.clone())).await.expect("an answer");
    let again = town.call(pay(body)).await.expect("an answer");
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!((first.location, first.body), (again.location, again.body));
    let other = json!({ "orderId": 7, "price": 11 });
    assert_eq!(town.call(pay(other)).await.expect("an answer").status, 422);
    assert_eq!(town.list("pay", "pays").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_board_says_is_what_happens() {
    let town = Town::start().await;
    town.post("product", "/products", json!({ "item": "tv", "stock": 2 }))
        .await;
    for quantity in [2, 1] {
        let order = json!({ "item": "tv", "quantity": quantity, "price": 1 });
        town.post("order", "/orders", order).await;
    }
    town.pass(5).await;
    town.post("product", "/deliveries/1/start", json!({})).await;
    town.delete("order", "/orders/1").await;
    town.pass(5).await;
    town.post("product", "/deliveries/2/start", json!({})).await;
    town.post("product", "/deliveries/2/complete", json!({}))
        .await;
    town.pass(5).await;
    for context in &squall_shop::CONTEXTS {
        let stated = town
            .events()
            .into_iter()
            .filter(|found| found.event.source == context.name);
        for found in stated {
            assert!(
                context.publishes.contains(&found.event.kind.as_str()),
                "{found:?}"
            );
        }
    }
    use squall_kit::signal::{Consumption, Signal};
    for signal in town.signals() {
        let Signal::Consumed {
            consumer,
            kind,
            outcome,
            ..
        } = signal
        else {
            continue;
        };
        let mut contexts = squall_shop::CONTEXTS.iter();
        let context = contexts.find(|context| context.group == Some(consumer.as_str()));
        let listed = context
            .expect("a context's group")
            .consumes
            .contains(&kind.as_str());
        let expected = if listed {
            Consumption::Applied
        } else {
            Consumption::Ignored
        };
        assert_eq!(outcome, expected, "{consumer}: {kind}");
    }
}
