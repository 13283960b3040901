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

/// The shop as it was documented: one pod of each.
pub(super) fn documented() -> Cluster {
    Cluster::new(&SYSTEM, [])
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
