//! A total is the sum of its parts (what is reserved of an item is what its deliveries hold).

use std::collections::BTreeMap;

use super::{Sla, Statuses};
use crate::{
    check::{Check, Findings},
    history::{History, Name},
    records::{Collection, member},
};

/// In each record with a total, it equals the sum over the parts that name the record's key and
/// have such a status.
#[derive(Clone, Debug)]
pub struct SumsUp {
    /// The records with a total.
    pub totals: Collection,
    /// The member with it, a whole number.
    pub total: Name,
    /// The member that their parts name.
    pub key: Name,
    /// The parts.
    pub parts: Collection,
    /// Their member that names the key.
    pub part_key: Name,
    /// Their member with how much, a whole number.
    pub part: Name,
    /// Their member with their status.
    pub status: Name,
    /// The statuses of those that count.
    pub counted: Statuses,
}

impl Sla for SumsUp {
    fn judge(&self, history: &History) -> Check {
        let Self { totals, parts, .. } = self;
        let name = format!("{} of {totals} sums up", self.total);
        let bound = format!("{} of {parts}", self.part);
        let totals = totals.records(history);
        if totals.is_empty() {
            return Check::vacuous(name, "there is no total", bound);
        }
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        let counted = self.counted.of(parts.records(history), &self.status);
        for record in &counted {
            let part = member(record.body, &self.part).and_then(|part| part.as_u64());
            let key = record.text(&self.part_key).unwrap_or_default();
            *sums.entry(key).or_default() += part.unwrap_or_default();
        }
        let mut wrong = Findings::default();
        for record in &totals {
            let key = record.text(&self.key).unwrap_or_default();
            let sum = sums.remove(&key).unwrap_or_default();
            let total = member(record.body, &self.total).and_then(|total| total.as_u64());
            if total != Some(sum) {
                wrong.add(|| format!("{sum} in parts: {record}"));
            }
        }
        for (key, sum) in sums.iter().filter(|(_, sum)| **sum > 0) {
            wrong.add(|| format!("{sum} in parts of {key}, which has no total"));
        }
        let observed = format!("{} totals, {} parts", totals.len(), counted.len());
        Check::judged(name, observed, bound, wrong)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn judge(reserved: &[(&str, u64)], deliveries: &[(&str, u64, &str)]) -> Check {
        let hand = (1..)
            .zip(reserved)
            .fold(Hand::new(), |hand, (id, (item, reserved))| {
                let body = json!({ "item": item, "reserved": reserved });
                hand.stored("product", "products", id, body)
            });
        let hand = (1..)
            .zip(deliveries)
            .fold(hand, |hand, (id, (item, qty, status))| {
                let body = json!({ "item": item, "qty": qty, "status": status });
                hand.stored("product", "deliveries", id, body)
            });
        let promise = SumsUp {
            totals: Collection::named("products"),
            total: "reserved".into(),
            key: "item".into(),
            parts: Collection::named("deliveries"),
            part_key: "item".into(),
            part: "qty".into(),
            status: "status".into(),
            counted: Statuses::Among(vec!["PREPARED".into()]),
        };
        promise.judge(&hand.history())
    }

    #[test]
    fn passes_when_the_parts_are_the_whole() {
        let deliveries = [
            ("tv", 2, "PREPARED"),
            ("tv", 1, "PREPARED"),
            ("tv", 9, "CANCELED"),
        ];
        let check = judge(&[("tv", 3), ("radio", 0)], &deliveries);
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
        assert_eq!(check.observed, "2 totals, 2 parts");
    }

    #[test]
    fn names_what_does_not_sum_up() {
        let lost = judge(&[("tv", 2)], &[("tv", 1, "PREPARED")]);
        assert_eq!(lost.verdict, Verdict::Fail);
        assert!(lost.evidence[0].starts_with("1 in parts: "), "{lost:?}");
        let stray = judge(&[("tv", 0)], &[("radio", 1, "PREPARED")]);
        assert_eq!(stray.evidence, ["1 in parts of radio, which has no total"]);
        assert_eq!(judge(&[], &[]).verdict, Verdict::Vacuous);
    }
}
