//! Exploring: searching for the plan that breaks a system, making it small, repeating it.
//!
//! An [`arena`] is a system with its users and what holds whatever strikes it. A [`trial`] carries
//! one [`Plan`](squall_chaos::plan::Plan) out. A [`campaign`] makes many of them in [`workers`],
//! keeps what reached something new ([`coverage`]), and shrinks what failed into a [`repro`].
//!
//! **Where to start reading:** [`trial`], then [`campaign`].

pub mod arena;
pub mod campaign;
pub mod coverage;
pub mod repro;
pub mod summary;
pub mod trial;
pub mod workers;
