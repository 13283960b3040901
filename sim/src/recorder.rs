//! Writes the history as it happens, and lets the nemesis hear every entry in the same instant.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use squall_kit::signal::{self, Signal};
use squall_reports::history::{
    Admission, BreakerState, CallOutcome, Consumption, Entry, History, Name, What,
};

use crate::controls::Nemesis;

/// The host of entries that are nobody's in particular.
pub(crate) const WORLD: &str = "world";

/// A handle on the run's history. Clones write the same one.
#[derive(Clone)]
pub(crate) struct Recorder(Arc<Shared>);

struct Shared {
    now: Box<dyn Fn() -> Duration + Send + Sync>,
    interrupt: Box<dyn Fn() + Send + Sync>,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    history: History,
    names: Names,
    /// When the run started; until then everything is written at time 0.
    started_at: Option<Duration>,
    /// When in the world's time each of the entries written until then was.
    early: Vec<Duration>,
    nemesis: Option<Box<dyn Nemesis>>,
    /// Entries up to here were heard.
    heard: usize,
    wanted: bool,
}

// === impl Recorder ===

impl Recorder {
    /// `now` is the engine's virtual time, wherever it is asked; `interrupt` makes the engine
    /// return to the world loop before anything written at this instant leaves its host.
    pub(crate) fn new(
        now: impl Fn() -> Duration + Send + Sync + 'static,
        interrupt: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared {
            now: Box::new(now),
            interrupt: Box::new(interrupt),
            book: Mutex::new(Book::default()),
        }))
    }

    /// The run starts now: times count from here, and the nemesis listens.
    pub(crate) fn start(&self, nemesis: Box<dyn Nemesis>) {
        let now = (self.0.now)();
        let mut book = self.book();
        book.started_at = Some(now);
        book.date_breakers(now);
        book.nemesis = Some(nemesis);
        book.heard = book.history.entries.len();
    }

    /// Virtual time since the run's start; zero before it.
    pub(crate) fn now(&self) -> Duration {
        let now = (self.0.now)();
        let started_at = self.book().started_at;
        started_at.map_or(Duration::ZERO, |started| now.saturating_sub(started))
    }

    /// Virtual time since the world's start.
    pub(crate) fn world_now(&self) -> Duration {
        (self.0.now)()
    }

    /// The shared form of a name that comes again and again. Only for names of which a run has few.
    pub(crate) fn name(&self, text: &str) -> Name {
        self.book().names.shared(text)
    }

    /// Writes one entry.
    pub(crate) fn record(&self, host: &Name, what: What) {
        let at_us = u64::try_from(self.now().as_micros()).unwrap_or(u64::MAX);
        let host = Arc::clone(host);
        let wanted = {
            let world_now = self.world_now();
            let mut book = self.book();
            if book.started_at.is_none() {
                book.early.push(world_now);
            }
            book.history.entries.push(Entry { at_us, host, what });
            book.tell()
        };
        if wanted {
            (self.0.interrupt)();
        }
    }

    /// True when the nemesis asked to act at this instant; asked once.
    pub(crate) fn take_wanted(&self) -> bool {
        std::mem::take(&mut self.book().wanted)
    }

    /// When the nemesis wants to act, if time decides that.
    pub(crate) fn nemesis_deadline(&self) -> Option<Duration> {
        self.book().nemesis.as_ref()?.next_deadline()
    }

    /// Lends the nemesis to the world loop. What is recorded meanwhile it hears when it is back.
    pub(crate) fn take_nemesis(&self) -> Option<Box<dyn Nemesis>> {
        self.book().nemesis.take()
    }

    /// Takes the nemesis back.
    pub(crate) fn return_nemesis(&self, nemesis: Box<dyn Nemesis>) {
        let mut book = self.book();
        book.nemesis = Some(nemesis);
        book.tell();
    }

    /// The history, taken out.
    pub(crate) fn take_history(&self) -> History {
        std::mem::take(&mut self.book().history)
    }

    /// A mouth for the pod called `host`.
    pub(crate) fn signals(&self, host: &Name) -> signal::Signals {
        signal::Signals::new(Ear {
            recorder: self.clone(),
            host: Arc::clone(host),
        })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Breakers made before the run's start are told how long before.
    fn date_breakers(&mut self, started: Duration) {
        let early = std::mem::take(&mut self.early);
        for (entry, at) in self.history.entries.iter_mut().zip(early) {
            if let What::BreakerMade { before_us, .. } = &mut entry.what {
                let before = started.saturating_sub(at).as_micros();
                *before_us = u64::try_from(before).unwrap_or(u64::MAX);
            }
        }
    }

    /// Lets the nemesis hear what it has not heard. True when it wants to act.
    fn tell(&mut self) -> bool {
        let Some(nemesis) = &mut self.nemesis else {
            return false;
        };
        let mut wants = false;
        for entry in self.history.entries.iter().skip(self.heard) {
            wants |= nemesis.hear(entry);
        }
        self.heard = self.history.entries.len();
        self.wanted |= wants;
        wants
    }
}

// === impl Ear ===

struct Ear {
    recorder: Recorder,
    host: Name,
}

impl signal::Listener for Ear {
    fn hear(&self, signal: Signal) {
        let what = what(signal, &mut self.recorder.book().names);
        self.recorder.record(&self.host, what);
    }
}

// === impl Names ===

/// One copy of each name: a history repeats few names very often.
#[derive(Default)]
struct Names(BTreeSet<Name>);

impl Names {
    fn shared(&mut self, text: &str) -> Name {
        if let Some(name) = self.0.get(text) {
            return Arc::clone(name);
        }
        let name: Name = text.into();
        self.0.insert(Arc::clone(&name));
        name
    }
}

/// A pod's signal as the history has it.
fn what(signal: Signal, names: &mut Names) -> What {
    let mut shared = |text: &str| names.shared(text);
    match signal {
        Signal::CallSent {
            target,
            method,
            path,
            key,
            admission,
        } => What::CallSent {
            target: shared(&target),
            method: shared(&method),
            path,
            key,
            admission: admission.map(|pass| admitted(shared(&pass.breaker), pass.call)),
        },
        Signal::CallEnded {
            target,
            method,
            path,
            status,
            error,
            problem,
            key,
        } => What::CallEnded {
            target: shared(&target),
            method: shared(&method),
            path,
            status,
            error,
            problem: problem.map(|problem| shared(&problem)),
            key,
        },
        Signal::Committed {
            commit,
            replayed,
            events,
        } => What::Committed {
            commit,
            replayed,
            events,
        },
        Signal::Published {
            id,
            kind,
            key,
            partition,
            offset,
        } => published(id, shared(&kind), key, (partition, offset)),
        Signal::Consumed {
            consumer,
            id,
            kind,
            key,
            outcome,
        } => consumed(shared(&consumer), id, shared(&kind), key, outcome),
        Signal::Rebalanced {
            consumer,
            partitions,
        } => What::Rebalanced {
            consumer: shared(&consumer),
            partitions,
        },
        Signal::Hint(name) => What::Hint { name: shared(name) },
        Signal::Note(text) => What::Note { text },
        of_breaker => told_by_breaker(of_breaker, shared),
    }
}

fn published(event: String, kind: Name, key: String, (partition, offset): (u32, u64)) -> What {
    What::Published {
        event,
        kind,
        key,
        partition,
        offset,
    }
}

fn told_by_breaker(signal: Signal, mut shared: impl FnMut(&str) -> Name) -> What {
    match signal {
        Signal::BreakerMade { name } => What::BreakerMade {
            breaker: shared(&name),
            before_us: 0,
        },
        Signal::BreakerAdmitted { name, call } => What::BreakerAdmitted {
            breaker: shared(&name),
            call,
        },
        Signal::Breaker { name, from, to } => What::Breaker {
            breaker: shared(&name),
            from: breaker_state(from),
            to: breaker_state(to),
        },
        Signal::BreakerCall {
            name,
            call,
            outcome,
        } => What::BreakerCall {
            breaker: shared(&name),
            call,
            outcome: call_outcome(outcome),
        },
        other => unreachable!("{other:?} is nothing that a breaker tells"),
    }
}

fn admitted(breaker: Name, call: u64) -> Admission {
    Admission { breaker, call }
}

fn consumed(
    consumer: Name,
    event: String,
    kind: Name,
    key: String,
    outcome: signal::Consumption,
) -> What {
    let (outcome, reason) = match outcome {
        signal::Consumption::Applied => (Consumption::Applied, None),
        signal::Consumption::Duplicate => (Consumption::Duplicate, None),
        signal::Consumption::Ignored => (Consumption::Ignored, None),
        signal::Consumption::Rejected(reason) => (Consumption::Rejected, Some(reason)),
    };
    What::Consumed {
        consumer,
        event,
        kind,
        key,
        outcome,
        reason,
    }
}

fn breaker_state(state: signal::BreakerState) -> BreakerState {
    match state {
        signal::BreakerState::Closed => BreakerState::Closed,
        signal::BreakerState::Open => BreakerState::Open,
        signal::BreakerState::HalfOpen => BreakerState::HalfOpen,
    }
}

fn call_outcome(outcome: signal::CallOutcome) -> CallOutcome {
    match outcome {
        signal::CallOutcome::Success => CallOutcome::Success,
        signal::CallOutcome::Failure => CallOutcome::Failure,
        signal::CallOutcome::Timeout => CallOutcome::Timeout,
        signal::CallOutcome::Rejected => CallOutcome::Rejected,
        signal::CallOutcome::ShortCircuited => CallOutcome::ShortCircuited,
        signal::CallOutcome::BadRequest => CallOutcome::BadRequest,
        signal::CallOutcome::Cancelled => CallOutcome::Cancelled,
    }
}
