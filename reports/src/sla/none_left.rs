//! Nothing is left half done.

use super::{Sla, Statuses};
use crate::{
    check::{Check, Findings},
    history::{History, Name},
    records::Collection,
};

/// At the end no record is in a state that something has to lead out of.
#[derive(Clone, Debug)]
pub struct NoneLeft {
    /// The records.
    pub collection: Collection,
    /// The member with their status.
    pub status: Name,
    /// The states that end by themselves.
    pub open: Statuses,
}

impl Sla for NoneLeft {
    fn judge(&self, history: &History) -> Check {
        let name = format!("{} are settled", self.collection);
        let bound = "none left open";
        let records = self.collection.records(history);
        let all = records.len();
        if all == 0 {
            return Check::vacuous(name, "there is no record", bound);
        }
        let mut wrong = Findings::default();
        for record in self.open.of(records, &self.status) {
            wrong.add(|| record.to_string());
        }
        let observed = format!("{} of {all} open", wrong.count());
        Check::judged(name, observed, bound, wrong)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn judge(states: &[serde_json::Value]) -> Check {
        let hand = (1..).zip(states).fold(Hand::new(), |hand, (id, state)| {
            hand.stored("order", "orders", id, json!({ "state": state }))
        });
        let promise = NoneLeft {
            collection: Collection::named("orders").of("order"),
            status: "state".into(),
            open: Statuses::Among(vec!["pending".into(), "canceling".into()]),
        };
        promise.judge(&hand.history())
    }

    #[test]
    fn names_what_is_left() {
        let done = [json!("refused"), json!({"accepted": "prepared"})];
        assert_eq!(judge(&done).verdict, Verdict::Pass);
        let left = judge(&[
            json!("pending"),
            json!({"canceling": "prepared"}),
            json!("canceled"),
        ]);
        assert_eq!((left.verdict, left.evidence.len()), (Verdict::Fail, 2));
        assert_eq!(left.observed, "2 of 3 open");
        assert_eq!(judge(&[]).verdict, Verdict::Vacuous);
    }
}
