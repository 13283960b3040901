//! `squall merge`: joins the parts of a campaign.

use std::{
    fs,
    path::{Path, PathBuf},
};

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
    /// Where the joined explore.json and the shards' repros go; the whole is only printed when this
    /// is not said.
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
        if let Some(out) = &args.out {
            copy_repros(&part, folder, out)?;
        }
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
        super::output::write(&out.join("explore.json"), &whole.to_json())?;
    }
    super::output::print(&whole.text())?;
    Ok(super::explore::ending(&whole.tally))
}

/// Every shard numbers its findings from 1: `finding-1.repro.json` of shard 2 becomes
/// `shard-2-finding-1.repro.json`.
fn copy_repros(part: &Summary, folder: &Path, out: &Path) -> Result<()> {
    let shards: Vec<String> = part.shards.iter().map(u32::to_string).collect();
    let prefix = format!("shard-{}", shards.join("-"));
    let cannot = || format!("cannot copy from {} to {}", folder.display(), out.display());
    fs::create_dir_all(out).with_context(cannot)?;
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("finding-") && name.ends_with(".repro.json") {
            let copy = out.join(format!("{prefix}-{name}"));
            fs::copy(entry.path(), copy).with_context(cannot)?;
        }
    }
    Ok(())
}
