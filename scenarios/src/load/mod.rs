//! Load for a real server over real TCP, with siege's report.
//!
//! A closed loop does as siege does: so many users, each at its next request when the last one and
//! a pause are over. An open one sends at a rate whatever comes back, and counts each time from
//! when the request was to be sent: a server that stalls shows in every request that it kept
//! waiting (wrk2; "coordinated omission"). Start reading at [`Drive::run`].

mod drive;
mod tally;
mod target;

pub use self::{
    drive::{Drive, Pace, Span},
    tally::{Report, Tally},
    target::{Target, TargetError},
};
