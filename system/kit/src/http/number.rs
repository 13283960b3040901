//! Members of a body as people send them: HTTPie's `k=v` makes every number a string.
//!
//! For `#[serde(deserialize_with = "…")]`. An optional member may be `null`; write
//! `#[serde(default, deserialize_with = "…")]` so that it may also be missing.
//!
//! ```
//! use serde::Deserialize;
//! use squall_kit::http::number;
//!
//! #[derive(Debug, PartialEq, Deserialize)]
//! struct NewOrder {
//!     #[serde(deserialize_with = "number::text")]
//!     item: String,
//!     #[serde(alias = "quantity", deserialize_with = "number::whole")]
//!     order_qty: u64,
//!     #[serde(deserialize_with = "number::decimal")]
//!     price: f64,
//!     #[serde(default, deserialize_with = "number::optional_text")]
//!     status: Option<String>,
//! }
//!
//! let sent = r#"{"item":"tv","quantity":"3","price":1000,"status":0,"colour":"red"}"#;
//! let order: NewOrder = serde_json::from_str(sent).unwrap();
//! assert_eq!(order.order_qty, 3);
//! assert_eq!(order.status.as_deref(), Some("0"));
//! assert!(serde_json::from_str::<NewOrder>(r#"{"item":"tv","quantity":-1,"price":1}"#).is_err());
//! ```

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

/// A whole number from 0 to 2^53 - 1 (what every JSON reader can hold): `3`, `3.0` or `"3"`.
///
/// # Errors
/// Anything else.
pub fn whole<'de, D: Deserializer<'de>>(input: D) -> Result<u64, D::Error> {
    to_whole(&Value::deserialize(input)?).map_err(Error::custom)
}

/// A finite decimal number, not negative: `10`, `10.5` or `"10.5"`. Prices are these.
///
/// # Errors
/// Anything else.
pub fn decimal<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
    to_decimal(&Value::deserialize(input)?).map_err(Error::custom)
}

/// A text; a number or a boolean is taken as its text.
///
/// # Errors
/// `null`, an array or an object.
pub fn text<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    to_text(&Value::deserialize(input)?).map_err(Error::custom)
}

/// [`text`], or absent.
///
/// # Errors
/// Anything else.
pub fn optional_text<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(input)? {
        Value::Null => Ok(None),
        value => to_text(&value).map(Some).map_err(Error::custom),
    }
}

const WHOLE_MAX: u64 = (1 << 53) - 1;

fn to_whole(value: &Value) -> Result<u64, String> {
    let number = match value {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(exact)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number
        .filter(|number| *number <= WHOLE_MAX)
        .ok_or_else(|| format!("expected a whole number, 0 or more, got {}", shown(value)))
}

/// `3.0` as 3: some clients write every number with a fraction.
fn exact(number: f64) -> Option<u64> {
    #[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is exact")]
    let fits = number >= 0.0 && number <= WHOLE_MAX as f64 && number.fract() == 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, not negative and within 2^53, as just checked"
    )]
    fits.then_some(number as u64)
}

fn to_decimal(value: &Value) -> Result<f64, String> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number
        .filter(|number: &f64| number.is_finite() && *number >= 0.0)
        // -0.0 is not negative, yet would be shown as such.
        .map(f64::abs)
        .ok_or_else(|| format!("expected a number, 0 or more, got {}", shown(value)))
}

fn to_text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(format!("expected a text, got {}", shown(value)))
        }
    }
}

/// The offending value, cut: an error must not echo a megabyte.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_come_as_numbers_or_strings() {
        for good in [json!(3), json!("3"), json!(3.0), json!(" 3 ")] {
            assert_eq!(to_whole(&good), Ok(3), "{good}");
        }
        for bad in [
            json!(-1),
            json!("-1"),
            json!(3.5),
            json!("abc"),
            json!(""),
            json!(null),
            json!([3]),
            json!(1e300),
            json!(u64::MAX),
        ] {
            assert!(to_whole(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn prices_are_finite_and_not_negative() {
        assert_eq!(to_decimal(&json!("10.5")), Ok(10.5));
        assert_eq!(to_decimal(&json!(10)), Ok(10.0));
        assert_eq!(
            to_decimal(&json!(-0.0)).map(f64::is_sign_negative),
            Ok(false)
        );
        for bad in [
            json!(-0.01),
            json!("NaN"),
            json!("inf"),
            json!("1e999"),
            json!(true),
        ] {
            assert!(to_decimal(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_error_shows_the_offending_value_but_never_all_of_a_long_one() {
        let error = to_whole(&json!("가".repeat(100_000))).expect_err("no number");
        assert!(error.len() < 250, "{} bytes", error.len());
    }
}
