//! What users are told when they are turned away.

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{History, Name, Outcome},
    requests::{Answer, Request, Requests},
    window::Window,
};

/// Every refusal says why: each answered request that surely had no effect carries this problem
/// type. Requests that got no answer at all are not refusals; they belong to an availability.
#[derive(Clone, Debug)]
pub struct Refusals {
    /// Which requests.
    pub requests: Requests,
    /// Sent when.
    pub window: Window,
    /// The `type` their problem+json carries.
    pub problem: Name,
}

/// No such request is accepted: what must be refused while something is down.
#[derive(Clone, Debug)]
pub struct NoneAccepted {
    /// Which requests.
    pub requests: Requests,
    /// Sent when.
    pub window: Window,
}

impl Sla for Refusals {
    fn judge(&self, history: &History) -> Check {
        let name = format!("refusals of {} {}", self.requests, self.window);
        let bound = format!("each says {}", self.problem);
        let requests = self.requests.within(history, &self.window);
        let refused: Vec<&Request<'_>> = requests
            .iter()
            .filter(|request| request.answer().is_some_and(is_refused))
            .collect();
        if refused.is_empty() {
            let why = format!("none of {} requests was refused", requests.len());
            return Check::vacuous(name, why, bound);
        }
        let mut wrong = Findings::default();
        for request in &refused {
            let problem = request.answer().and_then(|answer| answer.problem);
            if problem != Some(&*self.problem) {
                wrong.add(|| request.to_string());
            }
        }
        let right = refused.len() - wrong.count();
        Check::judged(
            name,
            format!("{right} of {} do", refused.len()),
            bound,
            wrong,
        )
    }
}

impl Sla for NoneAccepted {
    fn judge(&self, history: &History) -> Check {
        let name = format!("none accepted of {} {}", self.requests, self.window);
        let requests = self.requests.within(history, &self.window);
        let answers = || {
            requests
                .iter()
                .filter_map(|request| Some((request, request.answer()?)))
        };
        let count = answers().count();
        if count == 0 {
            return Check::vacuous(name, "no such request ended", "0 accepted");
        }
        let mut accepted = Findings::default();
        for (request, _) in answers().filter(|(_, answer)| answer.outcome == Outcome::Ok) {
            accepted.add(|| request.to_string());
        }
        let observed = format!("{} of {count} accepted", accepted.count());
        Check::judged(name, observed, "0 accepted", accepted)
    }
}

fn is_refused(answer: &Answer<'_>) -> bool {
    answer.outcome == Outcome::Fail && answer.status.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Verdict, hand::Hand};

    const DOWN: &str = "urn:squall:refused:payment";

    fn refusals() -> Refusals {
        let requests = Requests::to("POST", "/orders");
        Refusals {
            requests,
            window: Window::Run,
            problem: DOWN.into(),
        }
    }

    fn none_accepted() -> NoneAccepted {
        NoneAccepted {
            requests: Requests::to("POST", "/orders"),
            window: Window::Run,
        }
    }

    fn two() -> Hand {
        Hand::new()
            .request("POST", "/orders")
            .request("POST", "/orders")
    }

    #[test]
    fn every_refusal_must_say_why() {
        let good = two()
            .refused(1, 503, DOWN)
            .unanswered(2, Outcome::Unknown)
            .history();
        assert_eq!(refusals().judge(&good).verdict, Verdict::Pass);
        let bad = two()
            .refused(1, 503, DOWN)
            .refused(2, 503, "about:blank")
            .history();
        let check = refusals().judge(&bad);
        assert_eq!(
            (check.verdict, &*check.observed),
            (Verdict::Fail, "1 of 2 do")
        );
        assert!(
            check.evidence[0].contains("request 2 of user-2"),
            "{:?}",
            check.evidence
        );
    }

    #[test]
    fn refusals_are_vacuous_without_one() {
        for history in [History::default(), two().answered(1, 200).history()] {
            assert_eq!(refusals().judge(&history).verdict, Verdict::Vacuous);
        }
    }

    #[test]
    fn one_accepted_request_is_one_too_many() {
        let good = two()
            .refused(1, 503, DOWN)
            .unanswered(2, Outcome::Unknown)
            .history();
        assert_eq!(none_accepted().judge(&good).verdict, Verdict::Pass);
        let bad = two()
            .refused(1, 503, DOWN)
            .created(2, "/orders/1")
            .history();
        let check = none_accepted().judge(&bad);
        assert_eq!(
            (check.verdict, &*check.observed),
            (Verdict::Fail, "1 of 2 accepted")
        );
        assert_eq!(
            none_accepted().judge(&two().history()).verdict,
            Verdict::Vacuous
        );
    }
}
