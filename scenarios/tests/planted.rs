//! Every bug that can be planted is found by `squall explore`, is shrunk, and is seen again in a
//! replay. A program that has no such bug is clean: see `tests/explore.rs`.

mod support;

use std::fs;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use squall_kit::planted::Bug;
use support::program::squall;

/// A bug has to be found within so many runs of a campaign, with one of these seeds.
const RUNS: &str = "300";
const SEEDS: [&str; 3] = ["1", "2", "3"];

fn main() {
    let trials = Bug::ALL.iter().map(|&bug| {
        let name = bug.name();
        Trial::test(name, move || found(name))
    });
    let mut arguments = Arguments::from_args();
    // A campaign keeps every core busy by itself.
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

fn found(bug: &str) -> Result<(), Failed> {
    for seed in SEEDS {
        if found_with(bug, seed)? {
            return Ok(());
        }
    }
    Err(format!("not found with any seed of {SEEDS:?}").into())
}

/// False: this campaign does not meet it.
fn found_with(bug: &str, seed: &str) -> Result<bool, Failed> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().to_str();
    let out = out.ok_or("a temporary directory has a name")?;
    let search = ["explore", "--plant", bug, "--seed", seed, "--runs", RUNS];
    let said = squall(
        [
            &search[..],
            &["--findings", "1", "--shrink", "24", "--out", out],
        ]
        .concat(),
    );
    if said.code == Some(0) {
        return Ok(false);
    }
    if said.code != Some(1) {
        return Err(format!("{said:?}").into());
    }
    let text = fs::read_to_string(folder.path().join("explore.json"))?;
    let summary: Value = serde_json::from_str(&text)?;
    let finding = &summary["tally"]["findings"][0];
    let faults = finding["plan"]["faults"].as_array().map_or(0, Vec::len);
    let (check, run) = (&finding["broken"]["check"], &finding["run"]);
    println!("{bug}: {check} in run {run} of seed {seed}, shrunk to {faults} faults");
    let repro = folder.path().join("finding-1.repro.json");
    let repro = repro.to_str().ok_or("a temporary directory has a name")?;
    let replayed = squall(["replay", "--plant", bug, repro]);
    if replayed.code != Some(1) || !replayed.out.contains("the same") {
        return Err(format!("its repro does not show it: {replayed:?}").into());
    }
    let mended = squall(["replay", repro]);
    if mended.code != Some(0) || !mended.out.starts_with("passes now") {
        return Err(format!("it shows without the bug: {mended:?}").into());
    }
    Ok(true)
}
