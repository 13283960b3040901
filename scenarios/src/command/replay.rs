//! `squall replay`: runs a repro again.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use squall_kit::planted;
use squall_reports::{
    html::{self, Page},
    lanes::lanes,
    results::Wall,
    timeline::Timeline,
};

use super::Ending;
use crate::{
    explore::repro::{Judged, Replayed, Repro},
    registry::Registry,
};

/// What to replay.
#[derive(Clone, Debug, Args)]
pub struct ReplayArgs {
    /// A `*.repro.json`.
    pub file: PathBuf,
    /// Print the whole history, a lane for each host.
    #[arg(long)]
    pub trace: bool,
    /// Where a page that shows the run goes, `report.html`; none is written when this is not said.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// A bug planted in kit or system, of a build that has them.
    #[arg(long, value_name = "BUG", hide = !planted::AVAILABLE)]
    pub plant: Option<String>,
}

/// Replays, and says whether the check still fails.
pub fn replay(args: &ReplayArgs, registry: &Registry) -> Ending {
    replayed(args, registry).unwrap_or_else(|error| {
        eprintln!("squall: {error:#}");
        Ending::Usage
    })
}

fn replayed(args: &ReplayArgs, registry: &Registry) -> Result<Ending> {
    super::explore::plant(args.plant.as_deref())?;
    let cannot = || format!("cannot replay {}", args.file.display());
    let text = fs::read_to_string(&args.file).with_context(cannot)?;
    let repro = Repro::read(&text).with_context(cannot)?;
    let replayed = repro.replay(registry).with_context(cannot)?;
    if let Some(path) = &args.report {
        let mut report = replayed.run.report.clone();
        report.command = format!("squall replay {}", args.file.display());
        let timeline = Timeline::of(&replayed.run.history, &report.checks);
        let page = Page {
            report: &report,
            timeline: Some(&timeline),
        };
        let page = html::render("squall replay", &[page], &Wall::default());
        super::output::write(path, &page)?;
    }
    let mut text = String::new();
    if args.trace {
        text.push_str(&lanes(&replayed.run.history));
    }
    text.push_str(&words(&repro, &replayed));
    super::output::print(&text)?;
    Ok(ending(&replayed))
}

fn words(repro: &Repro, replayed: &Replayed) -> String {
    let mut text = match &replayed.judged {
        Judged::Fails(broken) => format!("still fails: {broken}\n"),
        Judged::Passes => format!("passes now: {}\n", repro.failing.check),
        Judged::Nothing(why) => format!("says nothing now: {why}\n"),
    };
    for broken in &replayed.others {
        text.push_str(&format!("fails, too: {broken}\n"));
    }
    let fingerprint = &replayed.run.report.result.fingerprint;
    match (&replayed.difference, replayed.same_build) {
        (None, _) => text.push_str(&format!("fingerprint {fingerprint}, the same\n")),
        (Some(difference), true) => text.push_str(&format!(
            "NOT DETERMINISTIC: the same build gave another history\n{difference}\n"
        )),
        (Some(difference), false) => text.push_str(&format!(
            "another build ({} made it): {difference}\n",
            repro.build
        )),
    }
    text
}

fn ending(replayed: &Replayed) -> Ending {
    if replayed.difference.is_some() && replayed.same_build {
        return Ending::NotDeterministic;
    }
    match &replayed.judged {
        Judged::Fails(_) => Ending::Failed,
        _ if !replayed.others.is_empty() => Ending::Failed,
        Judged::Passes => Ending::Pass,
        Judged::Nothing(_) => Ending::Vacuous,
    }
}
