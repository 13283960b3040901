//! The calls of the shop's documentation, and what bad input gets.

use serde_json::{Value, json};

use crate::support::{
    client::{Reply, call},
    eventually,
    program::Shop,
};

fn strip(mut body: Value) -> Value {
    body.as_object_mut().expect("a resource").remove("_links");
    body
}

fn assert_problem(reply: &Reply, status: u16, field: Option<&str>) {
    assert_eq!(reply.status, status, "{reply:?}");
    let media = reply.header("content-type");
    assert_eq!(media, "application/problem+json", "{reply:?}");
    assert_eq!(reply.body["status"], status);
    assert_eq!(reply.body.get("field").and_then(Value::as_str), field);
}

#[test]
fn an_order_is_paid_at_once_also_through_the_gateway() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let shop = Shop::serve(data.path());
    let body = r#"{"item": "tv", "orderQty": "3", "status": "0", "price": "1000"}"#;
    let ordered = shop.call("POST", 8081, "/orders", body);
    assert_eq!(ordered.status, 201, "{ordered:?}");
    let base = format!("http://localhost:{}", 8081 + shop.offset);
    assert_eq!(ordered.header("location"), format!("{base}/orders/1"));
    assert_eq!(
        ordered.body["_links"]["order"]["href"],
        format!("{base}/orders/1")
    );

    let paid = shop.get(8083, "/pays/1");
    assert_eq!(paid.status, 200);
    assert_eq!(paid.header("content-type"), "application/hal+json");
    let expected = json!({ "orderId": 1, "price": 1000.0, "status": "0" });
    assert_eq!(strip(paid.body), expected);

    let body = r#"{"item": "TV-GatewayPort", "orderQty": "2", "price": "100", "status": "0"}"#;
    let ordered = shop.call("POST", 8088, "/orders", body);
    assert_eq!((ordered.status, ordered.id()), (201, 2), "{ordered:?}");
    let said = shop.end("INT");
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    assert!(said.out.contains(&base), "{}", said.out);
}

#[test]
fn my_pages_show_an_order_soon_after() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let shop = Shop::serve(data.path());
    let body = r#"{"item": "CQR111", "quantity": "111", "status": "st1", "price": "111"}"#;
    assert_eq!(shop.call("POST", 8081, "/orders", body).status, 201);
    // Nobody stocks it: an event moves the label on at once.
    let page = eventually(|| {
        let pages = shop.get(8085, "/myPages").body;
        let page = &pages["_embedded"]["myPages"][0];
        (page["status"] == "BACKORDERED").then(|| page.clone())
    });
    let expected = json!({
        "orderId": 1, "item": "CQR111", "quantity": 111, "price": 111.0, "status": "BACKORDERED"
    });
    assert_eq!(page.map(strip), Some(expected));
    let pages = shop
        .get(8088, "/myPages?page=0&size=5&sort=orderId,desc")
        .body;
    let expected = json!({ "size": 5, "totalElements": 1, "totalPages": 1, "number": 0 });
    assert_eq!(pages["page"], expected);
}

#[test]
fn an_order_is_delivered_another_cancelled_and_both_are_told() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let shop = Shop::serve(data.path());
    let stocked = shop.call(
        "POST",
        8082,
        "/products",
        r#"{"item": "tv", "stock": "10"}"#,
    );
    assert_eq!(stocked.status, 201, "{stocked:?}");
    for _ in 0..2 {
        let body = r#"{"item": "tv", "orderQty": "3", "price": "1000"}"#;
        assert_eq!(shop.call("POST", 8088, "/orders", body).status, 201);
    }
    let is = |port, path: &str, status: &str| {
        eventually(|| (shop.get(port, path).body["status"] == status).then_some(()))
            .unwrap_or_else(|| panic!("{path} never is {status}"));
    };
    is(8082, "/deliveries/1", "PREPARED");
    assert_eq!(
        shop.call("PUT", 8082, "/deliveries/1/start", "").status,
        200
    );
    assert_eq!(
        shop.call("PUT", 8088, "/deliveries/1/complete", "").status,
        200
    );
    is(8085, "/myPages/1", "COMPLETED");
    is(8081, "/orders/1", "COMPLETED");
    assert_problem(&shop.call("DELETE", 8081, "/orders/1", ""), 409, None);

    assert_eq!(shop.call("DELETE", 8088, "/orders/2", "").status, 204);
    is(8085, "/myPages/2", "CANCELED");
    is(8083, "/pays/2", "CANCELED");
    is(8082, "/deliveries/2", "CANCELED");
    let product = json!({ "item": "tv", "stock": 7, "reserved": 0 });
    assert_eq!(strip(shop.get(8082, "/products/1").body), product);
    let told = eventually(|| {
        let notices = shop.get(8084, "/notices").body;
        (notices["page"]["totalElements"] == 5).then_some(notices)
    });
    let told = told.expect("two acceptances, a start, a completion and a cancellation");
    assert_eq!(told["_embedded"]["notices"][0]["channel"], "KakaoTalk");
    for port in [8081, 8082, 8083, 8084, 8085, 8088] {
        for path in ["", "/liveness", "/readiness"] {
            let health = shop.get(port, &format!("/actuator/health{path}"));
            assert_eq!((health.status, &health.body["status"]), (200, &json!("UP")));
        }
    }
}

#[test]
fn bad_input_is_a_problem_and_leaves_no_trace() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let shop = Shop::serve(data.path());
    for port in [8081, 8088] {
        for (body, status, field) in [
            (
                r#"{"item": "tv", "orderQty": "-3", "price": "1"}"#,
                422,
                Some("orderQty"),
            ),
            (
                r#"{"item": "tv", "orderQty": "3", "price": "-1"}"#,
                422,
                Some("price"),
            ),
            (
                r#"{"item": "tv", "orderQty": "three", "price": "1"}"#,
                422,
                Some("orderQty"),
            ),
            (
                r#"{"item": "tv", "orderQty": 1e99, "price": 1}"#,
                422,
                Some("orderQty"),
            ),
            (r#"{"orderQty": "3", "price": "1"}"#, 422, Some("item")),
            ("[]", 422, None),
            (r#"{"item": "#, 400, None),
            ("", 400, None),
        ] {
            assert_problem(&shop.call("POST", port, "/orders", body), status, field);
        }
        let huge = call(
            "POST",
            port + shop.offset,
            "/orders",
            &[b' '; (1 << 20) + 1],
        );
        assert_problem(&huge.expect("an answer"), 413, None);
        assert_problem(&shop.get(port, "/orders/1"), 404, None);
        assert_problem(&shop.get(port, "/nothing"), 404, None);
        assert_problem(&shop.call("PUT", port, "/orders", "{}"), 405, None);
        assert_problem(&shop.get(port, "/orders?page=-1"), 400, Some("page"));
    }
    for (port, path) in [(8081, "/orders"), (8083, "/pays"), (8084, "/notices")] {
        let page = &shop.get(port, path).body["page"];
        assert_eq!(page["totalElements"], 0, "{path}");
    }
    let body = r#"{"item": "tv", "orderQty": "3", "price": "1"}"#;
    assert_eq!(shop.call("POST", 8081, "/orders", body).id(), 1);
}
