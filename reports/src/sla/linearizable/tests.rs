//! The search against every order there is, and known histories of a register.

use std::fmt;

use proptest::prelude::*;

use super::{
    Model, Operation,
    search::{Answer, search},
};

/// A number that can be written, read, and set only where it is as expected.
#[derive(Debug)]
struct Register;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Use {
    Write(u8),
    Read(u8),
    Swap { from: u8, to: u8 },
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl Model for Register {
    type State = u8;
    type Operation = Use;

    fn init(&self) -> u8 {
        0
    }

    fn step(&self, state: &u8, operation: &Use) -> Option<u8> {
        match operation {
            Use::Write(value) => Some(*value),
            Use::Read(value) => (state == value).then_some(*state),
            Use::Swap { from, to } => (state == from).then_some(*to),
        }
    }
}

/// Tries every order of every choice of unanswered operations.
fn brute_force(state: u8, left: &[Operation<Use>]) -> bool {
    if left.iter().all(|operation| operation.answered.is_none()) {
        return true;
    }
    let first_answer = left.iter().filter_map(|operation| operation.answered).min();
    left.iter().enumerate().any(|(place, operation)| {
        let in_time = first_answer.is_none_or(|first| operation.called < first);
        let next = Register.step(&state, &operation.what);
        in_time
            && next.is_some_and(|next| {
                let mut rest = left.to_vec();
                rest.remove(place);
                brute_force(next, &rest)
            })
    })
}

fn operation() -> impl Strategy<Value = (Use, usize, usize, bool)> {
    let what = prop_oneof![
        (0u8..3).prop_map(Use::Write),
        (0u8..3).prop_map(Use::Read),
        (0u8..3, 0u8..3).prop_map(|(from, to)| Use::Swap { from, to }),
    ];
    (what, 0usize..20, 1usize..8, prop::bool::weighted(0.8))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn the_search_finds_an_order_when_there_is_one(
        drawn in prop::collection::vec(operation(), 0..7),
    ) {
        // No two things happen at one place of a history.
        let operations: Vec<_> = (0..).zip(drawn).map(|(n, (what, called, takes, known))| {
            Operation {
                called: called * 100 + n,
                answered: known.then_some((called + takes) * 100 + 50 + n),
                what,
            }
        }).collect();
        let found = search(&Register, &operations, 1_000_000);
        prop_assert_eq!(found == Answer::Found, brute_force(0, &operations), "{:?}", found);
        prop_assert!(found != Answer::TooLarge);
    }
}

fn done(called: usize, answered: usize, what: Use) -> Operation<Use> {
    Operation {
        called,
        answered: Some(answered),
        what,
    }
}

fn unknown(called: usize, what: Use) -> Operation<Use> {
    Operation {
        called,
        answered: None,
        what,
    }
}

#[test]
fn a_stale_read_is_named() {
    let history = [
        done(0, 1, Use::Write(1)),
        done(2, 3, Use::Read(1)),
        done(4, 5, Use::Read(0)),
    ];
    let none = Answer::None {
        state: "1".to_owned(),
        stuck: "Read(0)".to_owned(),
    };
    assert_eq!(search(&Register, &history, 1_000), none);
}

#[test]
fn what_nobody_knows_of_may_happen_late_or_never() {
    let never = [unknown(0, Use::Write(1)), done(1, 2, Use::Read(0))];
    assert_eq!(search(&Register, &never, 1_000), Answer::Found);
    let late = [&never[..], &[done(3, 4, Use::Read(1))]].concat();
    assert_eq!(search(&Register, &late, 1_000), Answer::Found);
    let twice = [&late[..], &[done(5, 6, Use::Read(0))]].concat();
    assert_ne!(search(&Register, &twice, 1_000), Answer::Found);
}

#[test]
fn too_large_a_search_is_no_answer() {
    let write = |n: u8| done(n.into(), 100 + usize::from(n), Use::Write(n));
    let mut history: Vec<_> = (0..12).map(write).collect();
    history.push(done(200, 201, Use::Read(99)));
    assert_eq!(search(&Register, &history, 500), Answer::TooLarge);
}
