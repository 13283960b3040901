//! How much is done in a second.

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{History, Outcome},
    requests::Requests,
    window::Window,
};

/// On average of the window no more requests than this take effect in a second: what a bounded
/// resource lets through. Vacuous when none did.
#[derive(Clone, Debug)]
pub struct Throughput {
    /// Which requests.
    pub requests: Requests,
    /// Sent when.
    pub window: Window,
    /// The bound.
    pub at_most_per_s: f64,
}

impl Sla for Throughput {
    fn judge(&self, history: &History) -> Check {
        let name = format!("throughput of {} {}", self.requests, self.window);
        let bound = format!("≤ {} a second", self.at_most_per_s);
        let Some(range) = self.window.range(history) else {
            return Check::vacuous(name, "the run never came to it", bound);
        };
        let requests = self.requests.within(history, &self.window);
        let done = requests.iter().filter(|request| {
            request
                .answer()
                .is_some_and(|answer| answer.outcome == Outcome::Ok)
        });
        let done = done.count();
        if done == 0 {
            return Check::vacuous(name, "none took effect", bound);
        }
        let rate = done as f64 * 1e6 / (range.end - range.start) as f64;
        let mut wrong = Findings::default();
        if rate > self.at_most_per_s {
            wrong.add(|| format!("{done} of {} requests took effect", requests.len()));
        }
        Check::judged(name, format!("{rate:.2} a second"), bound, wrong)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn judge(at_most_per_s: f64, hand: Hand) -> Verdict {
        let promise = Throughput {
            requests: Requests::to("GET", "/orders"),
            window: Window::Between {
                from: Duration::ZERO,
                to: Duration::from_secs(2),
            },
            at_most_per_s,
        };
        promise.judge(&hand.history()).verdict
    }

    fn six_of_eight() -> Hand {
        let hand = Hand::new().each(0..8, |hand, _| hand.get("/orders"));
        let hand = hand.each(1..7, |hand, n| hand.answered(n, 200));
        hand.answered(7, 503)
    }

    #[test]
    fn only_what_took_effect_counts() {
        assert_eq!(judge(3.0, six_of_eight()), Verdict::Pass);
        assert_eq!(judge(2.9, six_of_eight()), Verdict::Fail);
    }

    #[test]
    fn is_vacuous_when_nothing_took_effect() {
        assert_eq!(
            judge(3.0, Hand::new().get("/orders").answered(1, 503)),
            Verdict::Vacuous
        );
        assert_eq!(judge(3.0, Hand::new()), Verdict::Vacuous);
    }
}
