//! # reports: what happened, and whether it was good enough
//!
//! History, statistics, SLA verdicts and the files that carry them. Everything here is a pure
//! function of a [`history::History`].
//!
//! **What it must not know:** any other crate of this workspace, how a history came about, any
//! domain: routes, collections, event kinds and consumers come as names in parameters.
//!
//! **Where to start reading:** [`history`], then [`check`], then one promise in [`sla`].
//!
//! | to know | read |
//! |---|---|
//! | what a run is made of | [`history`], seen as [`requests`] and as [`records`] |
//! | whether two runs are one | [`fingerprint`] |
//! | how fast it was | [`statistics`], and [`siege`] for what siege would have printed |
//! | what a document says beside it | [`documented`], [`comparison`]; if it can be: [`linter`] |
//! | whether it kept its promises | [`sla`], whose [`check`]s make the run's verdict |
//! | whether it kept what it promises for a year | [`service_level`], [`slo`], [`confidence`] |
//! | what it was like over time | [`timeline`] |
//! | whether it is worse than before | [`compare`] |
//! | what is written | [`results`] (JSON), [`junit`] (XML), [`table`] (terminal), [`markdown`], |
//! | | [`html`] (one file for people) |

pub mod check;
pub mod compare;
pub mod comparison;
pub mod confidence;
pub mod documented;
pub mod fingerprint;
pub mod history;
pub mod html;
pub mod junit;
pub mod lanes;
mod line;
pub mod linter;
pub mod markdown;
pub mod occurrence;
pub mod records;
pub mod report;
pub mod requests;
pub mod results;
pub mod service_level;
pub mod siege;
pub mod sla;
pub mod slo;
pub mod statistics;
pub mod table;
pub mod timeline;
pub mod window;

#[cfg(test)]
mod hand;
