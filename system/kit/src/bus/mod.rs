//! The broker as services see it: a partitioned log, consumer groups, at least once.
//!
//! [`Broker`] is the port; every adapter passes one contract test. One topic per system, keyed by
//! the front aggregate, so that everything about one order lies in one partition, in order.

#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod file;
mod group;
pub mod log;
pub mod partition;
pub mod remote;
mod shelf;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{BoxFuture, event::Event};

/// Where an event lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// `(murmur2(key) & 0x7fffffff) mod partitions`, as Kafka does.
    pub partition: u32,
    /// From 0 in each partition.
    pub offset: u64,
}

/// An event where it lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Where.
    pub position: Position,
    /// What.
    pub event: Event,
}

/// A member's standing in its group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Grows with every rebalance and fences commits of former ones.
    pub generation: u64,
    /// The partitions this member reads.
    pub partitions: Vec<u32>,
}

/// One poll's result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The member's standing at the time.
    pub assignment: Assignment,
    /// Uncommitted events of its partitions, in order within each. The same ones come again until
    /// they are committed.
    pub deliveries: Vec<Delivery>,
}

/// Who polls: a member of a consumer group on a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// The topic.
    pub topic: String,
    /// The group: each event goes to one member of it.
    pub group: String,
    /// The member.
    pub member: String,
}

/// Why a broker did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum BusError {
    /// The group has moved on; poll again.
    #[error("the consumer group has rebalanced")]
    StaleGeneration,
    /// The broker cannot be reached or did not answer: repeat, nothing is lost by it.
    #[error("the broker cannot be reached: {0}")]
    Unavailable(String),
    /// The broker refused in a way that repeating cannot mend.
    #[error("the broker failed: {0}")]
    Failed(String),
}

/// A broker. Adapters: the embedded durable log, a remote one over the network; Kafka later.
pub trait Broker: Send + Sync + 'static {
    /// Appends events in order, each to the partition of its key. Durable once answered. May append
    /// twice when an answer is lost: consumers have an inbox.
    fn append(
        &self,
        topic: String,
        events: Vec<Event>,
    ) -> BoxFuture<'_, Result<Vec<Position>, BusError>>;

    /// Joins the group if need be, counts as a heartbeat, and gives uncommitted events of the
    /// member's partitions, at most `limit`, from the acknowledged offsets on. Waits up to
    /// `wait_ms` for the first one; a standing that is news to the member ends the wait, and the
    /// adapter may bound it further. A `limit` of 0 is a heartbeat and no more: it tells the
    /// member's standing at once.
    fn poll(
        &self,
        member: Member,
        limit: u64,
        wait_ms: u64,
    ) -> BoxFuture<'_, Result<Batch, BusError>>;

    /// Acknowledges everything before each position's offset + 1, in the given generation.
    fn acknowledge(
        &self,
        member: Member,
        generation: u64,
        handled: Vec<Position>,
    ) -> BoxFuture<'_, Result<(), BusError>>;

    /// Leaves the group at once (a crash is noticed after the session timeout).
    fn leave(&self, member: Member) -> BoxFuture<'_, Result<(), BusError>>;

    /// Events of `topic` that `group` has not acknowledged.
    fn lag(&self, topic: String, group: String) -> BoxFuture<'_, Result<u64, BusError>>;
}

/// A pod's broker.
#[derive(Clone)]
pub struct Bus(Arc<dyn Broker>);

impl Bus {
    /// Wraps an adapter.
    pub fn new(broker: impl Broker) -> Self {
        Self(Arc::new(broker))
    }

    /// The adapter itself.
    pub fn broker(&self) -> &dyn Broker {
        &*self.0
    }
}
