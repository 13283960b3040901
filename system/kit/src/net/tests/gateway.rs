//! A gateway between a caller and a service.

use super::*;
use crate::{
    http::gateway,
    net::client::{Answer, ClientSettings},
    net::memory::Memory,
};

fn gateway_to(port: u16) -> gateway::GatewaySettings {
    let route = gateway::Route {
        prefix: "/orders".to_owned(),
        target: format!("order:{port}"),
    };
    gateway::GatewaySettings {
        routes: vec![route],
        timeout: SECOND,
        cors: true,
    }
}

async fn through_a_gateway(call: Call, backend: Router) -> Answer {
    let pod = pod(Memory::default());
    start(&pod, 8081, backend).await;
    let client = pod.client(ClientSettings::default());
    let router = gateway::router(&pod, client.clone(), gateway_to(8081));
    start(&pod, 8080, router).await;
    client.call(call).await.expect("the gateway answers")
}

#[tokio::test(start_paused = true)]
async fn a_gateway_passes_everything_through() {
    let created = |body: String| async move {
        let location = [(header::LOCATION, "http://order/orders/1")];
        (StatusCode::CREATED, location, body)
    };
    let backend = || Router::new().route("/orders", post(created));
    let order = call(Method::POST, "/orders?x=1").json(&json!({ "item": "tv" }));
    let answer = through_a_gateway(order, backend()).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.location(), Some("http://order/orders/1"));
    assert_eq!(&answer.body[..], b"{\"item\":\"tv\"}");
    assert!(
        !answer
            .headers
            .contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN)
    );

    let origin = HeaderValue::from_static("http://elsewhere");
    let from_page = call(Method::POST, "/orders").header(header::ORIGIN, origin.clone());
    let answer = through_a_gateway(from_page, backend()).await;
    assert_eq!(answer.headers["access-control-allow-origin"], "*");

    let preflight = call(Method::OPTIONS, "/orders")
        .header(header::ORIGIN, origin)
        .header(
            header::ACCESS_CONTROL_REQUEST_METHOD,
            HeaderValue::from_static("DELETE"),
        );
    let answer = through_a_gateway(preflight, backend()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(
        answer.headers["access-control-allow-methods"]
            .to_str()
            .unwrap()
            .contains("DELETE")
    );

    let answer = through_a_gateway(call(Method::GET, "/orders/1/x"), backend()).await;
    assert_eq!(
        answer.status,
        StatusCode::NOT_FOUND,
        "the backend's own 404"
    );
    let answer = through_a_gateway(call(Method::GET, "/other"), backend()).await;
    assert_eq!(
        answer.status,
        StatusCode::NOT_FOUND,
        "the gateway's own 404"
    );
}

#[tokio::test(start_paused = true)]
async fn a_gateway_says_what_it_knows_when_a_service_is_gone_or_silent() {
    let pod = pod(Memory::default());
    let client = pod.client(ClientSettings::default());
    let asked = Arc::new(AtomicUsize::new(0));
    let slow = get({
        let asked = asked.clone();
        move || async move {
            asked.fetch_add(1, Ordering::Relaxed);
            sleep(5 * SECOND).await;
        }
    });
    let router = gateway::router(&pod, client.clone(), gateway_to(8081));
    start(&pod, 8080, router).await;
    let get_order = || Call::new(Method::GET, "gateway:8080", "/orders/7?x=1", 10 * SECOND);
    let answer = client.call(get_order()).await.expect("an answer");
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.is_refusal());
    let document: Value = answer.json().expect("a document");
    assert_eq!(document["path"], "/orders/7");
    assert_eq!(document["error"], "Service Unavailable");
    assert_eq!(document["timestamp"], 7000);

    start(&pod, 8081, Router::new().route("/orders/{id}", slow)).await;
    let answer = client.call(get_order()).await.expect("an answer");
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(!answer.is_refusal());
    assert_eq!(asked.load(Ordering::Relaxed), 1, "never repeated");
}

#[tokio::test(start_paused = true)]
async fn a_head_request_keeps_the_length_it_asked_for() {
    let backend = || Router::new().route("/orders", get(|| async { "twelve bytes" }));
    for method in [Method::HEAD, Method::GET] {
        let answer = through_a_gateway(call(method.clone(), "/orders"), backend()).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.headers["content-length"], "12");
        assert_eq!(answer.body.is_empty(), method == Method::HEAD);
    }
}
