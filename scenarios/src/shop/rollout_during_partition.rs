//! A redeploy while nobody can publish.

use std::time::Duration;

use squall_chaos::fault::{Direction, Kind};
use squall_reports::{history::RolloutState::Complete, occurrence::Occurrence};

use super::{
    cluster::doubled,
    control_plane::{after, at, at_least, during, lasting, occurs, ready},
    invariants,
    journeys::{FULL_SHELVES, ORDINARY, customers},
    promises::{all_accepted, all_complete, converges},
};
use crate::scenario::Scenario;

/// The scenario.
pub(super) fn scenario() -> Scenario {
    let order = || "order".into();
    let partition = Kind::Partition {
        from: order(),
        to: "broker".into(),
        direction: Direction::Both,
    };
    let published = || Occurrence::Published { of: "order".into() };
    let complete = Occurrence::Rollout {
        of: "order".into(),
        state: Complete,
    };
    Scenario {
        name: "shop/rollout-during-partition",
        claim: "Order is redeployed while it is cut off from the broker: its new pods are cut off \
                as well, every order is accepted, and once healed every event follows, once.",
        cluster: doubled(),
        loads: vec![FULL_SHELVES, customers(ORDINARY, 4.0, 110)],
        faults: vec![
            lasting(8, 90, partition),
            at(
                15,
                Kind::RolloutRestart {
                    deployment: order(),
                },
            ),
        ],
        safety: Duration::from_secs(120),
        settle: Duration::from_secs(90),
        sla: vec![
            // What was on its way to the broker, and its confirmations, arrive at the heal.
            occurs(published(), during(0, 1), 0..=0),
            occurs(
                Occurrence::Started { of: "order".into() },
                during(0, 1),
                2..=2,
            ),
            occurs(complete, during(0, 1), 1..=1),
            occurs(published(), after(0, 0), at_least(300)),
            ready("order", during(0, 0), 2..=3),
            all_accepted(),
            all_complete(300),
            converges(40),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}
