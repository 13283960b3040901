use std::collections::{BTreeMap, BTreeSet};

use tokio::time::{Duration, Instant, sleep};

use super::{Faults, Life, Signal, Stage, TOPIC};
use crate::{hints, worker::Relay};

const KEYS: [&str; 4] = ["order-1", "order-2", "42", "order-2"];

fn keys(count: usize) -> Vec<&'static str> {
    KEYS.into_iter().cycle().take(count).collect()
}

/// By key, the events in the order they lie in the log, repetitions left out.
fn in_log(stage: &Stage) -> BTreeMap<String, Vec<String>> {
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for delivery in stage.first_occurrences() {
        let event = delivery.event;
        keys.entry(event.key).or_default().push(event.id);
    }
    keys
}

/// By key, the events in the order of their commits.
fn committed(ids: &str, count: usize) -> BTreeMap<String, Vec<String>> {
    let mut events: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (place, key) in keys(count).into_iter().enumerate() {
        let event = format!("{ids}{place}#1");
        events.entry(key.to_owned()).or_default().push(event);
    }
    events
}

/// Which pod published which event, in the order it was told.
fn published(stage: &Stage) -> Vec<(String, String)> {
    let heard = stage.heard.0.lock().unwrap();
    let published = heard.iter().filter_map(|(pod, signal)| match signal {
        Signal::Published { id, .. } => Some((pod.clone(), id.clone())),
        _ => None,
    });
    published.collect()
}

#[tokio::test(start_paused = true)]
async fn a_bad_network_makes_the_relay_neither_skip_nor_reorder() {
    for seed in 0..8 {
        let stage = Stage::new(Faults {
            seed,
            request: 0.3,
            reply: 0.2,
            duplicate: 0.0,
        });
        let mut relay = Relay::new(TOPIC);
        relay.batch = 7;
        let pod = stage.pod("order-1");
        let life = Life::of(relay.run(pod));
        stage.commit("c", &keys(100)).await;
        stage.until_relayed().await;
        assert_eq!(in_log(&stage), committed("c", 100), "seed {seed}");
        let told = published(&stage);
        let different: BTreeSet<_> = told.iter().collect();
        assert_eq!((told.len(), different.len()), (100, 100), "seed {seed}");
        life.kill();
    }
}

#[tokio::test(start_paused = true)]
async fn a_calm_relay_publishes_each_event_once_and_at_once() {
    let stage = Stage::new(Faults::default());
    let _life = Life::of(Relay::new(TOPIC).run(stage.pod("order-1")));
    sleep(Duration::from_secs(60)).await;
    let start = Instant::now();
    stage.commit("c", &keys(3)).await;
    stage.until_relayed().await;
    assert!(
        start.elapsed() <= Duration::from_millis(100),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(stage.log.events(TOPIC).unwrap().len(), 3);
    let told = stage.heard.0.lock().unwrap().clone();
    let troubles = told
        .iter()
        .filter(|(_, signal)| matches!(signal, Signal::Note(_)));
    assert_eq!(
        (published(&stage).len(), troubles.count()),
        (3, 0),
        "{told:?}"
    );
    let places = told.iter().filter_map(|(_, signal)| match signal {
        Signal::Hint(place) => Some(*place),
        _ => None,
    });
    let expected = [
        hints::LEASE_TAKEN,
        hints::BATCH_READ,
        hints::BATCH_PUBLISHED,
    ];
    assert_eq!(places.collect::<Vec<_>>(), expected, "none with a poll");
}

#[tokio::test(start_paused = true)]
async fn of_two_relays_one_works_until_it_dies() {
    let stage = Stage::new(Faults::default());
    let first = Life::of(Relay::new(TOPIC).run(stage.pod("order-1")));
    sleep(Duration::from_millis(10)).await;
    let _second = Life::of(Relay::new(TOPIC).run(stage.pod("order-2")));
    for round in 0..20 {
        stage.commit(&format!("{round}/"), &keys(1)).await;
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(published(&stage).len(), 20);
    first.kill();
    stage.commit("c", &keys(5)).await;
    let start = Instant::now();
    stage.until_relayed().await;
    assert!(start.elapsed() <= Relay::new(TOPIC).lease * 3 / 2 + Duration::from_millis(100));
    let told = published(&stage);
    let who: Vec<&str> = told.iter().map(|(pod, _)| pod.as_str()).collect();
    assert_eq!(who, [vec!["order-1"; 20], vec!["order-2"; 5]].concat());
}

#[tokio::test(start_paused = true)]
async fn relays_that_die_in_turns_lose_and_reorder_nothing() {
    for seed in 0..10 {
        let stage = Stage::new(Faults {
            seed,
            request: 0.1,
            reply: 0.1,
            duplicate: 0.0,
        });
        let mut relay = Relay::new(TOPIC);
        relay.batch = 3;
        for round in 0..10 {
            // A restarted pod has its name back, and with it its lease.
            let lives = ["order-1", "order-2"].map(|name| {
                let life = Life::of(relay.clone().run(stage.pod(name)));
                (name, life)
            });
            for place in 0..4 {
                stage.commit(&format!("c{round}/{place}/"), &["42"]).await;
                sleep(Duration::from_millis(3)).await;
            }
            for (_, life) in lives {
                life.kill();
            }
        }
        let _last = Life::of(relay.run(stage.pod("order-3")));
        stage.until_relayed().await;
        let expected: Vec<String> = (0..10)
            .flat_map(|round| (0..4).map(move |place| format!("c{round}/{place}/0#1")))
            .collect();
        assert_eq!(in_log(&stage)["42"], expected, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stopped_relay_ends_and_hands_over() {
    let stage = Stage::new(Faults::default());
    let pod = stage.pod("order-1");
    let ended = pod
        .spawn
        .result("relay", Relay::new(TOPIC).run(pod.clone()));
    sleep(Duration::from_secs(20)).await;
    let _second = Life::of(Relay::new(TOPIC).run(stage.pod("order-2")));
    sleep(Duration::from_millis(10)).await;
    pod.stop.raise();
    assert_eq!(ended.await, Some(()));
    stage.commit("c", &keys(1)).await;
    let start = Instant::now();
    stage.until_relayed().await;
    assert!(start.elapsed() <= Relay::new(TOPIC).lease / 2 + Duration::from_millis(100));
}
