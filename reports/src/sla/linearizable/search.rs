//! The search for an order of effects (Wing and Gong: "Testing and Verifying Concurrent Objects";
//! Lowe: "Testing for linearizability", who remembers where the search has been).

use std::collections::BTreeSet;

use super::{Model, Operation};

/// What the search says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// There is an order.
    Found,
    /// There is none.
    None {
        /// The state after the longest beginning of one.
        state: String,
        /// The operation that had to be next there at the latest.
        stuck: String,
    },
    /// It would take too long to say.
    TooLarge,
}

/// How far one beginning of an order has come.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Beginning<S> {
    /// Answered operations before this one, in the order of their calls, have had their effect.
    front: usize,
    /// Answered operations beyond that have had it, too; ascending.
    beyond: Vec<usize>,
    /// Unanswered operations that have had it; ascending.
    unanswered: Vec<usize>,
    state: S,
}

struct Search<'a, M: Model> {
    model: &'a M,
    /// In the order of their calls.
    answered: Vec<(&'a Operation<M::Operation>, usize)>,
    unanswered: Vec<&'a Operation<M::Operation>>,
}

/// Looks for an order, through at most `most` beginnings of one.
pub(super) fn search<M: Model>(
    model: &M,
    operations: &[Operation<M::Operation>],
    most: usize,
) -> Answer {
    let mut answered: Vec<_> = operations
        .iter()
        .filter_map(|operation| Some((operation, operation.answered?)))
        .collect();
    answered.sort_by_key(|(operation, _)| operation.called);
    let without_answer = operations.iter().filter(|it| it.answered.is_none());
    let search = Search {
        model,
        answered,
        unanswered: without_answer.collect(),
    };
    search.run(most)
}

impl<M: Model> Search<'_, M> {
    fn run(&self, most: usize) -> Answer {
        let start = Beginning {
            front: 0,
            beyond: Vec::new(),
            unanswered: Vec::new(),
            state: self.model.init(),
        };
        let mut farthest = start.clone();
        let mut seen = BTreeSet::from([start.clone()]);
        let mut to_do = vec![start];
        while let Some(beginning) = to_do.pop() {
            let Some((last, _)) = self.must_be_next(&beginning) else {
                return Answer::Found;
            };
            if beginning.length() > farthest.length() {
                farthest = beginning.clone();
            }
            for next in self.continued(&beginning, last) {
                if seen.len() >= most {
                    return Answer::TooLarge;
                }
                if seen.insert(next.clone()) {
                    to_do.push(next);
                }
            }
        }
        let stuck = self
            .must_be_next(&farthest)
            .map(|(_, it)| it.what.to_string());
        Answer::None {
            state: format!("{:?}", farthest.state),
            stuck: stuck.expect("a beginning without a next one is an order"),
        }
    }

    /// Of the answered operations without effect the one that was answered first, and when.
    fn must_be_next(
        &self,
        beginning: &Beginning<M::State>,
    ) -> Option<(usize, &Operation<M::Operation>)> {
        self.open(beginning)
            .map(|(_, operation, answered)| (answered, operation))
            .min_by_key(|(answered, _)| *answered)
    }

    fn open(
        &self,
        beginning: &Beginning<M::State>,
    ) -> impl Iterator<Item = (usize, &Operation<M::Operation>, usize)> {
        let rest = self.answered.iter().enumerate().skip(beginning.front);
        rest.filter(|(place, _)| beginning.beyond.binary_search(place).is_err())
            .map(|(place, (operation, answered))| (place, *operation, *answered))
    }

    /// Every beginning that is longer by one operation, which was called before `last`.
    fn continued(&self, beginning: &Beginning<M::State>, last: usize) -> Vec<Beginning<M::State>> {
        let mut longer = Vec::new();
        let unused = (0..).zip(&self.unanswered);
        for (place, operation) in
            unused.filter(|(place, it)| it.called < last && !beginning.unanswered.contains(place))
        {
            if let Some(state) = self.model.step(&beginning.state, &operation.what) {
                longer.push(beginning.with_unanswered(place, state));
            }
        }
        // What was called first is tried first: it is taken from the end.
        let open = self
            .open(beginning)
            .take_while(|(_, it, _)| it.called < last);
        let mut tried: Vec<_> = open
            .filter_map(|(place, operation, _)| {
                let state = self.model.step(&beginning.state, &operation.what)?;
                Some(beginning.with_answered(place, state))
            })
            .collect();
        tried.reverse();
        longer.append(&mut tried);
        longer
    }
}

impl<S: Clone> Beginning<S> {
    fn length(&self) -> usize {
        self.front + self.beyond.len()
    }

    fn with_unanswered(&self, place: usize, state: S) -> Self {
        let mut next = Self {
            state,
            ..self.clone()
        };
        next.unanswered.push(place);
        next.unanswered.sort_unstable();
        next
    }

    fn with_answered(&self, place: usize, state: S) -> Self {
        let mut next = Self {
            state,
            ..self.clone()
        };
        next.beyond.push(place);
        next.beyond.sort_unstable();
        while next.beyond.first() == Some(&next.front) {
            next.beyond.remove(0);
            next.front += 1;
        }
        next
    }
}
