//! Errors as answers: RFC 9457 `application/problem+json`.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

use crate::store::StoreError;

/// The media type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Types under this prefix promise: the request surely had no effect.
pub const REFUSED: &str = "urn:squall:refused:";

/// Types under this prefix promise nothing about an effect.
pub const PROBLEM: &str = "urn:squall:problem:";

/// One error, as its caller reads it (RFC 9457).
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// What kind of problem, a URI: [`PROBLEM`] or [`REFUSED`] and a name.
    pub kind: String,
    /// The kind in words, the same every time.
    pub title: String,
    /// The answer's status.
    pub status: StatusCode,
    /// What happened this time.
    pub detail: String,
    /// The member of the body, or the query parameter, that is wrong.
    pub field: Option<String>,
    /// Further members. They never replace the standard ones. (Boxed to keep results small.)
    pub extensions: Box<Map<String, Value>>,
}

impl Problem {
    /// `urn:squall:problem:<name>`: an error whose caller cannot tell whether there was an effect,
    /// unless its status says so (4xx).
    pub fn new(status: StatusCode, name: &str, detail: impl Into<String>) -> Self {
        Self::of_kind(format!("{PROBLEM}{name}"), status, name, detail.into())
    }

    /// `urn:squall:refused:<name>`: surely without effect, whatever the status.
    pub fn refused(status: StatusCode, name: &str, detail: impl Into<String>) -> Self {
        Self::of_kind(format!("{REFUSED}{name}"), status, name, detail.into())
    }

    /// 404: no such resource.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// 400: the request cannot be read.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// 422: readable, but this member cannot be used.
    pub fn unprocessable(field: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", detail).field(field)
    }

    /// 409: the resource's state does not allow it.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// 500, without a word about what went wrong inside.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the service could not handle this request",
        )
    }

    /// 504: something was asked that did not answer, so nobody here knows whether it took effect.
    pub fn unknown(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "unknown-outcome", detail)
    }

    /// Names the member that is wrong.
    #[must_use]
    pub fn field(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }

    /// Adds a further member.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(member.to_owned(), value.into());
        self
    }

    /// True when the request surely had no effect, by the kind alone.
    pub fn is_refusal(&self) -> bool {
        self.kind.starts_with(REFUSED)
    }

    /// The document itself.
    pub fn to_value(&self) -> Value {
        let mut members = Map::new();
        members.insert("type".into(), self.kind.clone().into());
        members.insert("title".into(), self.title.clone().into());
        members.insert("status".into(), self.status.as_u16().into());
        members.insert("detail".into(), self.detail.clone().into());
        if let Some(field) = &self.field {
            members.insert("field".into(), field.clone().into());
        }
        for (name, value) in &*self.extensions {
            if !members.contains_key(name) {
                members.insert(name.clone(), value.clone());
            }
        }
        Value::Object(members)
    }

    fn of_kind(kind: String, status: StatusCode, name: &str, detail: String) -> Self {
        let mut title = name.replace('-', " ");
        if let Some(first) = title.get_mut(0..1) {
            first.make_ascii_uppercase();
        }
        Self {
            kind,
            title,
            status,
            detail,
            field: None,
            extensions: Box::default(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Bytes::from(self.to_value().to_string());
        let media = HeaderValue::from_static(PROBLEM_JSON);
        (self.status, [(header::CONTENT_TYPE, media)], body).into_response()
    }
}

/// A database's failure as an answer: refused when surely nothing was written, 504 when unknown.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { .. } => Self::refused(
                StatusCode::CONFLICT,
                "conflict",
                "the resource was changed at the same time; try again",
            ),
            StoreError::Unavailable(_) => Self::refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "store-unavailable",
                "the database cannot be reached; try again later",
            ),
            StoreError::BadQuery(reason) => {
                Self::new(StatusCode::BAD_REQUEST, "bad-parameter", reason)
            }
            StoreError::Unknown(_) => Self::unknown("the database did not answer"),
            StoreError::AlreadyConsumed { .. } | StoreError::LeaseLost | StoreError::Failed(_) => {
                Self::internal()
            }
        }
    }
}

/// The `type` of a problem+json document, if `body` is one.
pub fn kind_of(media: Option<&HeaderValue>, body: &[u8]) -> Option<String> {
    let media = media?.to_str().ok()?;
    if media.split(';').next()?.trim() != PROBLEM_JSON {
        return None;
    }
    let document: Value = serde_json::from_slice(body).ok()?;
    Some(document.get("type")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_standard_members_first_and_extensions_never_replace_them() {
        let problem = Problem::unprocessable("price", "price is negative")
            .with("status", "mine")
            .with("path", "/orders");
        assert_eq!(
            problem.to_value().to_string(),
            "{\"type\":\"urn:squall:problem:unprocessable\",\"title\":\"Unprocessable\",\
             \"status\":422,\"detail\":\"price is negative\",\"field\":\"price\",\
             \"path\":\"/orders\"}"
        );
    }

    #[test]
    fn only_refusals_promise_that_there_was_no_effect() {
        let refusal: Problem = StoreError::Unavailable("x".into()).into();
        let unknown: Problem = StoreError::Unknown("x".into()).into();
        assert!(refusal.is_refusal());
        assert!(!unknown.is_refusal());
        assert_eq!(unknown.status, StatusCode::GATEWAY_TIMEOUT);
    }

    #[test]
    fn the_kind_is_read_from_problem_documents_only() {
        let body = Problem::internal().to_value().to_string();
        let problem = HeaderValue::from_static("application/problem+json; charset=utf-8");
        let json = HeaderValue::from_static("application/json");
        assert_eq!(
            kind_of(Some(&problem), body.as_bytes()).as_deref(),
            Some("urn:squall:problem:internal")
        );
        assert_eq!(kind_of(Some(&json), body.as_bytes()), None);
        assert_eq!(kind_of(None, b"not json"), None);
    }
}
