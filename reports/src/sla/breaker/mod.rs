//! A circuit breaker does what it is for (invariant 7): conformance, read from any run's history.
//!
//! Each process's breaker is recomputed from what its history records of its calls, and every
//! difference is a failure:
//!
//! * a change of state that no breaker makes, that nothing called for, or that comes too early;
//! * a change that was called for and did not come before the next call asked (a breaker that never
//!   opens, or never half-opens);
//! * a call let pass by an open breaker, or one probe too many by a half-open one;
//! * a request to the callee without a pass, or a second one on the same pass. A request on a pass
//!   given before the breaker opened is no offence, however late it is handed over;
//! * a breaker that never recovers: it refuses a call after its wait is over, does not close on the
//!   results that close it, or is half open at the end because its probes never gave a result
//!   (resilience4j#903, Hystrix#1781). One that nobody asks any more may well stay open.

mod hystrix;
mod model;
mod replay;
mod resilience4j;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use self::replay::Replay;
pub use self::rules::{HystrixRules, Resilience4jRules, Rules};
use super::Sla;
use crate::{
    check::{Check, Findings, Verdict},
    history::{
        BreakerState::{self, Closed, HalfOpen, Open},
        Entry, History, Name, PodPhase, What,
    },
    requests::seconds,
    window::end_us,
};

/// How late a change that time alone brings may be told at the end of a run, in µs.
const GRACE_US: u64 = 1_000_000;

/// The breaker of this name, on every host that has it, follows its rules. Vacuous when an expected
/// transition was never seen on any host, and the rules did not call for it either.
#[derive(Clone, Debug)]
pub struct Breaker {
    /// Its name.
    pub breaker: Name,
    /// The callee it protects, `pay:8080`.
    pub target: Name,
    /// Its rules and settings.
    pub rules: Rules,
    /// The transitions that the scenario is about.
    pub expected: Vec<(BreakerState, BreakerState)>,
}

struct Judge<'a> {
    promise: &'a Breaker,
    /// The process that each host is, or last was.
    processes: BTreeMap<&'a Name, Process>,
    seen: BTreeMap<(BreakerState, BreakerState), usize>,
    used: bool,
    wrong: Findings,
}

struct Process {
    replay: Replay,
    /// It ended, or was killed.
    over: bool,
}

impl Sla for Breaker {
    fn judge(&self, history: &History) -> Check {
        let expected: Vec<String> = self.expected.iter().map(arrow).collect();
        let name = match expected.is_empty() {
            true => format!("breaker {} keeps its rules", self.breaker),
            false => format!("breaker {}: {}", self.breaker, expected.join(", ")),
        };
        let bound = format!("{} spared while open", self.target);
        // Only hosts with this breaker: others may call the target as they like.
        let of_this = history.entries.iter().filter(|entry| self.is_at(entry));
        let hosts: BTreeSet<&Name> = of_this.map(|entry| &entry.host).collect();
        let mut judge = Judge {
            promise: self,
            processes: BTreeMap::new(),
            seen: BTreeMap::new(),
            used: false,
            wrong: Findings::default(),
        };
        for entry in &history.entries {
            if hosts.contains(&entry.host) {
                judge.see(entry);
            }
        }
        judge.over(end_us(history));
        let Judge {
            seen, used, wrong, ..
        } = judge;
        let counts: Vec<String> = seen
            .iter()
            .map(|(transition, n)| format!("{n}× {}", arrow(transition)))
            .collect();
        let observed = if counts.is_empty() {
            "no transition".into()
        } else {
            counts.join(", ")
        };
        let missing = self.expected.iter().filter(|step| !seen.contains_key(step));
        let missing: Vec<String> = missing.map(arrow).collect();
        if wrong.is_empty() && !missing.is_empty() {
            let mut never = Findings::default();
            never.add(|| format!("never seen: {}", missing.join(", ")));
            return Check::said(name, Verdict::Vacuous, observed, bound, never);
        }
        if wrong.is_empty() && !used {
            return Check::vacuous(name, "no host used this breaker", bound);
        }
        Check::judged(name, observed, bound, wrong)
    }
}

impl Breaker {
    fn is_at(&self, entry: &Entry) -> bool {
        match &entry.what {
            What::Breaker { breaker, .. }
            | What::BreakerMade { breaker, .. }
            | What::BreakerAdmitted { breaker, .. }
            | What::BreakerCall { breaker, .. } => *breaker == self.breaker,
            _ => false,
        }
    }
}

impl<'a> Judge<'a> {
    fn see(&mut self, entry: &'a Entry) {
        let (at, host) = (entry.at_us, &entry.host);
        match &entry.what {
            What::Pod {
                phase: PodPhase::Ended | PodPhase::Killed,
                ..
            } => {
                if let Some(process) = self.processes.get_mut(host) {
                    process.over = true;
                }
            }
            What::BreakerMade { before_us, .. } if self.promise.is_at(entry) => {
                let replay = Replay::new(self.promise.rules.model(at, *before_us), at);
                let over = false;
                self.processes.insert(host, Process { replay, over });
            }
            What::CallSent {
                target, admission, ..
            } if *target == self.promise.target => {
                let of_this = admission
                    .as_ref()
                    .filter(|pass| pass.breaker == self.promise.breaker);
                let call = of_this.map(|pass| pass.call);
                let to = target;
                self.judge(entry, |replay| {
                    replay.sent(call).map_err(|what| format!("{what}, to {to}"))
                });
            }
            _ if !self.promise.is_at(entry) => {}
            What::Breaker { from, to, .. } => {
                *self.seen.entry((*from, *to)).or_default() += 1;
                self.used = true;
                self.judge(entry, |replay| replay.changed(at, *from, *to));
            }
            What::BreakerAdmitted { call, .. } => {
                self.used = true;
                self.judge(entry, |replay| replay.admitted(at, *call));
            }
            What::BreakerCall { call, outcome, .. } => {
                self.used = true;
                self.judge(entry, |replay| match call {
                    Some(call) => replay.ended(at, *call, *outcome),
                    None => replay.refused(at),
                });
            }
            _ => {}
        }
    }

    fn judge(&mut self, entry: &'a Entry, judge: impl FnOnce(&mut Replay) -> Result<(), String>) {
        let judged = match self.processes.get_mut(&entry.host) {
            Some(process) => judge(&mut process.replay),
            None => Err("a breaker that was never made".to_owned()),
        };
        if let Err(what) = judged {
            let (host, at) = (&entry.host, seconds(entry.at_us));
            self.wrong.add(|| format!("{host} at {at}: {what}"));
        }
    }

    /// What is due at the end of the run, in processes that still live, must have come.
    fn over(&mut self, end_us: u64) {
        let by = end_us.saturating_sub(GRACE_US);
        for (host, process) in self.processes.iter_mut().filter(|(_, p)| !p.over) {
            if let Err(what) = process.replay.over(by) {
                self.wrong.add(|| format!("{host} at the end: {what}"));
            }
        }
    }
}

fn arrow((from, to): &(BreakerState, BreakerState)) -> String {
    format!("{} → {}", word(*from), word(*to))
}

fn word(state: BreakerState) -> &'static str {
    match state {
        Closed => "closed",
        Open => "open",
        HalfOpen => "half open",
    }
}
