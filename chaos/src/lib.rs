//! # chaos: faults as data, and their injection
//!
//! A [`fault::Fault`] says what breaks, when, and how it heals. A plan of them is fixed before the
//! run, so that a failure can be saved, shrunk and replayed. [`nemesis::FaultNemesis`] carries a
//! plan out on a simulation's controls and has every effect counted.
//!
//! **What it must not know:** any domain word, any system, how verdicts are made.
//!
//! **Where to start reading:** [`fault`], then [`nemesis`].

pub mod fault;
mod moment;
pub mod nemesis;
