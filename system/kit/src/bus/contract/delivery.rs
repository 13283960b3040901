//! What is appended, delivered, acknowledged.

use std::collections::BTreeMap;

use super::{PARTITIONS, Position, Probe, Setup, append, by_key, ids, positions};
use crate::bus::partition::partition_of;

/// Events of one key lie in one partition, in the order of their appending, and so come.
pub(super) async fn events_of_a_key_keep_their_order(setup: &mut impl Setup) {
    let bus = setup.open().await;
    let mut positions = append(&bus, &["a", "b", "a", "c", "b", "a"]).await;
    positions.extend(append(&bus, &["a", "b"]).await);
    let of_a = [0, 2, 5, 6].map(|place: usize| positions[place]);
    assert!(
        of_a.is_sorted_by(|one, next| {
            one.partition == next.partition && one.offset < next.offset
        })
    );
    let taken = Probe::new(&bus, "pay", "pay-1").take().await;
    let expected = BTreeMap::from([
        ("a", vec![0, 2, 5, 0]),
        ("b", vec![1, 4, 1]),
        ("c", vec![3]),
    ]);
    assert_eq!(by_key(&taken), expected);
    for delivery in &taken {
        assert!(positions.contains(&delivery.position), "{delivery:?}");
    }
}

/// A key's partition is Kafka's, and every partition counts its offsets from 0.
pub(super) async fn keys_lie_where_kafka_puts_them(setup: &mut impl Setup) {
    let bus = setup.open().await;
    let keys = ["order-1", "order-2", "42", "21", "abc", "order-1"];
    let mut ends = BTreeMap::new();
    for (key, position) in keys.iter().zip(append(&bus, &keys).await) {
        assert_eq!(position.partition, partition_of(key, PARTITIONS), "{key}");
        let end = ends.entry(position.partition).or_insert(0);
        assert_eq!(position.offset, *end, "{key}");
        *end += 1;
    }
}

/// A member that crashed, or did not acknowledge, gets the same events again, and so does the next.
pub(super) async fn what_is_not_acknowledged_comes_again(setup: &mut impl Setup) {
    let bus = setup.open().await;
    append(&bus, &["a", "b", "c"]).await;
    let first = Probe::new(&bus, "pay", "pay-1");
    let taken = first.take().await;
    assert_eq!(ids(&taken), ["a#0", "b#1", "c#2"]);
    assert_eq!(first.take().await, taken, "again to the same member");
    first.leave().await;
    let second = Probe::new(&bus, "pay", "pay-2");
    assert_eq!(second.take().await, taken, "and to the next one");
}

/// Acknowledging moves the offset to the next event to read; it never moves back.
pub(super) async fn what_is_acknowledged_never_comes_again(setup: &mut impl Setup) {
    let bus = setup.open().await;
    append(&bus, &["a", "a", "a"]).await;
    let probe = Probe::new(&bus, "pay", "pay-1");
    let batch = probe.poll(2, 0).await;
    assert_eq!(ids(&batch.deliveries), ["a#0", "a#1"]);
    let positions = positions(&batch.deliveries);
    let generation = batch.assignment.generation;
    assert_eq!(probe.acknowledge(generation, &positions).await, Ok(()));
    assert_eq!(ids(&probe.take().await), ["a#2"]);
    let earlier: Vec<Position> = positions.into_iter().take(1).collect();
    assert_eq!(probe.acknowledge(generation, &earlier).await, Ok(()));
    assert_eq!(ids(&probe.drain().await), ["a#2"]);
    probe.leave().await;
    let next = Probe::new(&bus, "pay", "pay-2");
    assert_eq!(next.take().await, []);
}

/// However long one partition is, the others get their share of a batch.
pub(super) async fn a_batch_has_its_limit_and_starves_no_partition(setup: &mut impl Setup) {
    let bus = setup.open().await;
    // Their partitions differ: see the partitioner's vectors.
    let mut keys = vec!["42"; 50];
    keys.extend(["order-1"; 50]);
    append(&bus, &keys).await;
    let batch = Probe::new(&bus, "pay", "pay-1").poll(10, 0).await;
    assert!(batch.deliveries.len() <= 10, "{}", batch.deliveries.len());
    let keys = by_key(&batch.deliveries);
    for key in ["42", "order-1"] {
        assert!(keys.contains_key(key), "nothing for {key} in {keys:?}");
    }
}

/// A poll that finds nothing waits; an append ends the wait.
pub(super) async fn a_poll_waits_for_an_append(setup: &mut impl Setup) {
    let bus = setup.open().await;
    let probe = Probe::new(&bus, "pay", "pay-1");
    assert_eq!(probe.poll(10, 0).await.deliveries, []);
    let start = tokio::time::Instant::now();
    let (batch, ()) = tokio::join!(probe.poll(10, 4_000), async {
        tokio::time::sleep(super::SESSION / 100).await;
        append(&bus, &["a"]).await;
    });
    assert_eq!(ids(&batch.deliveries), ["a#0"]);
    assert!(
        start.elapsed() < super::SESSION / 10,
        "{:?}",
        start.elapsed()
    );
    probe.drain().await;
    assert_eq!(
        probe.poll(10, 20).await.deliveries,
        [],
        "a wait may end empty"
    );
}

/// Each group gets every event, at its own pace.
pub(super) async fn groups_do_not_mind_each_other(setup: &mut impl Setup) {
    let bus = setup.open().await;
    append(&bus, &["a", "b"]).await;
    let pay = Probe::new(&bus, "pay", "one");
    let notice = Probe::new(&bus, "notice", "one");
    assert_eq!(ids(&pay.drain().await), ["a#0", "b#1"]);
    assert_eq!(ids(&notice.take().await), ["a#0", "b#1"]);
    assert_eq!(pay.take().await, []);
}

/// Lag is what a group has still to acknowledge, over all partitions; all of it for a new group.
pub(super) async fn lag_counts_what_is_not_acknowledged(setup: &mut impl Setup) {
    let bus = setup.open().await;
    let probe = Probe::new(&bus, "pay", "pay-1");
    assert_eq!(probe.lag().await, 0, "no topic yet");
    append(&bus, &["a", "b", "order-1", "order-2", "42"]).await;
    assert_eq!(probe.lag().await, 5, "no member yet");
    let batch = probe.poll(3, 0).await;
    assert_eq!(probe.lag().await, 5, "delivered is not acknowledged");
    let generation = batch.assignment.generation;
    let acknowledged = probe
        .acknowledge(generation, &positions(&batch.deliveries))
        .await;
    assert_eq!(acknowledged, Ok(()));
    assert_eq!(probe.lag().await, 5 - batch.deliveries.len() as u64);
    while probe.lag().await > 0 {
        assert_ne!(probe.drain().await, []);
    }
}

/// Events, offsets and generations outlive the broker's process.
pub(super) async fn a_restart_forgets_nothing(setup: &mut impl Setup) {
    let bus = setup.open().await;
    append(&bus, &["a", "a", "b"]).await;
    let probe = Probe::new(&bus, "pay", "pay-1");
    let before = probe.poll(1_000, 0).await;
    probe.drain().await;
    let later = append(&bus, &["a", "c"]).await;
    drop(bus);
    let bus = setup.reopen().await;
    let probe = Probe::new(&bus, "pay", "pay-1");
    assert_eq!(probe.lag().await, 2);
    let after = probe.poll(1_000, 0).await;
    assert_eq!(ids(&after.deliveries), ["a#0", "c#1"]);
    let (mut found, mut expected) = (positions(&after.deliveries), later);
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert!(after.assignment.generation >= before.assignment.generation);
    let more = append(&bus, &["a"]).await;
    let last = found.iter().filter(|it| it.partition == more[0].partition);
    assert_eq!(last.max().map(|it| it.offset + 1), Some(more[0].offset));
}
