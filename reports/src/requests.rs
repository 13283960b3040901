//! Requests of users, each with its end.

use std::{collections::BTreeMap, fmt};

use crate::{
    history::{History, Name, Outcome, What},
    window::Window,
};

/// The `type`s of problem+json answers that are documented refusals begin so.
pub const REFUSED_PREFIX: &str = "urn:squall:refused:";

/// A request and what became of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Request<'a> {
    /// Its number.
    pub number: u64,
    /// Who sent it.
    pub user: &'a Name,
    /// As part of which journey.
    pub journey: &'a Name,
    /// GET, POST, …
    pub method: &'a Name,
    /// The service dialled, `gateway:8080`.
    pub target: &'a Name,
    /// The path's pattern.
    pub route: &'a Name,
    /// The path with query.
    pub path: &'a str,
    /// When it was sent, in µs.
    pub sent_us: u64,
    /// When the schedule wanted it sent, in µs.
    pub intended_us: u64,
    /// How it ended.
    pub end: End<'a>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End<'a> {
    /// With an answer, or with an error.
    Answered(Answer<'a>),
    /// The load's time was up.
    Cancelled {
        /// When, in µs.
        at_us: u64,
    },
    /// Never, as far as the history goes.
    Open,
}

/// An answer, or what came in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer<'a> {
    /// When, in µs.
    pub at_us: u64,
    /// What its sender can know.
    pub outcome: Outcome,
    /// The status; `None` when there was no answer.
    pub status: Option<u16>,
    /// Bytes of the body.
    pub bytes: u64,
    /// The `type` of a problem+json answer.
    pub problem: Option<&'a str>,
    /// The `Location`.
    pub location: Option<&'a str>,
    /// The `status` of the resource that it showed.
    pub shown: Option<&'a str>,
    /// What went wrong, when there was no answer.
    pub error: Option<&'a str>,
}

/// Picks requests; what is `None` matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// GET, POST, …
    pub method: Option<Name>,
    /// The service dialled.
    pub target: Option<Name>,
    /// The path's pattern.
    pub route: Option<Name>,
    /// The journey.
    pub journey: Option<Name>,
}

/// All requests of a history in the order in which they were sent.
pub fn requests(history: &History) -> Vec<Request<'_>> {
    let mut found: Vec<Request<'_>> = Vec::new();
    let mut places: BTreeMap<u64, usize> = BTreeMap::new();
    for entry in &history.entries {
        match &entry.what {
            What::Requested {
                request,
                user,
                journey,
                method,
                target,
                route,
                path,
                intended_us,
            } => {
                places.insert(*request, found.len());
                found.push(Request {
                    number: *request,
                    user,
                    journey,
                    method,
                    target,
                    route,
                    path,
                    sent_us: entry.at_us,
                    intended_us: *intended_us,
                    end: End::Open,
                });
            }
            What::Answered {
                request,
                outcome,
                status,
                bytes,
                problem,
                location,
                shown,
                error,
            } => {
                let answer = Answer {
                    at_us: entry.at_us,
                    outcome: *outcome,
                    status: *status,
                    bytes: *bytes,
                    problem: problem.as_deref(),
                    location: location.as_deref(),
                    shown: shown.as_deref(),
                    error: error.as_deref(),
                };
                end(&mut found, &places, *request, End::Answered(answer));
            }
            What::Cancelled { request } => {
                let at_us = entry.at_us;
                end(&mut found, &places, *request, End::Cancelled { at_us });
            }
            _ => {}
        }
    }
    found
}

impl Requests {
    /// Every request.
    pub fn all() -> Self {
        Self::default()
    }

    /// Requests with this method to this route, `("POST", "/orders")`.
    pub fn to(method: &str, route: &str) -> Self {
        Self {
            method: Some(method.into()),
            route: Some(route.into()),
            ..Self::default()
        }
    }

    /// Of these, the ones to one service.
    #[must_use]
    pub fn at(mut self, target: &str) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Of these, the ones of one journey.
    #[must_use]
    pub fn of(mut self, journey: &str) -> Self {
        self.journey = Some(journey.into());
        self
    }

    /// The requests of `history` that match and were sent in `window`.
    pub fn within<'a>(&self, history: &'a History, window: &Window) -> Vec<Request<'a>> {
        let Some(range) = window.range(history) else {
            return Vec::new();
        };
        let mut found = requests(history);
        found.retain(|request| range.contains(&request.sent_us) && self.matches(request));
        found
    }

    /// Whether a request is one of these.
    pub fn matches(&self, request: &Request<'_>) -> bool {
        let is = |wanted: &Option<Name>, name: &Name| wanted.as_ref().is_none_or(|w| w == name);
        is(&self.method, request.method)
            && is(&self.target, request.target)
            && is(&self.route, request.route)
            && is(&self.journey, request.journey)
    }
}

impl Request<'_> {
    /// From the actual sending to the end, in µs; `None` while there is no answer.
    pub fn service_us(&self) -> Option<u64> {
        self.answer()
            .map(|answer| answer.at_us.saturating_sub(self.sent_us))
    }

    /// From the intended sending to the end, in µs (wrk2: no coordinated omission).
    pub fn response_us(&self) -> Option<u64> {
        self.answer()
            .map(|answer| answer.at_us.saturating_sub(self.intended_us))
    }

    /// When it ended, however it did, in µs; `None` while it is open.
    pub fn ended_us(&self) -> Option<u64> {
        match &self.end {
            End::Answered(answer) => Some(answer.at_us),
            End::Cancelled { at_us } => Some(*at_us),
            End::Open => None,
        }
    }

    /// Whether the end of the load cut it off: nobody counts it.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.end, End::Cancelled { .. })
    }

    /// The answer, or what came in its place.
    pub fn answer(&self) -> Option<&Answer<'_>> {
        match &self.end {
            End::Answered(answer) => Some(answer),
            End::Cancelled { .. } | End::Open => None,
        }
    }
}

impl Answer<'_> {
    /// Whether the callee did its duty: 2xx, 3xx, 4xx, or a documented refusal (invariant 8).
    pub fn is_up(&self) -> bool {
        is_up(self.status, self.problem)
    }
}

/// Whether an answer shows its service up: 2xx, 3xx, 4xx, or a documented refusal.
pub fn is_up(status: Option<u16>, problem: Option<&str>) -> bool {
    status.is_some_and(|status| (200..500).contains(&status) || is_refusal(problem))
}

/// Whether a problem+json `type` is a documented refusal.
pub fn is_refusal(problem: Option<&str>) -> bool {
    problem.is_some_and(|problem| problem.starts_with(REFUSED_PREFIX))
}

impl fmt::Display for Requests {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [&self.method, &self.route].into_iter().flatten();
        let words: Vec<&str> = words.map(AsRef::as_ref).collect();
        let what = if words.is_empty() {
            "all requests".into()
        } else {
            words.join(" ")
        };
        write!(out, "{what}")?;
        self.target
            .iter()
            .try_for_each(|target| write!(out, " to {target}"))?;
        self.journey
            .iter()
            .try_for_each(|journey| write!(out, " of journey {journey}"))
    }
}

impl fmt::Display for Request<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            number,
            user,
            method,
            target,
            path,
            ..
        } = self;
        let sent = seconds(self.sent_us);
        write!(
            out,
            "request {number} of {user} at {sent}: {method} {target}{path} -> "
        )?;
        match &self.end {
            End::Cancelled { .. } => write!(out, "cancelled"),
            End::Open => write!(out, "never ended"),
            End::Answered(answer) => write!(out, "{answer}"),
        }
    }
}

impl fmt::Display for Answer<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status, self.error) {
            (Some(status), _) => write!(out, "{status}")?,
            (None, Some(error)) => write!(out, "no answer ({error})")?,
            (None, None) => write!(out, "no answer")?,
        }
        self.problem
            .iter()
            .try_for_each(|problem| write!(out, " {problem}"))?;
        write!(out, " at {}", seconds(self.at_us))
    }
}

/// An instant or a stretch in seconds with µs, for people: `1.250000 s`.
pub(crate) fn seconds(us: u64) -> String {
    format!("{}.{:06} s", us / 1_000_000, us % 1_000_000)
}

fn end<'a>(found: &mut [Request<'a>], places: &BTreeMap<u64, usize>, request: u64, end: End<'a>) {
    let place = places.get(&request).and_then(|place| found.get_mut(*place));
    // A second end would be a bug of the load generator: the first one counts.
    if let Some(open) = place.filter(|open| open.end == End::Open) {
        open.end = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::Hand;

    #[test]
    fn every_request_meets_its_end() {
        let history = Hand::new()
            .at(1)
            .get("/orders")
            .at(2)
            .get("/orders")
            .at(3)
            .get("/pays")
            .at(5)
            .answered(2, 200)
            .at(7)
            .cancelled(1)
            .history();
        let found = requests(&history);
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].end, End::Cancelled { at_us: 7_000 });
        assert_eq!(found[0].ended_us(), Some(7_000));
        assert_eq!(found[1].service_us(), Some(3_000));
        assert_eq!(found[2].end, End::Open);
        assert_eq!(
            Requests::to("GET", "/pays")
                .within(&history, &Window::Run)
                .len(),
            1
        );
        assert_eq!(
            Requests::to("POST", "/pays")
                .within(&history, &Window::Run)
                .len(),
            0
        );
        assert_eq!(
            Requests::all()
                .at("nowhere:1")
                .within(&history, &Window::Run)
                .len(),
            0
        );
    }

    #[test]
    fn up_is_2xx_to_4xx_or_a_documented_refusal() {
        assert!(is_up(Some(200), None) && is_up(Some(404), None));
        assert!(is_up(Some(503), Some("urn:squall:refused:payment")));
        assert!(!is_up(Some(503), None) && !is_up(Some(504), Some("about:blank")));
        assert!(!is_up(None, Some("urn:squall:refused:payment")));
    }
}
