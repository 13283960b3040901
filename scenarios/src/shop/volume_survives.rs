//! The database of order ends, and is started again.
//!
//! Its files are on a volume of their own, as the documents have it. Customers order and look
//! again later, when the database was gone and is back.

use std::time::Duration;

use squall_chaos::fault::Kind;
use squall_reports::sla::Sla;
use squall_sim::{
    load::{Extent, Journey, Load, Request, Share, Step},
    range::TimeRange,
};

use super::{
    cluster::doubled,
    control_plane::lasting,
    invariants,
    journeys::{FULL_SHELVES, ORDER_AND_CANCEL, PLACE, customers, get},
    promises::{all_accepted, all_complete, all_ok, converges},
};
use crate::{scenario::Scenario, system::Cluster};

/// So many customers come, at six a second: all within about 15 s.
const CUSTOMERS: u32 = 80;
/// When the database ends: everything ordered is published by then.
const OUTAGE_S: u64 = 30;
const OUTAGE_FOR_S: u64 = 5;
/// So long after their order customers look at it again.
const LATER: Step = Step::Think(TimeRange::ms(40_000, 45_000));
/// Where.
pub(super) const LOOK: Request = get("/orders/{order}");

/// The scenario.
pub(super) fn scenario() -> Scenario {
    const MIX: &[Share] = &look_later(&[ORDER_AND_WAIT[0], ORDER_AND_WAIT[1], Step::Request(LOOK)]);
    struck(
        "shop/volume-survives",
        "The database of order ends and is started again, its files on a claimed volume: every \
         acknowledged order is there afterwards.",
        doubled(),
        MIX,
        vec![all_ok("GET", "/orders/{order}")],
        invariants::all(),
    )
}

/// What customers do here: most look at their order later, some cancel it at once.
pub(super) const fn look_later(steps: &'static [Step]) -> [Share; 2] {
    let journey = Journey {
        name: "order and look later",
        steps,
    };
    [
        Share { weight: 4, journey },
        Share {
            weight: 1,
            journey: ORDER_AND_CANCEL,
        },
    ]
}

/// The steps before the look.
pub(super) const ORDER_AND_WAIT: [Step; 2] = [Step::Request(PLACE), LATER];

/// The same for both halves.
pub(super) fn struck(
    name: &'static str,
    claim: &'static str,
    cluster: Cluster,
    mix: &'static [Share],
    own: Vec<Box<dyn Sla>>,
    invariants: Vec<Box<dyn Sla>>,
) -> Scenario {
    let service = "order".into();
    let looking = Load {
        extent: Extent::Journeys(CUSTOMERS),
        ..customers(mix, 6.0, 0)
    };
    let mut sla = own;
    sla.extend([all_accepted(), all_complete(80), converges(20)]);
    Scenario {
        name,
        claim,
        cluster,
        loads: vec![FULL_SHELVES, looking],
        faults: vec![lasting(
            OUTAGE_S,
            OUTAGE_FOR_S,
            Kind::StoreOutage { service },
        )],
        safety: Duration::from_secs(80),
        settle: Duration::from_secs(60),
        sla,
        invariants,
        documented: None,
    }
}
