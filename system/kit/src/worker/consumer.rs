//! Events in, effects out: exactly one effect an event, in the order of its partition.

use std::{
    collections::BTreeMap,
    future::pending,
    sync::atomic::{AtomicBool, Ordering},
};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::time::{Duration, sleep, timeout};

use super::back_off::BackOff;
use crate::{
    BoxFuture, Pod,
    bus::{Batch, BusError, Delivery, Member, Position},
    config::{Config, ConfigError},
    event::Event,
    hints,
    planted::{self, Bug},
    signal::{Consumption, Signal},
    store::{InboxEntry, StoreError, Unit},
};

/// Conflicts in a row that are tried again at once; from then on with back-off.
const IMMEDIATE_RETRIES: u32 = 3;
/// How long leaving the group may take; after that its session runs out by itself.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// What a policy made of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handled {
    /// The unit of work is its effect (which may be empty): committed together with the event's id.
    Applied,
    /// No policy of this consumer wants it; what the unit holds is dropped. If the policy looked at
    /// the database before it said so, the event's id is recorded all the same: a repetition could
    /// otherwise find another state, and take effect out of order.
    Ignored,
    /// The domain refuses, for this reason: an outcome like any other. What the unit holds is
    /// dropped, the event's id is recorded.
    Rejected(String),
}

/// A member of a consumer group: one in each pod, called as the pod is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// The group: each event takes effect once in it. Inbox and commit ids carry this name.
    pub group: String,
    /// The topic.
    pub topic: String,
    /// Most events of one poll, at least 1. Halved while the broker cannot deliver so many.
    pub batch: u64,
    /// How long a poll waits for an event; the broker may bound it further.
    pub poll: Duration,
    /// How often the group hears of a member that is busy with a batch; well below the broker's
    /// session timeout.
    pub heartbeat: Duration,
}

impl Consumer {
    /// Polls of 100 events and 5 s; heartbeats every 3 s (Kafka: `heartbeat.interval.ms`).
    pub fn new(group: impl Into<String>, topic: impl Into<String>) -> Self {
        Self {
            group: group.into(),
            topic: topic.into(),
            batch: 100,
            poll: Duration::from_secs(5),
            heartbeat: Duration::from_secs(3),
        }
    }

    /// The same with polls of `CONSUMER_POLL_MS` milliseconds, if that is set; at least 1. A longer
    /// one costs less while nothing happens and delays no event: a poll ends when one comes (Kafka:
    /// `fetch.max.wait.ms`). It is a member's heartbeat, too, so that the broker bounds it by its
    /// session timeout.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn with(mut self, config: &Config) -> Result<Self, ConfigError> {
        let default_ms = u64::try_from(self.poll.as_millis()).unwrap_or(u64::MAX);
        let ms = config.parsed("CONSUMER_POLL_MS", "milliseconds", default_ms)?;
        self.poll = Duration::from_millis(ms.max(1));
        Ok(self)
    }

    /// Consumes until `pod.stop` is raised, then finishes the event it is at and leaves the group.
    ///
    /// `policy` decides on each event, in the order of its partition (partitions side by side). It
    /// gets the unit of work and nothing else, so that its effect is the commit and nothing else.
    /// It may be called again for an event: after a conflict, an outage, a rebalance.
    ///
    /// What the policy or the commit fails with is repeated for ever: an event is never skipped.
    pub async fn run<P>(self, pod: Pod, policy: P)
    where
        P: for<'a> Fn(&'a mut Unit, &'a Event) -> BoxFuture<'a, Result<Handled, StoreError>>,
        P: Send + Sync,
    {
        assert!(self.batch > 0, "a poll for no event is a heartbeat");
        let member = Member {
            topic: self.topic.clone(),
            group: self.group.clone(),
            member: pod.name.to_string(),
        };
        let desk = Desk {
            consumer: &self,
            member,
            pod: &pod,
            policy: &policy,
        };
        desk.poll_until_stopped().await;
        // Whether it worked or not: the session's end does the same, later.
        let leaving = pod.bus.broker().leave(desk.member.clone());
        let _ = timeout(LEAVE_TIMEOUT, leaving).await;
    }
}

/// A running consumer.
struct Desk<'a, P> {
    consumer: &'a Consumer,
    member: Member,
    pod: &'a Pod,
    policy: &'a P,
}

impl<P> Desk<'_, P>
where
    P: for<'a> Fn(&'a mut Unit, &'a Event) -> BoxFuture<'a, Result<Handled, StoreError>>,
    P: Send + Sync,
{
    async fn poll_until_stopped(&self) {
        let mut back_off = BackOff::new(self.pod, "poll");
        let mut partitions = Vec::new();
        let mut limit = self.consumer.batch;
        let wait_ms = u64::try_from(self.consumer.poll.as_millis()).unwrap_or(u64::MAX);
        loop {
            let polling = self
                .pod
                .bus
                .broker()
                .poll(self.member.clone(), limit, wait_ms);
            let polled = tokio::select! {
                biased;
                () = self.pod.stop.raised() => return,
                polled = polling => polled,
            };
            match polled {
                Ok(batch) => {
                    back_off.reset();
                    limit = self.consumer.batch;
                    if batch.assignment.partitions != partitions {
                        if !partitions.is_empty() {
                            self.pod.signals.hint(hints::REBALANCED);
                        }
                        partitions.clone_from(&batch.assignment.partitions);
                        self.pod.signals.tell(Signal::Rebalanced {
                            consumer: self.consumer.group.clone(),
                            partitions: partitions.clone(),
                        });
                    }
                    self.handle_batch(batch).await;
                }
                Err(error) => {
                    if matches!(error, BusError::Failed(_)) {
                        // The batch may have been too large to send.
                        limit = (limit / 2).max(1);
                    }
                    if !back_off.pause(&error).await {
                        return;
                    }
                }
            }
        }
    }

    /// Handles a batch, its partitions side by side, and acknowledges what is handled.
    async fn handle_batch(&self, batch: Batch) {
        if batch.deliveries.is_empty() {
            return;
        }
        if batch.deliveries.len() as u64 > self.consumer.batch / 2 {
            self.pod.signals.hint(hints::BEHIND);
        }
        let generation = batch.assignment.generation;
        let fenced = AtomicBool::new(false);
        let mut partitions: BTreeMap<u32, Vec<Delivery>> = BTreeMap::new();
        for delivery in batch.deliveries {
            let partition = delivery.position.partition;
            partitions.entry(partition).or_default().push(delivery);
        }
        if planted::is(Bug::AckBeforeEffect) {
            let all = partitions.values().flatten().map(|it| it.position);
            self.acknowledge(generation, all.collect()).await;
        }
        let handling = join_all(
            partitions
                .values()
                .map(|deliveries| self.handle_partition(deliveries, &fenced)),
        );
        let reached = tokio::select! {
            biased;
            reached = handling => reached,
            () = self.keep_alive(generation, &fenced) => unreachable!("it never ends"),
        };
        let handled: Vec<Position> = reached.into_iter().flatten().collect();
        if !handled.is_empty() {
            self.pod.signals.hint(hints::BATCH_HANDLED);
            self.acknowledge(generation, handled).await;
        }
    }

    /// Heartbeats while a batch is handled. Raises `fenced` when the group has moved on. Never
    /// ends.
    async fn keep_alive(&self, generation: u64, fenced: &AtomicBool) {
        loop {
            sleep(self.consumer.heartbeat).await;
            let heard = self.pod.bus.broker().poll(self.member.clone(), 0, 0).await;
            if heard.is_ok_and(|batch| batch.assignment.generation != generation) {
                self.pod.signals.hint(hints::FENCED);
                fenced.store(true, Ordering::Relaxed);
                return pending().await;
            }
        }
    }

    /// Handles one partition's events in order, and gives the position of the last one handled.
    async fn handle_partition(
        &self,
        deliveries: &[Delivery],
        fenced: &AtomicBool,
    ) -> Option<Position> {
        let mut reached = None;
        for delivery in deliveries {
            if fenced.load(Ordering::Relaxed) || self.pod.stop.is_raised() {
                break;
            }
            let Some(outcome) = self.handle(&delivery.event).await else {
                break;
            };
            match outcome {
                Consumption::Duplicate => self.pod.signals.hint(hints::REDELIVERY_DROPPED),
                Consumption::Rejected(_) => self.pod.signals.hint(hints::EVENT_REJECTED),
                Consumption::Applied | Consumption::Ignored => {}
            }
            self.pod.signals.tell(Signal::Consumed {
                consumer: self.consumer.group.clone(),
                id: delivery.event.id.clone(),
                kind: delivery.event.kind.clone(),
                key: delivery.event.key.clone(),
                outcome,
            });
            reached = Some(delivery.position);
        }
        reached
    }

    /// Tries until the event is handled. `None`: the pod is to stop, and the event comes again.
    async fn handle(&self, event: &Event) -> Option<Consumption> {
        let group = &self.consumer.group;
        let commit_id = format!("{group}/{}/{:016x}", event.id, self.pod.rng.bits());
        let what = format!("{}: {} {}", self.consumer.group, event.kind, event.id);
        let mut back_off = BackOff::new(self.pod, &what);
        let mut conflicts = 0;
        loop {
            let error = match self.attempt(event, &commit_id).await {
                Ok(outcome) => return Some(outcome),
                Err(StoreError::AlreadyConsumed { .. }) => return Some(Consumption::Duplicate),
                Err(error) => error,
            };
            if matches!(error, StoreError::Conflict { .. }) && conflicts < IMMEDIATE_RETRIES {
                conflicts += 1;
                continue;
            }
            if !back_off.pause(&error).await {
                return None;
            }
        }
    }

    /// One unit of work: the policy's decision and the event's id in one commit. Its id is that of
    /// this handling: repeated after a lost reply it gives the first answer, while another delivery
    /// of the event meets the inbox.
    async fn attempt(&self, event: &Event, commit_id: &str) -> Result<Consumption, StoreError> {
        let mut unit = self.pod.store.unit(commit_id);
        let decision = (self.policy)(&mut unit, event).await?;
        if decision == Handled::Ignored && !unit.has_looked() {
            return Ok(Consumption::Ignored);
        }
        if decision != Handled::Applied {
            unit.forget_changes();
        }
        let entry = InboxEntry {
            consumer: self.consumer.group.clone(),
            event_id: event.id.clone(),
        };
        if planted::is(Bug::InboxInSeparateCommit) {
            let mut first = self.pod.store.unit(format!("{commit_id}/inbox"));
            first.consumed(entry);
            first.commit(&()).await?;
        } else if !planted::is(Bug::NoInbox) {
            unit.consumed(entry);
        }
        let receipt = unit.commit(&decision).await?;
        // The commit that was executed counts, not what was decided after it.
        Ok(receipt.answer::<Handled>()?.into())
    }

    /// Acknowledges until the broker has heard it, or the group has moved on: then whoever has the
    /// partition now gets the events again, and the inbox knows them.
    async fn acknowledge(&self, generation: u64, handled: Vec<Position>) {
        let mut back_off = BackOff::new(self.pod, "acknowledge");
        loop {
            let broker = self.pod.bus.broker();
            let acknowledging =
                broker.acknowledge(self.member.clone(), generation, handled.clone());
            match acknowledging.await {
                Ok(()) | Err(BusError::StaleGeneration) => return,
                Err(error) => {
                    if !back_off.pause(&error).await {
                        return;
                    }
                }
            }
        }
    }
}

impl From<Handled> for Consumption {
    fn from(handled: Handled) -> Self {
        match handled {
            Handled::Applied => Self::Applied,
            Handled::Ignored => Self::Ignored,
            Handled::Rejected(reason) => Self::Rejected(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_is_as_long_as_it_is_set() {
        let consumer = |setting: &[(&str, &str)]| {
            let config = Config::new(setting.iter().copied());
            Consumer::new("order", "shop").with(&config)
        };
        let poll = |setting: &[(&str, &str)]| consumer(setting).map(|consumer| consumer.poll);
        assert_eq!(poll(&[]), Ok(Duration::from_secs(5)));
        let set = [("CONSUMER_POLL_MS", "15000")];
        assert_eq!(poll(&set), Ok(Duration::from_secs(15)));
        let none = [("CONSUMER_POLL_MS", "0")];
        assert_eq!(poll(&none), Ok(Duration::from_millis(1)));
        let bad = consumer(&[("CONSUMER_POLL_MS", "soon")]);
        assert!(matches!(bad, Err(ConfigError::Invalid { .. })), "{bad:?}");
    }
}
