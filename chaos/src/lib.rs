//! # chaos: faults as data, their injection, generation and shrinking
//!
//! A [`fault::Fault`] says what breaks, when, and how it heals. A plan of them is fixed before the
//! run, so that a failure can be saved, shrunk and replayed. [`nemesis::FaultNemesis`] carries a
//! plan out on a simulation's controls and has every effect counted.
//!
//! A whole [`plan::Plan`], users and settings included, is drawn from what a system has
//! ([`topology`], [`space`]): anew ([`generation`]), or from one that reached something
//! ([`mutation`]); [`shrinking`] makes a failing one small. [`matrix`] goes through every call,
//! failure and phase one by one.
//!
//! **What it must not know:** any domain word, any system, how verdicts are made.
//!
//! **Where to start reading:** [`fault`], [`nemesis`], then [`plan`].

mod families;
pub mod fault;
pub mod generation;
pub mod matrix;
mod moment;
pub mod mutation;
pub mod nemesis;
pub mod plan;
pub mod shrinking;
pub mod space;
#[cfg(test)]
mod testing;
pub mod topology;
