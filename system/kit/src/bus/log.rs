//! The embedded broker: a partitioned log with consumer groups, in a file or in memory.
//!
//! Topics appear when first named. What is not acknowledged is delivered again, from the earliest
//! event on for a new group (Kafka: `auto.offset.reset` earliest). Nothing is ever deleted.
//!
//! Where it differs from Kafka's defaults (platform §7): a joining member rebalances its group at
//! once, without the initial delay of 3 s, and a rebalance is eager; a member that is long at work
//! stays one as long as it is heard of (there is no `max.poll.interval.ms`: a deadlock is the
//! liveness probe's business); offsets are committed by acknowledging alone, never by a timer, so
//! that nothing is skipped. Retention, static membership and null keys are left out: no system
//! here depends on them.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    sync::watch,
    time::{Duration, Instant, timeout_at},
};

use super::{
    Assignment, Batch, Broker, BusError, Delivery, Member, Position,
    file::File,
    group::Group,
    partition::partition_of,
    shelf::{Memory, Shelf, Shelved},
};
use crate::{
    BoxFuture,
    event::Event,
    planted::{self, Bug},
    store::sqlite::Threads,
};

/// How a log treats topics and members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Partitions of a topic that this log creates, at least 1. A topic that exists keeps its own.
    pub partitions: u32,
    /// A member not heard of for so long leaves its group (Kafka: `session.timeout.ms`). Polls,
    /// heartbeats and acknowledgements count; a poll waits for at most half of it.
    pub session: Duration,
}

impl Default for Settings {
    /// 4 partitions; 10 s, Kafka's session timeout before 3.0.
    fn default() -> Self {
        Self {
            partitions: 4,
            session: Duration::from_secs(10),
        }
    }
}

/// The embedded broker. Clones are the same log.
#[derive(Clone)]
pub struct Log {
    settings: Settings,
    threads: Threads,
    state: Arc<Mutex<State>>,
}

struct State {
    settings: Settings,
    topics: BTreeMap<String, Topic>,
    shelf: Box<dyn Shelf>,
}

struct Topic {
    /// Events in each partition.
    ends: Vec<u64>,
    groups: BTreeMap<String, Group>,
}

impl Log {
    /// A log that lives as long as the last clone of it.
    pub fn memory(settings: Settings) -> Self {
        Self::new(
            settings,
            Threads::Inline,
            Memory::default(),
            BTreeMap::new(),
        )
    }

    /// The log kept in the file at `path`, made if absent (its directory must exist). What it has
    /// answered survives a SIGKILL and a power cut. It belongs to one process at a time.
    ///
    /// # Errors
    /// [`BusError::Failed`], with the path, when the file cannot be used, is no log of ours, or is
    /// open in another process.
    pub fn file(path: &Path, settings: Settings, threads: Threads) -> Result<Self, BusError> {
        let mut file = File::open(path)?;
        let topics = file.topics()?;
        Ok(Self::new(settings, threads, file, topics))
    }

    fn new(
        settings: Settings,
        threads: Threads,
        shelf: impl Shelf + 'static,
        topics: BTreeMap<String, Shelved>,
    ) -> Self {
        assert!(
            settings.partitions > 0,
            "a topic has at least one partition"
        );
        let topics = topics.into_iter().map(|(name, kept)| (name, kept.into()));
        let state = State {
            settings,
            topics: topics.collect(),
            shelf: Box::new(shelf),
        };
        Self {
            settings,
            threads,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// All events of a topic, partition by partition, in order.
    ///
    /// # Errors
    /// [`BusError::Failed`] when they cannot be read.
    pub fn events(&self, topic: &str) -> Result<Vec<Delivery>, BusError> {
        self.run(|State { topics, shelf, .. }| {
            let partitions = topics.get(topic).map_or(0, Topic::partitions);
            let mut events = Vec::new();
            for partition in 0..partitions {
                let start = Position {
                    partition,
                    offset: 0,
                };
                events.append(&mut shelf.read(topic, start, u64::MAX)?);
            }
            Ok(events)
        })
    }

    /// The names of all topics, sorted.
    pub fn topics(&self) -> Vec<String> {
        self.run(|state| state.topics.keys().cloned().collect())
    }

    /// The names of a topic's consumer groups, sorted.
    pub fn groups(&self, topic: &str) -> Vec<String> {
        self.run(|state| {
            let topic = state.topics.get(topic);
            topic.map_or_else(Vec::new, |topic| topic.groups.keys().cloned().collect())
        })
    }

    fn run<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let locked = || work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        match self.threads {
            Threads::Inline => locked(),
            #[expect(clippy::disallowed_methods, reason = "only chosen for the real binary")]
            Threads::MayBlock => tokio::task::block_in_place(locked),
        }
    }

    async fn wait_for_batch(
        &self,
        member: Member,
        limit: u64,
        wait_ms: u64,
    ) -> Result<Batch, BusError> {
        let wait = Duration::from_millis(wait_ms).min(self.settings.session / 2);
        let deadline = Instant::now() + wait;
        let mut arrives = true;
        loop {
            let glance = self.run(|state| state.look(&member, limit, arrives))?;
            arrives = false;
            let ready = limit == 0 || glance.news || !glance.batch.deliveries.is_empty();
            if ready || Instant::now() >= deadline {
                return Ok(glance.batch);
            }
            let mut bell = glance.bell;
            // Too late is no harm: the next look tells what has become of it. A bell that is gone
            // means that the member has left: so does its poll.
            if let Ok(Err(_)) = timeout_at(glance.look_again.min(deadline), bell.changed()).await {
                return Err(BusError::StaleGeneration);
            }
        }
    }
}

impl Broker for Log {
    fn append(
        &self,
        topic: String,
        events: Vec<Event>,
    ) -> BoxFuture<'_, Result<Vec<Position>, BusError>> {
        Box::pin(async move { self.run(|state| state.append(&topic, events)) })
    }

    fn poll(
        &self,
        member: Member,
        limit: u64,
        wait_ms: u64,
    ) -> BoxFuture<'_, Result<Batch, BusError>> {
        Box::pin(self.wait_for_batch(member, limit, wait_ms))
    }

    fn acknowledge(
        &self,
        member: Member,
        generation: u64,
        handled: Vec<Position>,
    ) -> BoxFuture<'_, Result<(), BusError>> {
        Box::pin(async move { self.run(|state| state.acknowledge(&member, generation, &handled)) })
    }

    fn leave(&self, member: Member) -> BoxFuture<'_, Result<(), BusError>> {
        Box::pin(async move { self.run(|state| state.leave(&member)) })
    }

    fn lag(&self, topic: String, group: String) -> BoxFuture<'_, Result<u64, BusError>> {
        Box::pin(async move { Ok(self.run(|state| state.lag(&topic, &group))) })
    }
}

// === impl State ===

/// What a poll finds.
struct Glance {
    batch: Batch,
    /// True when the member does not know of its standing yet.
    news: bool,
    bell: watch::Receiver<()>,
    /// When somebody's session may end.
    look_again: Instant,
}

impl State {
    fn append(&mut self, topic: &str, events: Vec<Event>) -> Result<Vec<Position>, BusError> {
        let (found, shelf) = self.topic(topic)?;
        let mut ends = found.ends.clone();
        let partitions = found.partitions();
        let deliveries: Vec<Delivery> = events
            .into_iter()
            .map(|event| {
                let partition = if planted::is(Bug::PartitionKeyDropped) {
                    let turn = ends.iter().sum::<u64>() % u64::from(partitions);
                    u32::try_from(turn).expect("it is below the number of partitions")
                } else {
                    partition_of(&event.key, partitions)
                };
                let end = usize::try_from(partition)
                    .ok()
                    .and_then(|place| ends.get_mut(place))
                    .expect("the partitioner stays within the topic");
                let offset = *end;
                *end += 1;
                let position = Position { partition, offset };
                Delivery { position, event }
            })
            .collect();
        shelf.append(topic, &deliveries)?;
        found.ends = ends;
        let positions: Vec<Position> = deliveries.iter().map(|it| it.position).collect();
        let touched: Vec<u32> = positions.iter().map(|it| it.partition).collect();
        for group in found.groups.values() {
            group.wake(&touched);
        }
        Ok(positions)
    }

    fn look(&mut self, member: &Member, limit: u64, heartbeat: bool) -> Result<Glance, BusError> {
        let now = Instant::now();
        let session = self.settings.session;
        let (topic, shelf) = self.topic(&member.topic)?;
        let ends = topic.ends.clone();
        let group = topic
            .groups
            .entry(member.group.clone())
            .or_insert_with(|| Group::new(0, vec![0; ends.len()]));
        let expired = group.expire(now);
        let joined = heartbeat && group.heartbeat(&member.member, now, session);
        if expired || joined {
            shelf.generation(&member.topic, &member.group, group.generation())?;
        }
        let news = limit > 0 && group.tell(&member.member);
        let (assignment, bell) = group
            .standing(&member.member)
            .ok_or(BusError::StaleGeneration)?;
        let deliveries = unread(shelf, &member.topic, group, &assignment, &ends, limit)?;
        Ok(Glance {
            batch: Batch {
                assignment,
                deliveries,
            },
            news,
            bell,
            look_again: group.next_expiry().unwrap_or(now + session),
        })
    }

    fn acknowledge(
        &mut self,
        member: &Member,
        generation: u64,
        handled: &[Position],
    ) -> Result<(), BusError> {
        let now = Instant::now();
        let session = self.settings.session;
        let (topic, shelf) = self.topic(&member.topic)?;
        let group = topic
            .groups
            .get_mut(&member.group)
            .ok_or(BusError::StaleGeneration)?;
        if group.expire(now) {
            shelf.generation(&member.topic, &member.group, group.generation())?;
        }
        let moved = group.acknowledgement(&member.member, generation, handled, &topic.ends)?;
        group.heartbeat(&member.member, now, session);
        if !moved.is_empty() {
            shelf.offsets(&member.topic, &member.group, &moved)?;
            group.commit(&moved);
        }
        Ok(())
    }

    fn leave(&mut self, member: &Member) -> Result<(), BusError> {
        let (topic, shelf) = self.topic(&member.topic)?;
        let Some(group) = topic.groups.get_mut(&member.group) else {
            return Ok(());
        };
        if group.leave(&member.member) {
            shelf.generation(&member.topic, &member.group, group.generation())?;
        }
        Ok(())
    }

    fn lag(&self, topic: &str, group: &str) -> u64 {
        let Some(topic) = self.topics.get(topic) else {
            return 0;
        };
        let group = topic.groups.get(group);
        let behind = |(partition, end): (u32, &u64)| {
            end.saturating_sub(group.map_or(0, |group| group.committed(partition)))
        };
        (0..).zip(&topic.ends).map(behind).sum()
    }

    /// The topic, made if absent, and where it is kept.
    fn topic(&mut self, name: &str) -> Result<(&mut Topic, &mut dyn Shelf), BusError> {
        if !self.topics.contains_key(name) {
            let partitions = self.settings.partitions;
            self.shelf.create(name, partitions)?;
            let ends = (0..partitions).map(|_| 0).collect();
            let groups = BTreeMap::new();
            self.topics.insert(name.to_owned(), Topic { ends, groups });
        }
        let topic = self.topics.get_mut(name).expect("it was just made");
        Ok((topic, &mut *self.shelf))
    }
}

impl Topic {
    fn partitions(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }
}

impl From<Shelved> for Topic {
    fn from(kept: Shelved) -> Self {
        let groups = kept
            .groups
            .into_iter()
            .map(|(name, (generation, offsets))| (name, Group::new(generation, offsets)));
        Self {
            groups: groups.collect(),
            ends: kept.ends,
        }
    }
}

/// Up to `limit` events that the member has not acknowledged. Every partition gets its share of the
/// limit, and what a short one leaves goes to the longer ones: none starves another.
fn unread(
    shelf: &mut dyn Shelf,
    topic: &str,
    group: &Group,
    assignment: &Assignment,
    ends: &[u64],
    limit: u64,
) -> Result<Vec<Delivery>, BusError> {
    let mut backlogs = Vec::new();
    for (partition, end) in (0..).zip(ends) {
        let backlog = end.saturating_sub(group.committed(partition));
        if backlog > 0 && assignment.partitions.contains(&partition) {
            backlogs.push((backlog, partition));
        }
    }
    backlogs.sort_unstable();
    let (mut deliveries, mut places) = (Vec::new(), limit);
    for (sharers, &(backlog, partition)) in (1..=backlogs.len() as u64).rev().zip(&backlogs) {
        let share = places.div_ceil(sharers).min(backlog);
        if share > 0 {
            let offset = group.committed(partition);
            let start = Position { partition, offset };
            deliveries.append(&mut shelf.read(topic, start, share)?);
            places -= share;
        }
    }
    Ok(deliveries)
}
