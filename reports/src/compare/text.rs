//! A comparison on a terminal.

use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::{Change, Compared, Kind};
use crate::table::COLUMNS;

/// So many changes that are neither good nor bad are shown; all others are.
const OTHERS: usize = 20;

/// What differs, one line a change, each at most [`COLUMNS`] wide; then what it comes to.
pub fn text(compared: &Compared, colour: bool) -> String {
    let mut text = String::new();
    if !compared.changes.is_empty() {
        text.push_str(&changes(&compared.changes, colour));
        text.push('\n');
    }
    let others = compared.count(Kind::Change);
    if others > OTHERS {
        text.push_str(&format!("… and {} other changes\n\n", others - OTHERS));
    }
    for (what, names) in [("missing", &compared.missing), ("new", &compared.new)] {
        names.iter().for_each(|name| {
            crate::table::paragraph(&mut text, what, &name.to_string());
        });
    }
    crate::table::paragraph(&mut text, "in all", &compared.summary());
    text
}

fn changes(changes: &[Change], colour: bool) -> String {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(COLUMNS as u16);
    table.set_header([
        "", "scenario", "metric", "seeds", "baseline", "current", "change",
    ]);
    let mut others = 0;
    for change in changes {
        others += usize::from(change.kind == Kind::Change);
        if others <= OTHERS {
            table.add_row(row(change));
        }
    }
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if place > 2 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.to_string();
    let lines = lines.lines().map(|line| painted(line.trim_end(), colour));
    lines.map(|line| line + "\n").collect()
}

/// A change as every table has it.
pub(super) fn row(change: &Change) -> [String; 7] {
    [
        change.kind.to_string(),
        change.scenario.clone(),
        change.metric.clone(),
        format!("{}/{}", change.seeds.len(), change.of),
        short(&change.baseline),
        short(&change.current),
        change.percent(),
    ]
}

impl Change {
    /// `+12.5 %`; a dash where there is no percentage.
    pub(super) fn percent(&self) -> String {
        self.percent
            .map_or_else(|| "–".to_owned(), |percent| format!("{percent:+.1} %"))
    }
}

/// A figure to six digits: the JSON has all of them.
fn short(value: &str) -> String {
    match value.parse::<f64>() {
        Ok(number) if value.len() > 9 => format!("{number:.4}"),
        _ => value.to_owned(),
    }
}

fn painted(line: &str, colour: bool) -> String {
    let code = match line.split_whitespace().next() {
        Some("worse") if colour => 31,
        Some("changed") if colour => 33,
        Some("better") if colour => 32,
        _ => return line.to_owned(),
    };
    format!("\u{1b}[{code}m{line}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{by_hand, compare};

    #[test]
    fn terminal() {
        insta::assert_snapshot!(text(&by_hand::compared(), false));
    }

    #[test]
    fn nothing_to_say_is_one_line() {
        let same = compare(&by_hand::results(), &by_hand::results(), 0.0);
        let said = text(&same, true);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("0 worse, 0 changed, 0 better, 0 other; 0 missing, 0 new;"));
    }

    #[test]
    fn no_line_is_too_long() {
        let mut compared = by_hand::compared();
        for change in &mut compared.changes {
            change.scenario = "shop/a-scenario-with-a-rather-long-name".to_owned();
            change.metric = format!("check: {}", "one in notice/notices for each ".repeat(5));
        }
        let said = text(&compared, false);
        let longest = said.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(COLUMNS), "{said}");
    }
}
