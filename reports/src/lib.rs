//! # reports: what happened, and whether it was good enough
//!
//! History, statistics, SLA verdicts and the files that carry them. Everything here is a pure
//! function of a [`history::History`].
//!
//! **What it must not know:** any other crate of this workspace, how a history came about, any domain.
//!
//! **Where to start reading:** [`history`].

pub mod history;
