//! A quantity never falls below zero (invariant 5).

use serde_json::Value;

use super::{Sla, list};
use crate::{
    check::{Check, Findings},
    history::{History, Name},
    records::{Collection, distinct, member},
};

/// This member is zero or more in every record at the end and in every event of these kinds.
#[derive(Clone, Debug)]
pub struct NeverNegative {
    /// The records.
    pub collection: Collection,
    /// The events that state the quantity as they change it; may be empty.
    pub kinds: Vec<Name>,
    /// The quantity, in records and in events.
    pub member: Name,
}

impl Sla for NeverNegative {
    fn judge(&self, history: &History) -> Check {
        let Self {
            collection,
            kinds,
            member: quantity,
        } = self;
        let name = format!("{quantity} of {collection} never negative");
        let mut lowest: Option<f64> = None;
        let mut wrong = Findings::default();
        let mut judge = |body: &Value, line: &dyn Fn() -> String| match number(body, quantity) {
            Some(value) => {
                lowest = Some(lowest.map_or(value, |low| low.min(value)));
                if value < 0.0 {
                    wrong.add(line);
                }
            }
            // A record without a readable quantity cannot be said to hold zero or more.
            None => wrong.add(|| format!("no number {quantity}: {}", line())),
        };
        for record in collection.records(history) {
            judge(record.body, &|| record.to_string());
        }
        for event in distinct(history)
            .iter()
            .filter(|event| kinds.contains(event.kind))
        {
            judge(event.body, &|| format!("{event}: {}", event.body));
        }
        let bound = match kinds.is_empty() {
            true => "≥ 0 in records".to_owned(),
            false => format!("≥ 0 in records and in {}", list(kinds)),
        };
        match lowest {
            None if wrong.is_empty() => Check::vacuous(name, "no such record or event", bound),
            None => Check::judged(name, "no number", bound, wrong),
            Some(lowest) => Check::judged(name, format!("lowest {lowest}"), bound, wrong),
        }
    }
}

fn number(body: &Value, name: &str) -> Option<f64> {
    match member(body, name)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn judge(hand: Hand) -> Check {
        NeverNegative {
            collection: Collection::named("products"),
            kinds: vec!["StockDecreased".into()],
            member: "stock".into(),
        }
        .judge(&hand.history())
    }

    #[test]
    fn zero_is_enough() {
        let hand = Hand::new()
            .stored("product", "products", 1, json!({"stock": 0}))
            .stored("product", "products", 2, json!({"stock": "4"}))
            .logged(0, "a#0", "StockDecreased", "tv", json!({"stock": 2}));
        let check = judge(hand);
        assert_eq!(
            (check.verdict, &*check.observed),
            (Verdict::Pass, "lowest 0")
        );
    }

    #[test]
    fn names_records_and_events_below_zero() {
        let hand = Hand::new()
            .stored("product", "products", 1, json!({"stock": 3}))
            .stored("product", "products", 2, json!({"stock": null}))
            .logged(0, "a#0", "StockDecreased", "tv", json!({"stock": -1}));
        let check = judge(hand);
        assert_eq!(
            (check.verdict, &*check.observed),
            (Verdict::Fail, "lowest -1")
        );
        assert!(check.evidence[0].starts_with("no number stock: product/products/2"));
        assert!(check.evidence[1].starts_with("StockDecreased a#0 of tv"));
    }

    #[test]
    fn is_vacuous_without_quantities() {
        assert_eq!(judge(Hand::new()).verdict, Verdict::Vacuous);
        let other = Hand::new().logged(0, "a#0", "Ordered", "1", json!({"stock": -1}));
        assert_eq!(judge(other).verdict, Verdict::Vacuous);
    }
}
