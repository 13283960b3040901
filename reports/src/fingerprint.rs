//! Whether two runs were one: a hash over a whole history, and where two of them part.

use std::fmt;

use xxhash_rust::xxh3::Xxh3;

use crate::history::{Entry, History};

/// How many common entries before a difference are shown.
const CONTEXT: usize = 5;

/// The hash of a history as it streams: xxh3-128 over each entry's JSON and a line feed.
#[derive(Default)]
pub struct Fingerprint {
    hasher: Xxh3,
    line: Vec<u8>,
}

/// Where two histories part.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The place of the first entries that differ.
    pub index: usize,
    /// What the first history has there; `None` when it ended.
    pub left: Option<Entry>,
    /// What the second one has there; `None` when it ended.
    pub right: Option<Entry>,
    /// The last entries that both share.
    pub context: Vec<Entry>,
}

/// The fingerprint of a whole history: 32 hexadecimal digits.
pub fn fingerprint(history: &History) -> String {
    let mut fingerprint = Fingerprint::default();
    history
        .entries
        .iter()
        .for_each(|entry| fingerprint.add(entry));
    fingerprint.finish()
}

/// The first difference of two histories; `None` when they are equal.
pub fn first_difference(left: &History, right: &History) -> Option<Difference> {
    let (left, right) = (&left.entries, &right.entries);
    let common = left
        .iter()
        .zip(right)
        .take_while(|(left, right)| left == right)
        .count();
    if common == left.len() && common == right.len() {
        return None;
    }
    Some(Difference {
        index: common,
        left: left.get(common).cloned(),
        right: right.get(common).cloned(),
        context: left
            .iter()
            .take(common)
            .skip(common.saturating_sub(CONTEXT))
            .cloned()
            .collect(),
    })
}

impl Fingerprint {
    /// Adds the next entry.
    pub fn add(&mut self, entry: &Entry) {
        self.line.clear();
        serde_json::to_writer(&mut self.line, entry)
            .expect("an entry has string keys only, and memory takes every write");
        self.hasher.update(&self.line);
        self.hasher.update(b"\n");
    }

    /// Adds the next entry as it was written, without the line's end.
    pub fn add_written(&mut self, json: &str) {
        self.hasher.update(json.as_bytes());
        self.hasher.update(b"\n");
    }

    /// 32 hexadecimal digits over everything added.
    pub fn finish(&self) -> String {
        format!("{:032x}", self.hasher.digest128())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "the histories part at entry {}", self.index)?;
        self.context
            .iter()
            .try_for_each(|entry| writeln!(out, "  both   {entry}"))?;
        let line = |entry: &Option<Entry>| match entry {
            Some(entry) => entry.to_string(),
            None => "(it ended)".to_owned(),
        };
        writeln!(out, "  first  {}", line(&self.left))?;
        write!(out, "  second {}", line(&self.right))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hand::{Hand, histories};

    #[test]
    fn is_the_hash_of_the_lines() {
        let history = Hand::new().at(1).note("a").history();
        let line = "{\"at_us\":1000,\"host\":\"world\",\"what\":\"note\",\"text\":\"a\"}\n";
        let hash = xxhash_rust::xxh3::xxh3_128(line.as_bytes());
        assert_eq!(fingerprint(&history), format!("{hash:032x}"));
    }

    #[test]
    fn shows_the_first_difference_with_what_came_before() {
        let common = || Hand::new().each(0..9, |hand, n| hand.at(n).note("same"));
        let left = common().note("left").note("more").history();
        let right = common().history();
        assert_eq!(first_difference(&left, &left), None);
        let difference = first_difference(&left, &right).expect("one is longer");
        assert_eq!((difference.index, difference.context.len()), (9, CONTEXT));
        assert_eq!(
            (difference.left, difference.right),
            (left.entries.get(9).cloned(), None)
        );
        let text = first_difference(&right, &left)
            .expect("one is longer")
            .to_string();
        assert!(
            text.starts_with("the histories part at entry 9\n  both   0.004000 s"),
            "{text}"
        );
        let end = "  first  (it ended)\n  second 0.008000 s world note text=left";
        assert!(text.ends_with(end), "{text}");
    }

    proptest! {
        #[test]
        fn changes_with_any_entry(
            history in histories(),
            place in any::<prop::sample::Index>(),
            later in 1u64..1_000,
        ) {
            prop_assume!(!history.entries.is_empty());
            let place = place.index(history.entries.len());
            let mut changed = history.clone();
            changed.entries[place].at_us += later;
            prop_assert_ne!(fingerprint(&history), fingerprint(&changed));
            let difference = first_difference(&history, &changed).expect("one entry differs");
            prop_assert_eq!(difference.index, place);
            let mut shorter = history.clone();
            shorter.entries.remove(place);
            prop_assert_ne!(fingerprint(&history), fingerprint(&shorter));
            prop_assert_eq!(fingerprint(&history), fingerprint(&history.clone()));
        }
    }
}
