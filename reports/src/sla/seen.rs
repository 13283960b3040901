//! What a scenario is about did happen.

use super::Sla;
use crate::{
    check::{Check, Findings, Verdict},
    history::{History, Name, What},
    records::distinct,
};

/// A sight that proves that a scenario tested what it is about. Too few of it is no failure of the
/// system: the run is vacuous.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What.
    pub sight: Sight,
    /// How often, at least.
    pub at_least: usize,
}

/// Something to be seen in a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// An event of this kind in the log.
    Event(Name),
    /// A commit that was repeated after its reply was lost, and executed nothing.
    ReplayedCommit,
}

impl Sla for Seen {
    fn judge(&self, history: &History) -> Check {
        let (name, count) = match &self.sight {
            Sight::Event(kind) => {
                let events = distinct(history);
                let count = events.iter().filter(|event| event.kind == kind).count();
                (format!("{kind} happens"), count)
            }
            Sight::ReplayedCommit => {
                let replayed = history
                    .entries
                    .iter()
                    .filter(|entry| matches!(entry.what, What::Committed { replayed: true, .. }));
                ("commits are repeated".to_owned(), replayed.count())
            }
        };
        let verdict = if count >= self.at_least {
            Verdict::Pass
        } else {
            Verdict::Vacuous
        };
        let bound = format!("at least {}", self.at_least);
        Check::said(name, verdict, count.to_string(), bound, Findings::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Entry, History};

    #[test]
    fn too_few_are_vacuous() {
        let committed = |replayed| Entry {
            at_us: 0,
            host: "order-store".into(),
            what: What::Committed {
                commit: "c".to_owned(),
                replayed,
                events: Vec::new(),
            },
        };
        let history = History {
            entries: vec![committed(false), committed(true)],
        };
        let seen = |at_least| Seen {
            sight: Sight::ReplayedCommit,
            at_least,
        };
        assert_eq!(seen(1).judge(&history).verdict, Verdict::Pass);
        assert_eq!(seen(2).judge(&history).verdict, Verdict::Vacuous);
        let event = Seen {
            sight: Sight::Event("Ordered".into()),
            at_least: 1,
        };
        assert_eq!(event.judge(&history).verdict, Verdict::Vacuous);
    }
}
