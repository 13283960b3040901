//! `squall run`: scenarios, judged, with their files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, IsTerminal},
    ops::RangeInclusive,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use squall_reports::{
    check::RunVerdict,
    fingerprint::first_difference,
    history::History,
    html::{self, Page},
    junit::junit,
    markdown::markdown,
    report::Report,
    results::{Results, Wall},
    table::table,
    timeline::Timeline,
};
use squall_sim::simulation::EngineKind;

use super::{Ending, EngineName, Format, RunArgs, histories, output};
use crate::{
    names, pool,
    registry::Registry,
    runner,
    scenario::Scenario,
    system::{Cluster, Files},
    year::{
        Year,
        verdict::{self, Day},
    },
};

/// The files in `--out`.
const FILES: [&str; 3] = ["results.json", "junit.xml", "report.html"];

/// So many runs that pass keep their timelines, the same number of each scenario: their histories
/// are gone when the report is written.
const TIMELINES: u64 = 100;

/// One run to be made.
enum Task {
    /// A scenario with a seed. With `keep` its timeline is kept even if it passes.
    Scenario {
        scenario: Arc<Scenario>,
        seed: u64,
        keep: bool,
    },
    /// A day of the year with a seed, counted from 1.
    Day(Arc<Year>, u64, u32),
}

/// A run made, and the real time it took.
struct Made {
    what: MadeOf,
    took: Duration,
    /// Why its history is not on the disk, if it should be.
    unwritten: Option<anyhow::Error>,
}

enum MadeOf {
    Scenario(Box<Report>, Option<Box<Timeline>>),
    Day(Arc<Year>, u64, Box<Day>),
}

/// Runs what is asked for, writes the files, prints the table.
pub fn run(args: &RunArgs, registry: &Registry) -> Ending {
    match try_run(args, registry) {
        Ok(ending) => ending,
        Err(error) => {
            eprintln!("squall: {error:#}");
            Ending::Usage
        }
    }
}

fn try_run(args: &RunArgs, registry: &Registry) -> Result<Ending> {
    let tasks = tasks(args, registry)?;
    let stop = Arc::new(AtomicBool::new(false));
    listen_for_interrupts(&stop);
    prepare(&args.out)?;
    let engine = match args.engine {
        EngineName::Squall => EngineKind::Events,
        EngineName::Turmoil => EngineKind::Turmoil,
    };
    let bar = progress(tasks.len());
    let jobs = args.jobs.map_or_else(pool::cores, usize::from);
    let began = Stopwatch::start();
    let mut failed_fast = false;
    let made = pool::map(
        &tasks,
        jobs,
        &stop,
        Task::weight,
        |task| task.make(engine, args),
        |made| {
            bar.set_message(made.scenario().to_owned());
            bar.inc(1);
            if args.fail_fast && made.verdict() != RunVerdict::Pass {
                stop.store(true, Ordering::Relaxed);
                failed_fast = true;
            }
        },
    );
    bar.finish_and_clear();
    let made: Vec<Made> = made.into_iter().flatten().collect();
    let left_out = tasks.len() - made.len();
    let unwritten = made.iter().filter_map(|made| made.unwritten.as_ref());
    let unwritten: Vec<String> = unwritten.map(|error| format!("{error:#}")).collect();
    let mut ending = finish(args, made, began.elapsed())?;
    if let [first, more @ ..] = &unwritten[..] {
        let more = match more.len() {
            0 => String::new(),
            count => format!(", and {count} more"),
        };
        eprintln!("squall: a history is missing: {first}{more}");
        ending = ending.worse(Ending::Usage);
    }
    if left_out > 0 {
        let why = match failed_fast {
            true => "a run did not pass",
            false => "interrupted",
        };
        let all = tasks.len();
        eprintln!("squall: {why}; {left_out} of {all} runs were not made");
        // Of the runs that were not made nobody knows whether they pass.
        ending = ending.worse(Ending::Vacuous);
    }
    Ok(ending)
}

fn tasks(args: &RunArgs, registry: &Registry) -> Result<Vec<Task>> {
    let (mut years, filters) = years(args, (registry.years)())?;
    let mut scenarios = if years.is_empty() || !filters.is_empty() {
        scenarios(&filters, registry)?
    } else {
        Vec::new()
    };
    if let Some(folder) = &args.manifests {
        let of_scenarios = scenarios.iter_mut().map(|one| (one.name, &mut one.cluster));
        let of_years = years.iter_mut().map(|one| (one.name, &mut one.cluster));
        deploy(of_scenarios.chain(of_years).collect(), folder)?;
    }
    let seeds = args.seeds.clone().unwrap_or(args.seed..=args.seed);
    let mut tasks = Vec::new();
    let kept = TIMELINES / u64::try_from(scenarios.len().max(1)).unwrap_or(u64::MAX);
    for scenario in scenarios.into_iter().map(Arc::new) {
        let of_seed = |seed| Task::Scenario {
            scenario: Arc::clone(&scenario),
            seed,
            keep: seed - seeds.start() < kept.max(1),
        };
        tasks.extend(seeds.clone().map(of_seed));
    }
    for year in years.into_iter().map(Arc::new) {
        let days = args.horizon.days(&year, args.seed).into_iter();
        tasks.extend(days.map(|day| Task::Day(Arc::clone(&year), args.seed, day)));
    }
    Ok(tasks)
}

/// The most seeds of one run of the catalogue.
const MOST_SEEDS: u64 = 1_000_000;

/// `N` is 1 to N; `A..=B` is what it says.
pub(super) fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let number = |text: &str| text.parse::<u64>().ok();
    let ends = match text.split_once("..=") {
        Some((first, last)) => number(first).zip(number(last)),
        None => number(text).map(|last| (1, last)),
    };
    match ends {
        Some((first, last)) if first <= last && last - first < MOST_SEEDS => Ok(first..=last),
        _ => Err(format!("expected N or A..=B, with 1 to {MOST_SEEDS} seeds")),
    }
}

fn scenarios(filters: &[String], registry: &Registry) -> Result<Vec<Scenario>> {
    let all = (registry.scenarios)();
    let known: Vec<_> = all.iter().map(|scenario| scenario.name).collect();
    let years = (registry.years)();
    let years: Vec<_> = years.iter().map(|year| year.name).collect();
    let chosen = names::select("scenario", filters, &known, &years);
    let chosen = chosen.map_err(anyhow::Error::msg)?;
    let chosen = all
        .into_iter()
        .filter(|scenario| chosen.contains(&scenario.name));
    Ok(chosen.collect())
}

/// The years that some filter names, and the filters that are left.
fn years(args: &RunArgs, mut years: Vec<Year>) -> Result<(Vec<Year>, Vec<String>)> {
    let names_year = |filter: &String| {
        filter.contains("year") && years.iter().any(|year| year.name.contains(filter.as_str()))
    };
    let (of_years, others): (Vec<String>, Vec<String>) =
        args.filters.iter().cloned().partition(names_year);
    years.retain(|year| {
        of_years
            .iter()
            .any(|filter| year.name.contains(filter.as_str()))
    });
    if !years.is_empty() {
        anyhow::ensure!(
            args.seeds.is_none(),
            "a year is long: it is run with --seed and --horizon, not with --seeds"
        );
        anyhow::ensure!(
            args.engine == EngineName::Squall,
            "a year is long: only the engine `squall` can run it"
        );
    }
    Ok((years, others))
}

/// Runs all these on the manifests in `folder`. What is wrong with them, or with what a scenario
/// changes in them, is said before any run.
fn deploy(clusters: Vec<(&str, &mut Cluster)>, folder: &Path) -> Result<()> {
    let systems: BTreeSet<_> = clusters
        .iter()
        .map(|(_, cluster)| cluster.system.name)
        .collect();
    if systems.len() > 1 {
        let systems: Vec<_> = systems.into_iter().collect();
        let systems = systems.join(", ");
        bail!("--manifests is for the scenarios of one system, and these are of {systems}");
    }
    let mut own: Option<Arc<Files>> = None;
    for (name, cluster) in clusters {
        let files = match &own {
            Some(files) => Arc::clone(files),
            None => Arc::new(cluster.system.files_in(folder)?),
        };
        cluster.own = Some(Arc::clone(&files));
        own = Some(files);
        let cannot = || format!("{name} cannot run on {}", folder.display());
        let spec = cluster.spec().with_context(cannot)?;
        spec.check().with_context(cannot)?;
    }
    Ok(())
}

/// Fails before any run where the files could not be written after it.
fn prepare(out: &Path) -> Result<()> {
    let cannot = || format!("cannot write results to {}", out.display());
    fs::create_dir_all(out).with_context(cannot)?;
    let probe = out.join(".writable");
    fs::write(&probe, []).with_context(cannot)?;
    fs::remove_file(&probe).with_context(cannot)?;
    let taken = FILES.into_iter().find(|name| out.join(name).is_dir());
    taken.map_or(Ok(()), |name| {
        Err(anyhow::anyhow!("{name} is a directory")).with_context(cannot)
    })
}

/// The first Ctrl-C lets the runs under way finish; the second one ends the program.
pub(super) fn listen_for_interrupts(stop: &Arc<AtomicBool>) {
    let stop = Arc::clone(stop);
    let listening = ctrlc::set_handler(move || {
        if stop.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\nsquall: finishing the runs under way; once more to give them up");
    });
    if let Err(error) = listening {
        eprintln!("squall: Ctrl-C will lose finished runs: {error}");
    }
}

pub(super) fn progress(runs: usize) -> ProgressBar {
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  eta {eta}  {msg}");
    let bar = ProgressBar::with_draw_target(u64::try_from(runs).ok(), target);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

impl Task {
    /// What it costs, by comparison.
    fn weight(&self) -> u64 {
        match self {
            Self::Scenario { scenario, .. } => scenario.expected_journeys(),
            Self::Day(..) => u64::MAX,
        }
    }

    fn make(&self, engine: EngineKind, args: &RunArgs) -> Made {
        let began = Stopwatch::start();
        let twice = args.check_determinism;
        let mut unwritten = None;
        let what = match self {
            Self::Scenario {
                scenario,
                seed,
                keep,
            } => {
                let (report, history) = report(scenario, *seed, engine, twice);
                if args.histories {
                    let path = histories::path(&args.out, scenario.name, *seed);
                    unwritten = histories::write(&path, &history).err();
                }
                let keep = *keep || report.result.verdict != RunVerdict::Pass;
                let timeline = keep.then(|| Box::new(Timeline::of(&history, &report.checks)));
                MadeOf::Scenario(Box::new(report), timeline)
            }
            Self::Day(year, seed, day) => {
                let made = Day::run(year, *seed, *day, engine, twice);
                MadeOf::Day(Arc::clone(year), *seed, Box::new(made))
            }
        };
        Made {
            what,
            took: began.elapsed(),
            unwritten,
        }
    }
}

impl Made {
    fn verdict(&self) -> RunVerdict {
        match &self.what {
            MadeOf::Scenario(report, _) => report.result.verdict,
            MadeOf::Day(_, _, day) => day.result.verdict,
        }
    }

    fn scenario(&self) -> &str {
        match &self.what {
            MadeOf::Scenario(report, _) => &report.result.scenario,
            MadeOf::Day(year, ..) => year.name,
        }
    }
}

fn report(scenario: &Scenario, seed: u64, engine: EngineKind, twice: bool) -> (Report, History) {
    let first = runner::run(scenario, seed, engine);
    if !twice {
        return (first.report, first.history);
    }
    let second = runner::run(scenario, seed, engine);
    let report = match first_difference(&first.history, &second.history) {
        Some(difference) => first.report.not_deterministic(&difference),
        None => first.report,
    };
    (report, first.history)
}

/// The reports of runs with their timelines, a year's days together. An interrupted year has none.
fn reports(args: &RunArgs, made: Vec<Made>) -> (Vec<Report>, Vec<Option<Box<Timeline>>>) {
    let mut reports = Vec::with_capacity(made.len());
    let mut days: Vec<Day> = Vec::new();
    for made in made {
        match made.what {
            MadeOf::Scenario(report, timeline) => reports.push((*report, timeline)),
            MadeOf::Day(year, seed, day) => {
                // A year's days come one after the other.
                if days
                    .first()
                    .is_some_and(|first| first.result.scenario != year.name)
                {
                    days.clear();
                }
                days.push(*day);
                if days.len() == args.horizon.days(&year, seed).len() {
                    reports.push((verdict::report(&year, seed, &days), None));
                    days.clear();
                }
            }
        }
    }
    reports.into_iter().unzip()
}

fn finish(args: &RunArgs, made: Vec<Made>, total: Duration) -> Result<Ending> {
    let mut wall = Wall {
        total_s: total.as_secs_f64(),
        by_scenario_s: BTreeMap::new(),
    };
    for made in &made {
        let scenario = made.scenario().to_owned();
        *wall.by_scenario_s.entry(scenario).or_default() += made.took.as_secs_f64();
    }
    let (mut reports, timelines) = reports(args, made);
    let options = args.options();
    for report in &mut reports {
        report.command.push_str(&options);
    }
    let runs = reports.iter().map(|report| report.result.clone()).collect();
    let results = Results::new(runs, wall);
    let pages = reports
        .iter()
        .zip(&timelines)
        .map(|(report, timeline)| Page {
            report,
            timeline: timeline.as_deref(),
        });
    let pages: Vec<Page<'_>> = pages.collect();
    let [json_name, junit_name, html_name] = FILES;
    output::write(&args.out.join(json_name), &results.to_json())?;
    output::write(&args.out.join(junit_name), &junit(&reports))?;
    output::write(
        &args.out.join(html_name),
        &html::render("squall run", &pages, &results.wall),
    )?;
    output::print(&said(args, &reports, &results))?;
    Ok(ending_of(results.verdict()))
}

/// The text that `--format` asks for.
fn said(args: &RunArgs, reports: &[Report], results: &Results) -> String {
    match args.format {
        Format::Text => for_people(reports, &results.wall, &args.out),
        Format::Json => results.to_json(),
        Format::Junit => junit(reports),
        Format::Markdown => markdown(reports),
    }
}

fn for_people(reports: &[Report], wall: &Wall, out: &Path) -> String {
    let colour = io::stdout().is_terminal() && !output::is_plain();
    let passed = reports
        .iter()
        .filter(|report| report.result.verdict == RunVerdict::Pass)
        .count();
    format!(
        "{}\n{passed} of {} runs passed in {:.1} s; files in {}\n",
        table(reports, colour),
        reports.len(),
        wall.total_s,
        out.display()
    )
}

pub(super) fn ending_of(verdict: RunVerdict) -> Ending {
    match verdict {
        RunVerdict::Pass => Ending::Pass,
        RunVerdict::Vacuous | RunVerdict::Unknown => Ending::Vacuous,
        RunVerdict::Fail => Ending::Failed,
        RunVerdict::NotDeterministic => Ending::NotDeterministic,
        RunVerdict::Panic => Ending::Panicked,
    }
}

/// Real time, for the `wall` figures alone.
#[expect(
    clippy::disallowed_types,
    reason = "the wall figures are real time by definition"
)]
pub(super) struct Stopwatch(std::time::Instant);

#[expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the wall figures are real time by definition"
)]
impl Stopwatch {
    pub(super) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
