//! Who is in a group, and who reads what.

use super::{BusError, PARTITIONS, Probe, SESSION, Setup, append, by_key, ids, positions, settle};

/// Members sorted by name, partitions by range; each event goes to one of them.
pub(super) async fn members_share_the_partitions(setup: &mut impl Setup) {
    let bus = setup.open().await;
    let members = ["pay-3", "pay-1", "pay-2"].map(|name| Probe::new(&bus, "pay", name));
    let [three, one, two] = &members;
    let partitions = settle(&[three, one, two]).await;
    assert_eq!(partitions, [vec![3], vec![0, 1], vec![2]]);
    let keys: Vec<String> = (0..40).map(|n| format!("order-{n}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    append(&bus, &keys).await;
    let mut taken = Vec::new();
    for member in &members {
        let own = member.drain().await;
        assert!(!own.is_empty(), "{} has work", member.member.member);
        taken.extend(own);
    }
    let mut all = ids(&taken);
    all.dedup();
    assert_eq!(all.len(), keys.len(), "each event once");
    assert_eq!(by_key(&taken).len(), keys.len());
}

/// A clean leave gives the partitions away without any wait.
pub(super) async fn who_leaves_is_replaced_at_once(setup: &mut impl Setup) {
    let bus = setup.open().await;
    let (one, two) = (Probe::new(&bus, "pay", "1"), Probe::new(&bus, "pay", "2"));
    assert_eq!(settle(&[&one, &two]).await, [vec![0, 1], vec![2, 3]]);
    one.leave().await;
    assert_eq!(settle(&[&two]).await, [(0..PARTITIONS).collect::<Vec<_>>()]);
    one.leave().await;
    assert_eq!(settle(&[&two]).await, [(0..PARTITIONS).collect::<Vec<_>>()]);
}

/// A crashed member keeps its partitions until its session ends, and not longer.
pub(super) async fn who_is_silent_is_replaced_after_the_session_timeout(setup: &mut impl Setup) {
    let bus = setup.open().await;
    let (one, two) = (Probe::new(&bus, "pay", "1"), Probe::new(&bus, "pay", "2"));
    assert_eq!(settle(&[&one, &two]).await, [vec![0, 1], vec![2, 3]]);
    for _ in 0..4 {
        tokio::time::sleep(SESSION / 5).await;
        assert_eq!(two.poll(0, 0).await.assignment.partitions, [2, 3]);
    }
    tokio::time::sleep(SESSION * 2 / 5).await;
    let all: Vec<u32> = (0..PARTITIONS).collect();
    assert_eq!(two.poll(0, 0).await.assignment.partitions, all);
}

/// A poll for no event is a heartbeat: it gives the standing at once and delivers nothing.
pub(super) async fn who_is_busy_stays_by_heartbeats(setup: &mut impl Setup) {
    let bus = setup.open().await;
    append(&bus, &["a"]).await;
    let (one, two) = (Probe::new(&bus, "pay", "1"), Probe::new(&bus, "pay", "2"));
    settle(&[&one, &two]).await;
    let busy = one.poll(10, 0).await.assignment;
    for _ in 0..8 {
        tokio::time::sleep(SESSION / 2).await;
        for member in [&one, &two] {
            let heard = member.poll(0, 60_000).await;
            assert_eq!(heard.assignment.generation, busy.generation);
            assert_eq!(heard.deliveries, []);
        }
    }
    assert_eq!(one.acknowledge(busy.generation, &[]).await, Ok(()));
}

/// A member that waits in a poll learns at once that its partitions have changed.
pub(super) async fn a_waiting_poll_learns_of_a_rebalance(setup: &mut impl Setup) {
    let bus = setup.open().await;
    let (one, two) = (Probe::new(&bus, "pay", "1"), Probe::new(&bus, "pay", "2"));
    let alone = one.poll(10, 0).await.assignment;
    assert_eq!(alone.partitions, (0..PARTITIONS).collect::<Vec<_>>());
    let start = tokio::time::Instant::now();
    let (waited, ()) = tokio::join!(one.poll(10, 4_000), async {
        tokio::time::sleep(SESSION / 100).await;
        two.poll(0, 0).await;
    });
    assert!(start.elapsed() < SESSION / 10, "{:?}", start.elapsed());
    assert!(waited.assignment.generation > alone.generation);
    assert_eq!(waited.assignment.partitions, [0, 1]);
}

/// After a rebalance nothing of the former standing counts, nor does a stranger's word.
pub(super) async fn a_former_generation_acknowledges_nothing(setup: &mut impl Setup) {
    let bus = setup.open().await;
    append(&bus, &["a", "b", "order-1", "order-2", "42"]).await;
    let (one, two) = (Probe::new(&bus, "pay", "1"), Probe::new(&bus, "pay", "2"));
    let alone = one.poll(10, 0).await;
    let all = positions(&alone.deliveries);
    settle(&[&one, &two]).await;
    let generation = one.poll(0, 0).await.assignment.generation;
    let mut own = all.clone();
    own.retain(|position| position.partition < 2);
    assert!(!own.is_empty() && own.len() < all.len(), "{all:?}");
    let stale = Err(BusError::StaleGeneration);
    let former = alone.assignment.generation;
    assert_eq!(one.acknowledge(former, &own).await, stale);
    assert_eq!(
        one.acknowledge(generation, &all).await,
        stale,
        "not all are its own"
    );
    let stranger = Probe::new(&bus, "pay", "3");
    assert_eq!(stranger.acknowledge(generation, &own).await, stale);
    assert_eq!(one.lag().await, 5);
    assert_eq!(one.acknowledge(generation, &own).await, Ok(()));
    assert_eq!(one.lag().await, 5 - own.len() as u64);
}
