//! The documented figures beside the reproduced ones, for people: a block for each scenario that
//! repeats a documented experiment.

use comfy_table::{CellAlignment, Table};

use crate::{documented::Figure, report::Report, results::RunResult};

/// One run in so many is left out at either end: what remains is the central 90 %.
const LEFT_OUT: usize = 20;

/// The mean of a figure over several runs, and where most of them lie.
#[derive(Clone, Copy, Debug, PartialEq)]
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

/// The blocks of all scenarios among these runs that have documented figures, each line at most
/// [`COLUMNS`](crate::table::COLUMNS) wide; empty when there is none.
pub fn comparisons(reports: &[Report]) -> String {
    let same = |one: &Report, next: &Report| one.result.scenario == next.result.scenario;
    let blocks = reports.chunk_by(same).filter_map(|runs| {
        let results: Vec<&RunResult> = runs.iter().map(|run| &run.result).collect();
        block(&results)
    });
    blocks.collect()
}

/// The block of the runs of one scenario.
fn block(runs: &[&RunResult]) -> Option<String> {
    let first = runs.first()?;
    let documented = first.documented.as_ref()?;
    let count = match runs.len() {
        1 => "1 run".to_owned(),
        runs => format!("{runs} runs"),
    };
    let title = format!("{} as documented, {count}", first.scenario);
    let mut text = format!("\n{title}\n");
    crate::table::paragraph(&mut text, "source", &documented.source);
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(if runs.len() == 1 {
        vec!["", "documented", "reproduced"]
    } else {
        vec!["", "documented", "mean", "central 90 %", "documented is"]
    });
    for beside in &documented.figures {
        table.add_row(row(runs, beside.figure, beside.documented));
    }
    for column in table.column_iter_mut() {
        column.set_padding((2, 0));
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in table.to_string().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    for line in &documented.contradictions {
        crate::table::paragraph(&mut text, "cannot be", line);
    }
    if !documented.note.is_empty() {
        crate::table::paragraph(&mut text, "note", &documented.note);
    }
    Some(text)
}

fn row(runs: &[&RunResult], figure: Figure, documented: f64) -> Vec<String> {
    let values: Vec<f64> = runs.iter().map(|run| figure.of(&run.siege)).collect();
    let mut row = vec![figure.label().to_owned(), format!("{documented:.2}")];
    match (values.as_slice(), Spread::of(values.clone())) {
        ([only], _) => row.push(format!("{only:.2}")),
        (_, Some(spread)) => {
            let inside = spread.contains(documented);
            row.push(format!("{:.2}", spread.mean));
            row.push(format!("{:.2}–{:.2}", spread.low, spread.high));
            row.push(if inside { "inside" } else { "outside" }.to_owned());
        }
        (_, None) => {}
    }
    row
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
