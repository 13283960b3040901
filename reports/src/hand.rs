//! Histories written by hand, for the tests of this crate.

use serde_json::Value;

use crate::history::{
    Admission, BreakerState, CallOutcome, Consumption, Entry, History, Name, Outcome, PodPhase,
    RolloutState, What,
};

/// Writes a history line by line; times are in ms.
#[derive(Default)]
pub(crate) struct Hand {
    now_us: u64,
    host: Option<Name>,
    requests: u64,
    entries: Vec<Entry>,
}

impl Hand {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn history(self) -> History {
        History {
            entries: self.entries,
        }
    }

    /// From here on it is this many ms since the run's start.
    pub(crate) fn at(mut self, ms: u64) -> Self {
        self.now_us = ms * 1_000;
        self
    }

    /// As `at`, in µs.
    pub(crate) fn at_us(mut self, us: u64) -> Self {
        self.now_us = us;
        self
    }

    /// From here on things happen on this host.
    pub(crate) fn on(mut self, host: &str) -> Self {
        self.host = Some(host.into());
        self
    }

    pub(crate) fn add(mut self, what: What) -> Self {
        let host = self.host.clone().unwrap_or_else(|| "world".into());
        self.entries.push(Entry {
            at_us: self.now_us,
            host,
            what,
        });
        self
    }

    pub(crate) fn each<T>(
        self,
        items: impl IntoIterator<Item = T>,
        add: fn(Self, T) -> Self,
    ) -> Self {
        items.into_iter().fold(self, add)
    }

    pub(crate) fn note(self, text: &str) -> Self {
        self.add(What::Note { text: text.into() })
    }

    pub(crate) fn phase(self, name: &str) -> Self {
        self.add(What::Phase { name: name.into() })
    }

    pub(crate) fn fault_began(self, fault: usize) -> Self {
        self.add(What::FaultBegan {
            fault,
            description: format!("fault number {fault}"),
        })
    }

    pub(crate) fn fault_ended(self, fault: usize, held: u64) -> Self {
        self.add(What::FaultEnded {
            fault,
            effect: [("packets_held".to_owned(), held)].into(),
        })
    }

    /// Of the deployment that the host's name tells.
    pub(crate) fn pod(self, phase: PodPhase, reason: &str) -> Self {
        let host = self.host.as_deref().unwrap_or("world-1");
        let deployment = host.rsplit_once('-').map_or(host, |(name, _)| name).into();
        self.add(What::Pod {
            deployment,
            phase,
            reason: reason.into(),
        })
    }

    pub(crate) fn rollout(self, deployment: &str, revision: u64, state: RolloutState) -> Self {
        self.add(What::Rollout {
            deployment: deployment.into(),
            revision,
            state,
        })
    }

    pub(crate) fn panicked(self, host: &str, message: &str) -> Self {
        let (task, place) = (Name::from("http/3"), "order.rs:42".to_owned());
        self.on(host).add(What::Panicked {
            task,
            message: message.into(),
            place,
        })
    }

    pub(crate) fn get(self, route: &str) -> Self {
        self.request("GET", route)
    }

    /// Numbers count from 1.
    pub(crate) fn request(self, method: &str, route: &str) -> Self {
        let intended_us = self.now_us;
        self.late_request(method, route, intended_us)
    }

    pub(crate) fn late_request(mut self, method: &str, route: &str, intended_us: u64) -> Self {
        self.requests += 1;
        let request = self.requests;
        self.add(What::Requested {
            request,
            user: format!("user-{request}").into(),
            journey: "buy".into(),
            method: method.into(),
            target: "gateway:8080".into(),
            route: route.into(),
            path: route.into(),
            intended_us,
        })
    }

    /// An answer whose outcome is what its status says: 2xx ok, 4xx fail, the rest unknown.
    pub(crate) fn answered(self, request: u64, status: u16) -> Self {
        let outcome = match status {
            200..400 => Outcome::Ok,
            400..500 => Outcome::Fail,
            _ => Outcome::Unknown,
        };
        self.answer(request, outcome, Some(status), None, None)
    }

    pub(crate) fn refused(self, request: u64, status: u16, problem: &str) -> Self {
        self.answer(request, Outcome::Fail, Some(status), Some(problem), None)
    }

    pub(crate) fn created(self, request: u64, location: &str) -> Self {
        self.answer(request, Outcome::Ok, Some(201), None, Some(location))
    }

    pub(crate) fn unanswered(self, request: u64, outcome: Outcome) -> Self {
        self.answer(request, outcome, None, None, None)
    }

    fn answer(
        self,
        request: u64,
        outcome: Outcome,
        status: Option<u16>,
        problem: Option<&str>,
        location: Option<&str>,
    ) -> Self {
        self.add(What::Answered {
            request,
            outcome,
            status,
            bytes: if status.is_some() { 200 } else { 0 },
            problem: problem.map(Into::into),
            location: location.map(Into::into),
            shown: None,
            error: status.is_none().then(|| "timed out after 3s".into()),
        })
    }

    pub(crate) fn cancelled(self, request: u64) -> Self {
        self.add(What::Cancelled { request })
    }

    pub(crate) fn in_flight(self, requests: u64) -> Self {
        self.add(What::InFlight { requests })
    }

    pub(crate) fn journey(self, user: &str, completed: bool) -> Self {
        let reason = (!completed).then(|| "GET /orders/1 answered 500".to_owned());
        self.journey_ended(user, reason, None)
    }

    /// The load's end cuts a journey off that has been under way for so many ms.
    pub(crate) fn journey_cut(self, user: &str, after_ms: u64) -> Self {
        let reason = "step 2: the load ended".to_owned();
        self.journey_ended(user, Some(reason), Some(after_ms * 1_000))
    }

    fn journey_ended(self, user: &str, reason: Option<String>, cut_after_us: Option<u64>) -> Self {
        self.add(What::JourneyEnded {
            user: user.into(),
            journey: "buy".into(),
            completed: reason.is_none(),
            reason,
            cut_after_us,
        })
    }

    pub(crate) fn call_sent(self, target: &str) -> Self {
        let (method, path) = ("POST".into(), "/pays".to_owned());
        self.add(What::CallSent {
            target: target.into(),
            method,
            path,
            key: Some("1".into()),
            admission: None,
        })
    }

    pub(crate) fn call_ended(
        self,
        target: &str,
        status: Option<u16>,
        problem: Option<&str>,
    ) -> Self {
        self.add(What::CallEnded {
            target: target.into(),
            method: "POST".into(),
            path: "/pays".into(),
            status,
            error: status.is_none().then(|| "timed out after 1s".into()),
            problem: problem.map(Into::into),
            key: Some("1".into()),
        })
    }

    pub(crate) fn breaker(self, from: BreakerState, to: BreakerState) -> Self {
        self.add(What::Breaker {
            breaker: "pay".into(),
            from,
            to,
        })
    }

    /// The breaker is made: the process begins.
    pub(crate) fn breaker_made(self) -> Self {
        self.add(What::BreakerMade {
            breaker: "pay".into(),
            before_us: 0,
        })
    }

    /// The breaker lets a call pass, which sends its one request.
    pub(crate) fn passed(self, call: u64) -> Self {
        self.admitted(call).sent_on(call)
    }

    pub(crate) fn admitted(self, call: u64) -> Self {
        let breaker = "pay".into();
        self.add(What::BreakerAdmitted { breaker, call })
    }

    pub(crate) fn sent_on(self, call: u64) -> Self {
        let breaker = "pay".into();
        self.add(What::CallSent {
            target: "pay:8080".into(),
            method: "POST".into(),
            path: "/pays".to_owned(),
            key: None,
            admission: Some(Admission { breaker, call }),
        })
    }

    pub(crate) fn refused_by_breaker(self) -> Self {
        self.add(What::BreakerCall {
            breaker: "pay".into(),
            call: None,
            outcome: CallOutcome::ShortCircuited,
        })
    }

    pub(crate) fn ended(self, call: u64, outcome: CallOutcome) -> Self {
        self.add(What::BreakerCall {
            breaker: "pay".into(),
            call: Some(call),
            outcome,
        })
    }

    /// Calls that pass and end at once.
    pub(crate) fn calls(self, calls: std::ops::Range<u64>, outcome: CallOutcome) -> Self {
        calls.fold(self, |hand, call| hand.passed(call).ended(call, outcome))
    }

    pub(crate) fn published(self, event: &str, kind: &str, key: &str, offset: u64) -> Self {
        let (event, kind, key) = (event.to_owned(), kind.into(), key.to_owned());
        self.add(What::Published {
            event,
            kind,
            key,
            partition: 0,
            offset,
        })
    }

    pub(crate) fn consumed(
        self,
        consumer: &str,
        event: &str,
        key: &str,
        outcome: Consumption,
    ) -> Self {
        self.add(What::Consumed {
            consumer: consumer.into(),
            event: event.into(),
            kind: "Ordered".into(),
            key: key.into(),
            outcome,
            reason: None,
        })
    }

    pub(crate) fn stored(self, service: &str, collection: &str, id: u64, body: Value) -> Self {
        self.on(service).add(What::Stored {
            collection: collection.into(),
            id,
            body,
        })
    }

    pub(crate) fn logged(
        self,
        offset: u64,
        event: &str,
        kind: &str,
        key: &str,
        body: Value,
    ) -> Self {
        self.on("broker").add(What::Logged {
            partition: 0,
            offset,
            event: event.into(),
            kind: kind.into(),
            key: key.into(),
            source: "order".into(),
            body,
        })
    }
}

/// Any load: requests that overlap, end in any way or never, with phases and notes between.
pub(crate) fn histories() -> impl proptest::strategy::Strategy<Value = History> {
    use proptest::prelude::*;
    // Each step: µs to wait, what to do, and to which request.
    let steps = prop::collection::vec((0u64..50_000, 0u8..6, 1u64..30, 200u16..512), 0..80);
    steps.prop_map(|steps| {
        let hand = steps
            .into_iter()
            .fold(Hand::new(), |hand, (wait, what, request, status)| {
                let now_us = hand.now_us + wait;
                let request = request.min(hand.requests);
                let hand = hand.at_us(now_us);
                match what {
                    0..=1 => hand.get("/orders"),
                    2 if request > 0 => hand.unanswered(request, Outcome::Unknown),
                    3 if request > 0 => hand.cancelled(request),
                    4 if request > 0 => hand.answered(request, status),
                    _ => hand.note("tick"),
                }
            });
        hand.history()
    })
}
