//! The key's rule from request to database and back.

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::post,
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Answered, ask, pod};
use crate::{
    Pod,
    http::{
        Problem,
        command::command,
        hal::Hal,
        idempotency::{Kept, Keyed, KeyedRequest},
        number,
    },
    store::Entity,
};

#[derive(Clone, Serialize, Deserialize)]
struct Pay {
    #[serde(deserialize_with = "number::decimal")]
    price: f64,
}

impl Entity for Pay {
    const COLLECTION: &'static str = "pays";
}

async fn approve(
    State(pod): State<Pod>,
    Keyed { request, body }: Keyed<Pay>,
) -> Result<Response, Problem> {
    let executing = execute(pod.clone(), request, body);
    let kept = command(&pod, "approve", executing).await?;
    Ok(kept.into_response())
}

async fn execute(pod: Pod, request: KeyedRequest, pay: Pay) -> Result<Kept, Problem> {
    let mut unit = pod.store.unit(request.commit_id());
    let id = unit.insert(&pay).await?;
    let hal = Hal::new(&pod.config, "pays", "pay");
    let answer = hal.kept(id, json!({ "price": pay.price }))?;
    let receipt = unit.commit(&request.keep(answer)).await?;
    request.answer(&receipt)
}

async fn pay(pod: &Pod, key: Option<&'static str>, body: Value) -> Answered {
    let router = Router::new()
        .route("/pays", post(approve))
        .with_state(pod.clone());
    let headers = key.map(|key| ("idempotency-key", key));
    ask(
        pod,
        router,
        "POST /pays",
        headers.as_slice(),
        &body.to_string(),
    )
    .await
}

async fn pays(pod: &Pod) -> usize {
    pod.store.find::<Pay>(&[]).await.expect("readable").len()
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_gets_the_first_answer_and_has_one_effect() {
    let pod = pod();
    let first = pay(&pod, Some("order/1"), json!({ "price": 10 })).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let again = pay(&pod, Some("order/1"), json!({ "price": 10 })).await;
    assert_eq!(again.status, StatusCode::CREATED);
    assert_eq!(again.headers["location"], first.headers["location"]);
    assert_eq!(again.body, first.body);
    assert_eq!(pays(&pod).await, 1);
    pay(&pod, Some("order/2"), json!({ "price": 10 })).await;
    assert_eq!(pays(&pod).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_belongs_to_one_body() {
    let pod = pod();
    pay(&pod, Some("order/1"), json!({ "price": 10 })).await;
    let other = pay(&pod, Some("order/1"), json!({ "price": 11 })).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(other.body["type"], "urn:squall:problem:key-reused");
    assert_eq!(pays(&pod).await, 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_key_or_with_a_bad_body_nothing_happens() {
    let pod = pod();
    let keyless = pay(&pod, None, json!({ "price": 10 })).await;
    assert_eq!(keyless.status, StatusCode::BAD_REQUEST);
    assert_eq!(keyless.body["field"], "Idempotency-Key");
    let negative = pay(&pod, Some("order/1"), json!({ "price": -1 })).await;
    assert_eq!(negative.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(negative.body["field"], "price");
    assert_eq!(pays(&pod).await, 0);
}
