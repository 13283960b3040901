//! What comes first of the things that are due at one instant.
//!
//! Virtual time has a grain of a millisecond, and real machines order what happens within one as
//! they like: which of two ready tasks runs, which of two packets is taken from the wire. A run
//! that always does it first come, first served never sees the other orders.

use std::collections::{BTreeMap, VecDeque};

use squall_kit::rng::Rng;

use super::{connection::End, wire::Flight};

/// One in so many polls of a task is put off, and so often in a row at most: often enough to bring
/// about other orders, bounded so that everything runs within its instant.
const ONE_IN: u64 = 4;
const IN_A_ROW: u32 = 3;

/// In what order things happen that are due at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interleaving {
    /// First come, first served. Nothing is drawn.
    #[default]
    Fifo,
    /// Any order that a real machine could bring about: a ready task may have to wait for other
    /// ready tasks of its host, and packets of different connections that arrive together arrive in
    /// any order (each direction of a connection stays in order). Time does not pass meanwhile.
    Shuffled {
        /// The order follows from it, by the streams `interleaving/<host>` and
        /// `interleaving/wire`, and nothing else does: the run's own seed draws as ever.
        seed: u64,
    },
}

impl Interleaving {
    /// Puts off the tasks of a host; `None` where they run first come, first served.
    pub(super) fn of_host(self, host: &str) -> Option<Deferral> {
        self.stream(host).map(Deferral)
    }

    /// Shuffles what arrives together.
    pub(super) fn of_wire(self) -> Option<Shuffle> {
        self.stream("wire").map(Shuffle)
    }

    fn stream(self, name: &str) -> Option<Rng> {
        match self {
            Self::Fifo => None,
            Self::Shuffled { seed } => Some(Rng::stream(seed, &format!("interleaving/{name}"))),
        }
    }
}

/// Decides whether a task of a host runs now.
pub(super) struct Deferral(Rng);

impl Deferral {
    /// True when the task, put off so often in a row, has to wait once more.
    pub(super) fn defers(&self, in_a_row: u32) -> bool {
        in_a_row < IN_A_ROW && self.0.below(ONE_IN) == 0
    }
}

/// Decides in what order packets arrive.
pub(super) struct Shuffle(Rng);

impl Shuffle {
    /// Another order of what arrives together; what goes from one end to another stays in order.
    pub(super) fn shuffle(&self, flights: Vec<(u64, Flight)>) -> Vec<(u64, Flight)> {
        let mut turns: Vec<(End, End)> = flights
            .iter()
            .map(|(_, flight)| (flight.from, flight.to))
            .collect();
        let mut queues: BTreeMap<(End, End), VecDeque<(u64, Flight)>> = BTreeMap::new();
        for flight in flights {
            let ends = (flight.1.from, flight.1.to);
            queues.entry(ends).or_default().push_back(flight);
        }
        // Fisher and Yates.
        for last in (1..turns.len()).rev() {
            let chosen = self.0.below(last as u64 + 1);
            turns.swap(last, usize::try_from(chosen).unwrap_or(last));
        }
        let next = |ends| queues.get_mut(&ends).and_then(VecDeque::pop_front);
        turns.into_iter().filter_map(next).collect()
    }
}
