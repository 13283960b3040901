//! What was acknowledged is there (invariant 2).

use std::collections::{BTreeMap, BTreeSet};

use super::{Sla, Statuses};
use crate::{
    check::{Check, Findings},
    history::{History, Name, Outcome},
    records::Collection,
    requests::{Request, Requests},
    window::Window,
};

/// Everything that an answer said was created is in the collection at the end, with a status that
/// keeps the word given, and no two users were given the same: every request answered ok has a
/// `Location` whose last segment is the id.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    /// The creating requests, `POST /orders`.
    pub requests: Requests,
    /// Where what they create lies.
    pub collection: Collection,
    /// The member with its status.
    pub status: Name,
    /// The statuses of what is kept: not those of a record that nobody gets to see.
    pub kept: Statuses,
}

impl Sla for Acknowledged {
    fn judge(&self, history: &History) -> Check {
        let name = format!("acknowledged {} kept in {}", self.requests, self.collection);
        let bound = "each there, each its own";
        let mut requests = self.requests.within(history, &Window::Run);
        requests.retain(|request| {
            request
                .answer()
                .is_some_and(|answer| answer.outcome == Outcome::Ok)
        });
        if requests.is_empty() {
            return Check::vacuous(name, "no such request was acknowledged", bound);
        }
        let records = self.collection.records(history);
        let stored = records.len();
        let kept = self.kept.of(records, &self.status);
        let kept: BTreeSet<u64> = kept.iter().map(|record| record.id).collect();
        let mut owners: BTreeMap<u64, &Request<'_>> = BTreeMap::new();
        let mut wrong = Findings::default();
        for request in &requests {
            let Some(id) = created(request) else {
                wrong.add(|| format!("no Location with an id: {request}"));
                continue;
            };
            if !kept.contains(&id) {
                wrong.add(|| format!("{}/{id} is not kept: {request}", self.collection));
            }
            let owner = *owners.entry(id).or_insert(request);
            // The same user may be told of the same resource again: a repeated request is harmless.
            if owner.user != request.user {
                wrong.add(|| {
                    format!(
                        "{}/{id} given to {}, then: {request}",
                        self.collection, owner.user
                    )
                });
            }
        }
        let observed = format!("{} acknowledged, {stored} stored", requests.len());
        Check::judged(name, observed, bound, wrong)
    }
}

/// The id that the answer named.
pub(super) fn created(request: &Request<'_>) -> Option<u64> {
    let location = request.answer()?.location?;
    location
        .trim_end_matches('/')
        .rsplit('/')
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn judge(hand: Hand) -> Check {
        let collection = Collection::named("orders").of("order");
        Acknowledged {
            requests: Requests::to("POST", "/orders"),
            collection,
            status: "state".into(),
            kept: Statuses::Except(vec!["refused".into()]),
        }
        .judge(&hand.history())
    }

    fn two() -> Hand {
        Hand::new()
            .request("POST", "/orders")
            .request("POST", "/orders")
    }

    #[test]
    fn passes_when_every_acknowledged_one_is_there() {
        let hand = two()
            .created(1, "http://order:8080/orders/7")
            .answered(2, 504)
            .stored("order", "orders", 7, json!({"state": "accepted"}))
            .stored("order", "orders", 8, json!({"state": "accepted"}));
        let check = judge(hand);
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
        assert_eq!(check.observed, "1 acknowledged, 2 stored");
    }

    #[test]
    fn names_the_lost_the_unnamed_and_the_shared() {
        let lost = judge(two().created(1, "/orders/7").stored(
            "pay",
            "orders",
            7,
            json!({"state": "accepted"}),
        ));
        assert_eq!(lost.verdict, Verdict::Fail);
        assert!(lost.evidence[0].starts_with("order/orders/7 is not kept: request 1 of user-1"));
        let unseen = two().created(1, "/orders/7");
        let unseen = judge(unseen.stored("order", "orders", 7, json!({"state": "refused"})));
        assert!(unseen.evidence[0].starts_with("order/orders/7 is not kept: request 1"));
        let unnamed = judge(two().answered(1, 201));
        assert!(unnamed.evidence[0].starts_with("no Location with an id: request 1"));
        let shared = two().created(1, "/orders/7").created(2, "/orders/7");
        let shared = judge(shared.stored("order", "orders", 7, json!({"state": "accepted"})));
        assert!(shared.evidence[0].starts_with("order/orders/7 given to user-1, then: request 2"));
    }

    #[test]
    fn is_vacuous_when_nothing_was_acknowledged() {
        assert_eq!(judge(Hand::new()).verdict, Verdict::Vacuous);
        assert_eq!(judge(two().answered(1, 503)).verdict, Verdict::Vacuous);
    }
}
