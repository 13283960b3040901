//! Texts with variables and small generators in them. The rules are in [the load's docs](super).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use squall_kit::rng::Rng;

/// What a user knows when it renders a template.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    values: BTreeMap<String, String>,
    unique: u64,
}

/// One `{…}` of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place<'a> {
    Variable(&'a str),
    Unique,
    Range(u64, u64),
    Choice(Vec<&'a str>),
}

/// A template's parts, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Place(Place<'a>),
}

// === impl Variables ===

impl Variables {
    /// Sets a variable.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.values.insert(name.to_owned(), value);
    }

    /// Forgets what a journey saved.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
    }

    /// The template with everything filled in.
    ///
    /// # Errors
    /// The name of a variable that has no value.
    pub(crate) fn render(&mut self, template: &str, rng: &Rng) -> Result<String, String> {
        let mut text = String::with_capacity(template.len() + 16);
        for part in parts(template) {
            match part {
                Part::Text(piece) => text.push_str(piece),
                Part::Place(Place::Variable(name)) => {
                    text.push_str(self.values.get(name).ok_or_else(|| name.to_owned())?);
                }
                Part::Place(Place::Unique) => {
                    self.unique += 1;
                    let user = self.values.get("user").map_or("", String::as_str);
                    // Writing to a String cannot fail.
                    let _ = write!(text, "{user}-{}", self.unique);
                }
                Part::Place(Place::Range(low, high)) => {
                    let _ = write!(text, "{}", rng.between(low, high));
                }
                Part::Place(Place::Choice(choices)) => {
                    let index = rng.below(choices.len() as u64);
                    let index = usize::try_from(index).expect("below a slice's length");
                    text.push_str(choices[index]);
                }
            }
        }
        Ok(text)
    }
}

/// Checks a template before the run.
///
/// # Errors
/// In words: an empty range, or a variable that is not among the `known`.
pub(crate) fn check(template: &str, known: &BTreeSet<&str>) -> Result<(), String> {
    for part in parts(template) {
        match part {
            Part::Place(Place::Variable(name)) if !known.contains(name) => {
                return Err(format!("{template:?}: nothing sets {{{name}}} before"));
            }
            Part::Place(Place::Range(low, high)) if low > high => {
                return Err(format!("{template:?}: {{{low}..={high}}} is empty"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn parts(template: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut text_from, mut search_from) = (0, 0);
    while let Some(open) = template[search_from..].find('{').map(|at| at + search_from) {
        search_from = open + 1;
        let Some(close) = template[open..].find('}').map(|at| at + open) else {
            break;
        };
        let Some(place) = place(&template[open + 1..close]) else {
            continue;
        };
        parts.push(Part::Text(&template[text_from..open]));
        parts.push(Part::Place(place));
        (text_from, search_from) = (close + 1, close + 1);
    }
    parts.push(Part::Text(&template[text_from..]));
    parts
}

fn place(inner: &str) -> Option<Place<'_>> {
    if let Some((low, high)) = inner.split_once("..=") {
        return Some(Place::Range(low.parse().ok()?, high.parse().ok()?));
    }
    let plain = |text: &str| {
        let allowed = |c: char| c.is_alphanumeric() || "_-. ".contains(c);
        !text.is_empty() && text.chars().all(allowed)
    };
    if inner.contains('|') {
        let choices: Vec<&str> = inner.split('|').collect();
        return choices
            .iter()
            .all(|c| plain(c))
            .then_some(Place::Choice(choices));
    }
    if inner == "unique" {
        return Some(Place::Unique);
    }
    let mut letters = inner.chars();
    let first = letters.next()?;
    let is_name = (first.is_ascii_alphabetic() || first == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(Place::Variable(inner))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use squall_kit::rng::Rng;

    use super::{Variables, check};

    fn render(template: &str) -> Result<String, String> {
        let mut variables = Variables::default();
        variables.set("user", "base-7".into());
        variables.set("order", "12".into());
        variables.render(template, &Rng::stream(1, "template"))
    }

    #[test]
    fn variables_and_generators_are_filled_in_and_json_braces_stay() {
        assert_eq!(render("/orders/{order}").unwrap(), "/orders/12");
        assert_eq!(
            render(r#"{"id": {order}, "note": "{unique}", "none": {}}"#).unwrap(),
            r#"{"id": 12, "note": "base-7-1", "none": {}}"#
        );
        assert_eq!(render("{tv|tv}{3..=3}").unwrap(), "tv3");
        assert_eq!(
            render("open { and {\"a\": 1").unwrap(),
            "open { and {\"a\": 1"
        );
    }

    #[test]
    fn generators_reach_every_value() {
        let drawn: BTreeSet<String> = {
            let mut variables = Variables::default();
            let rng = Rng::stream(1, "template");
            (0..200)
                .map(|_| variables.render("{a|b}{1..=3}", &rng).unwrap())
                .collect()
        };
        assert_eq!(drawn.len(), 6);
    }

    #[test]
    fn what_is_missing_is_named_before_the_run_and_in_it() {
        assert_eq!(render("/orders/{cart}"), Err("cart".into()));
        let known = BTreeSet::from(["order"]);
        assert!(check("/orders/{order}", &known).is_ok());
        assert!(
            check("/orders/{cart}", &known)
                .unwrap_err()
                .contains("cart")
        );
        assert!(check("{9..=1}", &known).unwrap_err().contains("empty"));
    }
}
