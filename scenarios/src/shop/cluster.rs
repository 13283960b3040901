//! The shop and its cluster, and what scenarios change in its manifests.
//!
//! The manifests and the model are in `system/shop/deploy`. What the documents leave open is set
//! there, once, for all scenarios, with its reason.

use squall_sim::manifest::{Operation, Patch};

use crate::system::{Cluster, Context, System};

/// The shop: as it is served for real, and as it is deployed.
pub const SYSTEM: System = System {
    name: "shop",
    contexts: &CONTEXTS,
    manifests: squall_shop::MANIFESTS,
    model: squall_shop::MODEL,
};

const CONTEXTS: [Context; squall_shop::CONTEXTS.len()] = {
    let first = squall_shop::CONTEXTS[0];
    let empty = Context {
        name: first.name,
        port: first.documented_port,
        program: first.run,
    };
    let mut contexts = [empty; squall_shop::CONTEXTS.len()];
    let mut index = 0;
    while index < contexts.len() {
        let context = squall_shop::CONTEXTS[index];
        contexts[index] = Context {
            name: context.name,
            port: context.documented_port,
            program: context.run,
        };
        index += 1;
    }
    contexts
};

/// Two pods.
const TWO: &[Operation] = &[Operation::add("/spec/replicas", "2")];

/// No readiness probe: order counts as ready as soon as its container runs.
const NO_READINESS: &[Operation] = &[Operation::remove(
    "/spec/template/spec/containers/0/readinessProbe",
)];

/// No preStop hook: order is told to end before anybody knows that it does.
pub(super) const NO_PRE_STOP: &[Operation] = &[Operation::remove(
    "/spec/template/spec/containers/0/lifecycle",
)];

/// `kubectl autoscale deploy order --cpu-percent=50 --min=1 --max=3`.
const AUTOSCALER: Patch = Patch::create(
    "
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: order}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: order}
  minReplicas: 1
  maxReplicas: 3
  targetCPUUtilizationPercentage: 50
",
);

/// The shop as it was documented: one pod of each.
pub(super) fn documented() -> Cluster {
    Cluster::new(&SYSTEM, [])
}

/// The same, order without a readiness probe.
pub(super) fn without_readiness() -> Cluster {
    Cluster::new(&SYSTEM, [Patch::edit("Deployment/order", NO_READINESS)])
}

/// The same, order without its preStop hook.
pub(super) fn without_pre_stop() -> Cluster {
    Cluster::new(&SYSTEM, [Patch::edit("Deployment/order", NO_PRE_STOP)])
}

/// The same with an autoscaler for order.
pub(super) fn autoscaled() -> Cluster {
    Cluster::new(&SYSTEM, [AUTOSCALER])
}

/// The shop with two orders, two products and two pays, because one of each would never meet
/// another.
pub(super) fn doubled() -> Cluster {
    Cluster::new(
        &SYSTEM,
        [
            Patch::edit("Deployment/order", TWO),
            Patch::edit("Deployment/pay", TWO),
            Patch::edit("Deployment/product", TWO),
        ],
    )
}

/// The same with one order. Its ten slots to payment serve about 100 orders a second.
pub(super) fn one_order() -> Cluster {
    Cluster::new(
        &SYSTEM,
        [
            Patch::edit("Deployment/pay", TWO),
            Patch::edit("Deployment/product", TWO),
        ],
    )
}
