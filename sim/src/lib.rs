//! # sim: the deterministic engine, the cluster and the load
//!
//! A [`Simulation`](simulation::Simulation) runs a whole system, given as data, in virtual time:
//! one seed, one history.
//!
//! **What it must not know:** any system or domain word, what a fault plan is, how a run is judged.
//!
//! **Where to start reading:** [`simulation`], then [`cluster::spec`], [`load`] and [`controls`].

mod acts;
pub mod cluster;
pub mod controls;
pub mod engine;
mod inspection;
pub mod load;
pub mod manifest;
pub mod model;
pub mod objects;
pub mod platform;
pub mod range;
mod recorder;
mod run;
pub mod simulation;
