//! Bad input: always problem+json with the right status, and nothing stored.

use axum::http::Method;
use serde_json::{Value, json};

use crate::town::{Reply, Town, request};

fn assert_problem(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(reply.media, "application/problem+json", "{reply:?}");
    assert_eq!(reply.body["status"], status);
}

fn order(item: Value, quantity: Value, price: Value) -> Value {
    json!({ "item": item, "orderQty": quantity, "price": price })
}

#[tokio::test(start_paused = true)]
async fn a_bad_order_names_its_field_and_leaves_no_trace() {
    let town = Town::start().await;
    for (body, field) in [
        (order(json!("tv"), json!(-1), json!(1)), "orderQty"),
        (order(json!("tv"), json!(0), json!(1)), "orderQty"),
        (order(json!("tv"), json!("many"), json!(1)), "orderQty"),
        (order(json!("tv"), json!(1), json!(-0.5)), "price"),
        (order(json!("tv"), json!(1), json!(null)), "price"),
        (order(json!({}), json!(1), json!(1)), "item"),
        (order(json!(" "), json!(1), json!(1)), "item"),
        (json!({ "orderQty": 1, "price": 1 }), "item"),
    ] {
        let reply = town.post("order", "/orders", body).await;
        assert_problem(&reply, 422);
        assert_eq!(reply.body["field"], field);
    }
    let malformed = request(Method::POST, "order", "/orders").bytes("{\"item\":");
    assert_problem(&town.call(malformed).await.expect("an answer"), 400);
    let huge = request(Method::POST, "order", "/orders").bytes(vec![b' '; 1024 * 1024 + 1]);
    assert_problem(&town.call(huge).await.expect("an answer"), 413);
    town.pass(30).await;
    assert_eq!(town.list("order", "orders").await.len(), 0);
    assert!(town.kinds().is_empty());
    let good = town
        .post("order", "/orders", order(json!("tv"), json!(1), json!(1)))
        .await;
    assert_eq!(
        good.location, "http://localhost:8081/orders/1",
        "not even an id was spent"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_404_and_what_is_not_possible_405() {
    let town = Town::start().await;
    for (context, path) in [
        ("order", "/orders/1"),
        ("order", "/orders/abc"),
        ("order", "/carts"),
        ("pay", "/pays/1"),
        ("product", "/products/1"),
        ("product", "/deliveries/1"),
        ("notice", "/notices/1"),
        ("customercenter", "/myPages/1"),
        ("gateway", "/nowhere"),
        ("gateway", "/orders/1"),
    ] {
        assert_problem(&town.get(context, path).await, 404);
    }
    assert_problem(&town.delete("order", "/orders/1").await, 404);
    assert_problem(
        &town.post("product", "/deliveries/1/start", json!({})).await,
        404,
    );
    let stock = json!({ "stock": 1 });
    let path = "/products/1";
    assert_problem(&town.send(Method::PATCH, "product", path, stock).await, 404);
    assert_problem(&town.delete("order", "/orders").await, 405);
    assert_problem(&town.post("notice", "/notices", json!({})).await, 405);
    assert_problem(&town.delete("customercenter", "/myPages/1").await, 405);
}

#[tokio::test(start_paused = true)]
async fn a_bad_product_or_payment_is_not_stored() {
    let town = Town::start().await;
    for (context, path, body, field) in [
        (
            "product",
            "/products",
            json!({ "item": "tv", "stock": -1 }),
            "stock",
        ),
        (
            "product",
            "/products",
            json!({ "item": "", "stock": 1 }),
            "item",
        ),
        ("pay", "/pays", json!({ "price": 1 }), "orderId"),
        (
            "pay",
            "/pays",
            json!({ "orderId": 1, "price": "free" }),
            "price",
        ),
    ] {
        let reply = town.post(context, path, body).await;
        assert_problem(&reply, 422);
        assert_eq!(reply.body["field"], field);
    }
    assert_eq!(town.list("product", "products").await.len(), 0);
    assert_eq!(town.list("pay", "pays").await.len(), 0);
    assert_problem(&town.get("order", "/orders?page=x").await, 400);
}
