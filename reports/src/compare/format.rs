//! A comparison for programs, for a job's summary, and for a browser.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Change, Compared, Kind, text::row};
use crate::{
    html::{escaped, style},
    markdown::cell,
};

/// What the JSON calls itself.
pub const SCHEMA: &str = "squall.compare/1";

const HEADER: [&str; 7] = [
    "", "scenario", "metric", "seeds", "baseline", "current", "change",
];

/// As JSON: `schema`, whether all is `good`, and every member of [`Compared`].
pub fn json(compared: &Compared) -> String {
    #[derive(Serialize)]
    struct File<'a> {
        schema: &'static str,
        good: bool,
        #[serde(flatten)]
        compared: &'a Compared,
    }
    let file = File {
        schema: SCHEMA,
        good: compared.is_good(),
        compared,
    };
    let text = serde_json::to_string_pretty(&file);
    text.expect("a comparison has string keys only") + "\n"
}

/// As Markdown.
pub fn markdown(compared: &Compared) -> String {
    let (title, summary) = (compared.headline(), compared.summary());
    let mut text = format!("## squall compare: {title}\n\n{summary}\n");
    if !compared.changes.is_empty() {
        let _ = writeln!(text, "\n| {} |", HEADER.join(" | "));
        text.push_str("|---|---|---|--:|--:|--:|--:|\n");
    }
    for change in &compared.changes {
        let cells = row(change).map(|text| cell(&text));
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    for (what, names) in [("missing", &compared.missing), ("new", &compared.new)] {
        for name in names {
            let _ = write!(text, "\n- {what}: {}", cell(&name.to_string()));
        }
    }
    text.trim_end().to_owned() + "\n"
}

/// As one HTML file that needs nothing else, not even scripts.
pub fn html(compared: &Compared) -> String {
    let title = "squall compare";
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         <p>{}</p>\n",
        style(),
        escaped(&compared.summary())
    );
    for (kind, caption) in [
        (Kind::Regression, "Worse than the baseline"),
        (Kind::Promise, "Promised otherwise than in the baseline"),
        (Kind::Improvement, "Better than the baseline"),
        (
            Kind::Change,
            "Other changes, neither good nor bad by themselves",
        ),
    ] {
        let changes = compared.changes.iter().filter(|change| change.kind == kind);
        let rows: String = changes.map(html_row).collect();
        if !rows.is_empty() {
            text.push_str(&html_table(caption, &rows));
        }
    }
    for (what, names) in [
        ("Missing runs", &compared.missing),
        ("New runs", &compared.new),
    ] {
        if names.is_empty() {
            continue;
        }
        let _ = write!(text, "<h2>{what}</h2>\n<ul>\n");
        for name in names {
            let _ = writeln!(text, "<li>{}</li>", escaped(&name.to_string()));
        }
        text.push_str("</ul>\n");
    }
    text.push_str("</main>\n</body>\n</html>\n");
    text
}

fn html_table(caption: &str, rows: &str) -> String {
    let header = HEADER
        .map(|title| format!("<th scope=\"col\">{title}</th>"))
        .concat();
    format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\">\n<table>\n\
         <caption>{caption}</caption>\n<thead><tr>{header}</tr></thead>\n<tbody>\n{rows}</tbody>\n\
         </table>\n</div>\n"
    )
}

fn html_row(change: &Change) -> String {
    let tone = match change.kind {
        Kind::Regression => "verdict fail",
        Kind::Promise => "verdict doubt",
        Kind::Improvement => "verdict pass",
        Kind::Change => "",
    };
    let [kind, scenario, metric, figures @ ..] = row(change).map(|text| escaped(&text));
    let figures = figures.map(|text| format!("<td class=\"number\">{text}</td>"));
    format!(
        "<tr><td class=\"{tone}\">{kind}</td><td>{scenario}</td><th scope=\"row\">{metric}</th>{}\
         </tr>\n",
        figures.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::by_hand::compared;

    #[test]
    fn for_programs() {
        insta::assert_snapshot!(json(&compared()));
    }

    #[test]
    fn for_a_summary() {
        insta::assert_snapshot!(markdown(&compared()));
    }

    #[test]
    fn for_a_browser() {
        let text = html(&compared()).replace(style(), "(the style)\n");
        insta::assert_snapshot!(text);
    }
}
