//! Connections, queues, and what is in nobody's way.

use super::{
    good, slow,
    town::{PORT, Town, limited, ms},
};
use crate::{cluster::sidecar::NEVER_SENT, engine::World, objects::mesh::ConnectionPool};

const PAY: &str = "pay:80";

#[test]
fn one_connection_serves_many_requests() {
    let mut town = Town::new();
    town.pod("pay-1", good());
    town.call(PAY, (0..10).map(|n| n * 100));
    town.pass(2_000);
    assert_eq!(town.statuses(), [200; 10]);
    assert_eq!(town.tally.connections("pay-1"), 1);
    assert_eq!(town.tally.requests("pay-1"), 10);
    assert_eq!(town.acts(), [], "calm means calm");
}

#[test]
fn a_request_takes_its_links_latency_and_nothing_else() {
    let mut town = Town::new();
    town.pod("pay-1", good());
    town.call(PAY, [0, 100]);
    town.pass(1_000);
    let took: Vec<_> = town.calls().iter().map(|call| call.took()).collect();
    assert_eq!(
        took,
        [ms(4), ms(2)],
        "a connect and an exchange; no connect"
    );
}

#[test]
fn one_request_a_connection_means_a_connection_each() {
    let mut town = Town::new();
    town.pod("pay-1", good());
    town.tell(|told| {
        told.rule = limited(ConnectionPool {
            max_requests_per_connection: Some(1),
            ..ConnectionPool::default()
        });
    });
    town.call(PAY, (0..10).map(|n| n * 100));
    town.pass(2_000);
    assert_eq!(town.statuses(), [200; 10]);
    assert_eq!(town.tally.connections("pay-1"), 10);
}

#[test]
fn platform_5_one_active_one_queued_one_overflow_at_once() {
    let mut town = Town::new();
    town.pod("pay-1", slow(1_000));
    town.tell(|told| {
        told.rule = limited(ConnectionPool {
            max_connections: Some(1),
            max_pending_requests: Some(1),
            ..ConnectionPool::default()
        });
    });
    town.call(PAY, [0, 10, 20]);
    town.pass(3_000);
    let calls = town.calls();
    let [overflow, first, second] = calls.as_slice() else {
        panic!("three calls");
    };
    assert_eq!((overflow.status(), overflow.took()), (503, ms(0)));
    assert_eq!(overflow.header("x-envoy-overloaded"), Some("true"));
    assert_eq!(overflow.header(NEVER_SENT), Some("UO"));
    assert_eq!(
        overflow.body(),
        "upstream connect error or disconnect/reset before headers. reset reason: overflow"
    );
    assert_eq!((first.status(), first.took()), (200, ms(1_004)));
    assert_eq!((second.status(), second.to), (200, ms(2_006)));
    assert_eq!(town.tally.connections("pay-1"), 1);
    assert_eq!(town.own_answers(), [("UO".to_owned(), 503)]);
}

#[test]
fn who_hangs_up_frees_the_place_in_the_queue() {
    let mut town = Town::new();
    town.pod("pay-1", slow(1_000));
    town.tell(|told| {
        told.rule = limited(ConnectionPool {
            max_connections: Some(1),
            max_pending_requests: Some(1),
            ..ConnectionPool::default()
        });
    });
    town.call(PAY, [0]);
    town.impatient_call(PAY, 10, ms(100));
    town.call(PAY, [200]);
    town.pass(3_000);
    assert_eq!(town.calls().len(), 3);
    assert_eq!(town.tally.requests("pay-1"), 2, "the second was never sent");
    assert_eq!(town.own_answers(), []);
}

#[test]
fn who_hangs_up_closes_the_connection_that_carried_the_request() {
    let mut town = Town::new();
    town.pod("pay-1", slow(1_000));
    town.impatient_call(PAY, 0, ms(100));
    town.call(PAY, [200]);
    town.pass(3_000);
    assert_eq!(town.tally.connections("pay-1"), 2);
    assert!(town.calls().iter().any(|call| call.result.is_ok()));
}

#[test]
fn what_is_no_service_passes_untouched() {
    let mut town = Town::new();
    town.pod("pay-1", good());
    town.tell(|told| told.pods.clear());
    town.call("pay-1:8080", [10]);
    town.call("nobody:80", [10]);
    town.call(&format!("pay:{}", PORT + 1), [10]);
    town.pass(1_000);
    let calls = town.calls();
    let answered = calls.iter().filter(|call| call.result.is_ok());
    let results: Vec<_> = calls.iter().map(|call| &call.result).collect();
    assert_eq!((calls.len(), answered.count()), (3, 1), "{results:?}");
    assert_eq!(town.acts(), []);
}

#[test]
fn pods_come_and_go_between_requests() {
    let mut town = Town::new();
    town.pod("pay-1", good());
    town.pod("pay-2", good());
    town.tell(|told| told.pods.truncate(1));
    town.call(PAY, (0..10).map(|n| n * 100));
    town.pass(2_000);
    assert_eq!(town.tally.requests("pay-1"), 10);
    town.tell(|told| told.pods = vec!["pay-2".into()]);
    town.call(PAY, (0..10).map(|n| n * 100));
    town.pass(2_000);
    assert_eq!(town.tally.requests("pay-2"), 10);
    assert_eq!(town.statuses(), [200; 20]);
}

#[test]
fn an_idle_connection_closes_in_time() {
    let mut town = Town::new();
    town.pod("pay-1", good());
    town.tell(|told| {
        told.rule = limited(ConnectionPool {
            idle_timeout: ms(5_000),
            ..ConnectionPool::default()
        });
    });
    town.call(PAY, [0, 4_000, 10_000]);
    town.pass(20_000);
    assert_eq!(town.statuses(), [200; 3]);
    assert_eq!(town.tally.connections("pay-1"), 2);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let mut town = Town::new();
        town.pod("pay-1", slow(50));
        town.pod("pay-2", good());
        town.dead_pod("pay-3");
        town.call(PAY, (0..200).map(|n| n * 7));
        town.pass(5_000);
        (town.world.fingerprint(), town.acts())
    };
    let (first, acts) = run();
    assert!(!acts.is_empty(), "the dead pod is avoided by retries");
    assert_eq!((first, acts), run());
}
