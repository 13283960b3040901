//! The runs on a terminal: a table, and a page for each one that is not green.

use comfy_table::{CellAlignment, ContentArrangement, Row, Table};

use crate::{
    check::{Check, RunVerdict, Verdict},
    comparison::comparisons,
    report::Report,
    statistics::RequestCounts,
};

/// No line is longer than this.
pub const COLUMNS: usize = 100;

/// How many checks a page shows in full; the others by name.
const FULL_CHECKS: usize = 1;
const LABEL: usize = 10;

const HEADER: [&str; 10] = [
    "scenario", "seed", "verdict", "sim s", "ok", "failed", "unknown", "avail %", "p99 ms",
    "checks",
];

/// The table of all runs, the documented figures beside theirs, and a page for each run that did
/// not pass. Availability is siege's, p99 since the intended sending. Colours only when `colour`.
pub fn table(reports: &[Report], colour: bool) -> String {
    let mut text = overview(reports, colour);
    text.push_str(&comparisons(reports));
    for report in reports
        .iter()
        .filter(|report| report.result.verdict != RunVerdict::Pass)
    {
        text.push('\n');
        text.push_str(&page(report, colour));
    }
    text
}

/// The table alone. Green runs of one scenario share a row: sums, the worst availability and p99.
pub fn overview(reports: &[Report], colour: bool) -> String {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(COLUMNS as u16);
    table.set_header(HEADER);
    let alike = |one: &Report, next: &Report| {
        one.result.scenario == next.result.scenario
            && [one, next]
                .iter()
                .all(|report| report.result.verdict == RunVerdict::Pass)
    };
    for reports in reports.chunk_by(alike) {
        table.add_row(row(reports));
    }
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if place != 0 && place != 2 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = String::new();
    let rendered = table.to_string();
    let verdict_at = rendered
        .lines()
        .next()
        .and_then(|header| header.find("verdict"));
    for line in rendered.lines() {
        text.push_str(&painted_cell(line.trim_end(), verdict_at, colour));
        text.push('\n');
    }
    text
}

/// What a reader needs to understand one run that is not green, and to repeat it.
pub fn page(report: &Report, colour: bool) -> String {
    let result = &report.result;
    let verdict = paint(result.verdict, &result.verdict.to_string(), colour);
    let mut text = format!("{verdict} {}, seed {}\n", result.scenario, result.seed);
    paragraph(&mut text, "claim", &report.claim);
    paragraph(&mut text, "repeat", &report.command);
    for panic in &report.panics {
        paragraph(&mut text, "panic", panic);
    }
    let broken = report.broken();
    for check in broken.iter().take(FULL_CHECKS) {
        let Check {
            name,
            verdict,
            observed,
            bound,
            evidence,
        } = check;
        paragraph(&mut text, "broken", &format!("{name} ({verdict})"));
        paragraph(&mut text, "observed", observed);
        paragraph(&mut text, "promised", bound);
        // The panics above need no second telling.
        let news = evidence.iter().filter(|line| !report.panics.contains(line));
        news.for_each(|line| paragraph(&mut text, "evidence", line));
    }
    for check in broken.iter().skip(FULL_CHECKS) {
        let Check {
            name,
            verdict,
            observed,
            ..
        } = check;
        paragraph(
            &mut text,
            "also",
            &format!("{name} ({verdict}): {observed}"),
        );
    }
    if broken.is_empty() && report.panics.is_empty() {
        paragraph(&mut text, "broken", "nothing was judged");
    }
    report
        .last_events
        .iter()
        .for_each(|line| paragraph(&mut text, "event", line));
    text
}

/// A row for runs of one scenario with one verdict; at least one.
fn row(reports: &[Report]) -> Row {
    let (Some(first), Some(last)) = (reports.first(), reports.last()) else {
        return Row::new();
    };
    let (first, last) = (&first.result, &last.result);
    let results = || reports.iter().map(|report| &report.result);
    let sum = |count: fn(&RequestCounts) -> u64| {
        results()
            .fold(0u64, |sum, result| {
                sum.saturating_add(count(&result.requests))
            })
            .to_string()
    };
    let checks = || reports.iter().flat_map(|report| &report.checks);
    let passed = checks()
        .filter(|check| check.verdict == Verdict::Pass)
        .count();
    let availability = results().map(|result| result.siege.availability_percent);
    let p99 = results().map(|result| result.latency_ms.p99);
    Row::from([
        first.scenario.clone(),
        match reports.len() {
            1 => first.seed.to_string(),
            _ => format!("{}–{}", first.seed, last.seed),
        },
        first.verdict.to_string(),
        format!(
            "{:.1}",
            results().map(|result| result.simulated_s).sum::<f64>()
        ),
        sum(|requests| requests.ok),
        sum(|requests| requests.failed),
        sum(|requests| requests.unknown),
        format!("{:.2}", availability.fold(f64::INFINITY, f64::min)),
        format!("{:.1}", p99.fold(0.0, f64::max)),
        format!("{passed}/{}", checks().count()),
    ])
}

/// Adds `  label     text`, its further lines indented; repeated labels are for `grep`.
pub(crate) fn paragraph(out: &mut String, label: &str, text: &str) {
    let mut label = label;
    for line in wrapped(text, COLUMNS - LABEL - 2) {
        let padded = format!("  {label:LABEL$}{line}");
        out.push_str(padded.trim_end());
        out.push('\n');
        label = "";
    }
}

/// Breaks at spaces, and within what has none for too long. Control characters become spaces.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line: Vec<char> = Vec::new();
    for letter in text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
    {
        line.push(letter);
        if line.len() > width {
            let broken = line
                .iter()
                .rposition(|letter| *letter == ' ')
                .filter(|at| *at > 0);
            let rest = line.split_off(broken.map_or(width, |at| at + 1));
            lines.push(line.iter().collect::<String>().trim_end().to_owned());
            line = rest;
        }
    }
    lines.push(line.iter().collect());
    lines
}

fn painted_cell(line: &str, at: Option<usize>, colour: bool) -> String {
    let all = [
        RunVerdict::Pass,
        RunVerdict::Vacuous,
        RunVerdict::Unknown,
        RunVerdict::Fail,
        RunVerdict::NotDeterministic,
        RunVerdict::Panic,
    ];
    let cell = at
        .and_then(|at| line.split_at_checked(at))
        .and_then(|(before, rest)| {
            let verdict = all
                .into_iter()
                .find(|verdict| rest.starts_with(&verdict.to_string()))?;
            let word = verdict.to_string();
            let after = rest.strip_prefix(&word)?;
            Some(format!("{before}{}{after}", paint(verdict, &word, colour)))
        });
    cell.unwrap_or_else(|| line.to_owned())
}

fn paint(verdict: RunVerdict, text: &str, colour: bool) -> String {
    let code = match verdict {
        _ if !colour => return text.to_owned(),
        RunVerdict::Pass => 32,
        RunVerdict::Vacuous | RunVerdict::Unknown => 33,
        RunVerdict::Fail | RunVerdict::NotDeterministic | RunVerdict::Panic => 31,
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hand::Hand, history::History, report::by_hand};

    #[test]
    fn terminal() {
        insta::assert_snapshot!(table(&by_hand::reports(), false));
    }

    #[test]
    fn colours_are_all_that_colour_adds() {
        let reports = by_hand::reports();
        let coloured = table(&reports, true);
        let mut plain = coloured.clone();
        for code in ["\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[0m"] {
            assert!(coloured.contains(code));
            plain = plain.replace(code, "");
        }
        assert_eq!(plain, table(&reports, false));
        // Four cells and three titles.
        assert_eq!(coloured.matches("\u{1b}[0m").count(), 7);
    }

    #[test]
    fn green_seeds_share_a_row_and_others_have_their_own() {
        let green = by_hand::reports().remove(0);
        let mut reports: Vec<Report> = (1..=5)
            .map(|seed| {
                let mut report = green.clone();
                report.result.seed = seed;
                report.result.latency_ms.p99 = seed as f64;
                report
            })
            .collect();
        reports[2].result.verdict = RunVerdict::Fail;
        let text = overview(&reports, false);
        let words = |line: &str| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let rows: Vec<Vec<String>> = text.lines().skip(1).map(words).collect();
        let seeds: Vec<&str> = rows.iter().map(|row| row[1].as_str()).collect();
        assert_eq!(seeds, ["1–2", "3", "4–5"]);
        assert_eq!(
            rows[0][2..],
            ["pass", "16.5", "4", "2", "2", "50.00", "2.0", "12/12"]
        );
    }

    #[test]
    fn no_line_is_too_long() {
        let history = Hand::new()
            .panicked("pay-1", &"x".repeat(300))
            .note(&"word ".repeat(99));
        let mut report = by_hand::report(
            "shop/a-name-longer-than-names-are",
            u64::MAX,
            &history.history(),
        );
        report.result.requests.unknown = u64::MAX;
        report.result.latency_ms.p99 = 1e15;
        let text = table(&[report], false);
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(COLUMNS), "{text}");
        assert!(text.contains(&"x".repeat(80)));
    }

    #[test]
    fn a_run_that_judged_nothing_says_so() {
        let mut report = by_hand::report("shop/calm", 1, &History::default());
        report.checks.clear();
        report.result.verdict = RunVerdict::Vacuous;
        let text = page(&report, false);
        assert!(text.contains("broken    nothing was judged"), "{text}");
    }
}
