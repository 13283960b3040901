//! `squall merge`: joins the parts of a campaign.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use super::Ending;
use crate::explore::summary::Summary;

/// What to join.
#[derive(Clone, Debug, Args)]
pub struct MergeArgs {
    /// Folders of `squall explore --shard I/N --out DIR`.
    #[arg(required = true)]
    pub folders: Vec<PathBuf>,
    /// Where the joined explore.json goes; it is only printed when this is not said.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Joins, and prints the whole.
pub fn merge(args: &MergeArgs) -> Ending {
    merged(args).unwrap_or_else(|error| {
        eprintln!("squall: {error:#}");
        Ending::Usage
    })
}

fn merged(args: &MergeArgs) -> Result<Ending> {
    let mut whole: Option<Summary> = None;
    for folder in &args.folders {
        let path = folder.join("explore.json");
        let cannot = || format!("cannot merge {}", path.display());
        let text = fs::read_to_string(&path).with_context(cannot)?;
        let part = Summary::read(&text).with_context(cannot)?;
        whole = Some(match whole {
            Some(whole) => whole.merged(part).with_context(cannot)?,
            None => part,
        });
    }
    let whole = whole.context("nothing to merge")?;
    let (there, of) = (whole.shards.len(), whole.of as usize);
    if there < of {
        eprintln!("squall: {there} of {of} shards; the others are missing");
    }
    if let Some(out) = &args.out {
        let cannot = || format!("cannot write to {}", out.display());
        fs::create_dir_all(out).with_context(cannot)?;
        super::output::write(&out.join("explore.json"), &whole.to_json())?;
    }
    super::output::print(&whole.text())?;
    Ok(super::explore::ending(&whole.tally))
}
