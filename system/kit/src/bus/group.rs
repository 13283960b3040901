//! One consumer group on one topic: who is in it, who reads what, and how far they got.
//!
//! A synchronous state machine: the caller brings the time and keeps what must survive a restart
//! (generation and offsets).

use std::collections::BTreeMap;

use tokio::{
    sync::watch,
    time::{Duration, Instant},
};

use super::{Assignment, BusError, Position};

/// A consumer group.
#[derive(Debug)]
pub(super) struct Group {
    generation: u64,
    /// Per partition, the next offset to read (Kafka: the committed offset).
    committed: Vec<u64>,
    seats: BTreeMap<String, Seat>,
}

/// A member's place.
#[derive(Debug)]
struct Seat {
    expires: Instant,
    /// The last generation that a poll of the member has seen.
    told: u64,
    partitions: Vec<u32>,
    /// Told when there may be something new; dropped with the seat.
    wake: watch::Sender<()>,
}

impl Group {
    /// A group without members that has got as far as `committed`.
    pub(super) fn new(generation: u64, committed: Vec<u64>) -> Self {
        Self {
            generation,
            committed,
            seats: BTreeMap::new(),
        }
    }

    /// The member is alive at `now`: joins if need be. True when the group was rebalanced.
    pub(super) fn heartbeat(&mut self, member: &str, now: Instant, session: Duration) -> bool {
        let expires = now + session;
        if let Some(seat) = self.seats.get_mut(member) {
            seat.expires = expires;
            return false;
        }
        let seat = Seat {
            expires,
            told: 0,
            partitions: Vec::new(),
            wake: watch::Sender::new(()),
        };
        self.seats.insert(member.to_owned(), seat);
        self.rebalance();
        true
    }

    /// The member goes. True when the group was rebalanced.
    pub(super) fn leave(&mut self, member: &str) -> bool {
        let left = self.seats.remove(member).is_some();
        if left {
            self.rebalance();
        }
        left
    }

    /// Drops the members not heard of for the session timeout. True when the group was rebalanced.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let before = self.seats.len();
        self.seats.retain(|_, seat| now < seat.expires);
        let expired = self.seats.len() < before;
        if expired {
            self.rebalance();
        }
        expired
    }

    /// When the next member expires if nothing is heard of it.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.seats.values().map(|seat| seat.expires).min()
    }

    /// Grows with every join, leave and expiry.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// True the first time in each generation: the member is to learn of it at once.
    pub(super) fn tell(&mut self, member: &str) -> bool {
        let generation = self.generation;
        self.seats
            .get_mut(member)
            .is_some_and(|seat| std::mem::replace(&mut seat.told, generation) != generation)
    }

    /// What the member reads, and its bell. `None`: it is not in the group.
    pub(super) fn standing(&self, member: &str) -> Option<(Assignment, watch::Receiver<()>)> {
        let seat = self.seats.get(member)?;
        let assignment = Assignment {
            generation: self.generation,
            partitions: seat.partitions.clone(),
        };
        Some((assignment, seat.wake.subscribe()))
    }

    /// The next offset to read of a partition; 0 (the earliest) before the first acknowledgement.
    pub(super) fn committed(&self, partition: u32) -> u64 {
        let place = usize::try_from(partition).unwrap_or(usize::MAX);
        self.committed.get(place).copied().unwrap_or(0)
    }

    /// The offsets that acknowledging `handled` would move, as (partition, next offset to read).
    /// An offset never moves back. `ends` are the partitions' lengths.
    ///
    /// # Errors
    /// [`BusError::StaleGeneration`] from a former generation, a stranger, or for a partition of
    /// another member; [`BusError::Failed`] for an event that was never appended.
    pub(super) fn acknowledgement(
        &self,
        member: &str,
        generation: u64,
        handled: &[Position],
        ends: &[u64],
    ) -> Result<BTreeMap<u32, u64>, BusError> {
        let seat = self.seats.get(member).ok_or(BusError::StaleGeneration)?;
        if generation != self.generation {
            return Err(BusError::StaleGeneration);
        }
        let mut moved = BTreeMap::new();
        for position in handled {
            if !seat.partitions.contains(&position.partition) {
                return Err(BusError::StaleGeneration);
            }
            let end = usize::try_from(position.partition)
                .ok()
                .and_then(|place| ends.get(place).copied())
                .unwrap_or(0);
            if position.offset >= end {
                return Err(BusError::Failed(format!(
                    "offset {} of partition {} was acknowledged, but it ends at {end}",
                    position.offset, position.partition
                )));
            }
            let before = self.committed(position.partition);
            let next = moved.entry(position.partition).or_insert(before);
            *next = (*next).max(position.offset + 1);
        }
        moved.retain(|partition, next| *next > self.committed(*partition));
        Ok(moved)
    }

    /// Moves the offsets found by [`Self::acknowledgement`], once they are kept.
    pub(super) fn commit(&mut self, moved: &BTreeMap<u32, u64>) {
        for (partition, next) in moved {
            let place = usize::try_from(*partition).unwrap_or(usize::MAX);
            let committed = self
                .committed
                .get_mut(place)
                .expect("an acknowledged partition is one of the topic's");
            *committed = *next;
        }
    }

    /// Rings the bells of the members that read one of `partitions`.
    pub(super) fn wake(&self, partitions: &[u32]) {
        for seat in self.seats.values() {
            if seat.partitions.iter().any(|own| partitions.contains(own)) {
                seat.wake.send_replace(());
            }
        }
    }

    /// Kafka: `RangeAssignor`. Members sorted by name; the first `partitions mod members` of them
    /// get one more. Everybody is woken to learn of it.
    fn rebalance(&mut self) {
        self.generation += 1;
        let members = self.seats.len().max(1);
        let (share, more) = (
            self.committed.len() / members,
            self.committed.len() % members,
        );
        let mut partitions = 0_u32..;
        for (place, seat) in self.seats.values_mut().enumerate() {
            let count = share + usize::from(place < more);
            seat.partitions = partitions.by_ref().take(count).collect();
            seat.wake.send_replace(());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, Instant};

    use super::{BusError, Group, Position};

    const SESSION: Duration = Duration::from_secs(10);

    fn group(partitions: usize, members: &[&str], now: Instant) -> Group {
        let mut group = Group::new(0, vec![0; partitions]);
        for member in members {
            assert!(group.heartbeat(member, now, SESSION), "{member} is new");
        }
        group
    }

    fn partitions(group: &Group, member: &str) -> Option<Vec<u32>> {
        group
            .standing(member)
            .map(|(standing, _)| standing.partitions)
    }

    #[tokio::test(start_paused = true)]
    async fn members_share_the_partitions_by_range() {
        let group = group(7, &["b", "c", "a"], Instant::now());
        assert_eq!(partitions(&group, "a"), Some(vec![0, 1, 2]));
        assert_eq!(partitions(&group, "b"), Some(vec![3, 4]));
        assert_eq!(partitions(&group, "c"), Some(vec![5, 6]));
        assert_eq!(group.generation(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn more_members_than_partitions_leave_some_idle() {
        let group = group(1, &["a", "b"], Instant::now());
        assert_eq!(partitions(&group, "a"), Some(vec![0]));
        assert_eq!(partitions(&group, "b"), Some(vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_not_heard_of_goes_at_the_session_timeout_and_not_before() {
        let start = Instant::now();
        let mut group = group(4, &["a", "b"], start);
        let late = start + SESSION - Duration::from_millis(1);
        assert!(!group.heartbeat("a", late, SESSION));
        assert!(!group.expire(late));
        assert_eq!(group.next_expiry(), Some(start + SESSION));
        assert!(group.expire(start + SESSION));
        assert_eq!(partitions(&group, "a"), Some(vec![0, 1, 2, 3]));
        assert_eq!(partitions(&group, "b"), None);
        assert!(!group.leave("b"), "it had already gone");
    }

    #[tokio::test(start_paused = true)]
    async fn an_acknowledgement_is_fenced_and_never_moves_back() {
        let mut group = group(2, &["a"], Instant::now());
        let at = |partition, offset| Position { partition, offset };
        let ends = [5, 0];
        let moved = group
            .acknowledgement("a", 1, &[at(0, 3), at(0, 1)], &ends)
            .unwrap();
        assert_eq!(moved.into_iter().collect::<Vec<_>>(), [(0, 4)]);
        group.commit(&[(0, 4)].into());
        let back = group.acknowledgement("a", 1, &[at(0, 2)], &ends);
        assert_eq!(back, Ok([].into()));
        let beyond = group.acknowledgement("a", 1, &[at(1, 0)], &ends);
        assert!(matches!(beyond, Err(BusError::Failed(_))));
        assert!(group.heartbeat("b", Instant::now(), SESSION));
        for (member, generation, partition) in [("a", 1, 0), ("a", 2, 1), ("c", 2, 0)] {
            let refused = group.acknowledgement(member, generation, &[at(partition, 4)], &ends);
            assert_eq!(
                refused,
                Err(BusError::StaleGeneration),
                "{member} {generation}"
            );
        }
    }
}
