//! `squall explore`: searches for the plan that breaks a system.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::ProgressBar;
use squall_chaos::{matrix, plan::Plan, space::Space};
use squall_kit::planted::{self, Bug};
use squall_reports::{
    check::RunVerdict,
    html::{self, Page},
    report::Report,
    results::Wall,
    timeline::Timeline,
};

use super::{
    Ending, output,
    run::{Stopwatch, ending_of},
};
use crate::{
    explore::{
        arena::Arena,
        campaign::{Campaign, Finding, Limits, Tally, Watch},
        repro::Repro,
        summary::{self, Summary},
        trial::{self, Broken},
        workers::{Answer, Made, Order, Program, Workers},
    },
    names, pool,
    registry::Registry,
};

/// What to explore and how long.
#[derive(Clone, Debug, Args)]
pub struct ExploreArgs {
    /// Names of arenas, or parts of names; none means all.
    pub filters: Vec<String>,
    /// Every plan follows from it.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Most runs; 300 when neither this nor --for is said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: Option<u64>,
    /// Most time: `60s`, `10m`, `2h`.
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub time: Option<Duration>,
    /// Ends after so many runs in a row that reach nothing new.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub idle: u64,
    /// Ends after so many different findings.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 5,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub findings: u16,
    /// Most runs to shrink one finding.
    #[arg(long, value_name = "N", default_value_t = 400)]
    pub shrink: u64,
    /// Make every run twice and compare the histories.
    #[arg(long)]
    pub check_determinism: bool,
    /// Every link × failure × phase of a journey, one by one, instead of drawing plans.
    #[arg(long)]
    pub matrix: bool,
    /// Part I of N of a campaign; parts share nothing, and `squall merge` joins them.
    #[arg(long, value_name = "I/N", default_value = "1/1", value_parser = shard)]
    pub shard: (u32, u32),
    /// Processes at the same time; as many as the machine has cores when not said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Where explore.json, runs.jsonl, report.html and the repros go.
    #[arg(long, value_name = "DIR", default_value = "target/squall/explore")]
    pub out: PathBuf,
    /// A bug planted in kit or system, of a build that has them.
    #[arg(long, value_name = "BUG", hide = !planted::AVAILABLE)]
    pub plant: Option<String>,
}

/// How a worker is started: not for people.
#[derive(Clone, Debug, Args)]
pub struct WorkerArgs {
    /// A bug planted in kit or system.
    #[arg(long)]
    pub plant: Option<String>,
}

/// The subcommand that makes a worker of this program.
pub const WORKER: &str = "explore-worker";

/// Explores, and prints what was found.
pub fn explore(args: &ExploreArgs, registry: &Registry) -> Ending {
    explored(args, registry).unwrap_or_else(|error| {
        eprintln!("squall: {error:#}");
        Ending::Usage
    })
}

fn explored(args: &ExploreArgs, registry: &Registry) -> Result<Ending> {
    let all = (registry.arenas)();
    let known: Vec<_> = all.iter().map(|arena| arena.name).collect();
    let chosen = names::select("arena", &args.filters, &known, &[]).map_err(anyhow::Error::msg)?;
    plant(args.plant.as_deref())?;
    writable(&args.out)?;
    let stop = Arc::new(AtomicBool::new(false));
    super::run::listen_for_interrupts(&stop);
    let mut ending = Ending::Pass;
    for arena in all.iter().filter(|arena| chosen.contains(&arena.name)) {
        ending = ending.worse(explore_one(args, registry, arena, &stop)?);
    }
    Ok(ending)
}

fn explore_one(
    args: &ExploreArgs,
    registry: &Registry,
    arena: &Arena,
    stop: &AtomicBool,
) -> Result<Ending> {
    let space = space(arena, args.plant.is_some())?;
    let mut arguments = vec![WORKER.to_owned()];
    arguments.extend(
        args.plant
            .iter()
            .flat_map(|bug| ["--plant".to_owned(), bug.clone()]),
    );
    let program = Program {
        path: std::env::current_exe().context("this program's own file is not known")?,
        arguments,
    };
    let jobs = args.jobs.map_or_else(pool::cores, usize::from);
    let workers = Workers::new(program, jobs);
    let limits = Limits {
        seed: args.seed,
        shard: args.shard,
        runs: args.runs.or((args.time.is_none()).then_some(300)),
        time: args.time,
        idle: args.idle,
        findings: usize::from(args.findings),
        shrinking: args.shrink,
        twice: args.check_determinism,
    };
    let mut watch = Clerk::new((registry, arena), args, limits.runs);
    let campaign = Campaign::new(arena.name, &space, &workers, limits, stop);
    let gave = match args.matrix {
        true => {
            let (shard, of) = args.shard;
            let cells = matrix::cells(&space);
            let mine = cells.into_iter().enumerate();
            let mine = mine.filter(|(place, _)| place % of as usize == shard as usize - 1);
            let cells: Vec<_> = mine.map(|(_, cell)| cell).collect();
            watch.bar.set_length(cells.len() as u64);
            campaign.go_through(&cells, &mut watch)
        }
        false => campaign.search(&mut watch),
    };
    watch.bar.finish_and_clear();
    let wall_s = watch.elapsed().as_secs_f64();
    let summary = Summary::new(arena, args.seed, args.shard, gave, wall_s);
    watch.write("explore.json", &summary.to_json());
    watch.write_report(wall_s);
    output::print(&summary.text())?;
    let differs = match watch.differs {
        true => Ending::NotDeterministic,
        false => Ending::Pass,
    };
    Ok(ending(&summary.tally).worse(differs))
}

/// What a system can suffer: its manifests, and a calm run of it. A planted bug may show in that.
fn space(arena: &Arena, planted: bool) -> Result<Space> {
    anyhow::ensure!(
        !arena.journeys.is_empty() && !arena.aftermath.is_empty(),
        "{} has nobody to use it: it needs `journeys` and an `aftermath`",
        arena.name
    );
    let calm = arena.calm();
    let (run, observed) = trial::run(arena, &calm)?;
    if let (Some(broken), false) = (observed.failed.first(), planted) {
        bail!(
            "nothing to explore: without any fault {} fails:\n{broken}",
            arena.name
        );
    }
    let scenario = trial::scenario(arena, &calm)?;
    Ok(arena.space(&scenario.cluster.spec()?, &run.history))
}

/// Switches a planted bug on.
pub(super) fn plant(bug: Option<&str>) -> Result<()> {
    let bug = bug.map(str::parse::<Bug>).transpose()?;
    Ok(planted::plant(bug)?)
}

/// Carries out plans that come as lines, until there are no more.
pub fn work(args: &WorkerArgs, registry: &Registry) -> Ending {
    // Ctrl-C is for the parent: it lets the runs under way finish.
    let ignored = ctrlc::set_handler(|| {});
    if let Err(error) = ignored
        .map_err(anyhow::Error::from)
        .and(plant(args.plant.as_deref()))
    {
        eprintln!("squall: {error:#}");
        return Ending::Usage;
    }
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let answer = carry_out(&line, registry);
        let Ok(mut text) = serde_json::to_string(&answer) else {
            return Ending::Panicked;
        };
        text.push('\n');
        if out
            .write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .is_err()
        {
            break;
        }
    }
    Ending::Pass
}

fn carry_out(line: &str, registry: &Registry) -> Answer {
    let order: Order = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let arena = registry.arena(&order.arena);
    let arena = arena.ok_or_else(|| format!("no arena {:?}", order.arena))?;
    let ran = trial::run(&arena, &order.plan).map_err(|error| error.to_string())?;
    Ok(ran.1)
}

/// The worst of its runs. A campaign without a run, and one in which a kind of fault never did
/// anything, proves nothing.
pub(super) fn ending(tally: &Tally) -> Ending {
    let lost = tally.lost.iter().map(|_| RunVerdict::Panic);
    let worst = tally.verdicts.keys().copied().chain(lost).max();
    let idle = tally.faults.values();
    let mut idle = idle.filter(|(planned, struck)| *planned >= OFTEN && *struck == 0);
    match worst.unwrap_or(RunVerdict::Vacuous) {
        RunVerdict::Pass if idle.next().is_some() => Ending::Vacuous,
        verdict => ending_of(verdict),
    }
}

/// A kind of fault that was planned so often should have done something.
const OFTEN: u64 = 30;

fn writable(out: &Path) -> Result<()> {
    let cannot = || format!("cannot write to {}", out.display());
    fs::create_dir_all(out).with_context(cannot)?;
    // What a former campaign found would be taken for this one's.
    for entry in fs::read_dir(out).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("finding-") || name == "explore.json" {
            fs::remove_file(&path).with_context(cannot)?;
        }
    }
    let runs = out.join("runs.jsonl");
    fs::write(runs, []).with_context(cannot)
}

fn time(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| expected_time(text))?;
    let seconds = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(expected_time(text)),
    };
    Ok(Duration::from_secs(number.saturating_mul(seconds)))
}

fn expected_time(text: &str) -> String {
    format!("{text:?} is no time, expected one such as 60s, 10m or 2h")
}

fn shard(text: &str) -> Result<(u32, u32), String> {
    let parts = text.split_once('/');
    let parts = parts.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    match parts {
        Some((i, n)) if 1 <= i && i <= n => Ok((i, n)),
        _ => Err(format!(
            "{text:?} is no part, expected I/N with I from 1 to N"
        )),
    }
}

// === impl Clerk ===

/// Shows progress, and writes down at once what would otherwise be lost with this process.
struct Clerk<'a> {
    registry: &'a Registry,
    arena: &'a Arena,
    args: &'a ExploreArgs,
    bar: ProgressBar,
    began: Stopwatch,
    found: usize,
    /// What `report.html` shows of each finding.
    pages: Vec<(Report, Timeline)>,
    /// Writing failed once and was told.
    mute: bool,
    /// A finding's plan gave another history here than in its worker.
    differs: bool,
}

impl<'a> Clerk<'a> {
    fn new(
        (registry, arena): (&'a Registry, &'a Arena),
        args: &'a ExploreArgs,
        runs: Option<u64>,
    ) -> Self {
        let bar = match runs {
            Some(runs) => super::run::progress(usize::try_from(runs).unwrap_or(usize::MAX)),
            None if io::stderr().is_terminal() => ProgressBar::new_spinner(),
            None => ProgressBar::hidden(),
        };
        Self {
            registry,
            arena,
            args,
            bar,
            began: Stopwatch::start(),
            found: 0,
            pages: Vec::new(),
            mute: false,
            differs: false,
        }
    }

    /// Writes a file; a full disk loses the file and not the campaign.
    fn write(&mut self, name: &str, text: &str) -> bool {
        let path = self.args.out.join(name);
        let written = output::write(&path, text);
        self.told(written)
    }

    /// The page of the findings.
    fn write_report(&mut self, total_s: f64) {
        let pages = self.pages.iter().map(|(report, timeline)| Page {
            report,
            timeline: Some(timeline),
        });
        let wall = Wall {
            total_s,
            by_scenario_s: [(self.arena.name.to_owned(), total_s)].into(),
        };
        let text = html::render("squall explore", &pages.collect::<Vec<_>>(), &wall);
        self.write("report.html", &text);
    }

    fn told(&mut self, written: Result<()>) -> bool {
        match written {
            Ok(()) => true,
            Err(error) => {
                if !self.mute {
                    self.mute = true;
                    eprintln!("squall: {error:#}; going on without files, everything is printed");
                }
                false
            }
        }
    }
}

impl Watch for Clerk<'_> {
    fn ran(&mut self, plan: &Plan, made: &Made) {
        self.bar.inc(1);
        let line = match made {
            Made::Run(observed) => serde_json::json!({
                "plan": plan,
                "verdict": observed.verdict,
                "fingerprint": observed.fingerprint,
                "failed": observed.failed.iter().map(|b| &b.check).collect::<Vec<_>>(),
            }),
            Made::Lost(why) => serde_json::json!({ "plan": plan, "lost": why }),
        };
        let path = self.args.out.join("runs.jsonl");
        let file = fs::OpenOptions::new().append(true).create(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
        let written = written.with_context(|| format!("cannot write {}", path.display()));
        self.told(written);
    }

    fn round(&mut self, tally: &Tally) {
        let (reached, found) = (tally.coverage.len(), tally.findings.len());
        self.bar
            .set_message(format!("{reached} reached, {found} findings"));
    }

    fn shrinking(&mut self, broken: &Broken, plan: &Plan, runs: u64) {
        let (faults, journeys) = (plan.faults.len(), plan.journeys());
        let check = &broken.check;
        self.bar.set_message(format!(
            "shrinking {check:?}: {faults} faults, {journeys} journeys after {runs} runs"
        ));
    }

    fn found(&mut self, finding: &Finding) {
        self.found += 1;
        let number = self.found;
        self.bar
            .suspend(|| eprintln!("squall: {}", summary::words(number, finding)));
        let (repro, mut report, timeline) = match Repro::with_report(self.arena, finding) {
            Ok(made) => made,
            Err(error) => return eprintln!("squall: {error}"),
        };
        if repro.fingerprint != finding.fingerprint {
            self.differs = true;
            eprintln!(
                "squall: NOT DETERMINISTIC: finding {number} has another history when repeated"
            );
        }
        let file = format!("finding-{number}.repro.json");
        report.command = format!("squall replay {}", self.args.out.join(&file).display());
        self.pages.push((report, timeline));
        let json = repro.to_json();
        if self.write(&file, &json) {
            self.write(
                &format!("finding-{number}.rs"),
                &repro.test(&file, self.registry),
            );
            let path = self.args.out.join(&file);
            eprintln!("squall: squall replay {}", path.display());
        } else {
            println!("{json}");
        }
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}
