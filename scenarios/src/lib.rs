//! # scenarios: the catalogue, its runner and the `squall` command
//!
//! The one crate that sees all others: it puts systems on simulated clusters, under faults, and
//! judges what happened; and it serves the same systems for real.
//!
//! **What it must not know:** how packets move, how a platform rule works, how a figure is
//! computed.
//!
//! **Where to start reading:** [`scenario`], then any file of [`shop`], then [`runner`].
//! Long runs are in [`year`]. Whoever brings a service of their own begins with [`prelude`] and
//! [`registry`].

pub mod catalogue;
pub mod command;
pub mod explore;
pub mod load;
pub mod names;
pub mod plain;
pub mod pool;
pub mod prelude;
pub mod real;
pub mod registry;
pub mod runner;
pub mod scenario;
pub mod shop;
pub mod system;
pub mod year;

/// The crates that scenarios are written with, for those who depend on this one alone.
pub use {squall_chaos as chaos, squall_kit as kit, squall_reports as reports, squall_sim as sim};

/// A run is millions of small, short-lived pieces of memory: a fifth of its time with the system's
/// allocator. A program that brings its own switches this feature off.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
