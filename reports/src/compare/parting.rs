//! Where two runs of one seed part, with what follows in both: another build explained.

use std::fmt::Write as _;

use crate::{fingerprint::first_difference, history::History};

/// So many entries after the first difference are shown of each.
const AFTER: usize = 4;

/// The last common entries, the first that differ, and what each history goes on with; `None` when
/// the histories are equal.
pub fn parting(baseline: &History, current: &History) -> Option<String> {
    let difference = first_difference(baseline, current)?;
    let mut text = format!("they part at entry {}\n", difference.index);
    // Writing to a string cannot fail.
    for entry in &difference.context {
        let _ = writeln!(text, "  both     {entry}");
    }
    for (name, history) in [("baseline", baseline), ("current ", current)] {
        let rest = history.entries.get(difference.index..).unwrap_or_default();
        for entry in rest.iter().take(AFTER + 1) {
            let _ = writeln!(text, "  {name} {entry}");
        }
        if rest.is_empty() {
            let _ = writeln!(text, "  {name} (it ended)");
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::Hand;

    #[test]
    fn both_are_shown_from_where_they_part() {
        let common = || Hand::new().each(0..9, |hand, n| hand.at(n).note("same"));
        let left = common().note("left").note("more").history();
        let right = common().history();
        assert_eq!(parting(&left, &left), None);
        let text = parting(&left, &right).expect("one is longer");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "they part at entry 9");
        assert!(lines[1].starts_with("  both     "), "{text}");
        let end = [
            "  baseline 0.008000 s world note text=left",
            "  baseline 0.008000 s world note text=more",
            "  current  (it ended)",
        ];
        assert_eq!(lines[lines.len() - 3..], end);
    }
}
