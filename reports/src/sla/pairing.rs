//! Nothing stands without its payment, and no payment without what it paid for (invariant 1).

use std::collections::BTreeMap;

use super::{Sla, list};
use crate::{
    check::{Check, Findings},
    history::{History, Name},
    records::{Collection, Record, member, variant},
};

/// For every front record with a standing status there is exactly one counterpart (a payment) that
/// names it and has a standing status, and no other counterpart stands.
#[derive(Clone, Debug)]
pub struct Pairing {
    /// The front records.
    pub front: Collection,
    /// The member with their status.
    pub front_status: Name,
    /// Which of them stand: accepted and not cancelled.
    pub front_stands: Statuses,
    /// Their counterparts.
    pub counterpart: Collection,
    /// The counterpart's member with the front record's id.
    pub counterpart_key: Name,
    /// The member with the counterpart's status.
    pub counterpart_status: Name,
    /// Which of them stand: approved and not cancelled.
    pub counterpart_stands: Statuses,
}

/// A set of statuses: texts, or names of an enum's variants (`{"accepted": …}` is `accepted`). A
/// record without the member has the status `null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statuses {
    /// These.
    Among(Vec<Name>),
    /// All but these: where a status may be any text of the caller's.
    Except(Vec<Name>),
}

impl Sla for Pairing {
    fn judge(&self, history: &History) -> Check {
        let Self {
            front,
            counterpart,
            counterpart_key,
            ..
        } = self;
        let name = format!("{front} paired with {counterpart}");
        let bound = format!(
            "one in {counterpart} {} for each in {front} {}, no other",
            self.counterpart_stands.words(),
            self.front_stands.words(),
        );
        let (fronts, others) = (front.records(history), counterpart.records(history));
        // That nothing stands is an answer, too, where there was something.
        if fronts.is_empty() && others.is_empty() {
            return Check::vacuous(name, "no record on either side", bound);
        }
        let fronts = self.front_stands.of(fronts, &self.front_status);
        let others = self.counterpart_stands.of(others, &self.counterpart_status);
        let mut wrong = Findings::default();
        let mut by_front: BTreeMap<String, Vec<Record<'_>>> = BTreeMap::new();
        for other in &others {
            match other.text(counterpart_key) {
                Some(key) => by_front.entry(key).or_default().push(*other),
                None => wrong.add(|| format!("no {counterpart_key} in {other}")),
            }
        }
        for record in &fronts {
            let pair = by_front.remove(&record.id.to_string()).unwrap_or_default();
            if pair.len() != 1 {
                wrong.add(|| {
                    let names: Vec<String> = pair.iter().map(ToString::to_string).collect();
                    format!("{} standing for {record}: {}", pair.len(), names.join(", "))
                });
            }
        }
        for (key, others) in &by_front {
            for other in others {
                wrong.add(|| format!("stands though {front}/{key} does not: {other}"));
            }
        }
        let observed = format!("{} standing, {} counterparts", fronts.len(), others.len());
        Check::judged(name, observed, bound, wrong)
    }
}

impl Statuses {
    /// Of these records the ones with such a status in the member called `name`.
    pub(super) fn of<'a>(&self, mut records: Vec<Record<'a>>, name: &str) -> Vec<Record<'a>> {
        records.retain(|record| {
            let status = member(record.body, name).and_then(variant);
            let status = status.as_deref().unwrap_or("null");
            match self {
                Self::Among(these) => these.iter().any(|this| **this == *status),
                Self::Except(these) => these.iter().all(|this| **this != *status),
            }
        });
        records
    }

    fn words(&self) -> String {
        match self {
            Self::Among(these) => format!("({})", list(these)),
            Self::Except(these) => format!("(not {})", list(these)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn promise() -> Pairing {
        Pairing {
            front: Collection::named("orders").of("order"),
            front_status: "status".into(),
            front_stands: Statuses::Except(vec!["PENDING".into(), "REFUSED".into()]),
            counterpart: Collection::named("pays"),
            counterpart_key: "orderId".into(),
            counterpart_status: "status".into(),
            counterpart_stands: Statuses::Among(vec!["APPROVED".into()]),
        }
    }

    fn judge(orders: &[(u64, &str)], pays: &[(u64, &str)]) -> Check {
        let hand = orders.iter().fold(Hand::new(), |hand, (id, status)| {
            hand.stored("order", "orders", *id, json!({"status": status}))
        });
        let hand = pays
            .iter()
            .zip(1..)
            .fold(hand, |hand, ((order, status), id)| {
                hand.stored(
                    "pay",
                    "pays",
                    id,
                    json!({"orderId": order, "status": status}),
                )
            });
        promise().judge(&hand.history())
    }

    #[test]
    fn passes_when_each_has_its_own() {
        let orders = [
            (1, "my label"),
            (2, "REFUSED"),
            (3, "DELIVERED"),
            (4, "PENDING"),
        ];
        let pays = [
            (3, "APPROVED"),
            (1, "APPROVED"),
            (2, "CANCELED"),
            (3, "CANCELED"),
        ];
        let check = judge(&orders, &pays);
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
        assert_eq!(check.observed, "2 standing, 2 counterparts");
    }

    #[test]
    fn names_the_unpaid_the_twice_paid_and_the_left_standing() {
        let orders = [(1, "0"), (2, "0"), (3, "REFUSED")];
        let pays = [
            (2, "APPROVED"),
            (2, "APPROVED"),
            (3, "APPROVED"),
            (9, "APPROVED"),
        ];
        let check = judge(&orders, &pays);
        assert_eq!((check.verdict, check.evidence.len()), (Verdict::Fail, 4));
        assert!(check.evidence[0].starts_with("0 standing for order/orders/1"));
        assert!(check.evidence[1].starts_with("2 standing for order/orders/2"));
        assert!(check.evidence[2].starts_with("stands though order/orders/3 does not: pay/pays/3"));
        assert!(check.evidence[3].starts_with("stands though order/orders/9 does not: pay/pays/4"));
    }

    #[test]
    fn a_status_may_be_an_enum_with_content() {
        let orders = Hand::new()
            .stored(
                "order",
                "orders",
                1,
                json!({"status": {"accepted": "started"}}),
            )
            .stored(
                "order",
                "orders",
                2,
                json!({"status": {"canceling": "started"}}),
            )
            .stored(
                "pay",
                "pays",
                1,
                json!({"orderId": 1, "status": "APPROVED"}),
            );
        let promise = Pairing {
            front_stands: Statuses::Among(vec!["accepted".into()]),
            ..promise()
        };
        let check = promise.judge(&orders.history());
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
    }

    #[test]
    fn that_nothing_stands_is_an_answer_where_there_was_something() {
        assert_eq!(judge(&[], &[]).verdict, Verdict::Vacuous);
        assert_eq!(
            judge(&[(1, "REFUSED")], &[(1, "CANCELED")]).verdict,
            Verdict::Pass
        );
    }
}
