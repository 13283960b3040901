//! The shop's cluster, as every scenario has it unless it says otherwise.
//!
//! The documents leave service times, start-up times and capacities open. What is set here is set
//! once, for all scenarios, with its reason.

use std::time::Duration;

use squall_sim::{
    cluster::spec::{
        BrokerSpec, ClusterSpec, DeploymentSpec, NetworkSpec, Program, RouteCost, ServerSpec,
        StoreSpec, Unfinished,
    },
    range::TimeRange,
};

use crate::system::{Context, System};

/// The name of the system and of its topic.
pub(super) const NAME: &str = "shop";

/// The shop as it is served for real.
pub const SYSTEM: System = System {
    name: NAME,
    contexts: &CONTEXTS,
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

/// A JVM service starts in seconds.
const STARTUP: TimeRange = TimeRange::ms(2_000, 4_000);

/// Tomcat's defaults are 200 threads and a backlog of 100; its queue is that of the connector.
const SERVER: ServerSpec = ServerSpec {
    workers: 200,
    queue: 100,
    backlog: 100,
    startup: STARTUP,
    routes: &[],
    other_routes: TimeRange::ms(1, 2),
};

/// A small embedded database: a commit waits for the disk, a read does not.
const STORE: StoreSpec = StoreSpec {
    commit: TimeRange::ms(1, 2),
    read: TimeRange::ms(0, 1),
    unfinished: &[],
};

/// Payment asks a bank: mean 100 ms. With Hystrix's pool of 10 that bounds the shop at about 100
/// orders a second, which [`super::burst`] is about.
const PAY_ROUTES: &[RouteCost] = &[RouteCost {
    method: "POST",
    route: "/pays",
    time: TimeRange::ms(50, 150),
}];

/// The cluster: two orders, two products and two pays, because one of each would never meet
/// another.
pub const CLUSTER: ClusterSpec = ClusterSpec {
    system: NAME,
    deployments: &TWO_ORDERS,
    broker: BrokerSpec {
        partitions: 4,
        session_timeout: Duration::from_secs(10),
        append: TimeRange::ms(1, 2),
    },
    network: NetworkSpec {
        latency: TimeRange::ms(1, 2),
        loss: 0.0,
    },
};

/// The same with one order. Its ten slots to payment serve about 100 orders a second.
pub(super) const ONE_ORDER_CLUSTER: ClusterSpec = ClusterSpec {
    deployments: &ONE_ORDER,
    ..CLUSTER
};

const TWO_ORDERS: [DeploymentSpec; 6] = deployments(2);
const ONE_ORDER: [DeploymentSpec; 6] = deployments(1);

const fn deployments(orders: u32) -> [DeploymentSpec; 6] {
    [
        deployment(
            "gateway",
            1,
            |pod| Box::pin(squall_shop::gateway::run(pod)),
            None,
            &[],
        ),
        deployment(
            "order",
            orders,
            |pod| Box::pin(squall_shop::order::run(pod)),
            ORDER_STORE,
            &[],
        ),
        deployment(
            "pay",
            2,
            |pod| Box::pin(squall_shop::pay::run(pod)),
            Some(STORE),
            PAY_ROUTES,
        ),
        deployment(
            "product",
            2,
            |pod| Box::pin(squall_shop::product::run(pod)),
            Some(STORE),
            &[],
        ),
        deployment(
            "notice",
            1,
            |pod| Box::pin(squall_shop::notice::run(pod)),
            Some(STORE),
            &[],
        ),
        deployment(
            "customercenter",
            1,
            |pod| Box::pin(squall_shop::customercenter::run(pod)),
            Some(STORE),
            &[],
        ),
    ]
}

/// An order that is neither accepted nor refused is unfinished work.
const ORDER_STORE: Option<StoreSpec> = Some(StoreSpec {
    unfinished: &[Unfinished {
        collection: "orders",
        member: "state",
        value: "pending",
    }],
    ..STORE
});

const fn deployment(
    name: &'static str,
    replicas: u32,
    program: Program,
    store: Option<StoreSpec>,
    routes: &'static [RouteCost],
) -> DeploymentSpec {
    DeploymentSpec {
        name,
        replicas,
        program,
        port: squall_shop::PORT,
        server: ServerSpec { routes, ..SERVER },
        store,
        config: &[],
        grace: Duration::from_secs(30),
        restart_after: Duration::from_secs(1),
    }
}
