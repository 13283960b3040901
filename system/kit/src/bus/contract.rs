//! What every [`Broker`](super::Broker) must do, as tests that any adapter runs: [`check`].

mod delivery;
mod groups;

use std::collections::BTreeMap;

use serde_json::json;
use tokio::time::Duration;

use super::{Batch, Bus, BusError, Delivery, Member, Position};
use crate::{BoxFuture, event::Event};

/// Partitions of a topic, in every setup.
pub const PARTITIONS: u32 = 4;
/// The session timeout, in every setup.
pub const SESSION: Duration = Duration::from_secs(10);

/// Makes an adapter ready for tests.
pub trait Setup {
    /// A broker with topics of [`PARTITIONS`] and sessions of [`SESSION`], and nothing in it.
    fn open(&mut self) -> BoxFuture<'_, Bus>;

    /// The same broker after its process was killed and started again.
    fn reopen(&mut self) -> BoxFuture<'_, Bus>;
}

/// Runs every check, each on a broker of its own. Under paused time nothing takes real time.
///
/// # Panics
/// At the first broken promise.
pub async fn check<S: Setup>(fresh: impl Fn() -> S) {
    delivery::events_of_a_key_keep_their_order(&mut fresh()).await;
    delivery::keys_lie_where_kafka_puts_them(&mut fresh()).await;
    delivery::what_is_not_acknowledged_comes_again(&mut fresh()).await;
    delivery::what_is_acknowledged_never_comes_again(&mut fresh()).await;
    delivery::a_batch_has_its_limit_and_starves_no_partition(&mut fresh()).await;
    delivery::a_poll_waits_for_an_append(&mut fresh()).await;
    delivery::groups_do_not_mind_each_other(&mut fresh()).await;
    delivery::lag_counts_what_is_not_acknowledged(&mut fresh()).await;
    delivery::a_restart_forgets_nothing(&mut fresh()).await;
    groups::members_share_the_partitions(&mut fresh()).await;
    groups::who_leaves_is_replaced_at_once(&mut fresh()).await;
    groups::who_is_silent_is_replaced_after_the_session_timeout(&mut fresh()).await;
    groups::who_is_busy_stays_by_heartbeats(&mut fresh()).await;
    groups::a_waiting_poll_learns_of_a_rebalance(&mut fresh()).await;
    groups::a_former_generation_acknowledges_nothing(&mut fresh()).await;
}

const TOPIC: &str = "shop";

/// Appends one event for each key, whose body is its place in `keys`.
async fn append(bus: &Bus, keys: &[&str]) -> Vec<Position> {
    let event = |(place, key): (usize, &&str)| Event {
        id: format!("{key}#{place}"),
        kind: "Happened".to_owned(),
        key: (*key).to_owned(),
        source: "test".to_owned(),
        at_ms: 1,
        body: json!(place),
    };
    let events = keys.iter().enumerate().map(event).collect();
    let positions = bus.broker().append(TOPIC.to_owned(), events).await;
    positions.expect("a healthy broker appends")
}

/// A member of a group.
struct Probe<'a> {
    bus: &'a Bus,
    member: Member,
}

impl<'a> Probe<'a> {
    fn new(bus: &'a Bus, group: &str, name: &str) -> Self {
        let member = Member {
            topic: TOPIC.to_owned(),
            group: group.to_owned(),
            member: name.to_owned(),
        };
        Self { bus, member }
    }

    async fn poll(&self, limit: u64, wait_ms: u64) -> Batch {
        let polled = self
            .bus
            .broker()
            .poll(self.member.clone(), limit, wait_ms)
            .await;
        polled.expect("a healthy broker answers a poll")
    }

    /// Everything there is for this member now.
    async fn take(&self) -> Vec<Delivery> {
        self.poll(1_000, 0).await.deliveries
    }

    async fn acknowledge(&self, generation: u64, handled: &[Position]) -> Result<(), BusError> {
        self.bus
            .broker()
            .acknowledge(self.member.clone(), generation, handled.to_vec())
            .await
    }

    /// Takes everything and acknowledges it.
    async fn drain(&self) -> Vec<Delivery> {
        let batch = self.poll(1_000, 0).await;
        let acknowledged = self
            .acknowledge(batch.assignment.generation, &positions(&batch.deliveries))
            .await;
        acknowledged.expect("the standing is fresh");
        batch.deliveries
    }

    async fn leave(&self) {
        let left = self.bus.broker().leave(self.member.clone()).await;
        left.expect("a healthy broker lets go");
    }

    async fn lag(&self) -> u64 {
        let Member { topic, group, .. } = self.member.clone();
        let lag = self.bus.broker().lag(topic, group).await;
        lag.expect("a healthy broker counts")
    }
}

/// Has the members poll until they all stand in one generation, and gives their partitions.
async fn settle(probes: &[&Probe<'_>]) -> Vec<Vec<u32>> {
    for _ in 0..50 {
        let mut standings = Vec::new();
        for probe in probes {
            standings.push(probe.poll(0, 0).await.assignment);
        }
        if let [first, rest @ ..] = standings.as_slice()
            && rest.iter().all(|it| it.generation == first.generation)
        {
            return standings.into_iter().map(|it| it.partitions).collect();
        }
    }
    panic!("the group does not come to rest");
}

fn positions(deliveries: &[Delivery]) -> Vec<Position> {
    deliveries
        .iter()
        .map(|delivery| delivery.position)
        .collect()
}

fn ids(deliveries: &[Delivery]) -> Vec<&str> {
    let mut ids: Vec<_> = deliveries.iter().map(|it| it.event.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

/// The bodies of each key's events, in the order of delivery.
fn by_key(deliveries: &[Delivery]) -> BTreeMap<&str, Vec<u64>> {
    let mut keys: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for Delivery { event, .. } in deliveries {
        let place = event.body.as_u64().expect("a place");
        keys.entry(&event.key).or_default().push(place);
    }
    keys
}
