//! What was acknowledged is gone: the loss that a counterpart without a safeguard demonstrates.

use std::collections::BTreeSet;

use super::{Sla, acknowledged::created};
use crate::{
    check::{Check, Findings},
    history::{History, Outcome},
    records::Collection,
    requests::Requests,
    window::Window,
};

/// Nothing of what was acknowledged in the window is in the collection at the end. No promise to
/// anybody, but what a scenario without a safeguard claims: were something kept, the safeguard
/// would not be what keeps it. Vacuous when nothing was acknowledged.
#[derive(Clone, Debug)]
pub struct Lost {
    /// The creating requests, `POST /orders`.
    pub requests: Requests,
    /// Sent when.
    pub window: Window,
    /// Where what they create would lie.
    pub collection: Collection,
}

impl Sla for Lost {
    fn judge(&self, history: &History) -> Check {
        let name = format!(
            "acknowledged {} lost from {}",
            self.requests, self.collection
        );
        let bound = "each";
        let mut requests = self.requests.within(history, &self.window);
        requests.retain(|request| {
            request
                .answer()
                .is_some_and(|answer| answer.outcome == Outcome::Ok)
        });
        if requests.is_empty() {
            return Check::vacuous(name, "no such request was acknowledged", bound);
        }
        let records = self.collection.records(history);
        let stored: BTreeSet<u64> = records.iter().map(|record| record.id).collect();
        let mut kept = Findings::default();
        for request in &requests {
            if created(request).is_none_or(|id| stored.contains(&id)) {
                kept.add(|| format!("not lost: {request}"));
            }
        }
        let lost = requests.len() - kept.count();
        Check::judged(name, format!("{lost} of {}", requests.len()), bound, kept)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn judge(hand: Hand) -> Check {
        let promise = Lost {
            requests: Requests::to("POST", "/orders"),
            window: Window::Run,
            collection: Collection::named("orders").of("order"),
        };
        promise.judge(&hand.history())
    }

    fn two() -> Hand {
        let hand = Hand::new()
            .request("POST", "/orders")
            .request("POST", "/orders");
        hand.created(1, "/orders/7").created(2, "/orders/8")
    }

    #[test]
    fn all_or_nothing() {
        let check = judge(two());
        assert_eq!((check.verdict, &*check.observed), (Verdict::Pass, "2 of 2"));
        let check = judge(two().stored("order", "orders", 8, json!({})));
        assert_eq!((check.verdict, &*check.observed), (Verdict::Fail, "1 of 2"));
    }

    #[test]
    fn is_vacuous_when_nothing_was_acknowledged() {
        let refused = Hand::new().request("POST", "/orders").answered(1, 503);
        assert_eq!(judge(refused).verdict, Verdict::Vacuous);
    }
}
