//! One run with everything that its readers want: the stuff of all output formats.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    check::{Check, Findings, RunVerdict, Verdict},
    documented::Documented,
    fingerprint::{Difference, fingerprint},
    history::{History, What},
    results::{CheckResult, FaultResult, RunResult},
    siege::siege,
    sla::{NoPanics, Sla},
    statistics::{littles_law, statistics},
    table::page,
};

/// How many of a run's last events a failure shows.
const LAST_EVENTS: usize = 10;

/// Which run it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// `shop/pay-outage`.
    pub scenario: String,
    /// `shop`.
    pub system: String,
    /// What the scenario claims, in plain words.
    pub claim: String,
    /// The run's seed.
    pub seed: u64,
    /// The documented experiment it repeats, if it repeats one.
    pub documented: Option<Documented>,
}

/// One run, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What the scenario claims.
    pub claim: String,
    /// The figures.
    pub result: RunResult,
    /// The judgements with their evidence.
    pub checks: Vec<Check>,
    /// The panics in words.
    pub panics: Vec<String>,
    /// The last events of the run, or up to its first panic, as lines. Samples and the final
    /// inventory are left out: they say nothing of how it came to this.
    pub last_events: Vec<String>,
    /// The command that repeats it.
    pub command: String,
}

impl Report {
    /// Reports a run that these checks judged; adds Little's law where it can be judged.
    ///
    /// # Panics
    /// When two checks have one name: of these a comparison, a baseline and junit.xml would know
    /// one only.
    pub fn new(identity: Identity, history: &History, mut checks: Vec<Check>) -> Self {
        checks.extend(littles_law(history));
        assert_unique(&identity.scenario, &checks);
        let verdict = RunVerdict::of(history, &checks);
        let figures = statistics(history);
        let siege = siege(history);
        let documented = identity.documented.map(|figures| figures.beside(&siege));
        let end_us = history.entries.last().map_or(0, |entry| entry.at_us);
        let command = format!("squall run {} --seed {}", identity.scenario, identity.seed);
        let panics = match verdict {
            RunVerdict::Panic => NoPanics.judge(history).evidence,
            _ => Vec::new(),
        };
        Self {
            claim: identity.claim,
            result: RunResult {
                scenario: identity.scenario,
                system: identity.system,
                seed: identity.seed,
                verdict,
                simulated_s: seconds(end_us),
                fingerprint: fingerprint(history),
                requests: figures.requests,
                siege,
                latency_ms: figures.response,
                checks: checks.iter().map(CheckResult::from).collect(),
                faults: faults(history),
                documented,
            },
            checks,
            panics,
            last_events: last_events(history),
            command,
        }
    }

    /// The same run, which its simulation calls worth nothing for these reasons (none: no change).
    #[must_use]
    pub fn unsound(self, reasons: &[String]) -> Self {
        if reasons.is_empty() {
            return self;
        }
        let mut findings = Findings::default();
        reasons
            .iter()
            .for_each(|reason| findings.add(|| reason.clone()));
        let observed = format!("{} reasons against it", reasons.len());
        self.with(
            Check::judged("the run is sound", observed, "none", findings),
            RunVerdict::Fail,
        )
    }

    /// The same run, whose repetition gave another history.
    #[must_use]
    pub fn not_deterministic(self, difference: &Difference) -> Self {
        let mut findings = Findings::default();
        difference
            .to_string()
            .lines()
            .for_each(|line| findings.add(|| line.to_owned()));
        let check = Check::judged(
            "same seed, same history",
            format!("they part at entry {}", difference.index),
            "equal, byte for byte",
            findings,
        );
        self.with(check, RunVerdict::NotDeterministic)
    }

    /// For a test: fails it, with everything that explains why, unless the run passed.
    ///
    /// # Panics
    /// When its verdict is any other than a pass.
    #[track_caller]
    pub fn assert_pass(&self) {
        if self.result.verdict != RunVerdict::Pass {
            let command = format!("this test; the seed is {}", self.result.seed);
            let here = Self {
                command,
                ..self.clone()
            };
            panic!("{}", page(&here, false));
        }
    }

    /// The checks that did not pass, the worst first, else in their order.
    pub fn broken(&self) -> Vec<&Check> {
        let mut broken: Vec<&Check> = self
            .checks
            .iter()
            .filter(|check| check.verdict != Verdict::Pass)
            .collect();
        broken.sort_by_key(|check| std::cmp::Reverse(check.verdict));
        broken
    }

    fn with(mut self, check: Check, verdict: RunVerdict) -> Self {
        self.result.verdict = self.result.verdict.max(verdict);
        assert!(
            self.checks.iter().all(|other| other.name != check.name),
            "{:?} is a name of squall's own",
            check.name
        );
        self.result.checks.push(CheckResult::from(&check));
        self.checks.push(check);
        self
    }
}

fn assert_unique(scenario: &str, checks: &[Check]) {
    let mut names = BTreeSet::new();
    for check in checks {
        let name = &check.name;
        assert!(
            names.insert(name),
            "two checks of {scenario} are called {name:?}; `Check::named` gives one another name"
        );
    }
}

impl From<&Check> for CheckResult {
    fn from(check: &Check) -> Self {
        let Check {
            name,
            verdict,
            observed,
            bound,
            ..
        } = check.clone();
        Self {
            name,
            verdict,
            observed,
            bound,
        }
    }
}

fn last_events(history: &History) -> Vec<String> {
    let panicked = |what: &What| matches!(what, What::Panicked { .. });
    let first_panic = history
        .entries
        .iter()
        .position(|entry| panicked(&entry.what));
    let until = first_panic.map_or(history.entries.len(), |place| place + 1);
    let telling = history.entries.iter().take(until).rev().filter(|entry| {
        !matches!(
            entry.what,
            What::InFlight { .. } | What::Stored { .. } | What::Logged { .. }
        )
    });
    let mut lines: Vec<String> = telling.take(LAST_EVENTS).map(ToString::to_string).collect();
    lines.reverse();
    lines
}

fn faults(history: &History) -> Vec<FaultResult> {
    let mut faults: BTreeMap<usize, FaultResult> = BTreeMap::new();
    for entry in &history.entries {
        match &entry.what {
            What::FaultBegan { fault, description } => {
                faults.entry(*fault).or_insert_with(|| FaultResult {
                    fault: description.clone(),
                    from_s: seconds(entry.at_us),
                    to_s: None,
                    effect: BTreeMap::new(),
                });
            }
            What::FaultEnded { fault, effect } => {
                if let Some(begun) = faults.get_mut(fault) {
                    begun.to_s = Some(seconds(entry.at_us));
                    begun.effect.clone_from(effect);
                }
            }
            _ => {}
        }
    }
    faults.into_values().collect()
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1_000_000.0
}

#[cfg(test)]
pub(crate) mod by_hand {
    //! The one hand-made set of reports that every format is a snapshot of.

    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::{
        documented::Figure,
        hand::Hand,
        history::{Consumption, Outcome},
        requests::Requests,
        sla::{
            Availability, Convergence, ExactlyOnce, FaultsActed, Good, NoPanics, RunEnded, judge,
        },
        window::Window,
    };

    /// One run that passes, one that fails, one that tested nothing, one that panicked.
    pub(crate) fn reports() -> Vec<Report> {
        let calm = story(3, Consumption::Applied).history();
        let lost = lost();
        let idle = story(0, Consumption::Applied).history();
        let panicked = story(3, Consumption::Applied)
            .panicked("order-1", "stock below zero: -1 of \"tv\" <left>")
            .history();
        let pay_outage = "shop/pay-outage";
        vec![
            report("shop/calm", 1, &calm),
            report(pay_outage, 7, &lost),
            report("shop/slow-link", 1, &idle),
            report("shop/stock", 18_446_744_073_709_551_615, &panicked),
        ]
    }

    /// The history of the run that fails.
    pub(crate) fn lost() -> History {
        story(3, Consumption::Ignored).history()
    }

    pub(crate) fn report(scenario: &str, seed: u64, history: &History) -> Report {
        let documented = || Documented {
            source: "siege -c1 -t60S --delay=1S GET /orders",
            users: 1,
            figures: vec![
                (Figure::Hits, 106.0),
                (Figure::AvailabilityPercent, 99.98),
                (Figure::ResponseS, 0.04),
            ],
            note: "The document had no preStop hook: its 100 % was luck.",
        };
        let identity = Identity {
            scenario: scenario.to_owned(),
            system: "shop".to_owned(),
            claim: "Every payment pod dies at peak load: orders may be refused, none may be lost \
                    or charged twice."
                .to_owned(),
            seed,
            documented: (scenario == "shop/calm").then(documented),
        };
        Report::new(identity, history, judge(history, &promises()))
    }

    fn promises() -> Vec<Box<dyn Sla>> {
        vec![
            Box::new(RunEnded {
                phases: vec!["load".into(), "heal".into()],
            }),
            Box::new(NoPanics),
            Box::new(FaultsActed {
                planned: 1,
                claimed: true,
            }),
            Box::new(Availability {
                requests: Requests::to("POST", "/orders"),
                window: Window::Phase("load".into()),
                good: Good::Ok,
                at_least_percent: 50.0,
            }),
            Box::new(ExactlyOnce {
                consumer: "notice".into(),
                kinds: vec!["Ordered".into()],
            }),
            Box::new(Convergence {
                consumers: vec![],
                within: Duration::from_secs(30),
            }),
        ]
    }

    /// Two orders, one taken and one refused, under a partition that held `held` packets.
    fn story(held: u64, second: Consumption) -> Hand {
        let refused = "urn:squall:refused:payment";
        let hand = Hand::new()
            .phase("load")
            .on("load-1")
            .at(1_000)
            .request("POST", "/orders")
            .at(1_012)
            .created(1, "http://gateway:8080/orders/1")
            .on("order-1")
            .at(1_020)
            .published("c1#0", "Ordered", "1", 0)
            .published("c1#1", "Ordered", "1", 1)
            .on("notice-1")
            .at(1_030)
            .consumed("notice", "c1#0", "1", Consumption::Applied)
            .on("world")
            .at(2_000)
            .fault_began(0)
            .on("load-1")
            .request("POST", "/orders")
            .at(2_610)
            .refused(2, 503, refused)
            .get("/orders")
            .at(5_610)
            .unanswered(3, Outcome::Unknown)
            .request("POST", "/orders")
            .at(5_630)
            .created(4, "http://gateway:8080/orders/2")
            .on("world")
            .at(8_000)
            .fault_ended(0, held)
            .phase("heal");
        hand.on("notice-1")
            .at(8_250)
            .consumed("notice", "c1#1", "1", second)
            .logged(0, "c1#0", "Ordered", "1", json!({"item": "tv"}))
            .logged(1, "c1#1", "Ordered", "1", json!({"item": "tv"}))
    }
}

#[cfg(test)]
mod tests {
    use super::{by_hand::reports, *};
    use crate::{fingerprint::first_difference, hand::Hand};

    #[test]
    fn the_reports_by_hand_have_one_verdict_each() {
        let verdicts: Vec<RunVerdict> = reports().iter().map(|run| run.result.verdict).collect();
        let expected = [
            RunVerdict::Pass,
            RunVerdict::Fail,
            RunVerdict::Vacuous,
            RunVerdict::Panic,
        ];
        assert_eq!(verdicts, expected);
    }

    #[test]
    fn a_failing_check_is_shown_before_a_vacuous_one() {
        let lost = &reports()[1];
        assert_eq!(
            lost.broken().first().map(|check| &*check.name),
            Some("exactly once in notice")
        );
        assert_eq!(lost.command, "squall run shop/pay-outage --seed 7");
    }

    #[test]
    #[should_panic(expected = "two checks of shop/calm are called \"no panics\"")]
    fn two_checks_of_one_name_are_refused() {
        let calm = reports().remove(0);
        let history = Hand::new().history();
        let identity = Identity {
            scenario: calm.result.scenario,
            system: calm.result.system,
            claim: calm.claim,
            seed: 1,
            documented: None,
        };
        let twice = vec![NoPanics.judge(&history), NoPanics.judge(&history)];
        Report::new(identity, &history, twice);
    }

    #[test]
    fn a_run_that_its_simulation_gave_up_fails() {
        let calm = reports().remove(0);
        assert_eq!(calm.clone().unsound(&[]), calm);
        let stuck = calm.unsound(&["livelock on order-1 at 3.2 s".to_owned()]);
        assert_eq!(stuck.result.verdict, RunVerdict::Fail);
        assert_eq!(stuck.broken()[0].evidence, ["livelock on order-1 at 3.2 s"]);
    }

    #[test]
    fn the_last_events_lead_to_the_panic_and_hold_no_inventory() {
        let panicked = Hand::new().each(0..20, |hand, n| hand.at(n).note("step"));
        let panicked = panicked
            .in_flight(3)
            .panicked("pay-1", "broken")
            .note("after");
        let lines = last_events(&panicked.history());
        assert_eq!(lines.len(), LAST_EVENTS);
        assert!(
            lines.last().is_some_and(|line| line.contains("panicked")),
            "{lines:?}"
        );
        assert!(
            !lines.iter().any(|line| line.contains("in_flight")),
            "{lines:?}"
        );
        let calm = &reports()[0].last_events;
        assert!(
            calm.last().is_some_and(|line| line.contains("consumed")),
            "{calm:?}"
        );
    }

    #[test]
    fn a_run_that_does_not_repeat_itself_says_where() {
        let (left, right) = (
            Hand::new().note("a").history(),
            Hand::new().note("b").history(),
        );
        let difference = first_difference(&left, &right).expect("they differ");
        let report = reports().remove(0).not_deterministic(&difference);
        assert_eq!(report.result.verdict, RunVerdict::NotDeterministic);
        assert_eq!(report.broken()[0].evidence.len(), 3);
        assert_eq!(report.result.checks.len(), report.checks.len());
        let panicked = reports().remove(3).not_deterministic(&difference);
        assert_eq!(panicked.result.verdict, RunVerdict::Panic);
    }
}
