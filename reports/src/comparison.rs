//! The documented figures beside the reproduced ones, for people: a block for each scenario that
//! repeats a documented experiment.

use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use crate::{documented::Comparison, report::Report, results::RunResult};

/// One run in so many is left out at either end: what remains is the central 90 %.
const LEFT_OUT: usize = 20;

/// The mean of a figure over several runs, and where most of them lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The least of the central 90 % of all runs.
    pub low: f64,
    /// The greatest of them.
    pub high: f64,
}

impl Spread {
    /// Of these values; `None` of none. With fewer than 20 nothing is left out.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let left_out = values.len() / LEFT_OUT;
        let low = *values.get(left_out)?;
        let high = *values.get(values.len() - 1 - left_out)?;
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Some(Self { mean, low, high })
    }

    /// Whether a printed figure lies within, as exactly as it is printed: to two decimals.
    pub fn contains(&self, printed: f64) -> bool {
        const HALF_PLACE: f64 = 0.005 + 1e-9;
        self.low - HALF_PLACE <= printed && printed <= self.high + HALF_PLACE
    }
}

/// The documented figures of one scenario beside those of all its runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reproduction {
    /// The scenario.
    pub scenario: String,
    /// How many runs.
    pub runs: usize,
    /// As [`Comparison::source`].
    pub source: String,
    /// As [`Comparison::note`].
    pub note: String,
    /// As [`Comparison::contradictions`].
    pub contradictions: Vec<String>,
    /// Figure by figure.
    pub rows: Vec<Row>,
}

/// One documented figure beside what all runs gave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its name and unit, for people.
    pub label: &'static str,
    /// As the document has it.
    pub documented: f64,
    /// As the runs have it; of one run all three are its own.
    pub spread: Spread,
    /// Whether most runs have it as the document does.
    pub inside: bool,
}

/// The comparisons of all scenarios among these runs that have documented figures; the runs of a
/// scenario stand together.
pub fn reproductions(runs: &[RunResult]) -> Vec<Reproduction> {
    let same = |one: &RunResult, next: &RunResult| one.scenario == next.scenario;
    runs.chunk_by(same).filter_map(Reproduction::of).collect()
}

/// The blocks of all scenarios among these runs that have documented figures, each line at most
/// [`COLUMNS`](crate::table::COLUMNS) wide; empty when there is none.
pub fn comparisons(reports: &[Report]) -> String {
    let runs: Vec<RunResult> = reports.iter().map(|report| report.result.clone()).collect();
    reproductions(&runs).iter().map(block).collect()
}

impl Reproduction {
    fn of(runs: &[RunResult]) -> Option<Self> {
        let first = runs.first()?;
        let documented: &Comparison = first.documented.as_ref()?;
        let rows = documented.figures.iter().filter_map(|beside| {
            let values = runs.iter().map(|run| beside.figure.of(&run.siege));
            let spread = Spread::of(values.collect())?;
            Some(Row {
                label: beside.figure.label(),
                documented: beside.documented,
                spread,
                inside: spread.contains(beside.documented),
            })
        });
        Some(Self {
            scenario: first.scenario.clone(),
            runs: runs.len(),
            source: documented.source.clone(),
            note: documented.note.clone(),
            contradictions: documented.contradictions.clone(),
            rows: rows.collect(),
        })
    }
}

/// The block of the runs of one scenario.
fn block(reproduction: &Reproduction) -> String {
    let count = match reproduction.runs {
        1 => "1 run".to_owned(),
        runs => format!("{runs} runs"),
    };
    let title = format!("{} as documented, {count}", reproduction.scenario);
    let mut text = format!("\n{title}\n");
    crate::table::paragraph(&mut text, "source", &reproduction.source);
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(if reproduction.runs == 1 {
        vec!["", "documented", "reproduced"]
    } else {
        vec!["", "documented", "mean", "central 90 %", "documented is"]
    });
    for row in &reproduction.rows {
        table.add_row(cells(row, reproduction.runs));
    }
    for column in table.column_iter_mut() {
        column.set_padding((2, 0));
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in table.to_string().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    for line in &reproduction.contradictions {
        crate::table::paragraph(&mut text, "cannot be", line);
    }
    if !reproduction.note.is_empty() {
        crate::table::paragraph(&mut text, "note", &reproduction.note);
    }
    text
}

fn cells(row: &Row, runs: usize) -> Vec<String> {
    let Spread { mean, low, high } = row.spread;
    let mut cells = vec![row.label.to_owned(), format!("{:.2}", row.documented)];
    cells.push(format!("{mean:.2}"));
    if runs > 1 {
        cells.push(format!("{low:.2}–{high:.2}"));
        cells.push(if row.inside { "inside" } else { "outside" }.to_owned());
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::by_hand;

    /// Runs of one scenario with so many hits each.
    fn runs(hits: impl IntoIterator<Item = u64>) -> Vec<Report> {
        let with = |hits| {
            let mut report = by_hand::reports().remove(0);
            report.result.siege.transactions = hits;
            report
        };
        hits.into_iter().map(with).collect()
    }

    #[test]
    fn one_run_and_several() {
        let text = comparisons(&runs([104])) + &comparisons(&runs(90..130));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_central_90_percent_leave_out_as_many_at_either_end() {
        let spread = Spread::of((1..=200).map(f64::from).collect()).expect("values");
        assert_eq!((spread.low, spread.high), (11.0, 190.0));
        assert!((spread.mean - 100.5).abs() < 1e-9);
        let few = Spread::of(vec![3.0, 1.0, 2.0]).expect("values");
        assert_eq!((few.low, few.high), (1.0, 3.0));
        assert_eq!(Spread::of(Vec::new()), None);
        assert!(few.contains(3.0) && few.contains(1.0) && !few.contains(3.02));
    }

    #[test]
    fn runs_without_documented_figures_have_no_block() {
        assert_eq!(comparisons(&by_hand::reports()[1..]), "");
    }
}
