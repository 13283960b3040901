//! Two years of the shop: as it was documented, one pod of each context, and hardened. Which
//! deployment keeps which promise?
//!
//! Promises: 99.999 % for the core contexts order and product, 60 % for the supporting ones notice
//! and customercenter (the documents of procurement and ticket, applied to all systems). A context
//! is asked directly, by its Service, as its callers do; who dials it afresh for every request
//! meets any of its pods.

use std::time::Duration;

use squall_sim::{
    load::{Arrival, Extent, Journey, Load, Request, Share, Spacing, Step},
    manifest::{Operation, Patch},
    model::Model,
    range::TimeRange,
};

use super::{
    cluster::SYSTEM,
    invariants,
    journeys::{CANCEL, FULL_SHELVES, PLACE, TROUBLE, get},
};
use crate::{
    system::Cluster,
    year::{
        DAY, Year,
        events::{Deployed, Happenings},
        verdict::{Promise, Shown},
    },
};

/// All of them.
pub fn years() -> Vec<Year> {
    vec![documented(), hardened()]
}

fn documented() -> Year {
    Year {
        name: "shop/year-documented",
        claim: "A year with one pod of each context, day by day: the supporting contexts keep \
                their 60 %; the crashes of their one pod alone cost order and product their five \
                nines.",
        cluster: quiet([]),
        loads: loads(),
        happenings: Happenings {
            deployments: &DOCUMENTED,
            nodes: &NODES,
            zones: &ZONES,
        },
        settle: SETTLE,
        promises: &DOCUMENTED_PROMISES,
        invariants: invariants::all,
    }
}

fn hardened() -> Year {
    Year {
        name: "shop/year-hardened",
        claim: "A year with three pods of order, pay and product, spread over the nodes, with \
                disruption budgets and preStop: crashes and new versions break no promise; a lost \
                node or zone still can, because each database is one.",
        cluster: quiet([
            Patch::edit("Deployment/order", SPREAD_ORDER),
            Patch::edit("Deployment/pay", SPREAD_PAY),
            Patch::edit("Deployment/product", SPREAD_PRODUCT),
            Patch::create(BUDGETS),
        ]),
        loads: loads(),
        happenings: Happenings {
            deployments: &HARDENED,
            nodes: &NODES,
            zones: &ZONES,
        },
        settle: SETTLE,
        promises: &HARDENED_PROMISES,
        invariants: invariants::all,
    }
}

/// Until the last events of a day have been handled everywhere.
const SETTLE: Duration = Duration::from_secs(900);
/// As in the shop's model: one node in each zone.
const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];
const ZONES: [&str; 3] = ["zone-a", "zone-b", "zone-c"];
/// Less than once a month; taken as once.
const MONTHLY: f64 = 12.0;
const WEEKLY: f64 = 52.0;

const DOCUMENTED: [Deployed; 6] = deployed(1);
const HARDENED: [Deployed; 6] = deployed(3);

const fn deployed(core_pods: u32) -> [Deployed; 6] {
    const fn one(name: &'static str, pods: u32, versions: f64) -> Deployed {
        Deployed {
            name,
            pods,
            versions,
        }
    }
    [
        one("order", core_pods, MONTHLY),
        one("pay", core_pods, WEEKLY),
        one("product", core_pods, WEEKLY),
        one("notice", 1, WEEKLY),
        one("customercenter", 1, WEEKLY),
        one("gateway", 1, WEEKLY),
    ]
}

// === Promises ===

const FIVE_NINES: f64 = 99.999;
const SUPPORTING: f64 = 60.0;

/// A container of order starts for 20 s at least (the model), and its readiness probe begins after
/// 10 s; one of product is probed after 10 s (its manifest).
const DOCUMENTED_PROMISES: [Promise; 4] = [
    core("order", "order:8080", one_pod(20)),
    core("product", "product:8080", one_pod(10)),
    supporting("notice", "notice:8080"),
    supporting("customercenter", "customercenter:8080"),
];

const HARDENED_PROMISES: [Promise; 4] = [
    core("order", "order:8080", Shown::SeveralPods),
    core("product", "product:8080", Shown::SeveralPods),
    supporting("notice", "notice:8080"),
    supporting("customercenter", "customercenter:8080"),
];

const fn one_pod(back_after_s: u64) -> Shown {
    Shown::OnePod {
        back_after: Duration::from_secs(back_after_s),
    }
}

const fn core(service: &'static str, target: &'static str, shown: Shown) -> Promise {
    Promise {
        service,
        target,
        percent: FIVE_NINES,
        shown,
    }
}

const fn supporting(service: &'static str, target: &'static str) -> Promise {
    Promise {
        service,
        target,
        percent: SUPPORTING,
        shown: Shown::Kept,
    }
}

// === Users ===

/// Who asks order or product: every four seconds, so that the requests of two weeks without a
/// failure are enough to show five nines (300 000, by the rule of three).
const CORE_PER_S: f64 = 0.25;
/// Who asks the others: a few thousand requests a day tell 60 % easily.
const SUPPORTING_PER_S: f64 = 0.05;
/// "Within the timeout": how long somebody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(3);

const fn look(target: &'static str, path: &'static str) -> Request {
    Request {
        target,
        accept: TROUBLE,
        ..get(path)
    }
}

/// An order every other minute, of which every other one is cancelled, and looks at orders.
const AT_ORDER: &[Share] = &[
    Share {
        weight: 58,
        journey: Journey {
            name: "look at orders",
            steps: &[Step::Request(look("order:8080", "/orders?size=1"))],
        },
    },
    Share {
        weight: 1,
        journey: Journey {
            name: "order",
            steps: &[Step::Request(DIRECT)],
        },
    },
    Share {
        weight: 1,
        journey: Journey {
            name: "order and cancel",
            steps: &[
                Step::Request(DIRECT),
                Step::Think(TimeRange::ms(0, 2_000)),
                Step::Request(Request {
                    target: "order:8080",
                    ..CANCEL
                }),
            ],
        },
    },
];

/// An order that is placed at the context itself.
const DIRECT: Request = Request {
    target: "order:8080",
    ..PLACE
};

const AT_PRODUCT: &[Share] = &[Share {
    weight: 1,
    journey: Journey {
        name: "look at products",
        steps: &[Step::Request(look("product:8080", "/products?size=1"))],
    },
}];

const AT_NOTICE: &[Share] = &[Share {
    weight: 1,
    journey: Journey {
        name: "look at notices",
        steps: &[Step::Request(look("notice:8080", "/notices?size=1"))],
    },
}];

const AT_CUSTOMERCENTER: &[Share] = &[Share {
    weight: 1,
    journey: Journey {
        name: "look at pages",
        steps: &[Step::Request(look(
            "customercenter:8080",
            "/myPages?size=1",
        ))],
    },
}];

fn loads() -> Vec<Load> {
    vec![
        FULL_SHELVES,
        steady("buyer", AT_ORDER, CORE_PER_S, 1_000),
        steady("browser", AT_PRODUCT, CORE_PER_S, 1_400),
        steady("reader", AT_NOTICE, SUPPORTING_PER_S, 1_700),
        steady("member", AT_CUSTOMERCENTER, SUPPORTING_PER_S, 1_900),
    ]
}

/// Requests at constant distances, the whole day.
const fn steady(
    name: &'static str,
    mix: &'static [Share],
    rate_per_s: f64,
    begins_ms: u64,
) -> Load {
    Load {
        name,
        begins: Duration::from_millis(begins_ms),
        extent: Extent::For(Duration::from_secs(DAY.as_secs() - 10)),
        arrival: Arrival::Open {
            rate_per_s,
            spacing: Spacing::Constant,
            max_in_flight: 1_000,
        },
        mix,
        timeout: PATIENCE,
        keep_alive: false,
    }
}

// === Manifests ===

/// The shop of a year, with these changes.
fn quiet<const COUNT: usize>(changes: [Patch; COUNT]) -> Cluster {
    let settings = [
        Patch::edit("Deployment/order", ORDER),
        Patch::edit("Deployment/pay", PAY),
        Patch::edit("Deployment/product", PRODUCT),
        Patch::edit("Deployment/notice", READERS),
        Patch::edit("Deployment/customercenter", READERS),
    ];
    Cluster::new(&SYSTEM, settings.into_iter().chain(changes)).modelled(patient_groups)
}

// In both deployments alike, what the documents leave open is set so that an idle day is idle:
// these three are most of what happens there beside the probes, and decide on nobody's being up.

/// Who relays a context's events to the broker renews its lease every 30 s, not every 2 s.
const LEASE: Operation = set(r#"{"name": "RELAY_LEASE_MS", "value": "90000"}"#);
/// Order looks for orders that a crash left pending every 30 s.
const RECOVERY: Operation = set(r#"{"name": "RECOVERY_PERIOD_MS", "value": "30000"}"#);
/// Who waits for an event says every 15 s that it still does: a third of its session's timeout.
const POLL: Operation = set(r#"{"name": "CONSUMER_POLL_MS", "value": "15000"}"#);
/// For a context without any settings.
const NO_SETTINGS: Operation = Operation::add(ENVIRONMENT, "[]");

const ENVIRONMENT: &str = "/spec/template/spec/containers/0/env";

const fn set(setting: &'static str) -> Operation {
    Operation::add("/spec/template/spec/containers/0/env/-", setting)
}

/// Kafka's session timeout since 3.0 (KIP-735).
fn patient_groups(model: &mut Model) {
    model.broker.session_timeout_s = 45;
}

const ORDER: &[Operation] = &[LEASE, RECOVERY, POLL];
const PAY: &[Operation] = &[LEASE, POLL];
const PRODUCT: &[Operation] = &[NO_SETTINGS, LEASE, POLL];
const READERS: &[Operation] = &[NO_SETTINGS, POLL];

const THREE: Operation = Operation::add("/spec/replicas", "3");
const CONSTRAINTS: &str = "/spec/template/spec/topologySpreadConstraints";

/// The pods of a context on different nodes, as far as there are any.
macro_rules! spread {
    ($context:literal) => {
        Operation::add(
            CONSTRAINTS,
            concat!(
                r#"[{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname",
                     "whenUnsatisfiable": "ScheduleAnyway",
                     "labelSelector": {"matchLabels": {"app": ""#,
                $context,
                r#""}}}]"#
            ),
        )
    };
}

const SPREAD_ORDER: &[Operation] = &[THREE, spread!("order")];
const SPREAD_PAY: &[Operation] = &[THREE, spread!("pay")];
const SPREAD_PRODUCT: &[Operation] = &[THREE, spread!("product")];

const BUDGETS: &str = "
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: order
spec:
  minAvailable: 2
  selector:
    matchLabels: {app: order}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: pay
spec:
  minAvailable: 2
  selector:
    matchLabels: {app: pay}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: product
spec:
  minAvailable: 2
  selector:
    matchLabels: {app: product}
";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use squall_reports::check::RunVerdict;
    use squall_sim::{load::Extent, simulation::EngineKind};

    use crate::runner;

    /// One day is run by default, and an invariant without anything to judge makes it vacuous.
    #[test]
    fn a_calm_hour_has_something_for_every_invariant() {
        let hour = Duration::from_secs(3_600);
        for year in super::years() {
            let mut calm = year.day(Vec::new());
            calm.safety = hour;
            for load in &mut calm.loads {
                if let Extent::For(day) = &mut load.extent {
                    *day = hour;
                }
            }
            let run = runner::run(&calm, 1, EngineKind::Events);
            let broken = run.report.broken();
            assert_eq!(run.report.result.verdict, RunVerdict::Pass, "{broken:?}");
        }
    }
}
