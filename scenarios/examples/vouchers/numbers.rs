//! A check of one's own: a pure function of what happened.

use std::collections::BTreeMap;

use squall::prelude::*;

/// No number was given to two customers, and none was given to nobody.
#[derive(Debug)]
pub(crate) struct Numbers;

impl Sla for Numbers {
    fn judge(&self, history: &History) -> Check {
        let (mut owners, mut unheard, mut wrong) = (BTreeMap::new(), 0, Findings::default());
        for request in Requests::to("POST", "/vouchers").within(history, &Window::Run) {
            let answer = request
                .answer()
                .filter(|answer| answer.outcome == Outcome::Ok);
            let location = answer.and_then(|answer| answer.location);
            let number = location.and_then(|text| text.strip_prefix("/vouchers/")?.parse().ok());
            let Some(number) = number else {
                unheard += 1;
                continue;
            };
            if let Some(other) = owners.insert(number, request.user) {
                wrong.add(|| format!("{number} given to {other}, then: {request}"));
            }
        }
        let last: usize = owners.keys().max().copied().unwrap_or(0);
        if last > owners.len() + unheard {
            wrong.add(|| format!("{last} given to {} requests", owners.len() + unheard));
        }
        let seen = format!("{} numbers up to {last}, {unheard} unheard", owners.len());
        if owners.is_empty() {
            return Check::vacuous("numbers", "nobody got one", "each its own, none burnt");
        }
        Check::judged("numbers", seen, "each its own, none burnt", wrong)
    }
}
