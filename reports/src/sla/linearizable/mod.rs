//! What is read through an API is what one thing, changed one operation after the other, would say
//! (Herlihy and Wing: linearizability), for each object by itself.

mod search;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt::{self, Debug, Display},
};

use self::search::{Answer, search};
use super::Sla;
use crate::{
    check::{Check, Findings, Verdict},
    history::History,
};

/// States looked at for one object at most. What needs more is unknown, never passed.
pub const SEARCH_MAX: usize = 200_000;

/// How one object behaves when it does one thing at a time.
pub trait Model: Debug + Send + Sync {
    /// What it is. States that differ in nothing that operations could show should be equal: then
    /// the search is short.
    type State: Clone + Ord + Debug;
    /// What was asked of it, and what it answered.
    type Operation: Display;

    /// Before any operation.
    fn init(&self) -> Self::State;

    /// What it is after this operation; `None`: it would not have answered so.
    fn step(&self, state: &Self::State, operation: &Self::Operation) -> Option<Self::State>;
}

/// One operation. It takes effect at one moment between its call and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation<O> {
    /// The place of the call in the history.
    pub called: usize,
    /// The place of its answer. `None`: there is none that says what became of it, so that it takes
    /// effect at any time after its call, or never.
    pub answered: Option<usize>,
    /// What it was.
    pub what: O,
}

/// What was asked of each object, by its id.
pub type Operations<O> = BTreeMap<u64, Vec<Operation<O>>>;

/// Each object's operations have an order in which its model would answer as it did, and which
/// never puts an operation before one that was answered before it was called. Found by the search
/// of Wing and Gong, with Lowe's memory of where it has been.
pub struct Linearizable<M: Model> {
    /// The objects, for people.
    pub objects: &'static str,
    /// How each of them behaves.
    pub model: M,
    /// Reads each object's operations from a history.
    pub operations: fn(&History) -> Operations<M::Operation>,
}

impl<M: Model> Sla for Linearizable<M> {
    fn judge(&self, history: &History) -> Check {
        let name = format!("{} are linearizable", self.objects);
        let bound = "one order of effects for each";
        let objects = (self.operations)(history);
        let operations: usize = objects.values().map(Vec::len).sum();
        if operations == 0 {
            return Check::vacuous(name, "nobody asked for one", bound);
        }
        let mut wrong = Findings::default();
        let mut too_large = Findings::default();
        for (id, operations) in &objects {
            match search(&self.model, operations, SEARCH_MAX) {
                Answer::Found => {}
                Answer::None { state, stuck } => {
                    wrong.add(|| format!("{} {id}: {stuck}, when it is {state}", self.objects));
                }
                Answer::TooLarge => too_large.add(|| {
                    let count = operations.len();
                    format!(
                        "{} {id}: more than {SEARCH_MAX} states of {count}",
                        self.objects
                    )
                }),
            }
        }
        let observed = format!(
            "{} {}, {operations} operations",
            objects.len(),
            self.objects
        );
        if wrong.is_empty() && !too_large.is_empty() {
            return Check::said(name, Verdict::Unknown, observed, bound, too_large);
        }
        Check::judged(name, observed, bound, wrong)
    }
}

impl<M: Model> Debug for Linearizable<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Linearizable");
        debug.field("objects", &self.objects);
        debug.field("model", &self.model).finish_non_exhaustive()
    }
}
