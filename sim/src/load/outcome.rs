//! What a request's sender can know of its effect (DESIGN §5, after Jepsen: ok, fail, unknown).

use serde_json::Value;
use squall_reports::history::Outcome;

use super::client::{NoReply, Reply};

/// `type` of a problem that promises: this request surely had no effect.
const REFUSED: &str = "urn:squall:refused:";

/// The outcome of a request.
pub(super) fn outcome(method: &str, answer: &Result<Reply, NoReply>) -> Outcome {
    let safe = matches!(method, "GET" | "HEAD" | "OPTIONS");
    match answer {
        Ok(reply) if reply.status < 400 => Outcome::Ok,
        Ok(reply) if reply.status < 500 => Outcome::Fail,
        Ok(reply) if problem(reply).is_some_and(|kind| kind.starts_with(REFUSED)) => Outcome::Fail,
        Err(NoReply::NotSent(_)) => Outcome::Fail,
        // Nothing changes by reading: a read that failed surely had no effect.
        _ if safe => Outcome::Fail,
        _ => Outcome::Unknown,
    }
}

/// The `type` of a problem+json answer.
pub(super) fn problem(reply: &Reply) -> Option<String> {
    let media = reply
        .headers
        .get(http::header::CONTENT_TYPE)?
        .to_str()
        .ok()?;
    if !media.starts_with("application/problem+json") {
        return None;
    }
    let body: Value = serde_json::from_slice(&reply.body).ok()?;
    Some(body.get("type")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, header};
    use squall_reports::history::Outcome;

    use super::{
        super::client::{NoReply, Reply},
        outcome,
    };

    fn reply(status: u16, kind: Option<&str>) -> Result<Reply, NoReply> {
        let mut headers = HeaderMap::new();
        let mut body = Bytes::new();
        if let Some(kind) = kind {
            let media = HeaderValue::from_static("application/problem+json");
            headers.insert(header::CONTENT_TYPE, media);
            body = Bytes::from(format!("{{\"type\": \"{kind}\"}}"));
        }
        Ok(Reply {
            status,
            headers,
            body,
            bytes: 0,
        })
    }

    #[test]
    fn only_what_surely_had_no_effect_fails() {
        let refused = Some("urn:squall:refused:overload");
        let other = Some("urn:squall:problem:unknown-outcome");
        let cases = [
            (reply(201, None), Outcome::Ok),
            (reply(409, None), Outcome::Fail),
            (reply(503, refused), Outcome::Fail),
            (reply(503, other), Outcome::Unknown),
            (reply(503, None), Outcome::Unknown),
            (reply(500, None), Outcome::Unknown),
            (reply(504, None), Outcome::Unknown),
            (Err(NoReply::NotSent("refused".into())), Outcome::Fail),
            (Err(NoReply::Unknown("timed out".into())), Outcome::Unknown),
        ];
        for (answer, expected) in cases {
            assert_eq!(outcome("POST", &answer), expected, "{answer:?}");
        }
        assert_eq!(outcome("GET", &reply(504, None)), Outcome::Fail);
        assert_eq!(
            outcome("GET", &Err(NoReply::Unknown("reset".into()))),
            Outcome::Fail
        );
    }
}
