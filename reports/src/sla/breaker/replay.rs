//! One process's breaker, its recorded life held against a model step by step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    arrow,
    model::{Ask, Change, Model},
    word,
};
use crate::{
    history::{
        BreakerState::{self, Closed, HalfOpen, Open},
        CallOutcome,
    },
    requests::seconds,
};

/// Longer than any call takes, in µs: a probe without a result after this time has lost its way.
const LONGEST_PROBE_US: u64 = 60_000_000;

pub(super) struct Replay {
    model: Box<dyn Model>,
    /// As recorded.
    state: BreakerState,
    since_us: u64,
    /// Changes that the model has made and nobody has told yet.
    due: VecDeque<Change>,
    /// Model and record have parted: nothing more can be said.
    lost: bool,
    /// Calls that passed and have not ended.
    under_way: BTreeSet<u64>,
    /// Requests made on each pass.
    requests: BTreeMap<u64, u32>,
}

/// What is wrong, in words; `Ok`: nothing.
type Judged = Result<(), String>;

impl Replay {
    pub(super) fn new(model: Box<dyn Model>, made_us: u64) -> Self {
        Self {
            state: model.state(),
            model,
            since_us: made_us,
            due: VecDeque::new(),
            lost: false,
            under_way: BTreeSet::new(),
            requests: BTreeMap::new(),
        }
    }

    /// A change of state is told.
    pub(super) fn changed(&mut self, at_us: u64, from: BreakerState, to: BreakerState) -> Judged {
        let step = arrow(&(from, to));
        let state = std::mem::replace(&mut self.state, to);
        let since_us = std::mem::replace(&mut self.since_us, at_us);
        if state != from {
            return self.lose(format!("{step} while {}", word(state)));
        }
        let is_step = matches!(
            (from, to),
            (Closed, Open) | (Open, HalfOpen) | (HalfOpen, Closed | Open)
        );
        if !is_step {
            return self.lose(format!("{step} is no step"));
        }
        if self.lost {
            return Ok(());
        }
        self.advance(at_us);
        match self.due.pop_front() {
            Some(due) if (due.from, due.to) == (from, to) => Ok(()),
            Some(due) => self.lose(format!("{step}, where {} was due", told(&due))),
            None if to == HalfOpen && self.model.ask(at_us) == Ask::HalfOpens => {
                self.model.half_open(at_us);
                Ok(())
            }
            None if to == HalfOpen => {
                let open = seconds(at_us.saturating_sub(since_us));
                self.lose(format!("{step} after only {open} open"))
            }
            None => self.lose(format!("{step} without cause")),
        }
    }

    /// A call is let pass.
    pub(super) fn admitted(&mut self, at_us: u64, call: u64) -> Judged {
        self.under_way.insert(call);
        self.requests.insert(call, 0);
        if self.lost {
            return Ok(());
        }
        self.settled(at_us)?;
        let wrong = match (self.model.ask(at_us), self.model.state()) {
            (Ask::Passes, _) => {
                self.model.pass(at_us, call);
                return Ok(());
            }
            (Ask::HalfOpens, _) => "without half-opening",
            (Ask::Refused, HalfOpen) => "as one probe too many",
            (Ask::Refused, _) => "while open",
        };
        let since = seconds(self.since_us);
        self.lose(format!("call {call} passed {wrong} (since {since})"))
    }

    /// A call is refused.
    pub(super) fn refused(&mut self, at_us: u64) -> Judged {
        if self.lost {
            return Ok(());
        }
        self.settled(at_us)?;
        let since = seconds(self.since_us);
        match self.model.ask(at_us) {
            Ask::Passes => {
                let state = word(self.model.state());
                self.lose(format!("a call was refused while {state} (since {since})"))
            }
            Ask::HalfOpens => self.lose(format!(
                "a call was refused, not made the probe: open since {since}"
            )),
            Ask::Refused => Ok(()),
        }
    }

    /// A call that passed has ended.
    pub(super) fn ended(&mut self, at_us: u64, call: u64, outcome: CallOutcome) -> Judged {
        if !self.under_way.remove(&call) {
            return Err(format!("call {call} ended and was not under way"));
        }
        if self.lost {
            return Ok(());
        }
        self.advance(at_us);
        let change = self.model.end(at_us, call, outcome);
        self.due.extend(change);
        Ok(())
    }

    /// A request goes to the callee; `call`: on this pass.
    pub(super) fn sent(&mut self, call: Option<u64>) -> Judged {
        let state = word(self.state);
        let requests = call.and_then(|call| self.requests.get_mut(&call));
        let Some(requests) = requests else {
            let since = seconds(self.since_us);
            return Err(format!("a request past the breaker, {state} since {since}"));
        };
        *requests += 1;
        match *requests {
            1 => Ok(()),
            n => Err(format!("request {n} on one pass, while {state}")),
        }
    }

    /// The history is over, and the process was not.
    pub(super) fn over(&mut self, end_us: u64) -> Judged {
        if self.lost {
            return Ok(());
        }
        self.settled(end_us)?;
        let half_open_us = end_us.saturating_sub(self.since_us);
        if self.state == HalfOpen && half_open_us > LONGEST_PROBE_US {
            let since = seconds(self.since_us);
            return self.lose(format!(
                "half open since {since}, and no probe has a result: it never recovers"
            ));
        }
        Ok(())
    }

    fn advance(&mut self, at_us: u64) {
        while let Some(change) = self.model.advance(at_us) {
            self.due.push_back(change);
        }
    }

    /// Every change that is due by now has been told.
    fn settled(&mut self, at_us: u64) -> Judged {
        self.advance(at_us);
        match self.due.pop_front() {
            None => Ok(()),
            Some(due) => self.lose(format!("{} was due and never came", told(&due))),
        }
    }

    fn lose(&mut self, what: String) -> Judged {
        self.lost = true;
        Err(what)
    }
}

fn told(due: &Change) -> String {
    let Change {
        from,
        to,
        at_us,
        why,
    } = due;
    let step = arrow(&(*from, *to));
    format!("{step} at {} ({why})", seconds(*at_us))
}
