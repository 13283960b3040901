//! What a request's sender can know of its effect (DESIGN §5, after Jepsen: ok, fail, unknown).

use http::Method;
use squall_kit::net::client::{Answer, CallError, surely_without_effect};
use squall_reports::history::Outcome;

use crate::cluster::sidecar::NEVER_SENT;

/// What a request gave.
pub(super) type Sent = Result<Answer, CallError>;

/// The outcome of a request.
pub(super) fn outcome(method: &Method, sent: &Sent) -> Outcome {
    match sent {
        Ok(answer) if answer.status.as_u16() < 400 => Outcome::Ok,
        // Nothing changes by reading: a read that failed surely had no effect.
        _ if method.is_safe() || surely_without_effect(sent) => Outcome::Fail,
        Ok(answer) if answer.headers.contains_key(NEVER_SENT) => Outcome::Fail,
        _ => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
    use squall_kit::net::client::{Answer, CallError};
    use squall_reports::history::Outcome;

    use super::{NEVER_SENT, Sent, outcome};

    fn answer(status: u16, kind: Option<&str>) -> Sent {
        let mut headers = HeaderMap::new();
        let mut body = Bytes::new();
        if let Some(kind) = kind {
            let media = HeaderValue::from_static("application/problem+json");
            headers.insert(header::CONTENT_TYPE, media);
            body = Bytes::from(format!("{{\"type\": \"{kind}\"}}"));
        }
        Ok(Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body,
        })
    }

    #[test]
    fn only_what_surely_had_no_effect_fails() {
        let refused = Some("urn:squall:refused:overload");
        let other = Some("urn:squall:problem:unknown-outcome");
        let unknown = || Err(CallError::Unknown("reset".into()));
        let cases = [
            (answer(201, None), Outcome::Ok),
            (answer(409, None), Outcome::Fail),
            (answer(503, refused), Outcome::Fail),
            (answer(503, other), Outcome::Unknown),
            (answer(503, None), Outcome::Unknown),
            (answer(500, None), Outcome::Unknown),
            (answer(504, None), Outcome::Unknown),
            (Err(CallError::NotSent("refused".into())), Outcome::Fail),
            (unknown(), Outcome::Unknown),
        ];
        for (sent, expected) in cases {
            assert_eq!(outcome(&Method::POST, &sent), expected, "{sent:?}");
        }
        assert_eq!(outcome(&Method::GET, &answer(504, None)), Outcome::Fail);
        // UO, UH, UF: the sidecar knows that nobody was asked.
        let mut overflow = answer(503, None);
        let flags = HeaderValue::from_static("UO");
        overflow.as_mut().unwrap().headers.insert(NEVER_SENT, flags);
        assert_eq!(outcome(&Method::POST, &overflow), Outcome::Fail);
        assert_eq!(outcome(&Method::GET, &unknown()), Outcome::Fail);
    }
}
