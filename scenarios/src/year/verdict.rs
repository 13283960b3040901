//! What days add up to: figures, and which promise was kept.

use std::{collections::BTreeMap, time::Duration};

use squall_chaos::fault::{Fault, Kind};
use squall_reports::{
    check::{Check, Findings, RunVerdict, Verdict},
    confidence::Kept,
    fingerprint::{Difference, first_difference},
    history::{Entry, History, What},
    report::{Identity, Report},
    results::{FaultResult, RunResult},
    service_level::ServiceLevel,
    siege::Siege,
    slo::{Objective, PAGES, TICKETS, budget_used, fired},
    statistics::{Latencies, RequestCounts},
};
use squall_sim::simulation::EngineKind;

use super::{DAY, DAYS_A_YEAR, Year};
use crate::runner;

/// What is promised for a year, and what this deployment can do about it.
#[derive(Clone, Copy, Debug)]
pub struct Promise {
    /// The context.
    pub service: &'static str,
    /// As its users dial it.
    pub target: &'static str,
    /// Percent of requests that meet it up.
    pub percent: f64,
    /// What is to be shown.
    pub shown: Shown,
}

/// What a deployment is expected to show of a promise. A claim that turns out wrong fails the run,
/// a promise broken as expected does not.
#[derive(Clone, Copy, Debug)]
pub enum Shown {
    /// It is kept, whatever happens.
    Kept,
    /// It rests on one pod. Once its crashes alone, each of which takes at least so long, break the
    /// promise, it is broken; as long as nothing but new versions strikes, it is not.
    OnePod {
        /// Until a crashed container can be ready again, at least.
        back_after: Duration,
    },
    /// It rests on several pods: crashes and new versions do not break it. Lost machines and zones
    /// may, because its database is one; then nothing is claimed.
    SeveralPods,
}

/// A day that was run.
#[derive(Clone, Debug)]
pub struct Day {
    /// Which, counted from 1.
    pub number: u32,
    /// Its figures.
    pub result: RunResult,
    /// What users met, for each promise.
    pub levels: Vec<ServiceLevel>,
    /// What happened on it.
    pub events: Vec<Fault>,
    /// Checks that failed.
    pub failures: Vec<String>,
    /// Checks that could not tell.
    pub unknown: Vec<String>,
    /// Names of checks that found nothing to judge.
    pub vacuous: Vec<String>,
    /// Panics in words.
    pub panics: Vec<String>,
}

// === impl Day ===

impl Day {
    /// Runs a day of the year with this seed; with `twice` two times, and compares.
    pub fn run(year: &Year, seed: u64, day: u32, engine: EngineKind, twice: bool) -> Self {
        let events = year.happenings.of_day(seed, day);
        let scenario = year.day(events.clone());
        let day_seed = Year::day_seed(seed, day);
        let run = runner::run(&scenario, day_seed, engine);
        let levels = year.promises.iter();
        let levels =
            levels.map(|promise| ServiceLevel::of(&run.history, promise.target).lasting(DAY));
        let mut report = run.report;
        let levels = levels.collect();
        if twice {
            let again = runner::run(&scenario, day_seed, engine);
            let difference: Option<Difference> = first_difference(&run.history, &again.history);
            if let Some(difference) = difference {
                report = report.not_deterministic(&difference);
            }
        }
        let broken = report.broken();
        let of = |verdict| broken.iter().filter(move |check| check.verdict == verdict);
        let in_words = |check: &&Check| {
            let evidence = check.evidence.first().map_or("", String::as_str);
            format!("day {day}: {}: {}; {evidence}", check.name, check.observed)
        };
        let vacuous = of(Verdict::Vacuous).map(|check| check.name.clone());
        Self {
            number: day,
            failures: of(Verdict::Fail).map(in_words).collect(),
            unknown: of(Verdict::Unknown).map(in_words).collect(),
            vacuous: vacuous.collect(),
            result: report.result,
            levels,
            events,
            panics: report.panics,
        }
    }
}

/// The report of these days of a year, in their order.
pub fn report(year: &Year, seed: u64, days: &[Day]) -> Report {
    let mut checks = vec![sound(days)];
    for (index, promise) in year.promises.iter().enumerate() {
        checks.push(promise.judge(index, days));
    }
    let identity = Identity {
        scenario: year.name.to_owned(),
        system: year.system().to_owned(),
        claim: year.claim.to_owned(),
        seed,
        documented: None,
    };
    let results: Vec<&RunResult> = days.iter().map(|day| &day.result).collect();
    let mut report = Report::new(identity, &days_as_history(days), checks);
    report.result.simulated_s = results.iter().map(|day| day.simulated_s).sum();
    report.result.requests = requests(&results);
    report.result.siege = siege(&results);
    report.result.latency_ms = latencies(&results);
    report.result.faults = faults(days);
    let worst = results.iter().map(|day| day.verdict).max();
    if let Some(worst @ (RunVerdict::NotDeterministic | RunVerdict::Panic)) = worst {
        report.result.verdict = report.result.verdict.max(worst);
    }
    report.panics = days.iter().flat_map(|day| day.panics.clone()).collect();
    report
}

/// No day broke what holds in every run. Not every day has something for every invariant: one that
/// found nothing on some day is counted, and only one that found nothing on any day was not judged.
fn sound(days: &[Day]) -> Check {
    let failures: Vec<&String> = days.iter().flat_map(|day| &day.failures).collect();
    let unknown: Vec<&String> = days.iter().flat_map(|day| &day.unknown).collect();
    let mut idle_on: BTreeMap<&str, usize> = BTreeMap::new();
    for name in days.iter().flat_map(|day| &day.vacuous) {
        *idle_on.entry(name).or_default() += 1;
    }
    let never = idle_on.iter().filter(|(_, on)| **on == days.len());
    let never: Vec<&str> = never.map(|(name, _)| *name).collect();
    let verdict = match (failures.len(), unknown.len(), never.len()) {
        (1.., ..) => Verdict::Fail,
        (_, 1.., _) => Verdict::Unknown,
        (_, _, 1..) => Verdict::Vacuous,
        _ => Verdict::Pass,
    };
    let mut findings = Findings::default();
    for words in failures.into_iter().chain(unknown.iter().copied()) {
        findings.add(|| words.clone());
    }
    for name in &never {
        findings.add(|| format!("nothing to judge on any day: {name}"));
    }
    let events: usize = days.iter().map(|day| day.events.len()).sum();
    let mut observed = match days {
        [day] => format!("day {} of the year, {events} events", day.number),
        _ => format!("{} days, {events} events", days.len()),
    };
    let idle: usize = idle_on.values().sum();
    for (count, words) in [
        (idle, "times a check found nothing to judge on a day"),
        (never.len(), "checks found nothing on any"),
        (unknown.len(), "times a check could not tell"),
    ] {
        if count > 0 {
            observed.push_str(&format!("; {count} {words}"));
        }
    }
    let bound = "every invariant of a run holds";
    Check::said("every day is sound", verdict, observed, bound, findings)
}

// === impl Promise ===

impl Promise {
    fn judge(&self, index: usize, days: &[Day]) -> Check {
        let name = format!("{} is up {} % of a year", self.service, self.percent);
        let objective = Objective::percent(self.percent).expect("promises leave an error budget");
        let levels = days.iter().filter_map(|day| day.levels.get(index));
        let level = levels.fold(ServiceLevel::default(), |all, day| all.and(day));
        let kept = Kept::judge(objective, level.up, level.total());
        let struck = Struck::by(days, self.service);
        let horizon = DAY * u32::try_from(days.len()).unwrap_or(u32::MAX);
        let (expected, why) = self.expected(objective, &struck, horizon, level.total());
        let mut findings = Findings::default();
        if !expected.contains(&kept.verdict) {
            findings.add(|| format!("{}, and was to be {why}", word(kept.verdict)));
        }
        let observed = observed(kept, objective, &level, horizon);
        let observed = format!("{observed}; {struck}");
        let bound = format!("here it is to be {why}");
        match kept.verdict {
            Verdict::Vacuous => Check::vacuous(name, "no request", bound),
            _ => Check::judged(name, observed, bound, findings),
        }
    }

    /// Which verdicts are as claimed, and the claim.
    fn expected(
        &self,
        objective: Objective,
        struck: &Struck,
        horizon: Duration,
        total: u64,
    ) -> (&'static [Verdict], &'static str) {
        use Verdict::{Fail, Pass, Unknown};
        match self.shown {
            Shown::Kept => (&[Pass], "kept"),
            Shown::OnePod { back_after } => {
                let out = back_after * struck.crashes;
                let share = (out.as_secs_f64() / horizon.as_secs_f64()).min(1.0);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a share of a count"
                )]
                let down = (share * total as f64) as u64;
                if Kept::judge(objective, total - down, total).verdict == Fail {
                    return (&[Fail], "broken by the crashes of its one pod");
                }
                match struck.crashes + struck.machines {
                    0 => (&[Pass, Unknown], "kept: nothing struck but new versions"),
                    _ => (
                        &[Pass, Unknown, Fail],
                        "kept or broken: few crashes, and one pod",
                    ),
                }
            }
            Shown::SeveralPods if struck.machines == 0 => (
                &[Pass, Unknown],
                "kept: crashes and new versions do not break it",
            ),
            Shown::SeveralPods => (
                &[Pass, Unknown, Fail],
                "kept or broken: it has one database, which may be out of reach",
            ),
        }
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "kept",
        Verdict::Fail => "broken",
        Verdict::Unknown => "not to be told",
        Verdict::Vacuous => "not judged",
    }
}

fn observed(kept: Kept, objective: Objective, level: &ServiceLevel, horizon: Duration) -> String {
    let year = DAY.mul_f64(DAYS_A_YEAR);
    let burn = objective.burn_rate(level.error_share());
    let used = 100.0 * budget_used(burn, horizon, year);
    let worst = objective.burn_rate(level.worst_hour().value());
    let [pages, tickets] = [&PAGES, &TICKETS].map(|alerts| fired(alerts, objective, &level.pieces));
    format!(
        "{}: {kept}; {used:.1} % of the year's error budget, burnt {burn:.1} times too fast, in \
         the worst hour {worst:.0} times; alerts on it: {pages} pages, {tickets} tickets; {} \
         refused; {} outages, {:.0} s in all, the longest {:.0} s",
        word(kept.verdict),
        level.refused,
        level.outages,
        level.out_for.as_secs_f64(),
        level.longest.as_secs_f64()
    )
}

/// What struck one context.
struct Struck {
    versions: u32,
    crashes: u32,
    /// Lost machines and cut-off zones, wherever it was.
    machines: u32,
}

impl Struck {
    fn by(days: &[Day], service: &str) -> Self {
        let mut struck = Self {
            versions: 0,
            crashes: 0,
            machines: 0,
        };
        for event in days.iter().flat_map(|day| &day.events) {
            match &event.kind {
                Kind::RolloutRestart { deployment } if *deployment == service => {
                    struck.versions += 1;
                }
                Kind::Kill { target } if target.split('/').next() == Some(service) => {
                    struck.crashes += 1;
                }
                Kind::NodeLoss { .. } | Kind::Partition { .. } => struck.machines += 1,
                _ => {}
            }
        }
        struck
    }
}

impl std::fmt::Display for Struck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            versions,
            crashes,
            machines,
        } = self;
        write!(
            f,
            "new versions: {versions}, crashes: {crashes}, lost machines and zones: {machines}"
        )
    }
}

// === Sums ===

/// One line a day: its fingerprint stands for it.
fn days_as_history(days: &[Day]) -> History {
    let entries = days.iter().map(|day| Entry {
        at_us: u64::from(day.number - 1) * DAY.as_secs() * 1_000_000,
        host: "world".into(),
        what: What::Note {
            text: format!("day {}: {}", day.number, day.result.fingerprint),
        },
    });
    History {
        entries: entries.collect(),
    }
}

fn requests(days: &[&RunResult]) -> RequestCounts {
    let mut sum = RequestCounts::default();
    for day in days {
        sum.issued += day.requests.issued;
        sum.ok += day.requests.ok;
        sum.failed += day.requests.failed;
        sum.unknown += day.requests.unknown;
    }
    sum
}

/// As if siege had run through: sums, and what is made from them.
fn siege(days: &[&RunResult]) -> Siege {
    let sum = |of: fn(&Siege) -> f64| days.iter().map(|day| of(&day.siege)).sum::<f64>();
    let count = |of: fn(&Siege) -> u64| days.iter().map(|day| of(&day.siege)).sum::<u64>();
    let over = |value: f64, by: f64| if by > 0.0 { value / by } else { 0.0 };
    let (transactions, failed) = (count(|s| s.transactions), count(|s| s.failed));
    let (hits, elapsed_s) = (transactions as f64, sum(|s| s.elapsed_s));
    let data_mb = sum(|s| s.data_mb);
    let longest = days.iter().map(|day| day.siege.longest_s);
    let shortest = days.iter().map(|day| day.siege.shortest_s);
    Siege {
        transactions,
        availability_percent: over(100.0 * hits, hits + failed as f64),
        elapsed_s,
        data_mb,
        response_s: over(sum(|s| s.response_s * s.transactions as f64), hits),
        rate_per_s: over(hits, elapsed_s),
        throughput_mb_s: over(data_mb, elapsed_s),
        concurrency: over(sum(|s| s.concurrency * s.elapsed_s), elapsed_s),
        successful: count(|s| s.successful),
        failed,
        longest_s: longest.fold(0.0, f64::max),
        shortest_s: shortest.reduce(f64::min).unwrap_or(0.0),
    }
}

/// Of each percentile the worst day's: percentiles do not add up.
fn latencies(days: &[&RunResult]) -> Latencies {
    let worst = |of: fn(&Latencies) -> f64| {
        let days = days.iter().map(|day| of(&day.latency_ms));
        days.fold(0.0, f64::max)
    };
    Latencies {
        p50: worst(|l| l.p50),
        p90: worst(|l| l.p90),
        p99: worst(|l| l.p99),
        p999: worst(|l| l.p999),
        max: worst(|l| l.max),
    }
}

/// All of them, in the year's time.
fn faults(days: &[Day]) -> Vec<FaultResult> {
    let of_days = days.iter().flat_map(|day| {
        let offset_s = f64::from(day.number - 1) * DAY.as_secs_f64();
        day.result.faults.iter().map(move |fault| FaultResult {
            from_s: fault.from_s + offset_s,
            to_s: fault.to_s.map(|to_s| to_s + offset_s),
            ..fault.clone()
        })
    });
    of_days.collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use squall_chaos::fault::{Fault, Kind, Start};
    use squall_reports::{check::Verdict, service_level::ServiceLevel};

    use super::{Day, Promise, Shown, report};
    use crate::{catalogue, year::Year};

    const ONE_POD: Promise = Promise {
        service: "order",
        target: "order:8080",
        percent: 99.999,
        shown: Shown::OnePod {
            back_after: Duration::from_secs(20),
        },
    };

    fn year() -> Year {
        catalogue::years().remove(0)
    }

    fn fault(kind: Kind) -> Fault {
        Fault {
            kind,
            start: Start::AtMs(1_000),
            length_ms: Some(1_000),
        }
    }

    fn crash() -> Fault {
        fault(Kind::Kill {
            target: "order/1".into(),
        })
    }

    /// A day on which so many requests to each service met it up and down.
    fn day(number: u32, (up, down): (u64, u64), events: &[Fault]) -> Day {
        let level = ServiceLevel {
            up,
            down,
            ..ServiceLevel::default()
        };
        Day {
            number,
            result: report(&year(), 1, &[]).result,
            levels: vec![level; 4],
            events: events.to_vec(),
            failures: Vec::new(),
            unknown: Vec::new(),
            vacuous: Vec::new(),
            panics: Vec::new(),
        }
    }

    fn judged(shown: Shown, met: (u64, u64), events: &[Fault]) -> Verdict {
        let promise = Promise { shown, ..ONE_POD };
        promise.judge(0, &[day(1, met, events)]).verdict
    }

    #[test]
    fn one_pod_must_be_seen_to_break_its_promise_when_it_crashes_and_only_then() {
        let shown = ONE_POD.shown;
        assert_eq!(judged(shown, (21_590, 5), &[crash()]), Verdict::Pass);
        assert_eq!(judged(shown, (21_595, 0), &[crash()]), Verdict::Fail);
        assert_eq!(judged(shown, (21_595, 0), &[]), Verdict::Pass);
        assert_eq!(judged(shown, (21_590, 5), &[]), Verdict::Fail);
        assert_eq!(judged(shown, (0, 0), &[]), Verdict::Vacuous);
    }

    #[test]
    fn several_pods_must_stand_a_crash_and_nothing_is_claimed_of_a_lost_node() {
        let lost = fault(Kind::NodeLoss {
            node: "node-1".into(),
        });
        assert_eq!(
            judged(Shown::SeveralPods, (21_594, 1), &[crash()]),
            Verdict::Pass
        );
        assert_eq!(
            judged(Shown::SeveralPods, (21_590, 5), &[crash()]),
            Verdict::Fail
        );
        assert_eq!(
            judged(Shown::SeveralPods, (21_000, 595), &[crash(), lost]),
            Verdict::Pass
        );
    }

    #[test]
    fn what_is_to_be_kept_must_surely_be_kept() {
        let promise = |met| {
            let promise = Promise {
                percent: 60.0,
                shown: Shown::Kept,
                ..ONE_POD
            };
            promise.judge(0, &[day(1, met, &[])]).verdict
        };
        assert_eq!(promise((700, 300)), Verdict::Pass);
        assert_eq!(promise((6, 3)), Verdict::Fail, "too few to tell");
        assert_eq!(promise((500, 500)), Verdict::Fail);
    }

    #[test]
    fn days_add_up_and_a_broken_invariant_of_one_fails_the_year() {
        let mut second = day(2, (10, 0), &[]);
        second.result.requests.issued = 3;
        second.result.simulated_s = 86_400.0;
        second.failures = vec!["day 2: orders paired with pays".to_owned()];
        let all = report(&year(), 1, &[day(1, (10, 0), &[]), second.clone(), second]);
        assert_eq!(all.result.requests.issued, 6);
        assert!((all.result.simulated_s - 2.0 * 86_400.0).abs() < 1e-6);
        assert_eq!(all.checks[0].verdict, Verdict::Fail);
        assert!(all.checks[0].evidence[0].contains("paired"));
    }

    #[test]
    fn a_check_idle_on_every_day_was_not_judged_and_one_that_cannot_tell_leaves_it_open() {
        let sound = |days: &[Day]| report(&year(), 1, days).checks.remove(0);
        let [calm, mut idle] = [1, 2].map(|number| day(number, (10, 0), &[]));
        assert_eq!(sound(std::slice::from_ref(&calm)).verdict, Verdict::Pass);
        idle.vacuous = vec!["faults acted".to_owned()];
        let some = sound(&[calm.clone(), idle.clone()]);
        assert_eq!(some.verdict, Verdict::Pass);
        let seen = "2 days, 0 events; 1 times a check found nothing to judge on a day";
        assert_eq!(some.observed, seen);

        let never = sound(&[idle.clone(), idle.clone()]);
        assert_eq!(never.verdict, Verdict::Vacuous);
        assert!(never.observed.ends_with("; 1 checks found nothing on any"));
        assert_eq!(
            never.evidence,
            ["nothing to judge on any day: faults acted"]
        );

        idle.unknown = vec!["day 2: orders are linearizable: too many to search".to_owned()];
        let open = sound(&[calm, idle.clone()]);
        assert_eq!(
            (open.verdict, &open.evidence),
            (Verdict::Unknown, &idle.unknown)
        );
        idle.failures = vec!["day 2: orders paired with pays".to_owned()];
        assert_eq!(sound(&[idle]).verdict, Verdict::Fail);
    }
}
