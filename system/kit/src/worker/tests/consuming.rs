use std::collections::{BTreeMap, BTreeSet};

use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;

use super::{Consumption, Diary, Faults, Life, Signal, Stage, TOPIC};
use crate::{
    BoxFuture,
    event::Event,
    hints,
    signal::{Listener, Signals},
    store::{InboxEntry, Store, StoreError, Unit},
    worker::{Consumer, Handled},
};

type Decision<'a> = BoxFuture<'a, Result<Handled, StoreError>>;

/// Writes every `Noted` into the diary of its key; refuses `Poison`; wants nothing else.
fn keep_diary<'a>(unit: &'a mut Unit, event: &'a Event) -> Decision<'a> {
    Box::pin(async move {
        let line = event.body.as_u64().unwrap();
        let diary = match event.kind.as_str() {
            "Noted" | "Poison" => unit.newest::<Diary>("key", &event.key).await?,
            _ => return Ok(Handled::Ignored),
        };
        match diary {
            Some(mut diary) => {
                diary.value.lines.push(line);
                unit.put(diary.id, &diary.value);
            }
            None => {
                let diary = Diary {
                    key: event.key.clone(),
                    lines: vec![line],
                };
                unit.insert(&diary).await?;
            }
        }
        if event.kind == "Poison" {
            return Ok(Handled::Rejected("it is poison".to_owned()));
        }
        Ok(Handled::Applied)
    })
}

fn consumer() -> Consumer {
    Consumer::new("diary", TOPIC)
}

fn keys(count: usize) -> Vec<&'static str> {
    let keys = ["order-1", "order-2", "42", "order-2", "order-3"];
    keys.into_iter().cycle().take(count).collect()
}

/// What the diaries hold when each event was noted once, in order.
fn faithful(count: usize) -> BTreeMap<String, Vec<u64>> {
    let mut diaries: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (place, key) in keys(count).into_iter().enumerate() {
        let lines = diaries.entry(key.to_owned()).or_default();
        lines.push(place as u64);
    }
    diaries
}

#[tokio::test(start_paused = true)]
async fn every_event_takes_effect_once_and_in_order_over_a_bad_network() {
    for seed in 0..20 {
        let stage = Stage::new(Faults {
            seed,
            request: 0.1,
            reply: 0.1,
            duplicate: 0.3,
        });
        let life = Life::of(consumer().run(stage.pod("diary-1"), keep_diary));
        stage.append("Noted", &keys(50)).await;
        stage.until_consumed("diary").await;
        assert_eq!(stage.diaries().await, faithful(50), "seed {seed}");
        let applied = stage.ids_of(&Consumption::Applied);
        let different: BTreeSet<_> = applied.iter().collect();
        assert_eq!((applied.len(), different.len()), (50, 50), "seed {seed}");
        let duplicates = stage.ids_of(&Consumption::Duplicate);
        assert!(!duplicates.is_empty(), "seed {seed} delivers nothing twice");
        life.kill();
    }
}

#[tokio::test(start_paused = true)]
async fn members_that_die_in_turns_lose_and_repeat_nothing() {
    for seed in 0..5 {
        let stage = Stage::new(Faults {
            seed,
            request: 0.05,
            reply: 0.05,
            duplicate: 0.1,
        });
        stage.append("Noted", &keys(300)).await;
        for round in 0..20 {
            let name = format!("diary-{}", round % 3);
            let life = Life::of(consumer().run(stage.pod(&name), keep_diary));
            sleep(Duration::from_millis(97 + seed * 13)).await;
            life.kill();
        }
        let _one = Life::of(consumer().run(stage.pod("diary-1"), keep_diary));
        let _two = Life::of(consumer().run(stage.pod("diary-2"), keep_diary));
        stage.until_consumed("diary").await;
        assert_eq!(stage.diaries().await, faithful(300), "seed {seed}");
    }
}

/// Ends a life in the moment between the effects of a batch and its acknowledgement.
struct Assassin(CancellationToken);

impl Listener for Assassin {
    fn hear(&self, signal: Signal) {
        if matches!(signal, Signal::Hint(hint) if hint == hints::BATCH_HANDLED) {
            self.0.cancel();
        }
    }
}

/// platform §7, T: crash consumer after effect, before commit: duplicates ≥ 1 delivered, effect
/// applied once.
#[tokio::test(start_paused = true)]
async fn platform_7_a_crash_after_the_effect_delivers_it_twice_and_applies_it_once() {
    let stage = Stage::new(Faults::default());
    stage.append("Noted", &keys(20)).await;
    let end = CancellationToken::new();
    let mut doomed = stage.pod("diary-1");
    doomed.signals = Signals::new(Assassin(end.clone()));
    Life::until(end.clone(), consumer().run(doomed, keep_diary));
    end.cancelled().await;
    let lag = stage.lag("diary").await;
    assert_eq!(lag, 20, "effects without an acknowledgement");
    assert_eq!(stage.diaries().await, faithful(20));
    let _next = Life::of(consumer().run(stage.pod("diary-2"), keep_diary));
    stage.until_consumed("diary").await;
    let duplicates = stage.ids_of(&Consumption::Duplicate);
    assert_eq!(duplicates.len(), 20, "all of them are delivered again");
    assert_eq!(stage.diaries().await, faithful(20));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_event_is_recorded_without_effect_and_blocks_nothing() {
    let stage = Stage::new(Faults::default());
    stage.append("Noted", &["42"]).await;
    stage.append("Poison", &["42"]).await;
    stage.append("Noted", &["42", "42"]).await;
    let life = Life::of(consumer().run(stage.pod("diary-1"), keep_diary));
    stage.until_consumed("diary").await;
    // The second batch's first event has the id of the very first one.
    assert_eq!(stage.diaries().await["42"], [0, 1]);
    let outcomes: Vec<_> = stage.consumed().into_iter().map(|it| it.2).collect();
    let expected = [
        Consumption::Applied,
        Consumption::Rejected("it is poison".to_owned()),
        Consumption::Duplicate,
        Consumption::Applied,
    ];
    assert_eq!(outcomes, expected);
    life.kill();
    // Delivered again, the rejection is known.
    stage.append("Poison", &["42"]).await;
    let _life = Life::of(consumer().run(stage.pod("diary-1"), keep_diary));
    stage.until_consumed("diary").await;
    let last = stage.consumed().pop().map(|it| it.2);
    assert_eq!(last, Some(Consumption::Duplicate));
}

#[tokio::test(start_paused = true)]
async fn an_ignored_event_is_recorded_only_if_the_database_had_a_say() {
    fn look_then_ignore<'a>(unit: &'a mut Unit, event: &'a Event) -> Decision<'a> {
        Box::pin(async move {
            if event.kind == "Looked" {
                let found = unit.newest::<Diary>("key", &event.key).await?;
                assert_eq!(found, None);
                unit.insert(&Diary::default()).await?;
            }
            Ok(Handled::Ignored)
        })
    }
    let stage = Stage::new(Faults::default());
    stage.append("Looked", &["42"]).await;
    stage.append("Unwanted", &["42"]).await;
    let _life = Life::of(consumer().run(stage.pod("diary-1"), look_then_ignore));
    stage.until_consumed("diary").await;
    assert_eq!(stage.ids_of(&Consumption::Ignored).len(), 2);
    assert_eq!(stage.diaries().await, BTreeMap::new());
    for (event, recorded) in [("Looked/42/0", true), ("Unwanted/42/0", false)] {
        let mut again = stage.store().unit(event);
        again.consumed(InboxEntry {
            consumer: "diary".to_owned(),
            event_id: event.to_owned(),
        });
        let known = matches!(
            again.commit(&()).await,
            Err(StoreError::AlreadyConsumed { .. })
        );
        assert_eq!(known, recorded, "{event}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_long_at_work_keeps_its_partitions() {
    fn slowly<'a>(unit: &'a mut Unit, event: &'a Event) -> Decision<'a> {
        Box::pin(async move {
            sleep(Duration::from_secs(4)).await;
            keep_diary(unit, event).await
        })
    }
    let stage = Stage::new(Faults::default());
    let _one = Life::of(consumer().run(stage.pod("diary-1"), slowly));
    let _two = Life::of(consumer().run(stage.pod("diary-2"), slowly));
    sleep(Duration::from_secs(1)).await;
    stage.append("Noted", &keys(20)).await;
    stage.until_consumed("diary").await;
    assert_eq!(stage.ids_of(&Consumption::Applied).len(), 20);
    assert_eq!(stage.consumed().len(), 20, "nothing came twice");
    let heard = stage.heard.0.lock().unwrap();
    let rebalanced: Vec<_> = heard
        .iter()
        .filter_map(|(pod, signal)| match signal {
            Signal::Rebalanced { partitions, .. } => Some((pod.as_str(), partitions.as_slice())),
            _ => None,
        })
        .collect();
    let expected: [(&str, &[u32]); 3] = [
        ("diary-1", &[0, 1, 2, 3]),
        ("diary-1", &[0, 1]),
        ("diary-2", &[2, 3]),
    ];
    for step in expected {
        assert!(rebalanced.contains(&step), "{step:?} in {rebalanced:?}");
    }
    assert_eq!(rebalanced.len(), expected.len(), "{rebalanced:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_member_finishes_its_event_and_leaves() {
    fn slowly<'a>(unit: &'a mut Unit, event: &'a Event) -> Decision<'a> {
        Box::pin(async move {
            sleep(Duration::from_secs(1)).await;
            keep_diary(unit, event).await
        })
    }
    let stage = Stage::new(Faults::default());
    stage.append("Noted", &["42"; 10]).await;
    let pod = stage.pod("diary-1");
    let ended = pod.spawn.result("consumer", {
        let pod = pod.clone();
        async move { consumer().run(pod, slowly).await }
    });
    sleep(Duration::from_millis(2_500)).await;
    pod.stop.raise();
    assert_eq!(ended.await, Some(()));
    assert_eq!(stage.diaries().await["42"], [0, 1, 2]);
    assert_eq!(stage.lag("diary").await, 7);
    let start = tokio::time::Instant::now();
    let _next = Life::of(consumer().run(stage.pod("diary-2"), keep_diary));
    stage.until_consumed("diary").await;
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "nobody's session was waited for"
    );
    assert_eq!(stage.consumed().len(), 10, "nothing came twice");
}

#[tokio::test(start_paused = true)]
async fn after_a_conflict_the_policy_decides_again() {
    /// Somebody else writes between the policy's look and its commit, seven times.
    fn race<'a>(unit: &'a mut Unit, event: &'a Event, store: Store) -> Decision<'a> {
        Box::pin(async move {
            let handled = keep_diary(unit, event).await?;
            let mut other = store.unit(store.fresh_id());
            let mut diary = other.newest::<Diary>("key", "42").await?.unwrap();
            if diary.value.lines.len() < 8 {
                diary.value.lines.push(100);
                other.put(diary.id, &diary.value);
                other.commit(&()).await?;
            }
            Ok(handled)
        })
    }
    let stage = Stage::new(Faults::default());
    stage.append("Noted", &["42"]).await;
    let calm = Life::of(consumer().run(stage.pod("diary-1"), keep_diary));
    stage.until_consumed("diary").await;
    calm.kill();
    stage.append("Noted", &["order-1", "42"]).await;
    let (pod, store) = (stage.pod("diary-1"), stage.store());
    let _life = Life::of(async move {
        let racing = consumer().run(pod, move |unit, event| race(unit, event, store.clone()));
        racing.await;
    });
    stage.until_consumed("diary").await;
    let lines = [vec![0], vec![100; 7], vec![1]].concat();
    assert_eq!(stage.diaries().await["42"], lines);
}
