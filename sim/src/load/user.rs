//! One user: goes through journeys, step by step.

use std::{sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, Method, header};
use serde::Deserialize;
use serde_json::Value;
use squall_kit::{
    net::client::{Answer as Reply, Call, HttpClient},
    rng::Rng,
};
use squall_reports::history::{Name, What};
use tokio::time::sleep;

use super::{
    Answer, Extent, Journey, Part, Request, Share, Step,
    desk::Desk,
    outcome::{Sent, outcome},
    siege,
    template::Variables,
};
use crate::range::TimeRange;

/// A loop that is refused at once would never let time pass: one turn takes at least this long.
const LEAST_TURN: Duration = Duration::from_millis(1);

/// An answer as long as this is no single resource.
const SHOWN_BYTES: usize = 4_096;

/// One virtual user.
pub(super) struct User {
    pub(super) name: Name,
    pub(super) host: Name,
    pub(super) desk: Desk,
    pub(super) client: HttpClient,
    /// The user's own stream.
    pub(super) rng: Rng,
    pub(super) variables: Variables,
    /// Which step of its journey it is at, from 1.
    pub(super) step: u32,
}

/// How a journey ended before its last step.
enum Ended {
    /// With an answer that the scenario allows.
    Well,
    /// With one that it does not, and why.
    Badly(String),
    /// The load's time was up.
    Cut,
}

impl User {
    /// A user of a closed loop: journey, pause, journey, …
    pub(super) async fn come_again(mut self, think: TimeRange) {
        let most = match self.desk.load.extent {
            Extent::For(_) => u64::MAX,
            Extent::Journeys(count) => u64::from(count),
        };
        for iteration in 1..=most {
            let began = self.desk.recorder.now();
            if !self.go(iteration, None).await {
                return;
            }
            let pause = think.draw(&self.rng);
            let elapsed = self.desk.recorder.now() - began;
            let pause = pause.max(LEAST_TURN.saturating_sub(elapsed));
            if !self.wait(pause).await {
                return;
            }
        }
    }

    /// The first of siege's users says that it begins.
    pub(super) fn begin_siege(&self) {
        let load = self.desk.recorder.name(self.desk.load.name);
        self.desk.record(&self.host, What::SiegeBegan { load });
    }

    /// One of siege's users: request, pause, request, … until the time is up or everybody gives up.
    pub(super) async fn besiege(mut self, delay: Duration) {
        for iteration in 1.. {
            let began = self.desk.recorder.now();
            if !self.go(iteration, None).await {
                break;
            }
            let pause = siege::pause(delay, &self.rng);
            let elapsed = self.desk.recorder.now() - began;
            // Siege looks at its failures after the pause.
            let pause = pause.max(LEAST_TURN.saturating_sub(elapsed));
            if !self.wait(pause).await || self.desk.camp.gives_up() {
                break;
            }
        }
        if self.desk.camp.leave() {
            let load = self.desk.recorder.name(self.desk.load.name);
            let gave_up = self.desk.camp.gives_up();
            self.desk
                .record(&self.host, What::SiegeEnded { load, gave_up });
        }
    }

    /// A user of an open load: one journey, whose first request was due at `intended`.
    pub(super) async fn come_once(mut self, intended: Duration) {
        self.go(1, Some(intended)).await;
    }

    /// One journey. False: the load's time was up.
    async fn go(&mut self, iteration: u64, intended: Option<Duration>) -> bool {
        let journey = self.choose();
        self.variables.clear();
        self.variables.set("user", self.name.to_string());
        self.variables.set("iteration", iteration.to_string());
        let began = intended.unwrap_or_else(|| self.desk.recorder.now());
        let ended = self.walk(&journey, intended).await;
        let cut = matches!(ended, Err(Ended::Cut));
        let (completed, reason) = match ended {
            Ok(()) | Err(Ended::Well) => (true, None),
            Err(Ended::Badly(reason)) => (false, Some(reason)),
            // Whoever hangs must not be missing: a check counts those who hung for long.
            Err(Ended::Cut) => (false, Some(format!("step {}: the load ended", self.step))),
        };
        let under_way = self.desk.recorder.now().saturating_sub(began).as_micros();
        let what = What::JourneyEnded {
            user: Arc::clone(&self.name),
            journey: self.desk.recorder.name(journey.name),
            completed,
            reason,
            cut_after_us: cut.then(|| u64::try_from(under_way).unwrap_or(u64::MAX)),
        };
        self.desk.record(&self.host, what);
        !cut
    }

    fn choose(&self) -> Journey {
        let mix = self.desk.load.mix;
        let total = mix.iter().map(|share| u64::from(share.weight)).sum();
        let mut drawn = if mix.len() == 1 {
            0
        } else {
            self.rng.below(total)
        };
        for Share { weight, journey } in mix {
            match drawn.checked_sub(u64::from(*weight)) {
                Some(rest) => drawn = rest,
                None => return *journey,
            }
        }
        unreachable!("the draw is below the sum of all weights")
    }

    async fn walk(
        &mut self,
        journey: &Journey,
        mut intended: Option<Duration>,
    ) -> Result<(), Ended> {
        for (place, step) in (1..).zip(journey.steps) {
            self.step = place;
            match *step {
                Step::Request(request) => {
                    let sent = self.send(journey, &request, intended.take()).await?;
                    self.judge(&request, &sent)?;
                }
                Step::Until {
                    request,
                    member,
                    values,
                    every,
                    within,
                } => {
                    let wanted = Wanted {
                        member,
                        values,
                        every,
                        within,
                    };
                    self.poll(journey, &request, &wanted).await?;
                }
                Step::Think(range) => {
                    let pause = range.draw(&self.rng);
                    if !self.wait(pause).await {
                        return Err(Ended::Cut);
                    }
                }
                Step::Set { variable, value } => {
                    let value = self.render(value)?;
                    self.variables.set(variable, value);
                }
            }
        }
        Ok(())
    }

    /// Sends one request and writes down how it went.
    async fn send(
        &mut self,
        journey: &Journey,
        request: &Request,
        intended: Option<Duration>,
    ) -> Result<Sent, Ended> {
        let call = self.fill(request)?;
        let (number, _under_way) = self.desk.counts.issue();
        let intended = intended.unwrap_or_else(|| self.desk.recorder.now());
        let requested = What::Requested {
            request: number,
            user: Arc::clone(&self.name),
            journey: self.desk.recorder.name(journey.name),
            method: self.desk.recorder.name(request.method),
            target: self.desk.recorder.name(request.target),
            route: self.desk.recorder.name(request.path),
            path: call.path.clone(),
            intended_us: u64::try_from(intended.as_micros()).unwrap_or(u64::MAX),
        };
        self.desk.record(&self.host, requested);
        let ended = self.desk.ended.clone();
        let sent = tokio::select! {
            biased;
            sent = self.client.call(call) => sent,
            () = ended.raised() => {
                self.desk.record(&self.host, What::Cancelled { request: number });
                return Err(Ended::Cut);
            }
        };
        let status = sent.as_ref().ok().map(|reply| reply.status.as_u16());
        self.desk.camp.count(status);
        let answered = self.answered(number, request.method, &sent);
        self.desk.record(&self.host, answered);
        Ok(sent)
    }

    /// Sends a request until its answer is as wanted.
    async fn poll(
        &mut self,
        journey: &Journey,
        request: &Request,
        wanted: &Wanted,
    ) -> Result<(), Ended> {
        let from = self.desk.recorder.now();
        loop {
            let sent = self.send(journey, request, None).await?;
            let found = wanted.found(&sent);
            if found
                .as_deref()
                .is_ok_and(|value| wanted.values.contains(&value))
            {
                return self.judge(request, &sent);
            }
            let waited = self.desk.recorder.now() - from;
            if waited + wanted.every > wanted.within {
                let found = found.unwrap_or_else(|reason| reason);
                return Err(Ended::Badly(format!(
                    "step {}: {} is {found} after {} ms, expected {:?}",
                    self.step,
                    wanted.member,
                    waited.as_millis(),
                    wanted.values
                )));
            }
            if !self.wait(wanted.every.max(LEAST_TURN)).await {
                return Err(Ended::Cut);
            }
        }
    }

    /// Whether the journey may go on after this answer; keeps what is to be kept.
    fn judge(&mut self, request: &Request, sent: &Sent) -> Result<(), Ended> {
        let is = |answers: &[Answer]| answers.iter().any(|a| matches(*a, request.method, sent));
        if !is(request.expect) {
            if is(request.accept) {
                return Err(Ended::Well);
            }
            return Err(Ended::Badly(format!(
                "step {}: {} {} gave {}",
                self.step,
                request.method,
                request.path,
                in_words(sent)
            )));
        }
        for save in request.save {
            let value = sent.as_ref().ok().and_then(|reply| part(reply, save.part));
            let Some(value) = value else {
                return Err(Ended::Badly(format!(
                    "step {}: the answer has no {:?}",
                    self.step, save.part
                )));
            };
            self.variables.set(save.variable, value);
        }
        Ok(())
    }

    fn fill(&mut self, request: &Request) -> Result<Call, Ended> {
        let path = self.render(request.path)?;
        let timeout = self.desk.load.timeout;
        let mut call = Call::new(method(request.method), request.target, &path, timeout);
        if let Some(body) = request.body {
            let json = HeaderValue::from_static("application/json");
            let body = self.render(body)?;
            call = call.header(header::CONTENT_TYPE, json).bytes(body);
        }
        for (name, template) in request.headers {
            let value = self.render(template)?;
            let value = HeaderValue::try_from(value)
                .map_err(|error| Ended::Badly(format!("header {name}: {error}")))?;
            call = call.header(HeaderName::from_static(name), value);
        }
        Ok(call)
    }

    fn answered(&self, request: u64, method_name: &str, sent: &Sent) -> What {
        let outcome = outcome(&method(method_name), sent);
        match sent {
            Ok(reply) => What::Answered {
                request,
                outcome,
                status: Some(reply.status.as_u16()),
                bytes: u64::try_from(reply.body.len()).unwrap_or(u64::MAX),
                problem: reply
                    .problem()
                    .map(|problem| self.desk.recorder.name(&problem)),
                location: reply.location().map(str::to_owned),
                shown: (method_name == "GET").then(|| self.shown(reply)).flatten(),
                error: None,
            },
            Err(error) => What::Answered {
                request,
                outcome,
                status: None,
                bytes: 0,
                problem: None,
                location: None,
                shown: None,
                error: Some(error.to_string()),
            },
        }
    }

    /// The `status` of the resource that an answer shows.
    fn shown(&self, reply: &Reply) -> Option<Name> {
        #[derive(Deserialize)]
        struct Resource {
            status: Value,
        }
        if !reply.status.is_success() || reply.body.len() > SHOWN_BYTES {
            return None;
        }
        let resource: Resource = reply.json().ok()?;
        Some(self.desk.recorder.name(resource.status.as_str()?))
    }

    fn render(&mut self, template: &str) -> Result<String, Ended> {
        self.variables
            .render(template, &self.rng)
            .map_err(|name| Ended::Badly(format!("variable {{{name}}} has no value")))
    }

    /// Waits. False: the load's time was up first.
    async fn wait(&self, pause: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.desk.ended.raised() => false,
            () = sleep(pause) => true,
        }
    }
}

// === impl Wanted ===

/// What a poll waits for.
struct Wanted {
    member: &'static str,
    values: &'static [&'static str],
    every: Duration,
    within: Duration,
}

impl Wanted {
    /// The member's present value, as text.
    ///
    /// # Errors
    /// Why there is none, in words.
    fn found(&self, sent: &Sent) -> Result<String, String> {
        let reply = sent.as_ref().map_err(|_| in_words(sent))?;
        part(reply, Part::Member(self.member))
            .ok_or_else(|| format!("absent ({})", reply.status.as_u16()))
    }
}

fn method(name: &str) -> Method {
    Method::from_bytes(name.as_bytes()).expect("methods were checked before the run")
}

fn matches(answer: Answer, method_name: &str, sent: &Sent) -> bool {
    match answer {
        Answer::Status(status) => sent.as_ref().is_ok_and(|reply| reply.status == status),
        Answer::Outcome(wanted) => outcome(&method(method_name), sent) == wanted,
        Answer::Any => true,
    }
}

fn part(reply: &Reply, part: Part) -> Option<String> {
    match part {
        Part::LocationId => Some(reply.location()?.rsplit('/').next()?.to_owned()),
        Part::Member(pointer) => match reply.json::<Value>().ok()?.pointer(pointer)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        },
    }
}

fn in_words(sent: &Sent) -> String {
    match sent {
        Ok(reply) => match reply.problem() {
            Some(kind) => format!("{} ({kind})", reply.status.as_u16()),
            None => reply.status.as_u16().to_string(),
        },
        Err(error) => error.to_string(),
    }
}
