//! Every bug that can be planted is found by `squall explore`, is shrunk, and is seen again in a
//! replay. A program that has no such bug is clean: see `tests/explore.rs`.

mod support;

use std::fs;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use squall_kit::planted::Bug;
use support::program::squall;

/// A bug has to be found within so many runs.
const RUNS: &str = "300";

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
    let folder = tempfile::tempdir()?;
    let out = folder
        .path()
        .to_str()
        .ok_or("a temporary directory has a name")?;
    let flags = [
        "--runs",
        RUNS,
        "--findings",
        "1",
        "--shrink",
        "60",
        "--out",
        out,
    ];
    let said = squall([&["explore", "--plant", bug][..], &flags].concat());
    if said.code != Some(1) {
        return Err(format!("it was not found: {said:?}").into());
    }
    let text = fs::read_to_string(folder.path().join("explore.json"))?;
    let summary: Value = serde_json::from_str(&text)?;
    let finding = &summary["tally"]["findings"][0];
    println!(
        "{bug}: {} in run {}, shrunk to {} faults",
        finding["broken"]["check"],
        finding["run"],
        finding["plan"]["faults"].as_array().map_or(0, Vec::len)
    );
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
    Ok(())
}
