//! A context's uptime, as its own callers measure it (invariant 8).

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{Sla, percent};
use crate::{
    check::{Check, Findings, Verdict},
    history::{History, Name, What},
    requests::{Requests, is_refusal, is_up, seconds},
    window::{Window, micros},
};

/// The error of a call whose caller stopped waiting: killed, or hung up on by its own caller.
/// Another wording would count such calls as down, which errs on the safe side.
const GIVEN_UP: &str = "given up by the caller";

/// Of the calls to a context, by users and by other contexts, at least this share finds it up:
/// answered within its caller's timeout by 2xx, 4xx or a documented refusal
/// ([`REFUSED_PREFIX`](crate::requests::REFUSED_PREFIX)). Refusals are reported beside. Calls that
/// an open breaker held back were never made and are not counted; nor are calls that their caller
/// gave up before the timeout (it was killed, its own caller hung up): they say nothing.
#[derive(Clone, Debug)]
pub struct Uptime {
    /// The service dialled, `pay:8080`.
    pub target: Name,
    /// Calls that ended in this window (of users: that were sent in it).
    pub window: Window,
    /// The time within which a call must be answered.
    pub timeout: Duration,
    /// The promise, in percent.
    pub at_least_percent: f64,
}

#[derive(Default)]
struct Tally {
    calls: usize,
    refused: usize,
    given_up: usize,
    down: Findings,
    causes: BTreeMap<String, usize>,
}

impl Sla for Uptime {
    fn judge(&self, history: &History) -> Check {
        let name = format!("uptime of {} {}", self.target, self.window);
        let bound = format!("≥ {} % of its callers' calls", self.at_least_percent);
        let mut tally = Tally::default();
        self.count_users(history, &mut tally);
        self.count_contexts(history, &mut tally);
        let Tally {
            calls,
            refused,
            given_up,
            down,
            causes,
        } = tally;
        if calls == 0 {
            return Check::vacuous(name, "nobody called it", bound);
        }
        let share = percent(calls - down.count(), calls);
        let causes: String = causes
            .iter()
            .map(|(why, n)| format!(", {n} {why}"))
            .collect();
        let observed = format!(
            "{share:.3} % of {calls}, {refused} documented refusals, {given_up} given up{causes}"
        );
        let kept = share >= self.at_least_percent;
        let verdict = if kept { Verdict::Pass } else { Verdict::Fail };
        Check::said(
            name,
            verdict,
            observed,
            bound,
            if kept { Findings::default() } else { down },
        )
    }
}

impl Uptime {
    fn count_users(&self, history: &History, tally: &mut Tally) {
        let requests = Requests::all()
            .at(&self.target)
            .within(history, &self.window);
        for request in requests.iter().filter(|request| !request.is_cancelled()) {
            let (status, problem, error) = match request.answer() {
                Some(answer) => (answer.status, answer.problem, answer.error),
                None => (None, None, Some("never answered")),
            };
            let (status, error) = self.in_time(status, error, request.service_us());
            tally.call(status, problem, error, || request.to_string());
        }
    }

    fn count_contexts(&self, history: &History, tally: &mut Tally) {
        let Some(range) = self.window.range(history) else {
            return;
        };
        let mut sent: BTreeMap<_, VecDeque<u64>> = BTreeMap::new();
        for entry in &history.entries {
            let (at, host) = (entry.at_us, &entry.host);
            match &entry.what {
                What::CallSent {
                    target,
                    method,
                    path,
                    key,
                    ..
                } if *target == self.target => {
                    sent.entry((host, method, path, key))
                        .or_default()
                        .push_back(at);
                }
                What::CallEnded {
                    target,
                    method,
                    path,
                    status,
                    error,
                    problem,
                    key,
                } if *target == self.target => {
                    let begun = sent.get_mut(&(host, method, path, key));
                    let begun = begun.and_then(VecDeque::pop_front);
                    let took = begun.map(|begun| at.saturating_sub(begun));
                    let (status, error) = self.in_time(*status, error.as_deref(), took);
                    if !range.contains(&at) {
                        continue;
                    }
                    if error == Some(GIVEN_UP) && took.is_some_and(|us| us < micros(self.timeout)) {
                        tally.given_up += 1;
                        continue;
                    }
                    tally.call(status, problem.as_deref(), error, || {
                        let (at, end) = (seconds(at), cause(status, error));
                        format!("call of {host} ended at {at}: {method} {target}{path} -> {end}")
                    });
                }
                _ => {}
            }
        }
    }

    /// An answer that came too late is none.
    fn in_time<'a>(
        &self,
        status: Option<u16>,
        error: Option<&'a str>,
        took_us: Option<u64>,
    ) -> (Option<u16>, Option<&'a str>) {
        match took_us {
            Some(us) if status.is_some() && us > micros(self.timeout) => {
                (None, Some("answered too late"))
            }
            _ => (status, error),
        }
    }
}

impl Tally {
    fn call(
        &mut self,
        status: Option<u16>,
        problem: Option<&str>,
        error: Option<&str>,
        line: impl FnOnce() -> String,
    ) {
        self.calls += 1;
        if status.is_some() && is_refusal(problem) {
            self.refused += 1;
        }
        if !is_up(status, problem) {
            *self.causes.entry(cause(status, error)).or_default() += 1;
            self.down.add(line);
        }
    }
}

fn cause(status: Option<u16>, error: Option<&str>) -> String {
    match status {
        Some(status) => status.to_string(),
        None => error.unwrap_or("no answer").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::Hand;

    const REFUSED: Option<&str> = Some("urn:squall:refused:card");

    fn promise(target: &str, at_least_percent: f64) -> Uptime {
        Uptime {
            target: target.into(),
            window: Window::Run,
            timeout: Duration::from_secs(1),
            at_least_percent,
        }
    }

    fn calls() -> History {
        Hand::new()
            .on("order-1")
            .call_ended("pay:8080", Some(201), None)
            .call_ended("pay:8080", Some(503), REFUSED)
            .call_ended("pay:8080", Some(404), None)
            .call_ended("pay:8080", None, None)
            .call_ended("product:8080", Some(500), None)
            .history()
    }

    #[test]
    fn counts_what_callers_saw_and_reports_refusals_beside() {
        let check = promise("pay:8080", 75.0).judge(&calls());
        assert_eq!(check.verdict, Verdict::Pass);
        assert_eq!(
            check.observed,
            "75.000 % of 4, 1 documented refusals, 0 given up, 1 timed out after 1s"
        );
        let check = promise("pay:8080", 75.1).judge(&calls());
        assert_eq!(check.verdict, Verdict::Fail);
        assert!(
            check.evidence[0].contains("call of order-1"),
            "{:?}",
            check.evidence
        );
    }

    #[test]
    fn users_are_callers_too() {
        let history = Hand::new()
            .get("/orders")
            .get("/orders")
            .answered(1, 200)
            .history();
        let check = promise("gateway:8080", 60.0).judge(&history);
        assert_eq!((check.verdict, check.evidence.len()), (Verdict::Fail, 1));
        assert_eq!(
            promise("gateway:8080", 50.0).judge(&history).verdict,
            Verdict::Pass
        );
    }

    #[test]
    fn is_vacuous_when_nobody_called() {
        assert_eq!(
            promise("notice:8080", 1.0).judge(&calls()).verdict,
            Verdict::Vacuous
        );
        assert_eq!(
            promise("pay:8080", 1.0).judge(&History::default()).verdict,
            Verdict::Vacuous
        );
    }

    fn given_up_after(ms: u64) -> Check {
        let ended = What::CallEnded {
            target: "pay:8080".into(),
            method: "POST".into(),
            path: "/pays".into(),
            status: None,
            error: Some(GIVEN_UP.into()),
            problem: None,
            key: Some("1".into()),
        };
        let hand = Hand::new()
            .on("order-1")
            .call_sent("pay:8080")
            .at(ms)
            .add(ended);
        let hand = hand
            .call_sent("pay:8080")
            .call_ended("pay:8080", Some(201), None);
        promise("pay:8080", 100.0).judge(&hand.history())
    }

    #[test]
    fn a_call_given_up_before_the_timeout_says_nothing_and_one_after_it_enough() {
        let early = given_up_after(999);
        assert_eq!(early.verdict, Verdict::Pass, "{early:?}");
        assert_eq!(
            early.observed,
            "100.000 % of 1, 0 documented refusals, 1 given up"
        );
        assert_eq!(given_up_after(1_000).verdict, Verdict::Fail);
    }

    #[test]
    fn a_late_answer_and_a_connection_never_made_are_downtime() {
        let late = Hand::new().on("order-1").call_sent("pay:8080").at(1_001);
        let late = late.call_ended("pay:8080", Some(201), None).history();
        let check = promise("pay:8080", 100.0).judge(&late);
        assert_eq!(check.verdict, Verdict::Fail);
        assert!(check.observed.ends_with("1 answered too late"), "{check:?}");
        let unconnected = Hand::new()
            .on("order-1")
            .call_ended("pay:8080", None, None)
            .history();
        assert_eq!(
            promise("pay:8080", 100.0).judge(&unconnected).verdict,
            Verdict::Fail
        );
    }
}
