//! One call to a service, its answer, and what its failure means.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use serde::{Serialize, de::DeserializeOwned};

use crate::http::problem::{REFUSED, kind_of};

/// The header that carries a call's key.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A request to be made. Its timeout covers everything up to the answer's last byte.
#[derive(Clone, Debug)]
#[must_use = "a call does nothing until a client makes it"]
pub struct Call {
    /// GET, POST, …
    pub method: Method,
    /// Service and port: `pay:8080`.
    pub target: String,
    /// Path with query: `/pays?orderId=1`.
    pub path: String,
    /// Header fields.
    pub headers: HeaderMap,
    /// The body; may be empty.
    pub body: Bytes,
    /// How long everything may take.
    pub timeout: Duration,
    /// Makes repeating this call harmless: sent as `Idempotency-Key`.
    pub key: Option<String>,
}

impl Call {
    /// A call without a body.
    pub fn new(method: Method, target: &str, path: &str, timeout: Duration) -> Self {
        Self {
            method,
            target: target.to_owned(),
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout,
            key: None,
        }
    }

    /// With a JSON body.
    ///
    /// # Panics
    /// When `value` has no JSON form (a map with keys that are no texts): a mistake in the code.
    pub fn json(mut self, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("a body is made of what JSON can say");
        self.body = body.into();
        let json = HeaderValue::from_static("application/json");
        self.headers.insert(header::CONTENT_TYPE, json);
        self
    }

    /// With these bytes as its body.
    pub fn bytes(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// With one more header field.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With an idempotency key.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    pub(super) fn into_request(self) -> Result<Request<Full<Bytes>>, CallError> {
        let uri = format!("http://{}{}", self.target, self.path);
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        let invalid = |what: &str| CallError::NotSent(format!("{what} cannot be sent in HTTP"));
        *request.uri_mut() = uri.parse().map_err(|_| invalid(&uri))?;
        *request.headers_mut() = self.headers;
        if let Some(key) = self.key {
            let value = HeaderValue::try_from(key).map_err(|_| invalid("the idempotency key"))?;
            request.headers_mut().insert(IDEMPOTENCY_KEY, value);
        }
        Ok(request)
    }
}

/// What a callee answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status, whichever it is.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON of the shape `T`.
    ///
    /// # Errors
    /// As serde says.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// The `type` of a problem+json answer.
    pub fn problem(&self) -> Option<String> {
        kind_of(self.headers.get(header::CONTENT_TYPE), &self.body)
    }

    /// Where what was created is found.
    pub fn location(&self) -> Option<&str> {
        self.headers.get(header::LOCATION)?.to_str().ok()
    }

    /// True when the callee says that there surely was no effect: a 4xx, or a refusal by its type.
    pub fn is_refusal(&self) -> bool {
        self.status.is_client_error()
            || self.problem().is_some_and(|kind| kind.starts_with(REFUSED))
    }
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Surely nothing reached the callee: refused, unknown name, no connection in time.
    #[error("not sent: {0}")]
    NotSent(String),
    /// Something may have reached the callee, and may have had its effect.
    #[error("no answer: {0}")]
    Unknown(String),
}

/// True when a call surely had no effect: it was never sent, or it was refused.
pub fn surely_without_effect(result: &Result<Answer, CallError>) -> bool {
    match result {
        Ok(answer) => answer.is_refusal(),
        Err(CallError::NotSent(_)) => true,
        Err(CallError::Unknown(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Problem;

    fn answer(problem: &Problem) -> Answer {
        let media = HeaderValue::from_static("application/problem+json");
        Answer {
            status: problem.status,
            headers: HeaderMap::from_iter([(header::CONTENT_TYPE, media)]),
            body: problem.to_value().to_string().into(),
        }
    }

    #[test]
    fn only_what_was_never_sent_or_refused_surely_had_no_effect() {
        let busy = StatusCode::SERVICE_UNAVAILABLE;
        let sure = |result| surely_without_effect(&result);
        assert!(sure(Ok(answer(&Problem::refused(busy, "overloaded", "")))));
        assert!(sure(Ok(answer(&Problem::not_found("")))));
        assert!(sure(Err(CallError::NotSent(String::new()))));
        assert!(!sure(Ok(answer(&Problem::new(busy, "busy", "")))));
        assert!(!sure(Ok(answer(&Problem::internal()))));
        assert!(!sure(Err(CallError::Unknown(String::new()))));
    }

    #[test]
    fn what_cannot_be_said_in_http_is_not_sent() {
        let call = Call::new(Method::GET, "pay:8080", "/a b", Duration::from_secs(1));
        assert!(matches!(call.into_request(), Err(CallError::NotSent(_))));
        let call = Call::new(Method::GET, "pay:8080", "/", Duration::from_secs(1)).key("a\nb");
        assert!(matches!(call.into_request(), Err(CallError::NotSent(_))));
    }
}
