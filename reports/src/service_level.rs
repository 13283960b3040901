//! What the users of one service met, as counts that add up: of one run, or of many.

use std::time::Duration;

use crate::{
    history::History,
    requests::{End, REFUSED_PREFIX, Request, requests},
    slo::PIECE,
    window::micros,
};

/// Pieces of an hour.
const HOUR: usize = 12;

/// Requests to one service, and how they were answered.
///
/// Up is what was answered 2xx, 3xx or 4xx, or refused as documented: the service knew what it
/// said. All else is down: 5xx, no connection, no answer in time. What the load's end cut off is
/// nobody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceLevel {
    /// Requests that met it up, refusals included.
    pub up: u64,
    /// Of these, documented refusals.
    pub refused: u64,
    /// Requests that met it down.
    pub down: u64,
    /// Spans of time from a request that met it down to the next that did not.
    pub outages: u64,
    /// All of them together.
    pub out_for: Duration,
    /// The longest.
    pub longest: Duration,
    /// The share that met it down in each [`PIECE`] of time.
    pub pieces: Vec<Share>,
}

/// Some of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// So many.
    pub some: u64,
    /// Of so many.
    pub of: u64,
}

impl Share {
    /// 0 to 1; 0 of nothing.
    pub fn value(self) -> f64 {
        if self.of == 0 {
            return 0.0;
        }
        self.some as f64 / self.of as f64
    }
}

// === impl ServiceLevel ===

impl ServiceLevel {
    /// What a run's history says of the service dialled as `target`.
    pub fn of(history: &History, target: &str) -> Self {
        let mut level = Self::default();
        let mut down_since = None;
        let mut last_us = 0;
        for request in requests(history).iter().filter(|r| **r.target == *target) {
            let Some(met) = met(request) else {
                continue;
            };
            let piece = level.piece(request.sent_us);
            piece.of += 1;
            last_us = request.sent_us;
            if met == Met::Down {
                piece.some += 1;
                level.down += 1;
                down_since.get_or_insert(request.sent_us);
                continue;
            }
            level.up += 1;
            level.refused += u64::from(met == Met::Refused);
            level.back(&mut down_since, request.sent_us);
        }
        level.back(&mut down_since, last_us);
        level
    }

    /// The same, with pieces for so much time: the last ones may have had no request.
    #[must_use]
    pub fn lasting(mut self, time: Duration) -> Self {
        let pieces = time.as_secs() / PIECE.as_secs();
        let pieces = usize::try_from(pieces).unwrap_or(usize::MAX);
        self.pieces.resize(pieces, Share::default());
        self
    }

    /// Of both, one after the other.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        let pieces = self.pieces.into_iter().chain(other.pieces.iter().copied());
        Self {
            up: self.up + other.up,
            refused: self.refused + other.refused,
            down: self.down + other.down,
            outages: self.outages + other.outages,
            out_for: self.out_for + other.out_for,
            longest: self.longest.max(other.longest),
            pieces: pieces.collect(),
        }
    }

    /// Of the hours counted from the start the one with the largest share down.
    pub fn worst_hour(&self) -> Share {
        let hours = self.pieces.chunks(HOUR).map(|hour| Share {
            some: hour.iter().map(|piece| piece.some).sum(),
            of: hour.iter().map(|piece| piece.of).sum(),
        });
        let worst = hours.max_by(|a, b| a.value().total_cmp(&b.value()));
        worst.unwrap_or_default()
    }

    /// All requests.
    pub fn total(&self) -> u64 {
        self.up + self.down
    }

    /// The share of requests that met it down, 0 to 1.
    pub fn error_share(&self) -> f64 {
        Share {
            some: self.down,
            of: self.total(),
        }
        .value()
    }

    fn piece(&mut self, at_us: u64) -> &mut Share {
        let place = usize::try_from(at_us / micros(PIECE)).unwrap_or(usize::MAX);
        if self.pieces.len() <= place {
            self.pieces.resize(place + 1, Share::default());
        }
        &mut self.pieces[place]
    }

    fn back(&mut self, down_since: &mut Option<u64>, at_us: u64) {
        if let Some(since_us) = down_since.take() {
            let out = Duration::from_micros(at_us - since_us);
            self.outages += 1;
            self.out_for += out;
            self.longest = self.longest.max(out);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Met {
    Up,
    Refused,
    Down,
}

fn met(request: &Request<'_>) -> Option<Met> {
    let answer = match &request.end {
        End::Answered(answer) => answer,
        End::Cancelled { .. } => return None,
        End::Open => return Some(Met::Down),
    };
    let refused = answer
        .problem
        .is_some_and(|problem| problem.starts_with(REFUSED_PREFIX));
    Some(match answer.status {
        _ if refused => Met::Refused,
        Some(200..500) => Met::Up,
        _ => Met::Down,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ServiceLevel, Share};
    use crate::history::{Entry, History, Outcome, What};

    /// A request every second to `order:8080`; what answers each.
    fn history(statuses: &[(Option<u16>, Option<&str>)]) -> History {
        let mut entries = Vec::new();
        for (request, (status, problem)) in (0..).zip(statuses) {
            let at_us = request * 1_000_000;
            let entry = |at_us, what| Entry {
                at_us,
                host: "clients-1".into(),
                what,
            };
            let sent = What::Requested {
                request,
                user: "user-1".into(),
                journey: "look".into(),
                method: "GET".into(),
                target: "order:8080".into(),
                route: "/orders".into(),
                path: "/orders".to_owned(),
                intended_us: at_us,
            };
            let answered = What::Answered {
                request,
                outcome: Outcome::Unknown,
                status: *status,
                bytes: 0,
                problem: problem.map(Into::into),
                location: None,
                shown: None,
                error: None,
            };
            entries.extend([entry(at_us, sent), entry(at_us + 1000, answered)]);
        }
        History { entries }
    }

    #[test]
    fn answers_and_documented_refusals_are_up_and_all_else_is_down() {
        let refusal = Some("urn:squall:refused:payment-unavailable");
        let level = ServiceLevel::of(
            &history(&[
                (Some(200), None),
                (Some(404), None),
                (Some(503), refusal),
                (Some(503), None),
                (None, None),
                (Some(201), None),
                (None, None),
            ]),
            "order:8080",
        );
        assert_eq!((level.up, level.refused, level.down), (4, 1, 3));
        assert_eq!(level.outages, 2);
        // From the fourth to the sixth request; the last one ends with the run.
        assert_eq!(
            (level.out_for, level.longest),
            (Duration::from_secs(2), Duration::from_secs(2))
        );
        assert_eq!(level.worst_hour(), Share { some: 3, of: 7 });
        assert_eq!(
            ServiceLevel::of(&history(&[]), "order:8080"),
            ServiceLevel::default()
        );
    }

    #[test]
    fn levels_add_up() {
        let (good, bad) = (
            history(&[(Some(200), None); 4]),
            history(&[(None, None); 2]),
        );
        let [good, bad] = [good, bad].map(|history| ServiceLevel::of(&history, "order:8080"));
        let hour = Duration::from_secs(3_600);
        let both = good.lasting(hour).and(&bad);
        assert_eq!(
            (both.up, both.down, both.total(), both.outages),
            (4, 2, 6, 1)
        );
        assert_eq!(both.worst_hour(), Share { some: 2, of: 2 });
        assert_eq!(both.pieces.len(), 13);
        assert!((both.error_share() - 2.0 / 6.0).abs() < 1e-12);
    }
}
