//! `squall run`: scenarios, judged, with their files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, IsTerminal, Write as _},
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
    junit::junit,
    report::Report,
    results::{Results, Wall},
    table::table,
};
use squall_sim::simulation::EngineKind;

use super::{Ending, EngineName, RunArgs};
use crate::{catalogue, names, pool, runner, scenario::Scenario, system::Files};

/// The files in `--out`.
const FILES: [&str; 2] = ["results.json", "junit.xml"];

/// One run to be made.
struct Task {
    scenario: Arc<Scenario>,
    seed: u64,
}

/// A run made, and the real time it took.
struct Made {
    report: Report,
    took: Duration,
}

/// Runs what is asked for, writes the files, prints the table.
pub fn run(args: &RunArgs) -> Ending {
    match try_run(args) {
        Ok(ending) => ending,
        Err(error) => {
            eprintln!("squall: {error:#}");
            Ending::Usage
        }
    }
}

fn try_run(args: &RunArgs) -> Result<Ending> {
    let tasks = tasks(args)?;
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
    let made = pool::map(
        &tasks,
        jobs,
        &stop,
        |task| task.scenario.expected_journeys(),
        |task| make(task, engine, args.check_determinism),
        |made| {
            bar.set_message(made.report.result.scenario.clone());
            bar.inc(1);
        },
    );
    bar.finish_and_clear();
    let made: Vec<Made> = made.into_iter().flatten().collect();
    let left_out = tasks.len() - made.len();
    let mut ending = finish(args, made, began.elapsed())?;
    if left_out > 0 {
        eprintln!(
            "squall: interrupted; {left_out} of {} runs were not made",
            tasks.len()
        );
        // Of the runs that were not made nobody knows whether they pass.
        ending = ending.worse(Ending::Vacuous);
    }
    Ok(ending)
}

fn tasks(args: &RunArgs) -> Result<Vec<Task>> {
    let catalogue = catalogue::all();
    let known: Vec<_> = catalogue.iter().map(|scenario| scenario.name).collect();
    let chosen = names::select(&args.filters, &known).map_err(anyhow::Error::msg)?;
    let seeds = match args.seeds {
        Some(count) => 1..=count,
        None => args.seed..=args.seed,
    };
    let chosen = catalogue
        .into_iter()
        .filter(|scenario| chosen.contains(&scenario.name));
    let mut chosen: Vec<Scenario> = chosen.collect();
    if let Some(folder) = &args.manifests {
        deploy(&mut chosen, folder)?;
    }
    let tasks = chosen.into_iter().map(Arc::new).flat_map(|scenario| {
        seeds.clone().map(move |seed| Task {
            scenario: Arc::clone(&scenario),
            seed,
        })
    });
    Ok(tasks.collect())
}

/// Runs `scenarios` on the manifests in `folder`. What is wrong with them, or with what a scenario
/// changes in them, is said before any run.
fn deploy(scenarios: &mut [Scenario], folder: &Path) -> Result<()> {
    let systems: BTreeSet<_> = scenarios.iter().map(Scenario::system).collect();
    if systems.len() > 1 {
        let systems: Vec<_> = systems.into_iter().collect();
        let systems = systems.join(", ");
        bail!("--manifests is for the scenarios of one system, and these are of {systems}");
    }
    let mut own: Option<Arc<Files>> = None;
    for scenario in scenarios {
        let files = match &own {
            Some(files) => Arc::clone(files),
            None => Arc::new(scenario.cluster.system.files_in(folder)?),
        };
        scenario.cluster.own = Some(Arc::clone(&files));
        own = Some(files);
        let cannot = || format!("{} cannot run on {}", scenario.name, folder.display());
        let spec = scenario.cluster.spec().with_context(cannot)?;
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
fn listen_for_interrupts(stop: &Arc<AtomicBool>) {
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

fn progress(runs: usize) -> ProgressBar {
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

fn make(task: &Task, engine: EngineKind, twice: bool) -> Made {
    let began = Stopwatch::start();
    let first = runner::run(&task.scenario, task.seed, engine);
    let mut report = first.report;
    if twice {
        let second = runner::run(&task.scenario, task.seed, engine);
        if let Some(difference) = first_difference(&first.history, &second.history) {
            report = report.not_deterministic(&difference);
        }
    }
    Made {
        report,
        took: began.elapsed(),
    }
}

fn finish(args: &RunArgs, made: Vec<Made>, total: Duration) -> Result<Ending> {
    let mut wall = Wall {
        total_s: total.as_secs_f64(),
        by_scenario_s: BTreeMap::new(),
    };
    let mut reports = Vec::with_capacity(made.len());
    for Made { report, took } in made {
        let scenario = report.result.scenario.clone();
        *wall.by_scenario_s.entry(scenario).or_default() += took.as_secs_f64();
        reports.push(report);
    }
    let runs = reports.iter().map(|report| report.result.clone()).collect();
    let results = Results::new(runs, wall);
    let [json_name, junit_name] = FILES;
    write(&args.out.join(json_name), &results.to_json())?;
    write(&args.out.join(junit_name), &junit(&reports))?;
    print(&reports, total, &args.out)?;
    Ok(ending_of(results.verdict()))
}

/// Whole or not at all: a reader never sees half a file.
fn write(path: &Path, text: &str) -> Result<()> {
    let draft = path.with_extension("draft");
    fs::write(&draft, text)
        .and_then(|()| fs::rename(&draft, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn print(reports: &[Report], total: Duration, out: &Path) -> Result<()> {
    // An empty one counts as absent (no-color.org).
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colour = io::stdout().is_terminal() && !plain;
    let passed = reports
        .iter()
        .filter(|report| report.result.verdict == RunVerdict::Pass)
        .count();
    let text = format!(
        "{}\n{passed} of {} runs passed in {:.1} s; files in {}\n",
        table(reports, colour),
        reports.len(),
        total.as_secs_f64(),
        out.display()
    );
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot print the table")
        }
        _ => Ok(()),
    }
}

fn ending_of(verdict: RunVerdict) -> Ending {
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
struct Stopwatch(std::time::Instant);

#[expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the wall figures are real time by definition"
)]
impl Stopwatch {
    fn start() -> Self {
        Self(std::time::Instant::now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
