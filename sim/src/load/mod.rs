//! What users do: journeys as data, and how many of them at what rate.
//!
//! # Templates
//!
//! Paths, header values and bodies are templates. In them
//! `{name}` is a variable (saved by an earlier step, or one of `{user}` and `{iteration}`),
//! `{unique}` a text that occurs nowhere else in the run, `{1..=9}` a whole number of that range,
//! and `{tv|radio|phone}` one of the choices. JSON's own braces stay as they are, because what
//! follows them is none of these.

mod arrivals;
pub(crate) mod check;
pub(crate) mod crowd;
mod desk;
mod outcome;
mod siege;
mod template;
mod user;

use std::time::Duration;

use squall_reports::history::Outcome;

pub use self::siege::{MOST_FAILURES, MOST_USERS, Siege, pause};
use crate::range::TimeRange;

/// A group of users.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Its name; users are called after it.
    pub name: &'static str,
    /// When it begins, counted from the run's start.
    pub begins: Duration,
    /// How long it lasts.
    pub extent: Extent,
    /// How its users arrive.
    pub arrival: Arrival,
    /// What they do, drawn by weight anew for each journey.
    pub mix: &'static [Share],
    /// Each request is given up after this time (siege: 30 s).
    pub timeout: Duration,
    /// True: a user keeps its connections. False: each request opens one (siege's default), so that
    /// each is balanced anew.
    pub keep_alive: bool,
}

impl Load {
    /// Users who come at a constant rate from the run's start on, each on connections of its own,
    /// and wait 30 s for an answer.
    pub const fn steady(
        name: &'static str,
        rate_per_s: f64,
        time: Duration,
        mix: &'static [Share],
    ) -> Self {
        Self {
            name,
            begins: Duration::ZERO,
            extent: Extent::For(time),
            arrival: Arrival::Open {
                rate_per_s,
                spacing: Spacing::Constant,
                max_in_flight: 1_000,
            },
            mix,
            timeout: Duration::from_secs(30),
            keep_alive: false,
        }
    }

    /// About how many journeys it makes. Closed users without a number of journeys count as one a
    /// second: how fast they are shows only in the run.
    pub fn expected_journeys(&self) -> u64 {
        match (self.arrival, self.extent) {
            (Arrival::Open { .. }, Extent::Journeys(count)) => u64::from(count),
            (
                Arrival::Closed { users, .. } | Arrival::Siege { users, .. },
                Extent::Journeys(count),
            ) => u64::from(users) * u64::from(count),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an estimate; rates are positive, and a cast saturates"
            )]
            (Arrival::Open { rate_per_s, .. }, Extent::For(time)) => {
                (rate_per_s * time.as_secs_f64()) as u64
            }
            (Arrival::Closed { users, .. } | Arrival::Siege { users, .. }, Extent::For(time)) => {
                u64::from(users) * time.as_secs()
            }
        }
    }
}

/// How long a load lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// For a time (siege `-t`): requests under way at the end are cancelled and counted nowhere.
    For(Duration),
    /// Until each user has made so many journeys (siege `-r`), or an open load has started so many
    /// in all.
    Journeys(u32),
}

/// How users arrive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrival {
    /// As many users as stated, each at the next journey when one ends (siege `-c`). Throughput
    /// is users / (response time + think time).
    Closed {
        /// How many (siege `-c`).
        users: u32,
        /// Pause after each journey.
        think: TimeRange,
    },
    /// As [`Siege`] says: users of a closed loop, by siege's own clock, pauses and patience.
    Siege {
        /// How many (`-c`).
        users: u32,
        /// The longest pause after each journey (`-d`).
        delay: Duration,
    },
    /// A new user for each journey, whether or not the former ones are done.
    Open {
        /// Journeys a second.
        rate_per_s: f64,
        /// At what distances.
        spacing: Spacing,
        /// At most so many journeys at one time; further ones are dropped, and recorded as such.
        max_in_flight: u32,
    },
}

/// Distances between arrivals of an open load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// All alike.
    Constant,
    /// Exponentially distributed.
    Poisson,
}

/// A journey's share of a mix.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// Its part of the sum of all weights.
    pub weight: u32,
    /// The journey.
    pub journey: Journey,
}

impl Share {
    /// A journey of weight 1: of several such ones each is as frequent as the next, alone it is
    /// all that users do.
    pub const fn one(name: &'static str, steps: &'static [Step]) -> Self {
        Self {
            weight: 1,
            journey: Journey { name, steps },
        }
    }
}

/// What one user does, step by step.
#[derive(Clone, Copy, Debug)]
pub struct Journey {
    /// Its name in the history.
    pub name: &'static str,
    /// Its steps, in order.
    pub steps: &'static [Step],
}

/// One step of a journey.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Sends one request.
    Request(Request),
    /// Sends a request again and again until its answer is as wanted. Only for safe methods.
    Until {
        /// What is sent; its answers need not be as it expects until the last one is.
        request: Request,
        /// A JSON pointer into the answer's body, `/status`; it must hold one of `values`, as text.
        member: &'static str,
        /// What is waited for.
        values: &'static [&'static str],
        /// Pause after an answer that is not it.
        every: Duration,
        /// The journey is given up after this time.
        within: Duration,
    },
    /// Waits.
    Think(TimeRange),
    /// Sets a variable.
    Set {
        /// The variable.
        variable: &'static str,
        /// A template.
        value: &'static str,
    },
}

/// A request as a user sends it. Users never resend an unsafe one.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// GET, POST, …
    pub method: &'static str,
    /// Service and port, `gateway:8080`.
    pub target: &'static str,
    /// A template, `/orders/{order}`; as written it is the route in the history.
    pub path: &'static str,
    /// (name in small letters, template).
    pub headers: &'static [(&'static str, &'static str)],
    /// A JSON template.
    pub body: Option<&'static str>,
    /// Answers after which the journey goes on.
    pub expect: &'static [Answer],
    /// Answers after which it ends well, early: a refusal that the scenario allows. Any other
    /// answer ends it badly.
    pub accept: &'static [Answer],
    /// What is kept of an expected answer.
    pub save: &'static [Save],
}

impl Request {
    /// A GET of a path, whatever the answer.
    pub const fn get(target: &'static str, path: &'static str) -> Self {
        Self {
            method: "GET",
            target,
            path,
            headers: &[],
            body: None,
            expect: &[Answer::Any],
            accept: &[],
            save: &[],
        }
    }

    /// A POST to a path, without a body, whatever the answer.
    pub const fn post(target: &'static str, path: &'static str) -> Self {
        Self {
            method: "POST",
            ..Self::get(target, path)
        }
    }

    /// The same with a body, a JSON template.
    #[must_use]
    pub const fn sending(self, body: &'static str) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }

    /// The same, and the journey goes on only after such an answer.
    #[must_use]
    pub const fn expecting(self, expect: &'static [Answer]) -> Self {
        Self { expect, ..self }
    }
}

/// A kind of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Exactly this status.
    Status(u16),
    /// Whatever has this outcome: answers, timeouts and broken connections alike.
    Outcome(Outcome),
    /// Anything.
    Any,
}

/// Keeps a part of an answer in a variable. When the part is absent the journey ends badly.
#[derive(Clone, Copy, Debug)]
pub struct Save {
    /// The variable.
    pub variable: &'static str,
    /// The part.
    pub part: Part,
}

/// A part of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What follows the last `/` of the `Location` header.
    LocationId,
    /// A JSON pointer into the body, `/id`.
    Member(&'static str),
}
