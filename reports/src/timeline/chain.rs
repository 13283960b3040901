//! What became of a few keys, step by step: from a request over calls, commits and events to the
//! consumers, as a sequence diagram has it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::correlation::Correlation;
use crate::{
    check::{Check, Verdict},
    history::{Consumption, Entry, History, Outcome, What},
    requests::Request,
};

/// So many chains are kept of keys that evidence names, so many of the slowest, and one more.
const FROM_EVIDENCE: usize = 3;
const SLOWEST: usize = 2;
/// … with at most so many steps each.
const STEPS: usize = 60;
/// The lane of all users.
const USER: &str = "user";
const BROKER: &str = "broker";
/// What the name of a service's database host ends in.
const STORE: &str = "-store";

/// What became of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// The key, an order's id.
    pub key: String,
    /// Why this one.
    pub choice: Choice,
    /// From its first step to its last that no user asked for, in µs.
    pub took_us: u64,
    /// In order of time.
    pub steps: Vec<Step>,
}

/// Why a chain is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The evidence of a broken check names it.
    Evidence,
    /// It took longest, or nearly.
    Slowest,
    /// It took as long as most did.
    Ordinary,
}

/// One step: an arrow between two lanes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When.
    pub at_us: u64,
    /// What kind of step.
    pub kind: StepKind,
    /// The service it starts at, or `user`, or `broker`; empty for a fault.
    pub from: String,
    /// The service it ends at; the same for a commit.
    pub to: String,
    /// What is said there.
    pub label: String,
    /// The pod or user that wrote it down.
    pub host: String,
    /// False: it went wrong, or nobody knows.
    pub good: bool,
}

/// The kinds of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// A user's request.
    Request,
    /// Its answer.
    Answer,
    /// A service's call.
    Call,
    /// Its answer.
    Return,
    /// A commit with events.
    Commit,
    /// An event reached the broker.
    Publish,
    /// A consumer handled an event.
    Consume,
    /// A fault began or ended meanwhile.
    Fault,
}

/// The life of one key, as far as choosing needs it.
#[derive(Clone, Copy)]
struct Life {
    from_us: u64,
    to_us: u64,
    accepted: bool,
}

/// The chains of some keys: named by evidence, slowest, ordinary.
pub(super) fn chains(
    history: &History,
    requests: &[Request<'_>],
    checks: &[Check],
    left_out: &mut Vec<String>,
) -> Vec<Chain> {
    let correlation = Correlation::of(history, requests);
    let lives = lives(history, &correlation);
    let chosen = choose(&lives, &correlation, checks);
    if lives.len() > chosen.len() {
        left_out.push(format!(
            "the event chains of {} of {} keys: those that evidence names, the slowest, one \
             ordinary",
            chosen.len(),
            lives.len()
        ));
    }
    let services = services(history);
    let numbers: BTreeMap<u64, &Request<'_>> = requests.iter().map(|r| (r.number, r)).collect();
    let reader = Reader {
        correlation: &correlation,
        services: &services,
        requests: &numbers,
        faults: &faults(history),
    };
    let chain = |(key, choice): (&str, Choice)| {
        let life = lives.get(key)?;
        let mut steps = reader.steps(history, key, life);
        if steps.len() > STEPS {
            left_out.push(format!("{STEPS} of {} steps of key {key}", steps.len()));
            steps.truncate(STEPS);
        }
        Some(Chain {
            key: key.to_owned(),
            choice,
            took_us: life.took_us(),
            steps,
        })
    };
    chosen.into_iter().filter_map(chain).collect()
}

/// When things happened to each key; what users ask for later does not prolong its life.
fn lives<'a>(history: &'a History, correlation: &Correlation<'a>) -> BTreeMap<&'a str, Life> {
    let mut lives: BTreeMap<&str, Life> = BTreeMap::new();
    for entry in &history.entries {
        let Some(key) = correlation.key_of(entry) else {
            continue;
        };
        let life = lives.entry(key).or_insert(Life {
            from_us: entry.at_us,
            to_us: entry.at_us,
            accepted: false,
        });
        match &entry.what {
            What::Answered {
                outcome, location, ..
            } => life.accepted |= *outcome == Outcome::Ok && location.is_some(),
            What::Requested { .. } | What::CallSent { .. } | What::CallEnded { .. } => {}
            _ => life.to_us = entry.at_us,
        }
    }
    lives
}

fn choose<'a>(
    lives: &BTreeMap<&'a str, Life>,
    correlation: &Correlation<'a>,
    checks: &[Check],
) -> Vec<(&'a str, Choice)> {
    let mut chosen: Vec<(&str, Choice)> = Vec::new();
    let broken = checks.iter().filter(|check| check.verdict != Verdict::Pass);
    let mut named: Vec<&str> = broken
        .flat_map(|check| &check.evidence)
        .flat_map(|line| correlation.named_in(line))
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    named.retain(|key| seen.insert(*key));
    let named = named.into_iter().take(FROM_EVIDENCE);
    chosen.extend(named.map(|key| (key, Choice::Evidence)));
    let mut by_time: Vec<(&&str, &Life)> = lives.iter().filter(|(_, l)| l.accepted).collect();
    by_time.sort_by_key(|(_, life)| std::cmp::Reverse(life.took_us()));
    let ordinary = by_time.get(by_time.len() / 2).map(|(key, _)| **key);
    let slowest = by_time.into_iter().map(|(key, _)| *key);
    let slowest: Vec<&str> = slowest
        .filter(|key| !seen.contains(key))
        .take(SLOWEST)
        .collect();
    chosen.extend(slowest.into_iter().map(|key| (key, Choice::Slowest)));
    if let Some(key) = ordinary.filter(|key| chosen.iter().all(|(other, _)| other != key)) {
        chosen.push((key, Choice::Ordinary));
    }
    chosen
}

/// The deployment of every pod that a history names.
fn services(history: &History) -> BTreeMap<&str, &str> {
    let pods = history
        .entries
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Pod { deployment, .. } => Some((&*entry.host, &**deployment)),
            _ => None,
        });
    pods.collect()
}

/// The descriptions of faults by their places in the plan.
fn faults(history: &History) -> BTreeMap<usize, &str> {
    let faults = history
        .entries
        .iter()
        .filter_map(|entry| match &entry.what {
            What::FaultBegan { fault, description } => Some((*fault, description.as_str())),
            _ => None,
        });
    faults.collect()
}

// === impl Life ===

impl Life {
    fn took_us(&self) -> u64 {
        self.to_us - self.from_us
    }
}

/// A step's kind, beginning, end and label, and whether it went well.
type Drawn = (StepKind, String, String, String, bool);

/// Turns entries into steps.
struct Reader<'a> {
    correlation: &'a Correlation<'a>,
    services: &'a BTreeMap<&'a str, &'a str>,
    requests: &'a BTreeMap<u64, &'a Request<'a>>,
    faults: &'a BTreeMap<usize, &'a str>,
}

impl Reader<'_> {
    fn steps(&self, history: &History, key: &str, life: &Life) -> Vec<Step> {
        let meanwhile = |entry: &Entry| (life.from_us..=life.to_us).contains(&entry.at_us);
        let steps = history.entries.iter().filter_map(|entry| {
            if self.correlation.key_of(entry) == Some(key) {
                return self.step(entry);
            }
            let (fault, said, good) = match &entry.what {
                What::FaultBegan { fault, .. } => (fault, "begins", false),
                What::FaultEnded { fault, .. } => (fault, "ended", true),
                _ => return None,
            };
            let description = self.faults.get(fault).copied().unwrap_or_default();
            let label = format!("F{fault} {said}: {description}");
            let step = (StepKind::Fault, String::new(), String::new(), label, good);
            meanwhile(entry).then(|| self.at(entry, step))
        });
        steps.collect()
    }

    fn step(&self, entry: &Entry) -> Option<Step> {
        let drawn = match &entry.what {
            What::Requested { .. } | What::Answered { .. } => self.of_user(&entry.what)?,
            What::CallSent { .. } | What::CallEnded { .. } => {
                of_call(&entry.what, self.service(&entry.host))?
            }
            _ => self.of_event(&entry.what, self.service(&entry.host))?,
        };
        Some(self.at(entry, drawn))
    }

    /// Between a user and a service.
    fn of_user(&self, what: &What) -> Option<Drawn> {
        let user = || USER.to_owned();
        match what {
            What::Requested {
                target,
                method,
                path,
                ..
            } => {
                let (to, label) = (callee(target), format!("{method} {path}"));
                Some((StepKind::Request, user(), to, label, true))
            }
            What::Answered { request, .. } => {
                let request = self.requests.get(request)?;
                let answer = request.answer()?;
                let label = ending(answer.status, answer.error);
                let (from, good) = (callee(request.target), answer.outcome == Outcome::Ok);
                Some((StepKind::Answer, from, user(), label, good))
            }
            _ => None,
        }
    }

    /// Within a service, or between it and the broker.
    fn of_event(&self, what: &What, own: String) -> Option<Drawn> {
        let broker = BROKER.to_owned();
        match what {
            What::Committed {
                events, replayed, ..
            } => {
                let kind = |event: &String| self.correlation.kind(event).unwrap_or("an event");
                let kinds: Vec<&str> = events.iter().map(kind).collect();
                let again = if *replayed { " again" } else { "" };
                let label = format!("commit {}{again}", kinds.join(", "));
                Some((StepKind::Commit, own.clone(), own, label, true))
            }
            What::Published { kind, .. } => {
                Some((StepKind::Publish, own, broker, kind.to_string(), true))
            }
            What::Consumed {
                kind,
                outcome,
                reason,
                ..
            } => {
                let mut label = format!("{kind} {}", result(*outcome));
                if let Some(reason) = reason {
                    label.push_str(": ");
                    label.push_str(reason);
                }
                let good = *outcome != Consumption::Rejected;
                Some((StepKind::Consume, broker, own, label, good))
            }
            _ => None,
        }
    }

    fn at(&self, entry: &Entry, (kind, from, to, label, good): Drawn) -> Step {
        let host = match &entry.what {
            What::Requested { user, .. } => user.to_string(),
            What::Answered { request, .. } => self
                .requests
                .get(request)
                .map_or_else(String::new, |request| request.user.to_string()),
            _ => entry.host.to_string(),
        };
        Step {
            at_us: entry.at_us,
            kind,
            from,
            to,
            label,
            host,
            good,
        }
    }

    /// The lane of a host: its deployment's. A store stands in the lane of who it belongs to.
    fn service(&self, host: &str) -> String {
        let service = *self.services.get(host).unwrap_or(&host);
        service.strip_suffix(STORE).unwrap_or(service).to_owned()
    }
}

/// Between two services.
fn of_call(what: &What, own: String) -> Option<Drawn> {
    match what {
        What::CallSent {
            target,
            method,
            path,
            ..
        } => {
            let (to, label) = (callee(target), format!("{method} {path}"));
            Some((StepKind::Call, own, to, label, true))
        }
        What::CallEnded {
            target,
            status,
            error,
            ..
        } => {
            let good = status.is_some_and(|status| status < 400);
            let label = ending(*status, error.as_deref());
            Some((StepKind::Return, callee(target), own, label, good))
        }
        _ => None,
    }
}

/// `pay` of `pay:8080`.
fn callee(target: &str) -> String {
    target.split(':').next().unwrap_or(target).to_owned()
}

fn ending(status: Option<u16>, error: Option<&str>) -> String {
    match (status, error) {
        (Some(status), _) => status.to_string(),
        (None, Some(error)) => error.to_owned(),
        (None, None) => "no answer".to_owned(),
    }
}

fn result(outcome: Consumption) -> &'static str {
    match outcome {
        Consumption::Applied => "applied",
        Consumption::Duplicate => "dropped as a duplicate",
        Consumption::Ignored => "ignored",
        Consumption::Rejected => "rejected",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Findings, hand::Hand, requests::requests};

    /// Orders 1 to 9; the n-th takes n × 10 ms from its request to its consumer, the 3rd under a
    /// fault.
    fn history() -> History {
        let hand = Hand::new().each(1..10, |hand, n: u64| {
            let (key, event) = (n.to_string(), format!("c{n}#0"));
            let hand = hand.at(n * 1_000).on("load-1").request("POST", "/orders");
            let hand = hand.created(n, &format!("http://gateway:8080/orders/{n}"));
            let hand = hand.on("order-1").published(&event, "Ordered", &key, n);
            let hand = if n == 3 { hand.fault_began(0) } else { hand };
            hand.at(n * 1_010)
                .on("notice-1")
                .consumed("notice", &event, &key, Consumption::Applied)
        });
        hand.history()
    }

    fn chains_of(checks: &[Check]) -> (Vec<Chain>, Vec<String>) {
        let history = history();
        let mut left_out = Vec::new();
        let chains = chains(&history, &requests(&history), checks, &mut left_out);
        (chains, left_out)
    }

    #[test]
    fn evidence_the_slowest_and_one_ordinary_are_shown() {
        let mut findings = Findings::default();
        findings.add(|| "Ordered c2#0 of 2 by order".to_owned());
        let check = Check::judged("c", "seen", "promised", findings);
        let (chains, left_out) = chains_of(&[check]);
        let chosen: Vec<_> = chains
            .iter()
            .map(|c| (&*c.key, c.choice, c.took_us))
            .collect();
        let expected = [
            ("2", Choice::Evidence, 20_000),
            ("9", Choice::Slowest, 90_000),
            ("8", Choice::Slowest, 80_000),
            ("5", Choice::Ordinary, 50_000),
        ];
        assert_eq!(chosen, expected);
        assert_eq!(left_out.len(), 1, "{left_out:?}");
    }

    #[test]
    fn a_chain_reads_from_the_request_to_the_consumer() {
        let mut findings = Findings::default();
        findings.add(|| "request 3 of user-3".to_owned());
        let check = Check::judged("c", "seen", "promised", findings);
        let (chains, _) = chains_of(&[check]);
        let steps: Vec<_> = chains[0]
            .steps
            .iter()
            .map(|step| (step.kind, &*step.from, &*step.to, &*step.label))
            .collect();
        let expected = [
            (StepKind::Request, "user", "gateway", "POST /orders"),
            (StepKind::Answer, "gateway", "user", "201"),
            (StepKind::Publish, "order-1", "broker", "Ordered"),
            (StepKind::Fault, "", "", "F0 begins: fault number 0"),
            (StepKind::Consume, "broker", "notice-1", "Ordered applied"),
        ];
        assert_eq!(steps, expected);
    }

    #[test]
    fn without_events_there_is_no_chain() {
        let history = Hand::new().get("/orders").answered(1, 200).history();
        let found = chains(&history, &requests(&history), &[], &mut Vec::new());
        assert_eq!(found, []);
    }
}
