//! No user waits longer than promised.

use std::time::Duration;

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::History,
    requests::{Requests, seconds},
    window::{Window, end_us, micros},
};

/// No request ends later than this after it was sent; one without an end counts until the run's.
#[derive(Clone, Debug)]
pub struct Deadline {
    /// Which requests.
    pub requests: Requests,
    /// Sent when.
    pub window: Window,
    /// The longest wait allowed.
    pub within: Duration,
}

impl Sla for Deadline {
    fn judge(&self, history: &History) -> Check {
        let name = format!("deadline of {} {}", self.requests, self.window);
        let (bound, limit) = (format!("≤ {:?}", self.within), micros(self.within));
        let mut requests = self.requests.within(history, &self.window);
        requests.retain(|request| !request.is_cancelled());
        let end = end_us(history);
        let mut late = Findings::default();
        let mut longest = None;
        for request in &requests {
            let waited = request
                .service_us()
                .unwrap_or(end.saturating_sub(request.sent_us));
            longest = longest.max(Some(waited));
            if waited > limit {
                late.add(|| request.to_string());
            }
        }
        let Some(longest) = longest else {
            return Check::vacuous(name, "no such request", bound);
        };
        let observed = format!("longest {} of {}", seconds(longest), requests.len());
        Check::judged(name, observed, bound, late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn promise() -> Deadline {
        let within = Duration::from_millis(100);
        Deadline {
            requests: Requests::all(),
            window: Window::Run,
            within,
        }
    }

    fn answered_after(us: u64) -> History {
        Hand::new()
            .get("/orders")
            .at_us(us)
            .answered(1, 200)
            .history()
    }

    #[test]
    fn the_deadline_itself_is_in_time() {
        assert_eq!(
            promise().judge(&answered_after(100_000)).verdict,
            Verdict::Pass
        );
        let check = promise().judge(&answered_after(100_001));
        assert_eq!(check.verdict, Verdict::Fail);
        assert_eq!(check.observed, "longest 0.100001 s of 1");
        assert!(
            check.evidence[0].contains("request 1"),
            "{:?}",
            check.evidence
        );
    }

    #[test]
    fn a_request_without_end_is_late_too() {
        let hung = Hand::new().get("/orders").at(500).note("end").history();
        assert_eq!(promise().judge(&hung).verdict, Verdict::Fail);
    }

    #[test]
    fn is_vacuous_without_requests() {
        let cancelled = Hand::new().get("/orders").cancelled(1).history();
        for history in [History::default(), cancelled] {
            assert_eq!(promise().judge(&history).verdict, Verdict::Vacuous);
        }
    }
}
