//! The parts of the file that are the same for all runs, and how the others are put among them.

use serde::Serialize;

/// The page, with `{{NAME}}` where something goes.
pub(super) const SHELL: &str = include_str!("page/shell.html");
/// How it looks.
pub(super) const STYLE: &str = include_str!("page/style.css");
/// The libraries, the ones that others need first.
pub(super) const LIBRARIES: &str = concat!(
    include_str!("vendor/d3.min.js"),
    "\n",
    include_str!("vendor/plot.umd.min.js")
);
/// What must go with them.
pub(super) const LICENCES: &str = concat!(
    "d3: ",
    include_str!("vendor/d3.LICENSE"),
    "\nObservable Plot: ",
    include_str!("vendor/plot.LICENSE")
);
/// The page's own script; the last file starts it.
pub(super) const SCRIPT: &str = concat!(
    include_str!("page/script/dom.js"),
    include_str!("page/script/figures.js"),
    include_str!("page/script/runs.js"),
    include_str!("page/script/overview.js"),
    include_str!("page/script/promises.js"),
    include_str!("page/script/chart.js"),
    include_str!("page/script/traffic.js"),
    include_str!("page/script/lanes.js"),
    include_str!("page/script/sequence.js"),
    include_str!("page/script/run.js"),
    include_str!("page/script/main.js"),
);

/// A text with each `{{NAME}}` replaced. What is put in is not looked at again.
pub(super) fn filled(shell: &str, fill: impl Fn(&str) -> String) -> String {
    let mut parts = shell.split("{{");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("}}").expect("the shell's places end");
        text.push_str(&fill(name));
        text.push_str(rest);
    }
    text
}

/// JSON that may stand inside a `script` element: without `<`, nothing in it ends the element or
/// begins a comment (HTML: restrictions for contents of script elements).
pub(super) fn script_json(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).expect("what is shown has string keys only");
    text.replace('<', "\\u003c")
}

/// A text that may stand in an element or in a quoted attribute.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_not_looked_at_again() {
        let fill = |name: &str| match name {
            "A" => "{{B}}".to_owned(),
            name => format!("<{name}>"),
        };
        assert_eq!(filled("a {{A}} b {{B}}.", fill), "a {{B}} b <B>.");
    }

    #[test]
    fn the_parts_end_no_element_and_no_comment() {
        for script in [LIBRARIES, SCRIPT] {
            assert!(!script.contains("</script") && !script.contains("<!--"));
        }
        assert!(!LICENCES.contains("-->"));
        assert!(!STYLE.contains("</style"));
    }
}
