//! What scenarios of one's own are written with: `use squall::prelude::*;`.
//!
//! Rarer things are in the crates that are here under short names: [`kit`](crate::kit) is what
//! services are written against, [`chaos`](crate::chaos) has the faults,
//! [`reports`](crate::reports) the promises, [`sim`](crate::sim) the loads and manifests.

pub use std::time::Duration;

pub use squall_chaos::fault::{Direction, Fault, Kind, Moment, Start};
pub use squall_reports::{
    check::{Check, Findings, RunVerdict, Verdict},
    history::{Entry, History, Outcome, What},
    requests::Requests,
    sla::{Availability, Good, Sla},
    window::Window,
};
pub use squall_sim::{
    load::{Answer, Arrival, Extent, Journey, Load, Request, Share, Spacing, Step},
    manifest::{Operation, Patch},
    simulation::EngineKind,
};

pub use crate::{
    explore::arena::Arena,
    registry::Registry,
    runner,
    scenario::Scenario,
    system::{Cluster, Context, System},
};
