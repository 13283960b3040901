//! Stories about a server's limits: workers, queue, connections and backlog.

use std::time::Duration;

use squall_sim::{
    load::{Extent, Load},
    range::TimeRange,
};

use crate::{
    story::{calm, ms, siege},
    town::{DeploymentSpec, PLAIN, SERVER, ServerSpec, cluster},
};

/// One worker, 300 ms for everything, and no place in the backlog but Linux' one more.
const NARROW: DeploymentSpec = DeploymentSpec {
    server: ServerSpec {
        workers: 1,
        backlog: 0,
        takes: TimeRange::ms(300, 300),
        ..SERVER
    },
    // A probe would take one of the places.
    readiness: false,
    ..PLAIN
};

/// When five users who come 20 ms apart are answered, in tenths of a second.
fn answered(deployments: &'static [DeploymentSpec]) -> Vec<u128> {
    let names = ["a", "b", "c", "d", "e"];
    let loads: Vec<Load> = (0..)
        .zip(names)
        .map(|(number, name)| Load {
            name,
            begins: ms(20 * number),
            timeout: ms(10_000),
            ..siege(1, Extent::Journeys(1))
        })
        .collect();
    let told = calm(cluster(deployments), &loads, 5);
    let asked = told.asked();
    let answers = asked.iter().map(|one| match one.answered {
        Some((at, Some(200), _)) => at,
        _ => Duration::MAX,
    });
    let mut tenths: Vec<u128> = answers.map(|at| at.as_millis() / 100).collect();
    tenths.sort_unstable();
    tenths
}

#[test]
fn busy_workers_fill_the_queue_and_only_open_connections_the_backlog() {
    const TWO_CONNECTIONS: DeploymentSpec = DeploymentSpec {
        config: &[("SERVER_CONNECTIONS", "2")],
        ..NARROW
    };
    // Every connection is accepted at once; requests wait for the worker.
    assert_eq!(answered(&[NARROW]), [3, 6, 9, 12, 15]);
    // The third connection waits in the backlog. The SYNs of the last two are dropped and come
    // again after a second, when the worker has been idle for a while.
    assert_eq!(answered(&[TWO_CONNECTIONS]), [3, 6, 9, 13, 16]);
}
