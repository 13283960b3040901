//! The runs as Markdown, for a pull request or the summary of a job in continuous integration.
//!
//! GitHub shows at most 1 MiB of a job's summary: what is over the caps here is counted.

use std::fmt::Write as _;

use crate::{
    check::{RunVerdict, Verdict},
    comparison::{Reproduction, reproductions},
    report::Report,
    results::RunResult,
};

/// So many rows of the table are shown; runs that did not pass stand first.
const ROWS: usize = 300;
/// So many runs that did not pass are told in full.
const TOLD: usize = 20;

/// Verdicts, a table of all runs (the worst first), what broke, and the documented figures.
pub fn markdown(reports: &[Report]) -> String {
    let mut text = format!("## squall: {}\n\n", counts(reports));
    let mut order: Vec<&Report> = reports.iter().collect();
    order.sort_by_key(|report| std::cmp::Reverse(report.result.verdict));
    text.push_str(
        "| verdict | run | ok | failed | unknown | availability % | p99 ms | checks |\n\
         |---|---|--:|--:|--:|--:|--:|--:|\n",
    );
    for report in order.iter().take(ROWS) {
        text.push_str(&row(&report.result));
    }
    left_out(&mut text, order.len(), ROWS, "runs");
    order.retain(|report| report.result.verdict != RunVerdict::Pass);
    for report in order.iter().take(TOLD) {
        told(&mut text, report);
    }
    left_out(&mut text, order.len(), TOLD, "runs that did not pass");
    let results: Vec<RunResult> = reports.iter().map(|report| report.result.clone()).collect();
    for reproduction in reproductions(&results) {
        documented(&mut text, &reproduction);
    }
    text
}

/// A text in a cell of a table: no line ends, no borders, no markup.
pub(crate) fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' | '~' => safe.extend(['\\', letter]),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            letter if letter.is_control() => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

fn counts(reports: &[Report]) -> String {
    let verdict = |report: &Report| report.result.verdict;
    let mut verdicts: Vec<RunVerdict> = reports.iter().map(verdict).collect();
    verdicts.sort_unstable();
    let counts: Vec<String> = verdicts
        .chunk_by(PartialEq::eq)
        .rev()
        .map(|alike| format!("{} {}", alike.len(), alike[0]))
        .collect();
    if counts.is_empty() {
        return "no run".to_owned();
    }
    counts.join(", ")
}

fn row(result: &RunResult) -> String {
    let passed = result
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Pass)
        .count();
    let requests = result.requests;
    format!(
        "| {} | {}, seed {} | {} | {} | {} | {:.2} | {:.1} | {passed}/{} |\n",
        result.verdict,
        cell(&result.scenario),
        result.seed,
        requests.ok,
        requests.failed,
        requests.unknown,
        result.siege.availability_percent,
        result.latency_ms.p99,
        result.checks.len()
    )
}

fn told(text: &mut String, report: &Report) {
    let result = &report.result;
    let scenario = cell(&result.scenario);
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    line(format!(
        "\n### {} {scenario}, seed {}\n",
        result.verdict, result.seed
    ));
    line(format!("{}\n", cell(&report.claim)));
    let panics = report.panics.iter();
    panics.for_each(|panic| line(format!("- panic: {}", cell(panic))));
    let broken = report.broken();
    for check in &broken {
        let (name, observed, bound) =
            (cell(&check.name), cell(&check.observed), cell(&check.bound));
        line(format!(
            "- **{}** {name}: observed {observed}, promised {bound}",
            check.verdict
        ));
        let evidence = check.evidence.iter();
        evidence.for_each(|evidence| line(format!("  - {}", cell(evidence))));
    }
    if broken.is_empty() && report.panics.is_empty() {
        line("- nothing was judged".to_owned());
    }
    line(format!("\n```sh\n{}\n```", report.command));
}

fn documented(text: &mut String, reproduction: &Reproduction) {
    let runs = reproduction.runs;
    let title = cell(&reproduction.scenario);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "\n### {title} as documented, {runs} run(s)\n");
    let _ = writeln!(text, "{}\n", cell(&reproduction.source));
    text.push_str(
        "| figure | documented | mean | central 90 % | documented is |\n|---|--:|--:|--:|---|\n",
    );
    for row in &reproduction.rows {
        let inside = if row.inside { "inside" } else { "outside" };
        let _ = writeln!(
            text,
            "| {} | {:.2} | {:.2} | {:.2}–{:.2} | {inside} |",
            row.label, row.documented, row.spread.mean, row.spread.low, row.spread.high
        );
    }
}

fn left_out(text: &mut String, all: usize, shown: usize, what: &str) {
    if all > shown {
        let _ = writeln!(text, "\n… and {} more {what}", all - shown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::by_hand;

    #[test]
    fn summary() {
        insta::assert_snapshot!(markdown(&by_hand::reports()));
    }

    #[test]
    fn nothing_of_a_run_becomes_markup() {
        assert_eq!(cell("a|b\n<i>*&`"), "a\\|b &lt;i&gt;\\*&amp;\\`");
    }

    #[test]
    fn many_runs_stay_short() {
        let reports = by_hand::reports();
        let many: Vec<Report> = std::iter::repeat_n(reports[1].clone(), 2_000).collect();
        let text = markdown(&many);
        assert!(text.len() < 200_000, "{} bytes", text.len());
        assert!(text.contains("… and 1700 more runs\n"));
        assert!(text.contains("… and 1980 more runs that did not pass"));
        assert_eq!(markdown(&[]).lines().next(), Some("## squall: no run"));
    }
}
