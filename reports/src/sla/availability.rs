//! Enough of the requests are answered well.

use super::{Sla, percent};
use crate::{
    check::{Check, Findings, Verdict},
    history::{History, Outcome},
    requests::{Request, Requests},
    window::Window,
};

/// At least this share of the requests sent in the window ends well. What the end of the load
/// cancelled is not counted; what never ended counts as not good.
#[derive(Clone, Debug)]
pub struct Availability {
    /// Which requests.
    pub requests: Requests,
    /// Sent when.
    pub window: Window,
    /// What counts as good.
    pub good: Good,
    /// The promise, in percent.
    pub at_least_percent: f64,
}

/// Which answers are good ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Good {
    /// The request took effect.
    Ok,
    /// The service was up: 2xx to 4xx, or a documented refusal (invariant 8).
    Up,
}

impl Sla for Availability {
    fn judge(&self, history: &History) -> Check {
        let name = format!("availability of {} {}", self.requests, self.window);
        let bound = format!("≥ {} % {}", self.at_least_percent, self.good.words());
        let mut requests = self.requests.within(history, &self.window);
        requests.retain(|request| !request.is_cancelled());
        if requests.is_empty() {
            return Check::vacuous(name, "no such request ended", bound);
        }
        let mut bad = Findings::default();
        for request in requests.iter().filter(|request| !self.good.is(request)) {
            bad.add(|| request.to_string());
        }
        let share = percent(requests.len() - bad.count(), requests.len());
        let kept = share >= self.at_least_percent;
        let verdict = if kept { Verdict::Pass } else { Verdict::Fail };
        let observed = format!("{share:.3} % of {}", requests.len());
        Check::said(
            name,
            verdict,
            observed,
            bound,
            if kept { Findings::default() } else { bad },
        )
    }
}

impl Good {
    fn is(self, request: &Request<'_>) -> bool {
        request.answer().is_some_and(|answer| match self {
            Self::Ok => answer.outcome == Outcome::Ok,
            Self::Up => answer.is_up(),
        })
    }

    fn words(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Up => "answered by 2xx, 4xx or a documented refusal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::Hand;

    fn promise(at_least_percent: f64) -> Availability {
        Availability {
            requests: Requests::to("GET", "/orders"),
            window: Window::Run,
            good: Good::Ok,
            at_least_percent,
        }
    }

    fn nine_of_ten() -> History {
        let hand = Hand::new().each(0..10, |hand, _| hand.get("/orders"));
        hand.each(1..10, |hand, n| hand.answered(n, 200))
            .answered(10, 500)
            .history()
    }

    #[test]
    fn passes_at_the_bound_and_fails_above_it() {
        assert_eq!(promise(90.0).judge(&nine_of_ten()).verdict, Verdict::Pass);
        let check = promise(90.001).judge(&nine_of_ten());
        assert_eq!(check.verdict, Verdict::Fail);
        assert_eq!(check.observed, "90.000 % of 10");
        assert!(
            check.evidence[0].contains("request 10 of user-10"),
            "{:?}",
            check.evidence
        );
    }

    #[test]
    fn a_request_that_never_ends_is_not_available_and_a_cancelled_one_not_counted() {
        let history = Hand::new()
            .get("/orders")
            .get("/orders")
            .cancelled(2)
            .history();
        let check = promise(1.0).judge(&history);
        assert_eq!(
            (check.verdict, &*check.observed),
            (Verdict::Fail, "0.000 % of 1")
        );
        assert!(
            check.evidence[0].ends_with("never ended"),
            "{:?}",
            check.evidence
        );
    }

    #[test]
    fn a_refusal_shows_a_service_up_but_is_not_ok() {
        let history = Hand::new().get("/orders").answered(1, 404).history();
        assert_eq!(promise(1.0).judge(&history).verdict, Verdict::Fail);
        let up = Availability {
            good: Good::Up,
            ..promise(100.0)
        };
        assert_eq!(up.judge(&history).verdict, Verdict::Pass);
    }

    #[test]
    fn is_vacuous_when_nothing_matches() {
        let other = Hand::new().get("/pays").answered(1, 200).history();
        for history in [History::default(), other] {
            assert_eq!(promise(1.0).judge(&history).verdict, Verdict::Vacuous);
        }
    }
}
