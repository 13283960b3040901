//! A percentile of the time that users wait.

use std::time::Duration;

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::History,
    requests::{Requests, seconds},
    window::{Window, micros},
};

/// This percentile of the times of answered requests is within the bound. Computed exactly
/// (nearest rank), not from a histogram, so that the bound itself passes.
#[derive(Clone, Debug)]
pub struct Latency {
    /// Which requests.
    pub requests: Requests,
    /// Sent when.
    pub window: Window,
    /// Timed from when.
    pub since: Since,
    /// Which percentile, 0–100: `99.0`.
    pub percentile: f64,
    /// The bound.
    pub at_most: Duration,
}

/// Where a request's time begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// When the schedule wanted it sent (wrk2: counts what coordinated omission hides).
    Intended,
    /// When it was sent.
    Sent,
}

impl Sla for Latency {
    fn judge(&self, history: &History) -> Check {
        let Self {
            requests,
            window,
            percentile,
            at_most,
            ..
        } = self;
        let name = format!("p{percentile} of {requests} {window}");
        let bound = format!("≤ {at_most:?}");
        let sent = requests.within(history, window);
        let mut times: Vec<_> = sent
            .iter()
            .filter_map(|request| {
                let time = match self.since {
                    Since::Intended => request.response_us(),
                    Since::Sent => request.service_us(),
                };
                Some((time?, request))
            })
            .collect();
        times.sort_by_key(|(time, request)| (*time, request.number));
        let rank = (percentile / 100.0 * times.len() as f64).ceil() as usize;
        let Some((observed, _)) = times.get(rank.max(1) - 1) else {
            return Check::vacuous(name, "no such request was answered", bound);
        };
        let mut slow = Findings::default();
        if *observed > micros(*at_most) {
            let worst_first = times.iter().rev();
            for (time, request) in worst_first.take_while(|(time, _)| *time > micros(*at_most)) {
                slow.add(|| format!("{} for {request}", seconds(*time)));
            }
        }
        let observed = format!("{} over {}", seconds(*observed), times.len());
        Check::judged(name, observed, bound, slow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn promise(percentile: f64, at_most_ms: u64) -> Latency {
        Latency {
            requests: Requests::all(),
            window: Window::Run,
            since: Since::Sent,
            percentile,
            at_most: Duration::from_millis(at_most_ms),
        }
    }

    /// 100 requests of 1, 2, … 100 ms.
    fn hundred() -> History {
        let sent = Hand::new().each(0..100, |hand, _| hand.get("/orders"));
        sent.each(1..101, |hand, n| hand.at(n).answered(n, 200))
            .history()
    }

    #[test]
    fn the_nearest_rank_decides() {
        assert_eq!(promise(99.0, 99).judge(&hundred()).verdict, Verdict::Pass);
        assert_eq!(promise(50.0, 50).judge(&hundred()).verdict, Verdict::Pass);
        let check = promise(99.0, 98).judge(&hundred());
        assert_eq!(check.verdict, Verdict::Fail);
        assert_eq!(check.observed, "0.099000 s over 100");
        assert!(check.evidence[0].starts_with("0.100000 s for request 100"));
        assert_eq!(check.evidence.len(), 2);
    }

    #[test]
    fn a_late_sender_shows_in_the_time_since_the_intended_one() {
        let late = Hand::new()
            .at(50)
            .late_request("GET", "/orders", 0)
            .at(60)
            .answered(1, 200);
        let history = late.history();
        assert_eq!(promise(100.0, 10).judge(&history).verdict, Verdict::Pass);
        let intended = Latency {
            since: Since::Intended,
            ..promise(100.0, 59)
        };
        assert_eq!(intended.judge(&history).verdict, Verdict::Fail);
    }

    #[test]
    fn is_vacuous_without_answers() {
        for history in [History::default(), Hand::new().get("/orders").history()] {
            assert_eq!(promise(99.0, 1).judge(&history).verdict, Verdict::Vacuous);
        }
    }
}
