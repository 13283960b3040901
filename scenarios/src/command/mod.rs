//! The command line: what can be asked, and how it can end.

pub mod compare;
pub mod explore;
mod histories;
pub mod list;
pub mod load;
pub mod merge;
mod output;
pub mod replay;
pub mod run;
pub mod serve;

use std::{ops::RangeInclusive, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};

use self::{
    explore::{ExploreArgs, WorkerArgs},
    load::LoadArgs,
    merge::MergeArgs,
    replay::ReplayArgs,
};
use crate::{
    registry::Registry,
    year::{DAYS, Year},
};

/// A wind tunnel for event-driven microservices.
///
/// Runs a whole system inside a deterministic network simulator, strikes it with faults and judges
/// it against its SLAs. Without a command the whole catalogue runs.
#[derive(Debug, Parser)]
#[command(name = "squall", version, args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    /// What to do; `run` when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The arguments of `run`, for when no command is named.
    #[command(flatten)]
    pub run: RunArgs,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Every scenario, year and arena, its system and its claim.
    List(ListArgs),
    /// Run scenarios, judge them, write results.
    Run(RunArgs),
    /// Search for the faults that break a system, shrink them, write them down.
    Explore(ExploreArgs),
    /// Run what `explore` found once more.
    Replay(ReplayArgs),
    /// Join the parts of a campaign that `explore --shard` made.
    Merge(MergeArgs),
    /// Carries out plans for `explore`.
    #[command(name = explore::WORKER, hide = true)]
    Work(WorkerArgs),
    /// Compare two results: what became better, what worse, what is new, what is missing.
    Compare(CompareArgs),
    /// Load for any server over TCP, as siege makes it, and siege's report.
    Load(LoadArgs),
    /// The real thing on its documented ports, over TCP.
    Serve(ServeArgs),
}

/// The `squall` command for these systems: does what the command line asks for.
pub fn main(registry: &Registry) -> ExitCode {
    let line = CommandLine::parse();
    let ending = match line.command {
        None => run::run(&line.run, registry),
        Some(Command::Run(args)) => run::run(&args, registry),
        Some(Command::List(args)) => list::list(&args, registry),
        Some(Command::Explore(args)) => explore::explore(&args, registry),
        Some(Command::Replay(args)) => replay::replay(&args, registry),
        Some(Command::Merge(args)) => merge::merge(&args),
        Some(Command::Work(args)) => explore::work(&args, registry),
        Some(Command::Compare(args)) => compare::compare(&args),
        Some(Command::Load(args)) => load::load(&args),
        Some(Command::Serve(args)) => serve::serve(&args, registry),
    };
    ending.into()
}

/// How to list.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// What to run and how.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Names of scenarios, or parts of names; none means all. Years are run only when they are
    /// named (`shop/year`), and never with --seeds.
    pub filters: Vec<String>,
    /// The seed of the one run of each scenario.
    #[arg(long, default_value_t = 1, conflicts_with = "seeds")]
    pub seed: u64,
    /// Run each scenario with seeds 1 to N, or with those of a range; at most 1000000 of them.
    #[arg(long, value_name = "N|A..=B", value_parser = run::seeds)]
    pub seeds: Option<RangeInclusive<u64>>,
    /// Begin no further run once one did not pass.
    #[arg(long)]
    pub fail_fast: bool,
    /// Runs at the same time; as many as the machine has cores when not said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Where results.json, junit.xml and report.html go.
    #[arg(long, value_name = "DIR", default_value = "target/squall")]
    pub out: PathBuf,
    /// What is printed: for people, or one of the files.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write every scenario's history, too, to DIR/histories: then `squall compare` can say where
    /// two runs of one seed part.
    #[arg(long)]
    pub histories: bool,
    /// Somebody's own manifests instead of those of the scenarios' system, and `model.yaml`, if it
    /// is there.
    #[arg(long, value_name = "DIR")]
    pub manifests: Option<PathBuf>,
    /// What carries packets and time.
    #[arg(long, value_enum, default_value_t = EngineName::Squall)]
    pub engine: EngineName,
    /// Run everything twice and compare the histories event by event.
    #[arg(long)]
    pub check_determinism: bool,
    /// How much of a year is run; each of its days is a run of its own, spread over --jobs.
    #[arg(long, value_enum, default_value_t = Horizon::Day)]
    pub horizon: Horizon,
}

/// What a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table, and a page for each run that did not pass.
    Text,
    /// As results.json.
    Json,
    /// As junit.xml.
    Junit,
    /// For the summary of a job in continuous integration, or a pull request.
    Markdown,
}

/// How much of a year is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Horizon {
    /// One telling day: core contexts crash, no machine is lost.
    Day,
    /// Its first seven days.
    Week,
    /// All 365 days.
    Year,
}

impl Horizon {
    /// The days to be run of a year with this seed, counted from 1.
    pub fn days(self, year: &Year, seed: u64) -> Vec<u32> {
        match self {
            Self::Day => vec![year.telling_day(seed)],
            Self::Week => (1..=7).collect(),
            Self::Year => (1..=DAYS).collect(),
        }
    }
}

/// The engines a scenario can run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EngineName {
    /// Event-driven: no ticks, no cost for idle hosts.
    Squall,
    /// `turmoil::Sim`, a millisecond a step: the yardstick.
    Turmoil,
}

/// What to compare and how.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The results.json to hold the other against.
    pub baseline: PathBuf,
    /// The results.json to judge.
    pub current: PathBuf,
    /// Differences up to so many percent of the baseline's figure are none. The same build gives
    /// the same figures, so that 0 is right for it.
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = compare::tolerance)]
    pub tolerance: f64,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = CompareFormat::Text)]
    pub format: CompareFormat,
    /// Make the current results the baseline, after saying what changes by it.
    #[arg(long)]
    pub update: bool,
}

/// What a comparison is printed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    /// A table.
    Text,
    /// For programs.
    Json,
    /// For the summary of a job in continuous integration, or a pull request.
    Markdown,
    /// A page for a browser.
    Html,
}

/// What to serve and where.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// The system's name.
    pub system: String,
    /// Where the databases and the broker's log live.
    #[arg(long, value_name = "DIR", default_value = "target/squall/data")]
    pub data: PathBuf,
    /// Added to every port.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub port_offset: u16,
}

/// How the program ends; of several endings the worst wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything asked for was done and passed.
    Pass,
    /// An SLA or an invariant failed.
    Failed,
    /// The request makes no sense, or its input cannot be read.
    Usage,
    /// The same seed gave two histories.
    NotDeterministic,
    /// A check judged nothing, or could not decide.
    Vacuous,
    /// A run panicked.
    Panicked,
}

impl Ending {
    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotDeterministic => 3,
            Self::Vacuous => 4,
            Self::Panicked => 101,
        }
    }

    /// The worse of two endings: panic, not deterministic, failed, vacuous, pass.
    pub fn worse(self, other: Self) -> Self {
        let rank = |ending| match ending {
            Self::Pass => 0,
            Self::Vacuous => 1,
            Self::Failed => 2,
            Self::NotDeterministic => 3,
            Self::Panicked => 4,
            Self::Usage => 5,
        };
        if rank(self) >= rank(other) {
            self
        } else {
            other
        }
    }
}

impl RunArgs {
    /// What of this has to be said again to repeat one of its runs, beside scenario and seed.
    fn options(&self) -> String {
        let mut options = String::new();
        if let Some(folder) = &self.manifests {
            let folder = folder.display().to_string();
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
            if folder.chars().all(plain) {
                options.push_str(&format!(" --manifests {folder}"));
            } else {
                let quoted = folder.replace('\'', "'\\''");
                options.push_str(&format!(" --manifests '{quoted}'"));
            }
        }
        if self.engine == EngineName::Turmoil {
            options.push_str(" --engine turmoil");
        }
        match self.horizon {
            Horizon::Day => {}
            Horizon::Week => options.push_str(" --horizon week"),
            Horizon::Year => options.push_str(" --horizon year"),
        }
        options
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(ending.code())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Ending::{Failed, NotDeterministic, Panicked, Pass, Vacuous},
        *,
    };

    #[test]
    fn a_run_is_repeated_with_what_it_was_made_with() {
        let options = |line: &[&str]| {
            let line = CommandLine::try_parse_from([&["squall", "run"], line].concat());
            match line.expect("a command line").command {
                Some(Command::Run(args)) => args.options(),
                other => panic!("not a run: {other:?}"),
            }
        };
        assert_eq!(options(&["stock", "--seeds", "9"]), "");
        let line = ["--manifests", "my files/it's", "--engine", "turmoil"];
        assert_eq!(
            options(&line),
            " --manifests 'my files/it'\\''s' --engine turmoil"
        );
    }

    #[test]
    fn the_worst_ending_wins() {
        for (left, right, worst) in [
            (Pass, Vacuous, Vacuous),
            (Vacuous, Failed, Failed),
            (NotDeterministic, Failed, NotDeterministic),
            (Panicked, NotDeterministic, Panicked),
        ] {
            assert_eq!(left.worse(right), worst);
            assert_eq!(right.worse(left), worst);
        }
    }
}
