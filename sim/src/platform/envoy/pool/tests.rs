use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use squall_reports::history::Name;

use super::{ConnectionId, Pool, RequestId, Step};
use crate::{objects::mesh::ConnectionPool, platform::envoy::route::Reset};

fn a() -> Name {
    "pay-1".into()
}

fn b() -> Name {
    "pay-2".into()
}

fn connect(host: Name, connection: ConnectionId) -> Step {
    Step::Connect { host, connection }
}

fn send(request: RequestId, connection: ConnectionId) -> Step {
    Step::Send {
        request,
        connection,
    }
}

fn refuse(request: RequestId, reset: Reset) -> Step {
    Step::Refuse { request, reset }
}

fn close(connection: ConnectionId) -> Step {
    Step::Close { connection }
}

fn pool(limits: ConnectionPool) -> Pool {
    Pool::new(limits)
}

#[test]
fn platform_5_one_connection_one_pending_three_requests() {
    let mut pool = pool(ConnectionPool {
        max_connections: Some(1),
        max_pending_requests: Some(1),
        ..ConnectionPool::default()
    });
    assert_eq!(pool.request(&a(), 1), [connect(a(), 1)]);
    assert_eq!(pool.connected(1), [send(1, 1)]);
    assert_eq!(pool.request(&a(), 2), []);
    assert_eq!(pool.request(&a(), 3), [refuse(3, Reset::Overflow)]);
    assert_eq!((pool.active(), pool.waiting()), (1, 1));
    assert_eq!(pool.finished(1, true), [send(2, 1)]);
}

#[test]
fn a_request_waits_also_for_the_connection_that_is_made_for_it() {
    let mut pool = pool(ConnectionPool {
        max_pending_requests: Some(1),
        ..ConnectionPool::default()
    });
    assert_eq!(pool.request(&a(), 1), [connect(a(), 1)]);
    assert_eq!(pool.request(&a(), 2), [refuse(2, Reset::Overflow)]);
    assert_eq!(pool.connected(1), [send(1, 1)]);
    assert_eq!(pool.request(&a(), 3), [connect(a(), 2)]);
}

#[test]
fn platform_5_each_picked_host_gets_a_connection_over_the_limit() {
    let mut pool = pool(ConnectionPool {
        max_connections: Some(1),
        ..ConnectionPool::default()
    });
    assert_eq!(pool.request(&a(), 1), [connect(a(), 1)]);
    assert_eq!(pool.request(&b(), 2), [connect(b(), 2)]);
    assert_eq!(pool.request(&a(), 3), [], "one is enough for it");
    assert_eq!(pool.connections(), 2);
}

#[test]
fn requests_at_once_are_bounded_over_all_hosts() {
    let mut pool = pool(ConnectionPool {
        max_requests: Some(1),
        ..ConnectionPool::default()
    });
    pool.request(&a(), 1);
    pool.request(&b(), 2);
    assert_eq!(pool.connected(1), [send(1, 1)]);
    assert_eq!(pool.connected(2), [refuse(2, Reset::Overflow)]);
    assert_eq!(
        pool.request(&b(), 3),
        [refuse(3, Reset::Overflow)],
        "though its connection is idle"
    );
    assert_eq!(pool.finished(1, true), []);
    assert_eq!(pool.request(&b(), 4), [send(4, 2)]);
}

#[test]
fn connections_are_used_again_the_last_one_first() {
    let mut pool = pool(ConnectionPool::default());
    for request in [1, 2] {
        pool.request(&a(), request);
        pool.connected(request);
    }
    pool.finished(2, true);
    pool.finished(1, true);
    assert_eq!(pool.request(&a(), 3), [send(3, 1)]);
    assert_eq!(pool.active_at("pay-1"), 1);
}

#[test]
fn one_request_a_connection_means_no_keep_alive() {
    let mut pool = pool(ConnectionPool {
        max_requests_per_connection: Some(1),
        max_connections: Some(1),
        ..ConnectionPool::default()
    });
    pool.request(&a(), 1);
    pool.request(&a(), 2);
    assert_eq!(pool.connected(1), [send(1, 1)]);
    assert_eq!(pool.finished(1, true), [close(1), connect(a(), 2)]);
    assert_eq!(pool.connected(2), [send(2, 2)]);
    assert_eq!(pool.finished(2, false), [close(2)]);
    assert_eq!(pool.connections(), 0);
}

#[test]
fn a_failed_connect_refuses_all_who_wait_at_that_host() {
    let mut pool = pool(ConnectionPool {
        max_connections: Some(1),
        ..ConnectionPool::default()
    });
    pool.request(&a(), 1);
    pool.request(&b(), 2);
    pool.request(&a(), 3);
    let reset = Reset::ConnectFailure;
    let refused = pool.connect_failed(1, reset);
    assert_eq!(refused, [refuse(1, reset), refuse(3, reset)]);
    assert_eq!((pool.waiting(), pool.connections()), (1, 1));
}

#[test]
fn who_gives_up_waits_no_longer() {
    let mut pool = pool(ConnectionPool {
        max_connections: Some(1),
        max_pending_requests: Some(1),
        ..ConnectionPool::default()
    });
    pool.request(&a(), 1);
    assert!(pool.cancel(1) && !pool.cancel(1));
    assert_eq!(pool.request(&a(), 2), [], "the connection is on its way");
    assert_eq!(pool.connected(1), [send(2, 1)]);
    assert!(!pool.cancel(2), "that one is sent");
    assert_eq!(pool.closed(1), [], "and takes its connection along");
    assert_eq!((pool.active(), pool.connections()), (0, 0));
}

#[test]
fn a_closed_connection_is_replaced_while_somebody_waits() {
    let mut pool = pool(ConnectionPool {
        max_connections: Some(1),
        ..ConnectionPool::default()
    });
    pool.request(&a(), 1);
    pool.connected(1);
    pool.request(&a(), 2);
    assert_eq!(pool.closed(1), [connect(a(), 2)]);
    assert_eq!(pool.closed(1), [], "known already");
}

#[test]
fn a_host_that_leaves_finishes_what_it_has() {
    let mut pool = pool(ConnectionPool::default());
    for request in [1, 2] {
        pool.request(&a(), request);
        pool.connected(request);
    }
    pool.finished(1, true);
    assert_eq!(pool.set_hosts(&BTreeSet::from([b()])), [close(1)]);
    assert_eq!(pool.finished(2, true), [close(2)]);
    assert_eq!(pool.connections(), 0);
}

#[test]
fn parallel_retries_are_bounded_and_zero_is_unset() {
    let mut bounded = pool(ConnectionPool {
        max_retries: Some(1),
        ..ConnectionPool::default()
    });
    assert!(bounded.begin_retry() && !bounded.begin_retry());
    bounded.end_retry();
    assert!(bounded.begin_retry());
    let mut unset = pool(ConnectionPool {
        max_retries: Some(0),
        ..ConnectionPool::default()
    });
    assert!((0..100).all(|_| unset.begin_retry()));
}

/// Something that happens to a pool.
#[derive(Clone, Copy, Debug)]
enum Event {
    Request(u8),
    Connected,
    ConnectFailed,
    Finished(bool),
    Closed,
    Cancel,
    Hosts(u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0_u8..3).prop_map(Event::Request),
        4 => Just(Event::Connected),
        1 => Just(Event::ConnectFailed),
        4 => any::<bool>().prop_map(Event::Finished),
        1 => Just(Event::Closed),
        1 => Just(Event::Cancel),
        1 => (0_u8..8).prop_map(Event::Hosts),
    ]
}

/// Plays the sidecar: does each step, and knows what it owes to whom.
#[derive(Default)]
struct Player {
    connecting: Vec<ConnectionId>,
    idle: BTreeSet<ConnectionId>,
    busy: BTreeMap<ConnectionId, RequestId>,
    waiting: BTreeSet<RequestId>,
    requests: u64,
}

impl Player {
    fn play(&mut self, pool: &mut Pool, event: Event) {
        let hosts: [Name; 3] = ["h-0".into(), "h-1".into(), "h-2".into()];
        let steps = match event {
            Event::Request(host) => {
                self.requests += 1;
                self.waiting.insert(self.requests);
                pool.request(&hosts[usize::from(host)], self.requests)
            }
            Event::Connected if !self.connecting.is_empty() => {
                let connection = self.connecting.remove(0);
                self.idle.insert(connection);
                pool.connected(connection)
            }
            Event::ConnectFailed if !self.connecting.is_empty() => {
                pool.connect_failed(self.connecting.remove(0), Reset::ConnectFailure)
            }
            Event::Finished(reusable) => match self.busy.pop_first() {
                Some((connection, _)) => {
                    self.idle.insert(connection);
                    pool.finished(connection, reusable)
                }
                None => Vec::new(),
            },
            Event::Closed => match self.busy.pop_last() {
                Some((connection, _)) => pool.closed(connection),
                None => Vec::new(),
            },
            Event::Cancel => {
                if let Some(request) = self.waiting.pop_first() {
                    assert!(pool.cancel(request));
                }
                Vec::new()
            }
            Event::Hosts(mask) => {
                let kept = (0..3).filter(|n| mask & (1 << n) != 0);
                pool.set_hosts(&kept.map(|n| hosts[n].clone()).collect())
            }
            Event::Connected | Event::ConnectFailed => Vec::new(),
        };
        for step in steps {
            self.follow(step);
        }
    }

    fn follow(&mut self, step: Step) {
        match step {
            Step::Connect { connection, .. } => self.connecting.push(connection),
            Step::Send {
                request,
                connection,
            } => {
                assert!(self.waiting.remove(&request), "each is sent once");
                assert!(self.idle.remove(&connection), "on an idle connection");
                self.busy.insert(connection, request);
            }
            Step::Refuse { request, .. } => {
                assert!(self.waiting.remove(&request), "or refused once");
            }
            Step::Close { connection } => assert!(self.idle.remove(&connection)),
        }
    }
}

proptest! {
    /// Whatever happens, the pool's counts are the true ones and stay within their limits: never
    /// more connections, hence active requests, than the limit plus one for each host.
    #[test]
    fn limits_hold_and_nothing_gets_lost(
        max_connections in proptest::option::of(1_u32..4),
        max_pending_requests in proptest::option::of(0_u32..4),
        max_requests in proptest::option::of(1_u32..4),
        max_requests_per_connection in proptest::option::of(0_u32..3),
        events in proptest::collection::vec(event(), 1..200),
    ) {
        let mut pool = pool(ConnectionPool {
            max_connections,
            max_pending_requests,
            max_requests,
            max_requests_per_connection,
            ..ConnectionPool::default()
        });
        let mut player = Player::default();
        for event in events {
            player.play(&mut pool, event);
            let open = player.connecting.len() + player.idle.len() + player.busy.len();
            prop_assert_eq!(pool.connections(), open);
            prop_assert_eq!(pool.waiting(), player.waiting.len());
            prop_assert_eq!(pool.active() as usize, player.busy.len());
            if let Some(max) = max_connections {
                prop_assert!(open <= max as usize + 3);
            }
            prop_assert!(pool.active() <= max_requests.unwrap_or(u32::MAX));
            prop_assert!(player.waiting.len() as u32 <= max_pending_requests.unwrap_or(u32::MAX));
            // Nobody waits where nothing is on its way.
            prop_assert!(player.waiting.is_empty() || open > 0);
        }
    }
}
