//! A history as text for people: a lane for each host, virtual time on the left.

use std::fmt::Write as _;

use crate::history::{History, Name, What};

/// A line for each entry: its time, a column for each host with a mark in the entry's own, and
/// what happened. Samples of requests under way and the final inventory are left out.
///
/// ```text
///    2.104000 s  │ │ ● │  order-1  call_sent target=pay:8080 …
/// ```
pub fn lanes(history: &History) -> String {
    let shown: Vec<_> = history
        .entries
        .iter()
        .filter(|entry| {
            !matches!(
                entry.what,
                What::InFlight { .. } | What::Stored { .. } | What::Logged { .. }
            )
        })
        .collect();
    let mut hosts: Vec<&Name> = shown.iter().map(|entry| &entry.host).collect();
    hosts.sort();
    hosts.dedup();
    let widest = hosts.iter().map(|host| host.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (place, host) in hosts.iter().enumerate() {
        let before = "│ ".repeat(place);
        let after = "─".repeat(2 * (hosts.len() - place) - 1);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:14}{before}┌{after} {host}", "");
    }
    for entry in shown {
        let marks: Vec<&str> = hosts
            .iter()
            .map(|host| if **host == entry.host { "●" } else { "│" })
            .collect();
        let line = entry.to_string();
        let what = line.splitn(4, ' ').nth(3).unwrap_or_default();
        let seconds = crate::requests::seconds(entry.at_us);
        let _ = writeln!(
            text,
            "{seconds:>13} {}  {:widest$}  {what}",
            marks.join(" "),
            entry.host
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::hand::Hand;

    #[test]
    fn each_host_has_a_lane() {
        let history = Hand::new()
            .at(1_250)
            .on("order-1")
            .call_ended("pay:8080", Some(201), None)
            .at(2_000)
            .on("pay-1")
            .note("late")
            .history();
        let text = super::lanes(&history);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(
            lines[0].contains("┌─── order-1") && lines[1].contains("│ ┌─ pay-1"),
            "{text}"
        );
        assert!(
            lines[2].contains("● │  order-1  call_ended target=pay:8080"),
            "{text}"
        );
        assert!(lines[3].contains("│ ●  pay-1    note text=late"), "{text}");
    }
}
