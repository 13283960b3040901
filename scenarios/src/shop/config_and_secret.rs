//! What a container is told it is told when it starts.
//!
//! Order is told where payment is by a ConfigMap (`api.url.payment`, as documented) and its own
//! public address by a Secret (its password, which the documents keep there, shows nowhere).
//! Payment can be reached under two names, so that the history shows who was told what. Both
//! objects change while pods run; order is redeployed; then a key is missing, and is put back.

use std::time::Duration;

use squall_chaos::fault::Kind;
use squall_reports::{
    occurrence::Occurrence,
    requests::Requests,
    sla::{Locations, Sla},
    window::Window,
};
use squall_sim::manifest::{Operation, Patch};

use super::{
    cluster::doubled,
    control_plane::{at, at_least, between, follows, load, occurs, ready},
    invariants::{self, PAY},
    journeys::{FULL_SHELVES, ORDINARY, customers},
    promises::{all_accepted, all_complete, converges},
};
use crate::{scenario::Scenario, system::Cluster};

/// Payment by another name.
const BILLING: &str = "billing:8080";
const BILLING_SERVICE: &str = "
apiVersion: v1
kind: Service
metadata:
  name: billing
spec:
  selector: {app: pay}
  ports:
    - port: 8080
      targetPort: 8080
";
const ADDRESS: &str = "
apiVersion: v1
kind: Secret
metadata:
  name: order-address
type: Opaque
stringData:
  base-url: http://old.shop
";
const TOLD_ITS_ADDRESS: &[Operation] = &[Operation::add(
    "/spec/template/spec/containers/0/env/-",
    r#"{"name":"BASE_URL","valueFrom":{"secretKeyRef":{"name":"order-address","key":"base-url"}}}"#,
)];

const PAY_BY_BILLING: &[Operation] = &[Operation::replace(
    "/data/api.url.payment",
    r#""http://billing:8080""#,
)];
const NEW_ADDRESS: &[Operation] = &[Operation::replace(
    "/stringData/base-url",
    r#""http://new.shop""#,
)];
const WITHOUT_PAYMENT: &[Operation] = &[Operation::remove("/data/api.url.payment")];
const WITH_PAYMENT: &[Operation] = &[Operation::add(
    "/data/api.url.payment",
    r#""http://pay:8080""#,
)];

/// When both objects change.
const CHANGED_S: u64 = 10;
/// When order is redeployed: pods 3 and 4 take the place of 1 and 2, which takes a minute.
const REDEPLOYED_S: u64 = 30;
/// When a key goes, and order is redeployed again: pod 5 has nothing to start with.
const MISSING_S: u64 = 110;
/// When it is back: 5 and 6 take the place of 3 and 4.
const BACK_S: u64 = 150;
const CUSTOMERS_S: u64 = 255;

/// The scenario.
pub(super) fn scenario() -> Scenario {
    let restart = || Kind::RolloutRestart {
        deployment: "order".into(),
    };
    let mut cluster: Cluster = doubled();
    cluster.patches.extend([
        Patch::create(BILLING_SERVICE),
        Patch::create(ADDRESS),
        Patch::edit("Deployment/order", TOLD_ITS_ADDRESS),
    ]);
    let both = vec![
        Patch::edit("ConfigMap/order-config", PAY_BY_BILLING),
        Patch::edit("Secret/order-address", NEW_ADDRESS),
    ];
    Scenario {
        name: "shop/config-and-secret",
        claim: "What ConfigMap and Secret say reaches containers when they start, and only then; \
                with a key missing a new pod waits, old ones serve, and nobody notices.",
        cluster,
        loads: vec![FULL_SHELVES, customers(ORDINARY, 4.0, CUSTOMERS_S)],
        faults: vec![
            at(CHANGED_S, Kind::Apply { patches: both }),
            at(REDEPLOYED_S, restart()),
            at(MISSING_S, config_map(WITHOUT_PAYMENT)),
            at(MISSING_S + 1, restart()),
            at(BACK_S, config_map(WITH_PAYMENT)),
        ],
        safety: Duration::from_secs(CUSTOMERS_S + 10),
        settle: Duration::from_secs(60),
        sla: promises(),
        invariants: invariants::all(),
        documented: None,
    }
}

fn promises() -> Vec<Box<dyn Sla>> {
    let none = 0..=0;
    // By deployment: the gateway keeps its connections, so that one of two pods may get them all.
    let missing = Occurrence::ConfigError {
        of: "order-5".into(),
    };
    let started = || Occurrence::Started {
        of: "order-5".into(),
    };
    vec![
        calls("order", PAY, between(CHANGED_S, REDEPLOYED_S), at_least(10)),
        calls("order-1", BILLING, load(), none.clone()),
        calls("order-2", BILLING, load(), none.clone()),
        calls("order-3", PAY, load(), none.clone()),
        calls("order-4", PAY, load(), none.clone()),
        calls("order", BILLING, between(MISSING_S, BACK_S), at_least(10)),
        located(between(0, REDEPLOYED_S), "http://old.shop/orders/"),
        // Old pods serve until new ones are ready, and those of new ones are all that is left.
        located(between(MISSING_S, CUSTOMERS_S), "http://new.shop/orders/"),
        // At once, and every 10 s.
        occurs(missing, between(MISSING_S, BACK_S), 4..=4),
        occurs(started(), between(0, BACK_S), none.clone()),
        follows(4, started(), 0..=10),
        calls("order-5", BILLING, load(), none.clone()),
        calls("order-6", BILLING, load(), none),
        calls("order", PAY, between(BACK_S, CUSTOMERS_S), at_least(10)),
        ready("order", load(), 2..=3),
        all_accepted(),
        all_complete(700),
        converges(20),
    ]
}

fn config_map(operations: &'static [Operation]) -> Kind {
    let patches = vec![Patch::edit("ConfigMap/order-config", operations)];
    Kind::Apply { patches }
}

/// A pod calls payment by this name so often.
fn calls(
    pod: &str,
    target: &str,
    window: Window,
    times: std::ops::RangeInclusive<usize>,
) -> Box<dyn Sla> {
    let (of, target) = (pod.into(), target.into());
    occurs(Occurrence::Called { of, target }, window, times)
}

/// Orders placed then are said to be at this address.
fn located(window: Window, prefix: &str) -> Box<dyn Sla> {
    Box::new(Locations {
        requests: Requests::to("POST", "/orders"),
        window,
        prefix: prefix.to_owned(),
    })
}
