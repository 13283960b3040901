//! Two services as they might come from anywhere: `desk` takes requests and asks `vouchers` for a
//! number, again when it hears nothing. Routers and handlers are axum's as ever; each line that is
//! about the world outside says what it was before.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode, header::LOCATION},
    response::IntoResponse,
    routing::post,
};
use squall::kit::{
    Error, Pod,
    net::{
        call::{Call, IDEMPOTENCY_KEY},
        client::ClientSettings,
    },
};

// Was a `HashMap`, whose order differs from run to run.
type Given = Arc<Mutex<BTreeMap<String, usize>>>;

/// Gives numbers; the same key gets the same number again.
async fn give(State(given): State<Given>, headers: HeaderMap) -> Result<String, StatusCode> {
    let key = headers
        .get(IDEMPOTENCY_KEY)
        .and_then(|key| key.to_str().ok());
    let key = key.ok_or(StatusCode::BAD_REQUEST)?.to_owned();
    let mut given = given
        .lock()
        .map_err(|_poisoned| StatusCode::INTERNAL_SERVER_ERROR)?;
    let next = given.len() + 1;
    Ok(given.entry(key).or_insert(next).to_string())
}

/// The number service. Was `async fn main()`.
pub(crate) async fn vouchers(pod: Pod) -> Result<(), Error> {
    let router = Router::new().route("/vouchers", post(give));
    // Was `axum::serve(TcpListener::bind(("0.0.0.0", 8080)).await?, router).await`.
    pod.serve(8080, router.with_state(Given::default())).await
}

/// Asks up to eight times, with one key.
async fn ask(State(pod): State<Pod>) -> impl IntoResponse {
    // Was `reqwest::Client::new()`.
    let client = pod.client(ClientSettings::fresh());
    // Was `rand::random::<u64>()`.
    let key = format!("{}-{}", pod.name, pod.rng.below(u64::MAX));
    for _ in 0..8 {
        let second = Duration::from_secs(1);
        // Was `client.post("http://vouchers:8080/vouchers").header(…).timeout(second).send()`.
        let call = Call::new(Method::POST, "vouchers:8080", "/vouchers", second).key(&*key);
        if let Ok(answer) = client.call(call).await
            && answer.status.is_success()
        {
            let number = String::from_utf8_lossy(&answer.body).into_owned();
            return (
                StatusCode::CREATED,
                [(LOCATION, format!("/vouchers/{number}"))],
            );
        }
        tokio::time::sleep(second).await;
    }
    (StatusCode::GATEWAY_TIMEOUT, [(LOCATION, String::new())])
}

/// The front. Was `async fn main()`.
pub(crate) async fn desk(pod: Pod) -> Result<(), Error> {
    let router = Router::new().route("/vouchers", post(ask));
    pod.serve(8080, router.with_state(pod.clone())).await
}
