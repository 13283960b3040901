//! `squall compare`: two results made one verdict.

use std::{
    fs,
    io::{self, IsTerminal},
    path::Path,
};

use anyhow::{Context as _, Result, bail};
use squall_reports::{
    compare,
    results::{Results, RunResult},
};

use super::{CompareArgs, CompareFormat, Ending, histories, output};

/// Of so many runs it is said where they part.
const PARTINGS: usize = 3;

/// Compares, prints, and rewrites the baseline when asked to.
pub fn compare(args: &CompareArgs) -> Ending {
    match try_compare(args) {
        Ok(ending) => ending,
        Err(error) => {
            eprintln!("squall: {error:#}");
            Ending::Usage
        }
    }
}

fn try_compare(args: &CompareArgs) -> Result<Ending> {
    let (current, text) = read(&args.current)?;
    // A first baseline has nothing to be compared with.
    let absent = !args.baseline.exists();
    if absent && !args.update {
        bail!(
            "{}: no such file; --update makes it",
            args.baseline.display()
        );
    }
    let baseline = match absent {
        true => Results::new(Vec::new(), current.wall.clone()),
        false => read(&args.baseline)?.0,
    };
    let compared = compare::compare(&baseline, &current, args.tolerance);
    let said = match args.format {
        CompareFormat::Text => {
            let colour = io::stdout().is_terminal() && !output::is_plain();
            compare::text(&compared, colour) + &partings(args, &baseline, &current)
        }
        CompareFormat::Json => compare::json(&compared),
        CompareFormat::Markdown => compare::markdown(&compared),
        CompareFormat::Html => compare::html(&compared),
    };
    output::print(&said)?;
    if args.update {
        output::write(&args.baseline, &without_wall(&text))?;
        return Ok(Ending::Pass);
    }
    let ending = match compared.is_good() {
        true => Ending::Pass,
        false => Ending::Failed,
    };
    if compared.runs == 0 {
        eprintln!("squall: nothing was compared: the two files have no run in common");
        return Ok(ending.worse(Ending::Vacuous));
    }
    Ok(ending)
}

/// Where runs part whose histories are beside both files (`squall run --histories`). They explain
/// and do not judge: what is in the way of one is noted.
fn partings(args: &CompareArgs, baseline: &Results, current: &Results) -> String {
    let folder = |file: &Path| file.parent().unwrap_or(Path::new("")).to_owned();
    let (before, after) = (folder(&args.baseline), folder(&args.current));
    let mut text = String::new();
    let mut shown = 0;
    for run in &baseline.runs {
        let other = |now: &&RunResult| now.name() == run.name();
        let now = current.runs.iter().find(other);
        let Some(now) = now.filter(|now| now.fingerprint != run.fingerprint) else {
            continue;
        };
        if shown == PARTINGS {
            break;
        }
        let history = |folder: &Path, run: &RunResult| {
            let path = histories::path(folder, &run.scenario, run.seed);
            histories::read(&path, &run.fingerprint)
        };
        match (history(&before, run), history(&after, now)) {
            (Ok(Some(left)), Ok(Some(right))) => {
                let Some(words) = compare::parting(&left, &right) else {
                    continue;
                };
                text.push_str(&format!("\n{}: {words}", run.name()));
            }
            (Ok(None), _) | (_, Ok(None)) => continue,
            (Err(error), _) | (_, Err(error)) => {
                text.push_str(&format!("\n{}: no parting shown: {error:#}\n", run.name()));
            }
        }
        shown += 1;
    }
    text
}

/// A file's results and its text.
fn read(path: &Path) -> Result<(Results, String)> {
    let name = || path.display().to_string();
    let bytes = fs::read(path).with_context(name)?;
    let text = String::from_utf8(bytes)
        .context("not a text file")
        .with_context(name)?;
    let results = Results::read(&text).with_context(name)?;
    Ok((results, text))
}

/// The same file without real times, which differ from run to run: nothing else in it changes, not
/// even a digit. A file that squall did not write stays as it is.
fn without_wall(text: &str) -> String {
    // Within a JSON string there is no line end.
    match text.rfind("\n  \"wall\": {") {
        Some(wall) => {
            let none = "  \"wall\": {\n    \"total_s\": 0.0,\n    \"by_scenario_s\": {}\n  }\n}\n";
            format!("{}\n{none}", &text[..wall])
        }
        None => text.to_owned(),
    }
}

/// A tolerance in percent: `5%` or `5`.
///
/// # Errors
/// Says what was expected.
pub fn tolerance(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    match number.parse::<f64>() {
        Ok(percent) if percent.is_finite() && percent >= 0.0 => Ok(percent),
        _ => Err("expected percent, 0 or more: `5%`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use squall_reports::results::Wall;

    use super::*;

    #[test]
    fn a_baseline_has_no_real_times() {
        let wall = Wall {
            total_s: 1.5,
            by_scenario_s: [("shop/stock".to_owned(), 1.5)].into(),
        };
        let text = Results::new(Vec::new(), wall).to_json();
        let none = Results::new(Vec::new(), Wall::default()).to_json();
        assert_eq!(without_wall(&text), none);
        assert_eq!(without_wall("{}"), "{}");
    }

    #[test]
    fn a_tolerance_is_a_percentage() {
        for (text, percent) in [("5%", 5.0), ("0", 0.0), ("2.5 %", 2.5)] {
            assert_eq!(tolerance(text), Ok(percent));
        }
        for text in ["-1", "five", "", "%", "NaN", "inf"] {
            assert!(tolerance(text).is_err(), "{text}");
        }
    }
}
