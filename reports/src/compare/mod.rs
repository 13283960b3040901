//! Two results made one verdict: what became better, what worse, what is new and what is missing.
//!
//! Runs are matched by scenario and seed. Everything compared is the same for the same seed and
//! build, so with a tolerance of 0 any difference counts; real time (`wall`) is not compared.

mod format;
mod metric;
mod parting;
mod text;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;

pub use self::{
    format::{SCHEMA, html, json, markdown},
    metric::{Direction, METRICS, Metric},
    parting::parting,
    text::text,
};
use crate::{
    check::Verdict,
    results::{CheckResult, Results, RunResult},
};

/// What two results differ in.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Compared {
    /// Differences up to so many percent of the baseline's figure are none.
    pub tolerance_percent: f64,
    /// Runs that both have.
    pub runs: usize,
    /// … of which so many have the same history, to the last event.
    pub identical: usize,
    /// Runs of the baseline that are not there any more.
    pub missing: Vec<RunName>,
    /// Runs that the baseline does not have.
    pub new: Vec<RunName>,
    /// What differs: regressions first, each part in the order of the baseline.
    pub changes: Vec<Change>,
}

/// A run's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RunName {
    /// `shop/pay-outage`.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
}

/// One thing that differs in one way in some runs of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Whether that is bad.
    pub kind: Kind,
    /// The scenario.
    pub scenario: String,
    /// What differs: `latency_ms.p99`, `verdict`, or `check: ` and its name.
    pub metric: String,
    /// The seeds it differs with in this way.
    pub seeds: Vec<u64>,
    /// How many seeds both results have of the scenario.
    pub of: usize,
    /// The seed of the greatest difference, and what it is.
    pub seed: u64,
    /// What the baseline has there.
    pub baseline: String,
    /// What the current results have there.
    pub current: String,
    /// The difference in percent of the baseline's figure; `None` when that is no figure or 0.
    pub percent: Option<f64>,
}

/// What to think of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It became worse.
    Regression,
    /// A check of the same name promises something else. No program can tell from words whether
    /// `≥ 99 %` instead of `≥ 99.9 %` is worse, and a promise loosened in silence until it is kept
    /// is what a baseline is there to catch: so it is no pass, whatever the verdicts. Who meant it
    /// makes a new baseline. Promises that differ in nothing but figures, each of them within the
    /// tolerance, are one.
    Promise,
    /// It became better.
    Improvement,
    /// It is neither good nor bad by itself.
    Change,
}

/// A difference in one run.
struct Difference {
    kind: Kind,
    metric: String,
    baseline: String,
    current: String,
    percent: Option<f64>,
}

/// Compares two results.
pub fn compare(baseline: &Results, current: &Results, tolerance_percent: f64) -> Compared {
    let before = by_name(baseline);
    let after = by_name(current);
    let only = |these: &BTreeMap<RunName, &RunResult>, those: &BTreeMap<RunName, &RunResult>| {
        let names = these.keys().filter(|name| !those.contains_key(name));
        names.cloned().collect::<Vec<_>>()
    };
    let mut compared = Compared {
        tolerance_percent,
        missing: only(&before, &after),
        new: only(&after, &before),
        ..Compared::default()
    };
    let mut seeds: BTreeMap<&str, usize> = BTreeMap::new();
    // In the order of the baseline, each run once.
    let mut seen = BTreeSet::new();
    for run in baseline.runs.iter().filter(|run| seen.insert(run.name())) {
        let Some(now) = after.get(&run.name()) else {
            continue;
        };
        compared.runs += 1;
        *seeds.entry(&run.scenario).or_default() += 1;
        if run.fingerprint == now.fingerprint {
            compared.identical += 1;
        }
        for difference in differences(run, now, tolerance_percent) {
            compared.add(run, difference);
        }
    }
    for change in &mut compared.changes {
        change.of = seeds.get(change.scenario.as_str()).copied().unwrap_or(0);
    }
    compared.changes.sort_by_key(|change| change.kind);
    compared
}

impl Compared {
    /// Whether nothing became worse, nothing is promised otherwise and nothing is missing.
    pub fn is_good(&self) -> bool {
        let bad = self.count(Kind::Regression) + self.count(Kind::Promise);
        self.missing.is_empty() && bad == 0
    }

    /// The whole in a few words.
    fn headline(&self) -> &'static str {
        let is_worse = !self.missing.is_empty() || self.count(Kind::Regression) > 0;
        match (self.is_good(), is_worse) {
            (true, _) => "nothing became worse",
            (false, true) => "worse than the baseline",
            (false, false) => "not what the baseline promises",
        }
    }

    /// Whether there is no difference at all.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.new.is_empty() && self.changes.is_empty()
    }

    /// How many changes are of this kind.
    pub fn count(&self, kind: Kind) -> usize {
        let alike = self.changes.iter().filter(|change| change.kind == kind);
        alike.count()
    }

    /// One line: how many of what.
    pub fn summary(&self) -> String {
        format!(
            "{} worse, {} changed, {} better, {} other; {} missing, {} new; {} of {} runs \
             identical (± {} %)",
            self.count(Kind::Regression),
            self.count(Kind::Promise),
            self.count(Kind::Improvement),
            self.count(Kind::Change),
            self.missing.len(),
            self.new.len(),
            self.identical,
            self.runs,
            self.tolerance_percent
        )
    }

    /// Adds to a change that other seeds have, too, or begins one.
    fn add(&mut self, run: &RunResult, new: Difference) {
        let alike = self.changes.iter_mut().rev().find(|change| {
            change.kind == new.kind
                && change.scenario == run.scenario
                && change.metric == new.metric
        });
        let Some(change) = alike else {
            self.changes.push(Change {
                kind: new.kind,
                scenario: run.scenario.clone(),
                metric: new.metric,
                seeds: vec![run.seed],
                of: 0,
                seed: run.seed,
                baseline: new.baseline,
                current: new.current,
                percent: new.percent,
            });
            return;
        };
        change.seeds.push(run.seed);
        let size = |percent: Option<f64>| percent.map_or(f64::INFINITY, f64::abs);
        if size(new.percent) > size(change.percent) {
            change.seed = run.seed;
            change.baseline = new.baseline;
            change.current = new.current;
            change.percent = new.percent;
        }
    }
}

/// What differs in one run by more than the tolerance.
fn differences(before: &RunResult, after: &RunResult, tolerance_percent: f64) -> Vec<Difference> {
    let mut found = Vec::new();
    let worse = |worse: bool| {
        if worse {
            Kind::Regression
        } else {
            Kind::Improvement
        }
    };
    if before.verdict != after.verdict {
        found.push(Difference {
            kind: worse(after.verdict > before.verdict),
            metric: "verdict".to_owned(),
            baseline: before.verdict.to_string(),
            current: after.verdict.to_string(),
            percent: None,
        });
    }
    found.extend(METRICS.iter().filter_map(|metric| {
        let (was, is) = ((metric.of)(before), (metric.of)(after));
        let percent = (was != 0.0).then(|| 100.0 * (is - was) / was.abs());
        let same = is == was || percent.is_some_and(|percent| percent.abs() <= tolerance_percent);
        (!same).then(|| Difference {
            kind: metric.direction.judge(was, is),
            metric: metric.name.to_owned(),
            baseline: was.to_string(),
            current: is.to_string(),
            percent,
        })
    }));
    found.extend(checks(before, after));
    found.extend(promises(before, after, tolerance_percent));
    found
}

/// Checks that promise something else under the same name.
fn promises(before: &RunResult, after: &RunResult, tolerance_percent: f64) -> Vec<Difference> {
    let bounds = after.checks.iter();
    let bounds: BTreeMap<&str, &str> = bounds.map(|check| (&*check.name, &*check.bound)).collect();
    let difference = |check: &CheckResult| {
        let is = *bounds.get(&*check.name)?;
        (!is_one_promise(&check.bound, is, tolerance_percent)).then(|| Difference {
            kind: Kind::Promise,
            metric: format!("promise: {}", check.name),
            baseline: check.bound.clone(),
            current: is.to_owned(),
            percent: None,
        })
    };
    before.checks.iter().filter_map(difference).collect()
}

/// Whether two promises differ in figures only, and in each by no more than the tolerance.
fn is_one_promise(was: &str, is: &str, tolerance_percent: f64) -> bool {
    if was == is {
        return true;
    }
    let ((words, were), (others, are)) = (figures(was), figures(is));
    let mut pairs = were.iter().zip(&are);
    words == others
        && pairs.all(|(was, is)| 100.0 * (is - was).abs() <= tolerance_percent * was.abs())
}

/// A text's words, with a mark where a figure was, and its figures.
fn figures(text: &str) -> (String, Vec<f64>) {
    let (mut words, mut figures, mut digits) = (String::new(), Vec::new(), String::new());
    for letter in text.chars().chain(['\n']) {
        if letter.is_ascii_digit() || (letter == '.' && !digits.is_empty()) {
            digits.push(letter);
            continue;
        }
        if !digits.is_empty() {
            // What is no number, `1.2.3`, equals nothing but itself.
            figures.push(digits.parse().unwrap_or(f64::NAN));
            words.push('\0');
            digits.clear();
        }
        words.push(letter);
    }
    (words, figures)
}

/// Checks whose verdict changed, that are judged no more, or that are new.
fn checks(before: &RunResult, after: &RunResult) -> Vec<Difference> {
    let verdicts = |run: &RunResult| -> BTreeMap<String, Verdict> {
        let checks = run.checks.iter();
        checks
            .map(|check| (check.name.clone(), check.verdict))
            .collect()
    };
    let (was, is) = (verdicts(before), verdicts(after));
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let difference = |name: &String| {
        let (old, new) = (was.get(name).copied(), is.get(name).copied());
        let kind = match (old, new) {
            (Some(old), Some(new)) if old == new => return None,
            (Some(old), Some(new)) if new > old => Kind::Regression,
            (Some(_), Some(_)) => Kind::Improvement,
            // What is judged no more is promised no more.
            (Some(_), None) => Kind::Regression,
            (None, _) => Kind::Change,
        };
        let word = |verdict: Option<Verdict>| {
            verdict.map_or_else(|| "not judged".to_owned(), |verdict| verdict.to_string())
        };
        Some(Difference {
            kind,
            metric: format!("check: {name}"),
            baseline: word(old),
            current: word(new),
            percent: None,
        })
    };
    names.into_iter().filter_map(difference).collect()
}

fn by_name(results: &Results) -> BTreeMap<RunName, &RunResult> {
    results.runs.iter().map(|run| (run.name(), run)).collect()
}

impl RunResult {
    /// What it is matched by.
    pub fn name(&self) -> RunName {
        RunName {
            scenario: self.scenario.clone(),
            seed: self.seed,
        }
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}, seed {}", self.scenario, self.seed)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Regression => "worse",
            Self::Promise => "changed",
            Self::Improvement => "better",
            Self::Change => "other",
        })
    }
}

#[cfg(test)]
pub(crate) mod by_hand {
    use super::*;
    use crate::{report::by_hand::reports, results::Wall};

    /// The results of the reports by hand.
    pub(crate) fn results() -> Results {
        let runs = reports().into_iter().map(|report| report.result);
        Results::new(runs.collect(), Wall::default())
    }

    /// The same with a slower payment, one scenario gone, one new, one check gone, one loosened.
    pub(crate) fn slower() -> Results {
        let mut results = results();
        let mut run = results.runs[0].clone();
        for run in &mut results.runs[..2] {
            run.latency_ms.p99 *= 1.5;
            run.siege.response_s = (run.siege.response_s + 0.01) * 2.0;
            run.siege.shortest_s += 0.01;
            run.requests.ok += 1;
            run.fingerprint = "another".to_owned();
        }
        results.runs[1].checks.remove(0);
        let loosened = results.runs[0].checks.iter_mut();
        for check in loosened.filter(|check| check.name.starts_with("availability")) {
            check.bound = check.bound.replace("50", "40");
        }
        results.runs[1].verdict = crate::check::RunVerdict::Panic;
        run.scenario = "shop/new <one>".to_owned();
        results.runs[3] = run;
        results
    }

    pub(crate) fn compared() -> Compared {
        compare(&results(), &slower(), 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        by_hand::{results, slower},
        *,
    };

    #[test]
    fn results_are_equal_to_themselves() {
        let compared = compare(&results(), &results(), 0.0);
        assert!(compared.is_empty() && compared.is_good());
        assert_eq!((compared.runs, compared.identical), (4, 4));
    }

    #[test]
    fn worse_better_new_and_missing_are_told_apart() {
        let compared = compare(&results(), &slower(), 0.0);
        assert!(!compared.is_good());
        let of = |kind| -> Vec<(&str, &str)> {
            let alike = compared.changes.iter().filter(|change| change.kind == kind);
            alike
                .map(|change| (&*change.scenario, &*change.metric))
                .collect()
        };
        let worse = of(Kind::Regression);
        for (scenario, metric) in [
            ("shop/calm", "latency_ms.p99"),
            ("shop/calm", "siege.response_s"),
            ("shop/pay-outage", "verdict"),
            ("shop/pay-outage", "check: the run ended"),
        ] {
            assert!(worse.contains(&(scenario, metric)), "{worse:?}");
        }
        let loosened = "promise: availability of POST /orders in phase load";
        assert_eq!(of(Kind::Promise), [("shop/calm", loosened)]);
        assert!(of(Kind::Improvement).contains(&("shop/calm", "requests.ok")));
        assert!(of(Kind::Change).contains(&("shop/calm", "siege.shortest_s")));
        let names = |names: &[RunName]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            names(&compared.missing),
            ["shop/stock, seed 18446744073709551615"]
        );
        assert_eq!(names(&compared.new), ["shop/new <one>, seed 1"]);
        assert_eq!((compared.runs, compared.identical), (3, 1));
    }

    #[test]
    fn what_is_within_the_tolerance_is_no_difference() {
        let mut current = results();
        current.runs[0].latency_ms.p99 *= 1.04;
        assert!(!compare(&results(), &current, 3.9).is_good());
        assert!(compare(&results(), &current, 4.1).is_empty());
        // Of nothing there is no percentage: no tolerance excuses it.
        let mut baseline = results();
        baseline.runs[0].requests.unknown = 0;
        assert!(!compare(&baseline, &results(), 1_000.0).is_good());
    }

    #[test]
    fn a_promise_that_became_another_is_no_pass_unless_its_figures_are_within_the_tolerance() {
        let with = |bound: &str| {
            let mut results = results();
            results.runs[0].checks[0].bound = bound.to_owned();
            results
        };
        let compared = |was, is, tolerance| compare(&with(was), &with(is), tolerance);
        let loosened = compared("≥ 99.9 % in 10s", "≥ 99 % in 10s", 0.0);
        assert!(!loosened.is_good());
        assert_eq!(loosened.count(Kind::Promise), 1);
        assert_eq!(loosened.headline(), "not what the baseline promises");
        assert!(compared("≥ 99.9 % in 10s", "≥ 99 % in 10s", 1.0).is_empty());
        for (was, is) in [
            ("within 10s", "within 10ms"),
            ("within 10s", "within 12s"),
            ("none", "all"),
            ("at 1.2.3", "at 1.2.4"),
        ] {
            assert!(!compared(was, is, 10.0).is_good(), "{was}, {is}");
        }
    }

    #[test]
    fn seeds_with_one_change_share_it_and_the_greatest_is_shown() {
        let seeds = |factor: f64| {
            let mut results = results();
            let run = results.runs[0].clone();
            results.runs = (1u32..=3)
                .map(|seed| {
                    let mut run = run.clone();
                    run.seed = u64::from(seed);
                    run.latency_ms.p99 = 10.0 + factor * f64::from(seed);
                    run
                })
                .collect();
            results
        };
        let compared = compare(&seeds(0.0), &seeds(1.0), 15.0);
        let [change] = compared.changes.as_slice() else {
            panic!("one change: {:?}", compared.changes);
        };
        assert_eq!((change.seeds.as_slice(), change.of), (&[2, 3][..], 3));
        assert_eq!((change.seed, change.current.as_str()), (3, "13"));
        assert_eq!(change.percent.map(f64::round), Some(30.0));
    }
}
