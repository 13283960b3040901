//! One of three payments answers 503 to everything, and its platform does not notice.
//!
//! Order has a sidecar. All pods of pay are probed by a connection only, so that a pod that listens
//! and fails stays ready: whoever calls it has to find out. They are called in turn.

use std::time::Duration;

use squall_chaos::fault::Kind;
use squall_reports::{
    occurrence::Occurrence,
    sla::{Ejections, Sla},
};
use squall_sim::{
    load::{Arrival, Load, Spacing},
    manifest::{Operation, Patch},
};

use super::{
    cluster::SYSTEM,
    control_plane::{after, during, lasting, occurs},
    invariants::{self, PAY},
    journeys::{FULL_SHELVES, ORDERS, customers},
    promises::{accepted_after, converges, ok_during, refused_during},
};
use crate::{scenario::Scenario, system::Cluster};

const FAILING_FROM_S: u64 = 10;
/// Shorter than the first two ejections take together: 30 s, then 60 s, and what lies between.
const FAILING_FOR_S: u64 = 85;
/// Two orders a second for each of the three.
const ORDERS_PER_S: f64 = 6.0;
const CUSTOMERS_S: u64 = 130;

const WITH_SIDECAR: &[Operation] = &[Operation::add(
    "/spec/template/metadata/annotations",
    r#"{"sidecar.istio.io/inject":"true"}"#,
)];

const THREE_BLINDLY_PROBED: &[Operation] = &[
    Operation::add("/spec/replicas", "3"),
    Operation::replace(
        "/spec/template/spec/containers/0/readinessProbe",
        r#"{"tcpSocket":{"port":8080},"initialDelaySeconds":10,"timeoutSeconds":2,
            "periodSeconds":5,"failureThreshold":10}"#,
    ),
    Operation::replace(
        "/spec/template/spec/containers/0/livenessProbe",
        r#"{"tcpSocket":{"port":8080},"initialDelaySeconds":120,"timeoutSeconds":2,
            "periodSeconds":5,"failureThreshold":5}"#,
    ),
];

/// Envoy's own settings, but for the share: of three pods one may be ejected.
const RULE: &str = include_str!("outlier_ejection.yaml");

const ORDERS_IN_STEP: Load = Load {
    arrival: Arrival::Open {
        rate_per_s: ORDERS_PER_S,
        spacing: Spacing::Constant,
        max_in_flight: 10_000,
    },
    ..customers(ORDERS, ORDERS_PER_S, CUSTOMERS_S)
};

/// The scenario.
pub(super) fn scenario() -> Scenario {
    failing(
        "shop/outlier-ejection",
        "One of three payments answers 503: the sidecar of order ejects it with its fifth error, \
         for 30 s, then for 60 s, and nearly every order is accepted.",
        RULE,
        vec![
            Box::new(Ejections {
                target: PAY.into(),
                errors: 5,
                base: Duration::from_secs(30),
                sweep: Duration::from_secs(10),
            }),
            occurs(ejected(), during(0, 0), 2..=2),
            occurs(unavailable(), during(0, 0), 10..=10),
            ok_during(0, "POST", "/orders", 97.0),
        ],
    )
}

/// The same for both halves.
pub(super) fn failing(
    name: &'static str,
    claim: &'static str,
    rule: &'static str,
    own: Vec<Box<dyn Sla>>,
) -> Scenario {
    let target = "pay-1".into();
    let mut sla = own;
    sla.extend([
        refused_during(0, 0),
        occurs(unavailable(), after(0, 1), 0..=0),
        accepted_after(0, 1, 100.0),
        converges(20),
    ]);
    Scenario {
        name,
        claim,
        cluster: Cluster::new(
            &SYSTEM,
            [
                Patch::edit("Deployment/order", WITH_SIDECAR),
                Patch::edit("Deployment/pay", THREE_BLINDLY_PROBED),
                Patch::create(rule),
            ],
        ),
        loads: vec![FULL_SHELVES, ORDERS_IN_STEP],
        faults: vec![lasting(
            FAILING_FROM_S,
            FAILING_FOR_S,
            Kind::Failing { target },
        )],
        safety: Duration::from_secs(CUSTOMERS_S + 10),
        settle: Duration::from_secs(60),
        sla,
        invariants: invariants::all(),
        documented: None,
    }
}

/// Orders that a third of all falls on while the fault acts, and a few on either side.
pub(super) fn a_third() -> std::ops::RangeInclusive<usize> {
    let third = (FAILING_FOR_S as f64 * ORDERS_PER_S / 3.0) as usize;
    third - 5..=third + 5
}

/// A pod of pay is left out.
pub(super) fn ejected() -> Occurrence {
    Occurrence::Ejected { of: "pay".into() }
}

/// Payment answers order with 503.
pub(super) fn unavailable() -> Occurrence {
    Occurrence::CallAnswered {
        of: "order".into(),
        target: PAY.into(),
        status: 503,
    }
}
