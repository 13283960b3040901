//! Request bodies: JSON in, a problem+json that names the field otherwise.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::Problem;

/// A JSON body of a given shape. Unknown members are ignored; the content type is not asked for,
/// because people send JSON with whatever `curl -d` says.
///
/// 400 for what is no JSON, 422 with the field named for a wrong type, a missing member or a value
/// out of range, 413 over the limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = read(request, state).await?;
        parse(&bytes).map(Self)
    }
}

/// A request's whole body.
///
/// # Errors
/// 413 or 400 as a problem.
pub async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| match rejection.status().as_u16() {
            413 => Problem::new(rejection.status(), "too-large", rejection.body_text()),
            _ => Problem::malformed(rejection.body_text()),
        })
}

/// Reads `bytes` as a JSON object of the shape `T`.
///
/// # Errors
/// 400 or 422 as a problem.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let document: Value = serde_json::from_slice(bytes)
        .map_err(|error| Problem::malformed(format!("the body is not JSON: {error}")))?;
    if !document.is_object() {
        // serde would take an array for a struct, member by member.
        let mut problem = Problem::unprocessable("", "the body must be a JSON object");
        problem.field = None;
        return Err(problem);
    }
    serde_path_to_error::deserialize(document).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner().to_string();
        let field = match missing_member(&reason) {
            Some(member) if path == "." => member.to_owned(),
            Some(member) => format!("{path}.{member}"),
            None => path,
        };
        Problem::unprocessable(&field, format!("{field}: {reason}"))
    })
}

/// serde reports a missing member at its parent, and its name only in words.
fn missing_member(reason: &str) -> Option<&str> {
    let rest = reason.strip_prefix("missing field `")?;
    rest.split('`').next()
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde::Deserialize;

    use super::*;
    use crate::http::number;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct NewOrder {
        #[serde(deserialize_with = "number::text")]
        item: String,
        #[serde(alias = "quantity", deserialize_with = "number::whole")]
        order_qty: u64,
        #[serde(default)]
        address: Option<Address>,
    }

    #[derive(Debug, Deserialize)]
    struct Address {
        #[serde(deserialize_with = "number::whole")]
        number: u64,
    }

    fn problem(body: &str) -> (StatusCode, Option<String>) {
        let problem = parse::<NewOrder>(body.as_bytes()).expect_err(body);
        (problem.status, problem.field)
    }

    #[test]
    fn numbers_come_as_strings_aliases_and_unknown_members_are_fine() {
        let body = br#"{"item":"tv","quantity":"3","colour":"red"}"#;
        let order: NewOrder = parse(body).expect("a good body");
        assert_eq!((order.item.as_str(), order.order_qty), ("tv", 3));
        assert!(order.address.is_none());
        let order: NewOrder =
            parse(br#"{"item":"tv","orderQty":1,"address":{"number":"7"}}"#).expect("a good body");
        assert_eq!(order.address.map(|address| address.number), Some(7));
    }

    #[test]
    fn what_is_no_json_is_400() {
        for body in ["", "{", "item=tv", "{\"item\":}", &"[".repeat(100_000)] {
            assert_eq!(problem(body), (StatusCode::BAD_REQUEST, None));
        }
    }

    #[test]
    fn a_wrong_shape_is_422_and_names_the_field() {
        let wrong = |body, field: &str| {
            assert_eq!(
                problem(body),
                (StatusCode::UNPROCESSABLE_ENTITY, Some(field.to_owned())),
                "{body}"
            );
        };
        wrong(r#"{"item":"tv","orderQty":"abc"}"#, "orderQty");
        wrong(r#"{"item":"tv","orderQty":-1}"#, "orderQty");
        wrong(r#"{"item":"tv"}"#, "orderQty");
        wrong(r#"{"item":null,"orderQty":1}"#, "item");
        wrong(r#"{"item":["tv"],"orderQty":1}"#, "item");
        wrong(
            r#"{"item":"tv","orderQty":1,"address":{"number":"x"}}"#,
            "address.number",
        );
        wrong(
            r#"{"item":"tv","orderQty":1,"address":{}}"#,
            "address.number",
        );
    }

    #[test]
    fn an_array_is_no_order() {
        assert_eq!(
            problem(r#"["tv",3]"#),
            (StatusCode::UNPROCESSABLE_ENTITY, None)
        );
    }
}
