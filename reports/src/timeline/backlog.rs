//! How far consumers are behind: what is published and not yet handled, and how old it is.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Bins;
use crate::history::{History, Name, What};

/// A consumer group's backlog, by bin. An event counts from when the broker confirmed it until the
/// group first handled it, with whatever result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Backlog {
    /// The consumer group.
    pub consumer: Name,
    /// The most events waiting at any instant of the bin (Kafka: consumer lag).
    pub lag: Vec<u64>,
    /// The greatest age, in µs, that an event reached in the bin before it was handled: so stale
    /// was the group's read model.
    pub stale_us: Vec<u64>,
}

/// From publication to handling.
#[derive(Clone, Copy)]
struct Wait {
    from_us: u64,
    to_us: u64,
}

/// The backlogs of all groups that ever handled an event, by name. A group owes the kinds of events
/// that it handled at least once.
pub fn backlogs(history: &History, bins: Bins, end_us: u64) -> Vec<Backlog> {
    let mut published: BTreeMap<&str, (u64, &Name)> = BTreeMap::new();
    let mut handled: BTreeMap<&Name, BTreeMap<&str, (u64, &Name)>> = BTreeMap::new();
    for entry in &history.entries {
        match &entry.what {
            What::Published { event, kind, .. } => {
                published.entry(event).or_insert((entry.at_us, kind));
            }
            What::Consumed {
                consumer,
                event,
                kind,
                ..
            } => {
                let of_group = handled.entry(consumer).or_default();
                of_group.entry(event).or_insert((entry.at_us, kind));
            }
            _ => {}
        }
    }
    let backlog = |(consumer, handled): (&Name, BTreeMap<&str, (u64, &Name)>)| {
        let owes = |kind: &Name| handled.values().any(|(_, handled)| *handled == kind);
        let mut kinds: BTreeMap<&Name, bool> = BTreeMap::new();
        let owed = published
            .iter()
            .filter(|(_, (_, kind))| *kinds.entry(kind).or_insert_with(|| owes(kind)));
        let waits: Vec<Wait> = owed
            .map(|(event, (from_us, _))| Wait {
                from_us: *from_us,
                to_us: handled.get(event).map_or(end_us, |(at, _)| *at),
            })
            .collect();
        Backlog::of(consumer.clone(), waits, bins)
    };
    handled.into_iter().map(backlog).collect()
}

impl Backlog {
    fn of(consumer: Name, waits: Vec<Wait>, bins: Bins) -> Self {
        let mut lag = vec![0; bins.count];
        let mut stale_us = vec![0; bins.count];
        // Less at an instant before more: what is handled as the next comes never waited with it.
        let mut turns: Vec<(u64, i64)> = Vec::new();
        // A redelivery may be handled before the broker's confirmation reaches the relay.
        for Wait { from_us, to_us } in waits.into_iter().filter(|wait| wait.from_us < wait.to_us) {
            turns.extend([(from_us, 1), (to_us, -1)]);
            for (bin, stale) in stale_us
                .iter_mut()
                .enumerate()
                .take(bins.place(to_us) + 1)
                .skip(bins.place(from_us))
            {
                let bin_end = (bin as u64 + 1).saturating_mul(bins.width_us);
                *stale = (*stale).max(to_us.min(bin_end) - from_us);
            }
        }
        turns.sort_unstable();
        let mut turns = turns.into_iter().peekable();
        let mut waiting: i64 = 0;
        for (bin, most) in lag.iter_mut().enumerate() {
            let mut peak = waiting;
            while let Some((_, change)) = turns.next_if(|(at, _)| bins.place(*at) == bin) {
                waiting += change;
                peak = peak.max(waiting);
            }
            *most = u64::try_from(peak).expect("nothing is handled before it is published");
        }
        Self {
            consumer,
            lag,
            stale_us,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hand::Hand, history::Consumption};

    #[test]
    fn a_group_falls_behind_and_catches_up() {
        let history = Hand::new()
            .at(1)
            .published("a", "Ordered", "1", 0)
            .at(2)
            .published("b", "Ordered", "1", 1)
            .published("x", "Paid", "1", 2)
            .at(25)
            .consumed("notice", "a", "1", Consumption::Applied)
            .consumed("notice", "b", "1", Consumption::Applied)
            .at(32)
            .published("c", "Ordered", "1", 3)
            .history();
        let bins = Bins {
            width_us: 10_000,
            count: 5,
        };
        let found = backlogs(&history, bins, 45_000);
        let [backlog] = found.as_slice() else {
            panic!("one group: {found:?}");
        };
        assert_eq!(&*backlog.consumer, "notice");
        // `Paid` is not for it; `c` it never got to.
        assert_eq!(backlog.lag, [2, 2, 2, 1, 1]);
        assert_eq!(backlog.stale_us, [9_000, 19_000, 24_000, 8_000, 13_000]);
    }

    #[test]
    fn nobody_owes_what_nobody_handles() {
        let history = Hand::new().published("a", "Ordered", "1", 0).history();
        assert_eq!(backlogs(&history, Bins::over(1), 1), []);
    }
}
