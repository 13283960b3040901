//! A template whose program ends as soon as it has read its settings.

use std::time::Duration;

use squall_reports::history::RolloutState::{Complete, Progressing};
use squall_sim::manifest::{Operation, Patch};

use super::{
    cluster::doubled,
    control_plane::{apply, at, backs_off, load, ready, rollouts, undo},
    invariants,
    journeys::{FULL_SHELVES, ORDINARY, customers},
    promises::{all_accepted, all_complete, converges},
};
use crate::scenario::Scenario;

/// No number: order refuses to start.
const MALFORMED: &[Operation] = &[Operation::add(
    "/spec/template/spec/containers/0/env/-",
    r#"{"name":"PAY_TIMEOUT_MS","value":"soon"}"#,
)];

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/crash-loop",
        claim: "A new template crashes at every start: its pod is started again after 0, 10, 20, \
                40, 80 s, the rollout sticks, and no customer notices until it is undone.",
        cluster: doubled(),
        loads: vec![FULL_SHELVES, customers(ORDINARY, 2.0, 290)],
        faults: vec![
            at(10, apply(Patch::edit("Deployment/order", MALFORMED))),
            // A start takes about 22 s: the fifth restart comes at about 272 s.
            at(285, undo("order")),
        ],
        safety: Duration::from_secs(300),
        settle: Duration::from_secs(60),
        sla: vec![
            backs_off("order", 5),
            rollouts("order", &[(2, Progressing), (3, Complete)]),
            // 25 % of two pods: one more than two, none less.
            ready("order", load(), 2..=2),
            all_accepted(),
            all_complete(400),
            converges(20),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}
