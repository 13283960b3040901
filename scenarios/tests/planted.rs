//! Every bug that can be planted is found by `squall explore` as README's table says, is shrunk,
//! and is seen again in a replay; without the bug the replay passes. A program that has no such bug
//! is clean: see `tests/explore.rs`.
//!
//! The ignored tests search with other seeds, and shrink as long as `explore` does by itself: they
//! print what README's table says of that. They take long.

mod support;

use std::fs;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use squall_kit::planted::Bug;
use support::program::squall;
use tempfile::TempDir;

/// A bug has to be found within so many runs of a campaign.
const RUNS: &str = "300";
/// With each of these seeds.
const SEEDS: [&str; 3] = ["1", "2", "3"];
/// The one of README's table: of the three it needs the fewest runs.
const TOLD: &str = "2";

fn main() {
    let mut trials = Vec::new();
    for &bug in Bug::ALL {
        let name = bug.name();
        trials.push(Trial::test(name, move || found_as_told(name)));
        trials.extend(SEEDS.map(|seed| {
            let search = move || found_with(name, seed, &[]).map(drop);
            Trial::test(format!("{name} with seed {seed}"), search).with_ignored_flag(true)
        }));
    }
    let mut arguments = Arguments::from_args();
    // A campaign keeps every core busy by itself.
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, trials).exit();
}

/// As README says, but shrunk only a little.
fn found_as_told(bug: &str) -> Result<(), Failed> {
    let found = found_with(bug, TOLD, &["--shrink", "8"])?;
    let row = format!("| {bug} | {} | {} |", found.check, found.run);
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    found.replayed(bug)?;
    match fs::read_to_string(readme)?.contains(&row) {
        true => Ok(()),
        false => Err(format!("README's row of it should begin with {row}").into()),
    }
}

/// The first finding of a campaign.
struct Found {
    check: String,
    run: u64,
    folder: TempDir,
}

fn found_with(bug: &str, seed: &str, more: &[&str]) -> Result<Found, Failed> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().to_str();
    let out = out.ok_or("a temporary directory has a name")?;
    let search = ["explore", "--plant", bug, "--seed", seed, "--runs", RUNS];
    let said = squall([&search[..], &["--findings", "1", "--out", out], more].concat());
    if said.code != Some(1) {
        return Err(format!("not found with seed {seed}: {said:?}").into());
    }
    let text = fs::read_to_string(folder.path().join("explore.json"))?;
    let summary: Value = serde_json::from_str(&text)?;
    let finding = &summary["tally"]["findings"][0];
    let found = Found {
        check: finding["broken"]["check"].as_str().unwrap_or("").to_owned(),
        run: finding["run"].as_u64().unwrap_or(0),
        folder,
    };
    let users = finding["plan"]["users"].as_array().into_iter().flatten();
    let users = users.filter_map(|users| users["journeys"].as_u64());
    let journeys = users.sum::<u64>() + finding["plan"]["aftermath"].as_u64().unwrap_or(0);
    let faults = finding["plan"]["faults"].as_array().map_or(0, Vec::len);
    println!(
        "| {bug} | {} | {} | {faults} | {journeys} | (seed {seed})",
        found.check, found.run
    );
    Ok(found)
}

impl Found {
    /// Its repro shows it, and not without the bug.
    fn replayed(&self, bug: &str) -> Result<(), Failed> {
        let repro = self.folder.path().join("finding-1.repro.json");
        let repro = repro.to_str().ok_or("a temporary directory has a name")?;
        let replayed = squall(["replay", "--plant", bug, repro]);
        if replayed.code != Some(1) || !replayed.out.contains("the same") {
            return Err(format!("its repro does not show it: {replayed:?}").into());
        }
        let mended = squall(["replay", repro]);
        if mended.code != Some(0) || !mended.out.starts_with("passes now") {
            return Err(format!("it shows without the bug: {mended:?}").into());
        }
        Ok(())
    }
}
