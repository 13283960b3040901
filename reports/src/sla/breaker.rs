//! A circuit breaker does what it is for (invariant 7).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::Sla;
use crate::{
    check::{Check, Findings, Verdict},
    history::{BreakerState, CallOutcome, Entry, History, Name, PodPhase, What},
    requests::seconds,
    window::micros,
};
use BreakerState::{Closed, HalfOpen, Open};

/// The breaker of this name, on every host that has it: changes state only as a breaker may, sends
/// its target nothing while open and one probe while half open, half-opens only after its sleep
/// window (strictly after, Hystrix: `HystrixCircuitBreaker.attemptExecution`) and closes only on a
/// success. Vacuous when an expected transition was never seen on any host.
#[derive(Clone, Debug)]
pub struct Breaker {
    /// Its name.
    pub breaker: Name,
    /// The callee it protects, `pay:8080`.
    pub target: Name,
    /// How long it stays open before a probe.
    pub sleep_window: Duration,
    /// The transitions that the scenario is about.
    pub expected: Vec<(BreakerState, BreakerState)>,
}

/// One host's breaker as its history makes it.
struct Circuit {
    state: BreakerState,
    since_us: u64,
    probes: usize,
    succeeded: bool,
}

struct Judge<'a> {
    promise: &'a Breaker,
    circuits: BTreeMap<&'a Name, Circuit>,
    /// Successes told at the same instant as, but after, the closing they cause.
    owed: Vec<(&'a Name, u64)>,
    seen: BTreeMap<(BreakerState, BreakerState), usize>,
    wrong: Findings,
}

impl Sla for Breaker {
    fn judge(&self, history: &History) -> Check {
        let expected: Vec<String> = self.expected.iter().map(arrow).collect();
        let name = match expected.is_empty() {
            true => format!("breaker {} keeps its rules", self.breaker),
            false => format!("breaker {}: {}", self.breaker, expected.join(", ")),
        };
        let bound = format!("{} spared while open", self.target);
        let mut judge = Judge {
            promise: self,
            circuits: BTreeMap::new(),
            owed: Vec::new(),
            seen: BTreeMap::new(),
            wrong: Findings::default(),
        };
        // Only hosts with this breaker: others may call the target as they like.
        let hosts: BTreeSet<&Name> = history
            .entries
            .iter()
            .filter(|e| self.is_at(e))
            .map(|e| &e.host)
            .collect();
        history.entries.iter().for_each(|entry| {
            if hosts.contains(&entry.host) {
                judge.see(entry);
            }
        });
        let Judge {
            owed,
            seen,
            mut wrong,
            ..
        } = judge;
        for (host, at) in owed {
            wrong.add(|| format!("{host} closed at {} without a success", seconds(at)));
        }
        let counts: Vec<String> = seen
            .iter()
            .map(|(transition, n)| format!("{n}× {}", arrow(transition)))
            .collect();
        let observed = if counts.is_empty() {
            "no transition".into()
        } else {
            counts.join(", ")
        };
        let missing = self
            .expected
            .iter()
            .filter(|wanted| !seen.contains_key(*wanted));
        let missing: Vec<String> = missing.map(arrow).collect();
        if wrong.is_empty() && !missing.is_empty() {
            let mut never = Findings::default();
            never.add(|| format!("never seen: {}", missing.join(", ")));
            return Check::said(name, Verdict::Vacuous, observed, bound, never);
        }
        if hosts.is_empty() {
            return Check::vacuous(name, "no host used this breaker", bound);
        }
        Check::judged(name, observed, bound, wrong)
    }
}

impl Breaker {
    fn is_at(&self, entry: &Entry) -> bool {
        match &entry.what {
            What::Breaker { breaker, .. } | What::BreakerCall { breaker, .. } => {
                *breaker == self.breaker
            }
            _ => false,
        }
    }
}

impl<'a> Judge<'a> {
    fn see(&mut self, entry: &'a Entry) {
        match &entry.what {
            // A new process begins with a closed breaker.
            What::Pod {
                phase: PodPhase::Starting,
                ..
            } => {
                self.circuits.remove(&entry.host);
            }
            What::Breaker { breaker, from, to } if *breaker == self.promise.breaker => {
                self.change(entry, *from, *to);
            }
            What::BreakerCall {
                breaker, outcome, ..
            } if *breaker == self.promise.breaker => {
                self.call_ended(entry, *outcome);
            }
            What::CallSent { target, .. } if *target == self.promise.target => self.sent(entry),
            _ => {}
        }
    }

    fn change(&mut self, entry: &'a Entry, from: BreakerState, to: BreakerState) {
        *self.seen.entry((from, to)).or_default() += 1;
        let (at, host) = (entry.at_us, &entry.host);
        let Circuit {
            state,
            since_us,
            succeeded,
            ..
        } = *self.circuit(host);
        let step = arrow(&(from, to));
        if state != from {
            let state = word(state);
            self.wrong
                .add(|| format!("{host} at {}: {step} while {state}", seconds(at)));
        }
        match (from, to) {
            (Closed, Open) | (HalfOpen, Open) => {}
            (Open, HalfOpen) => {
                if at <= since_us.saturating_add(micros(self.promise.sleep_window)) {
                    let open = seconds(at.saturating_sub(since_us));
                    self.wrong.add(|| {
                        format!("{host} at {}: {step} after only {open} open", seconds(at))
                    });
                }
            }
            (HalfOpen, Closed) if !succeeded => self.owed.push((host, at)),
            (HalfOpen, Closed) => {}
            _ => self
                .wrong
                .add(|| format!("{host} at {}: {step} is no step", seconds(at))),
        }
        let circuit = Circuit {
            state: to,
            since_us: at,
            probes: 0,
            succeeded: false,
        };
        self.circuits.insert(host, circuit);
    }

    fn call_ended(&mut self, entry: &'a Entry, outcome: CallOutcome) {
        if outcome != CallOutcome::Success {
            return;
        }
        // Whether a pod tells of the success or of its consequence first is its own business.
        self.owed.retain(|owed| *owed != (&entry.host, entry.at_us));
        self.circuit(&entry.host).succeeded = true;
    }

    fn sent(&mut self, entry: &'a Entry) {
        let circuit = self.circuit(&entry.host);
        circuit.probes += 1;
        let excess = match circuit.state {
            Closed => return,
            HalfOpen if circuit.probes == 1 => return,
            HalfOpen => "a second call while half open",
            Open => "a call while open",
        };
        let (at, host, since) = (seconds(entry.at_us), &entry.host, seconds(circuit.since_us));
        let target = &self.promise.target;
        self.wrong
            .add(|| format!("{host} at {at}: {excess} (since {since}) to {target}"));
    }

    fn circuit(&mut self, host: &'a Name) -> &mut Circuit {
        let closed = Circuit {
            state: Closed,
            since_us: 0,
            probes: 0,
            succeeded: false,
        };
        self.circuits.entry(host).or_insert(closed)
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

#[cfg(test)]
mod tests {
    use CallOutcome::{Failure, ShortCircuited, Success};

    use super::*;
    use crate::hand::Hand;

    fn promise() -> Breaker {
        Breaker {
            breaker: "pay".into(),
            target: "pay:8080".into(),
            sleep_window: Duration::from_secs(5),
            expected: vec![(Closed, Open), (Open, HalfOpen), (HalfOpen, Closed)],
        }
    }

    /// Opens at 1 s.
    fn opened() -> Hand {
        Hand::new()
            .on("order-1")
            .at(900)
            .call_sent("pay:8080")
            .breaker_call(Failure)
            .at(1_000)
            .breaker(Closed, Open)
            .at(1_500)
            .breaker_call(ShortCircuited)
    }

    fn judge(hand: Hand) -> Check {
        promise().judge(&hand.history())
    }

    fn only_finding(hand: Hand) -> String {
        let check = judge(hand);
        assert_eq!(
            (check.verdict, check.evidence.len()),
            (Verdict::Fail, 1),
            "{check:?}"
        );
        check.evidence.concat()
    }

    #[test]
    fn passes_a_whole_cycle_told_in_either_order() {
        let probe = || {
            opened()
                .at_us(6_000_001)
                .breaker(Open, HalfOpen)
                .call_sent("pay:8080")
        };
        let call_first = probe()
            .at(6_100)
            .breaker_call(Success)
            .breaker(HalfOpen, Closed);
        let state_first = probe()
            .at(6_100)
            .breaker(HalfOpen, Closed)
            .breaker_call(Success);
        for hand in [call_first, state_first] {
            let check = judge(hand.at(7_000).call_sent("pay:8080").call_sent("pay:8080"));
            assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
        }
    }

    #[test]
    fn a_failed_probe_opens_again_and_the_sleep_begins_anew() {
        let hand = opened()
            .at(6_001)
            .breaker(Open, HalfOpen)
            .call_sent("pay:8080")
            .at(7_000);
        let hand = hand.breaker_call(Failure).breaker(HalfOpen, Open);
        let early = hand.at(12_000).breaker(Open, HalfOpen);
        assert!(only_finding(early).ends_with("open → half open after only 5.000000 s open"));
    }

    #[test]
    fn half_opening_at_the_very_end_of_the_sleep_window_is_too_early() {
        let line = only_finding(opened().at(6_000).breaker(Open, HalfOpen));
        assert!(
            line.starts_with("order-1 at 6.000000 s: open → half open"),
            "{line}"
        );
    }

    #[test]
    fn an_open_breaker_sends_nothing_and_a_half_open_one_a_single_probe() {
        let line = only_finding(opened().call_sent("pay:8080"));
        assert_eq!(
            line,
            "order-1 at 1.500000 s: a call while open (since 1.000000 s) to pay:8080"
        );
        let probing = opened()
            .at(6_001)
            .breaker(Open, HalfOpen)
            .call_sent("pay:8080");
        let line = only_finding(probing.call_sent("product:8080").call_sent("pay:8080"));
        assert!(line.contains("a second call while half open"), "{line}");
    }

    #[test]
    fn other_hosts_may_call_as_they_like() {
        let check = judge(opened().on("gateway-1").call_sent("pay:8080"));
        assert_eq!(check.verdict, Verdict::Vacuous);
    }

    #[test]
    fn closing_takes_a_success() {
        let hand = opened()
            .at(6_001)
            .breaker(Open, HalfOpen)
            .at(6_100)
            .breaker(HalfOpen, Closed);
        assert_eq!(
            only_finding(hand),
            "order-1 closed at 6.100000 s without a success"
        );
    }

    #[test]
    fn illegal_steps_are_named() {
        let line = only_finding(opened().breaker(Open, Closed));
        assert!(line.ends_with("open → closed is no step"), "{line}");
        let line = only_finding(opened().at(9_000).breaker(HalfOpen, Open));
        assert!(line.ends_with("half open → open while open"), "{line}");
    }

    #[test]
    fn a_new_process_begins_closed() {
        let (deployment, reason) = (Name::from("order"), "restart".to_owned());
        let start = What::Pod {
            deployment,
            phase: PodPhase::Starting,
            reason,
        };
        let hand = opened().add(start).call_sent("pay:8080");
        assert_eq!(judge(hand.breaker(Closed, Open)).verdict, Verdict::Vacuous);
    }

    #[test]
    fn is_vacuous_when_an_expected_transition_never_came() {
        let check = judge(opened());
        assert_eq!(check.verdict, Verdict::Vacuous);
        assert_eq!(check.observed, "1× closed → open");
        assert_eq!(
            check.evidence,
            ["never seen: open → half open, half open → closed"]
        );
        assert_eq!(judge(Hand::new()).verdict, Verdict::Vacuous);
        let nothing_expected = Breaker {
            expected: vec![],
            ..promise()
        };
        assert_eq!(
            nothing_expected.judge(&History::default()).verdict,
            Verdict::Vacuous
        );
    }
}
