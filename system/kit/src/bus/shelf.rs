//! Where a log's events and its groups' offsets are kept.

use std::collections::BTreeMap;

use super::{BusError, Delivery, Position};
use crate::event::Event;

/// What is known of a topic when a log opens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shelved {
    /// Events in each partition.
    pub(super) ends: Vec<u64>,
    /// By group: its generation, and the next offset to read of each partition.
    pub(super) groups: BTreeMap<String, (u64, Vec<u64>)>,
}

/// Keeps what a log must not forget. Each call is all or nothing, and kept once answered.
pub(super) trait Shelf: Send {
    /// Everything kept, by topic.
    fn topics(&mut self) -> Result<BTreeMap<String, Shelved>, BusError>;

    /// A new topic.
    fn create(&mut self, topic: &str, partitions: u32) -> Result<(), BusError>;

    /// Events at the ends of their partitions.
    fn append(&mut self, topic: &str, deliveries: &[Delivery]) -> Result<(), BusError>;

    /// Events of a partition from `start` on (its partition and offset), in order.
    fn read(&mut self, topic: &str, start: Position, limit: u64)
    -> Result<Vec<Delivery>, BusError>;

    /// A group's generation.
    fn generation(&mut self, topic: &str, group: &str, generation: u64) -> Result<(), BusError>;

    /// A group's next offsets to read.
    fn offsets(
        &mut self,
        topic: &str,
        group: &str,
        moved: &BTreeMap<u32, u64>,
    ) -> Result<(), BusError>;
}

/// Keeps nothing but the events, and those as long as the log lives: for the simulator, where the
/// log outlives its host's restarts, and for tests.
#[derive(Default)]
pub(super) struct Memory(BTreeMap<String, Vec<Vec<Event>>>);

impl Shelf for Memory {
    fn topics(&mut self) -> Result<BTreeMap<String, Shelved>, BusError> {
        Ok(BTreeMap::new())
    }

    fn create(&mut self, topic: &str, partitions: u32) -> Result<(), BusError> {
        let partitions = (0..partitions).map(|_| Vec::new()).collect();
        self.0.insert(topic.to_owned(), partitions);
        Ok(())
    }

    fn append(&mut self, topic: &str, deliveries: &[Delivery]) -> Result<(), BusError> {
        let partitions = self.0.get_mut(topic).expect("a topic is created first");
        for Delivery { position, event } in deliveries {
            let place = usize::try_from(position.partition).unwrap_or(usize::MAX);
            let partition = partitions.get_mut(place).expect("a partition of the topic");
            let end = u64::try_from(partition.len()).unwrap_or(u64::MAX);
            assert_eq!(position.offset, end, "events are appended at the end");
            partition.push(event.clone());
        }
        Ok(())
    }

    fn read(
        &mut self,
        topic: &str,
        start: Position,
        limit: u64,
    ) -> Result<Vec<Delivery>, BusError> {
        let place = usize::try_from(start.partition).unwrap_or(usize::MAX);
        let skipped = usize::try_from(start.offset).unwrap_or(usize::MAX);
        let partition = self.0.get(topic).and_then(|topic| topic.get(place));
        let events = partition.and_then(|events| events.get(skipped..));
        Ok((start.offset..)
            .zip(events.unwrap_or_default())
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .map(|(offset, event)| Delivery {
                position: Position { offset, ..start },
                event: event.clone(),
            })
            .collect())
    }

    fn generation(&mut self, _: &str, _: &str, _: u64) -> Result<(), BusError> {
        Ok(())
    }

    fn offsets(&mut self, _: &str, _: &str, _: &BTreeMap<u32, u64>) -> Result<(), BusError> {
        Ok(())
    }
}
