//! A new revision that never gets ready. Kubernetes never takes it back by itself.

use std::time::Duration;

use squall_reports::{
    history::RolloutState::{Complete, DeadlineExceeded, Progressing},
    occurrence::Occurrence,
};
use squall_sim::manifest::{Operation, Patch};

use super::{
    cluster::SYSTEM,
    control_plane::{apply, at, follows, load, ready, rollouts, undo},
    invariants,
    journeys::{FULL_SHELVES, ORDINARY, customers},
    promises::{all_accepted, all_complete, converges},
};
use crate::{scenario::Scenario, system::Cluster};

/// How long a rollout may get nowhere. Kubernetes gives it 600 s if nothing is said.
const DEADLINE_S: u64 = 60;

const TWO_IN_A_HURRY: &[Operation] = &[
    Operation::add("/spec/replicas", "2"),
    Operation::add("/spec/progressDeadlineSeconds", "60"),
];

/// What order answers with 404.
const NEVER_READY: &[Operation] = &[Operation::replace(
    "/spec/template/spec/containers/0/readinessProbe/httpGet/path",
    r#""/order""#,
)];

/// The scenario.
pub(super) fn scenario() -> Scenario {
    let exceeded = Occurrence::Rollout {
        of: "order".into(),
        state: DeadlineExceeded,
    };
    Scenario {
        name: "shop/bad-rollout-then-undo",
        claim: "A new revision never gets ready: the old pods stay, ProgressDeadlineExceeded says \
                so, undo completes as the newest revision, and every order is accepted throughout.",
        cluster: Cluster::new(&SYSTEM, [Patch::edit("Deployment/order", TWO_IN_A_HURRY)]),
        loads: vec![FULL_SHELVES, customers(ORDINARY, 4.0, 110)],
        faults: vec![
            at(10, apply(Patch::edit("Deployment/order", NEVER_READY))),
            at(10 + DEADLINE_S + 20, undo("order")),
        ],
        safety: Duration::from_secs(120),
        settle: Duration::from_secs(60),
        sla: vec![
            follows(0, exceeded, DEADLINE_S..=DEADLINE_S + 1),
            rollouts(
                "order",
                &[(2, Progressing), (2, DeadlineExceeded), (3, Complete)],
            ),
            ready("order", load(), 2..=2),
            all_accepted(),
            all_complete(300),
            converges(20),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}
