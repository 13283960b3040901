//! The `Idempotency-Key` rule: the same key and body give the first answer, the same key and
//! another body is 422.
//!
//! It rests on commit ids alone: what a key stands for is the commit `key/<key>`, so that checking
//! the key, doing the work and keeping the answer are one atomic step, also for two at once.
//!
//! ```
//! # use axum::response::{IntoResponse, Response};
//! # use serde::{Deserialize, Serialize};
//! # use serde_json::json;
//! # use squall_kit::{Pod, http::{Problem, idempotency::{Keyed, Kept}}, store::Entity};
//! #[derive(Clone, Serialize, Deserialize)]
//! struct Pay { price: u64 }
//! # impl Entity for Pay { const COLLECTION: &'static str = "pays"; }
//!
//! async fn approve(pod: Pod, keyed: Keyed<Pay>) -> Result<Response, Problem> {
//!     let Keyed { request, body } = keyed;
//!     let mut unit = pod.store.unit(request.commit_id());
//!     // What the decision rests on is loaded here: before the look for a first answer.
//!     if let Some(first) = request.first_answer(&pod.store).await? {
//!         return Ok(first.into_response());
//!     }
//!     let id = unit.insert(&body).await?;
//!     let answer = Kept { status: 201, location: None, body: json!({ "id": id }) };
//!     let receipt = unit.commit(&request.keep(answer)).await?;
//!     Ok(request.answer(&receipt)?.into_response())
//! }
//! ```

use axum::{
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

use super::{body, hal::HAL_JSON, problem::Problem};
use crate::{
    net::call::IDEMPOTENCY_KEY,
    planted::{self, Bug},
    store::{Receipt, Store},
};

/// Letters of a key, at most.
const KEY_LENGTH_MAX: usize = 200;

/// A JSON body that came with an idempotency key. As an extractor: 400 without a key or with one
/// that is empty, over 200 letters or not visible ASCII; the body as [`Body`](super::Body) says.
#[derive(Clone, Debug)]
pub struct Keyed<T> {
    /// What was asked under which key.
    pub request: KeyedRequest,
    /// The body.
    pub body: T,
}

/// As [`Keyed`], for routes where a key is a choice: `None` without one.
#[derive(Clone, Debug)]
pub struct MaybeKeyed<T> {
    /// What was asked under which key.
    pub request: Option<KeyedRequest>,
    /// The body.
    pub body: T,
}

/// A key and a fingerprint of what was asked under it: method, path and body, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedRequest {
    key: String,
    asked: String,
}

/// An answer as it is kept with its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The status.
    pub status: u16,
    /// Where what was created is found.
    pub location: Option<String>,
    /// The resource, as `application/hal+json`.
    pub body: Value,
}

/// What a commit `key/<key>` keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    asked: String,
    answer: Kept,
}

impl KeyedRequest {
    /// `key`, under which `body` was sent to `place` (method and path).
    pub fn new(key: &str, place: &str, body: &[u8]) -> Self {
        let body = if planted::is(Bug::KeyNotBoundToBody) {
            &[]
        } else {
            body
        };
        let asked = [place.as_bytes(), b"\n", body].concat();
        Self {
            key: key.to_owned(),
            asked: format!("{:032x}", xxh3_128(&asked)),
        }
    }

    /// The key itself.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The id of the commit that does the work.
    pub fn commit_id(&self) -> String {
        format!("key/{}", self.key)
    }

    /// What that commit keeps as its answer.
    pub fn keep(&self, answer: Kept) -> Value {
        let asked = self.asked.clone();
        serde_json::to_value(Entry { asked, answer }).expect("an entry is made of texts and JSON")
    }

    /// The answer that the key has already got, if it was used. A shortcut: without it the commit
    /// itself would find out.
    ///
    /// # Errors
    /// As [`KeyedRequest::answer`], or the database's.
    pub async fn first_answer(&self, store: &Store) -> Result<Option<Kept>, Problem> {
        let receipt = store.receipt(&self.commit_id()).await?;
        receipt.map(|receipt| self.answer(&receipt)).transpose()
    }

    /// The answer that belongs to this request, out of its commit's receipt.
    ///
    /// # Errors
    /// 422 when the key was used for something else.
    pub fn answer(&self, receipt: &Receipt) -> Result<Kept, Problem> {
        // Another kind of commit under a key's id would be a mistake in the code: no reason to
        // panic.
        let entry: Entry =
            serde_json::from_value(receipt.answer.clone()).map_err(|_| Problem::internal())?;
        if entry.asked == self.asked {
            return Ok(entry.answer);
        }
        let detail = format!(
            "idempotency key {:?} was used for another request",
            self.key
        );
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Err(Problem::new(status, "key-reused", detail))
    }
}

impl IntoResponse for Kept {
    fn into_response(self) -> Response {
        let media = HeaderValue::from_static(HAL_JSON);
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let body = self.body.to_string();
        let mut answer = (status, [(header::CONTENT_TYPE, media)], body).into_response();
        if let Some(Ok(location)) = self.location.map(HeaderValue::try_from) {
            answer.headers_mut().insert(header::LOCATION, location);
        }
        answer
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for MaybeKeyed<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let key = key(request.headers().get(IDEMPOTENCY_KEY))?;
        let place = format!("{} {}", request.method(), request.uri().path());
        let bytes = body::read(request, state).await?;
        Ok(Self {
            request: key.map(|key| KeyedRequest::new(&key, &place, &bytes)),
            body: body::parse(&bytes)?,
        })
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Keyed<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let MaybeKeyed { request, body } = MaybeKeyed::from_request(request, state).await?;
        let request = request.ok_or_else(|| bad_key("is missing"))?;
        Ok(Self { request, body })
    }
}

fn key(value: Option<&HeaderValue>) -> Result<Option<String>, Problem> {
    let Some(value) = value else { return Ok(None) };
    let text = value
        .to_str()
        .map_err(|_| bad_key("is not visible ASCII"))?;
    if text.is_empty() || text.len() > KEY_LENGTH_MAX {
        return Err(bad_key("must have 1 to 200 letters"));
    }
    Ok(Some(text.to_owned()))
}

fn bad_key(what: &str) -> Problem {
    let detail = format!("the Idempotency-Key header {what}");
    Problem::new(StatusCode::BAD_REQUEST, "bad-key", detail).field("Idempotency-Key")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn created(id: u64) -> Kept {
        Kept {
            status: 201,
            location: Some(format!("/pays/{id}")),
            body: json!({ "orderId": id }),
        }
    }

    fn receipt(answer: Value) -> Receipt {
        Receipt {
            answer,
            replayed: true,
        }
    }

    #[test]
    fn the_same_key_and_body_give_the_first_answer() {
        let first = KeyedRequest::new("order/1", "POST /pays", b"{}");
        let again = KeyedRequest::new("order/1", "POST /pays", b"{}");
        let receipt = receipt(first.keep(created(1)));
        assert_eq!(first.commit_id(), again.commit_id());
        assert_eq!(again.answer(&receipt), Ok(created(1)));
    }

    #[test]
    fn the_same_key_and_another_body_or_place_is_422() {
        let first = KeyedRequest::new("order/1", "POST /pays", b"{}");
        let receipt = receipt(first.keep(created(1)));
        for other in [
            KeyedRequest::new("order/1", "POST /pays", b"{ }"),
            KeyedRequest::new("order/1", "POST /refunds", b"{}"),
        ] {
            let problem = other.answer(&receipt).expect_err("not the same request");
            assert_eq!(problem.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
    }

    #[test]
    fn another_kind_of_commit_under_its_id_is_a_mistake_of_the_code() {
        let request = KeyedRequest::new("order/1", "POST /pays", b"{}");
        let problem = request.answer(&receipt(json!(1))).expect_err("no answer");
        assert_eq!(problem.status, StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn keys_have_limits() {
        let read = |text: &str| key(Some(&HeaderValue::from_str(text).expect("a header")));
        assert_eq!(read("order/1"), Ok(Some("order/1".to_owned())));
        assert_eq!(key(None), Ok(None));
        assert!(read("").is_err());
        assert!(read(&"k".repeat(KEY_LENGTH_MAX + 1)).is_err());
    }
}
