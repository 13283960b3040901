//! Calls through a breaker that follows resilience4j, under paused time.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::{
    Pod,
    net::{Net, memory::Memory},
    resilience::{
        admission::Admission,
        breaker::{Breaker, Cause, Verdict},
        choice::BreakerSettings,
        resilience4j_settings::Resilience4jSettings,
    },
    signal::{BreakerState, CallOutcome, Listener, Signal, Signals},
    testing,
};

const MS: Duration = Duration::from_millis(1);

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Signal>>>);

impl Listener for Heard {
    fn hear(&self, signal: Signal) {
        self.0.lock().expect("no panic while hearing").push(signal);
    }
}

fn bench(settings: Resilience4jSettings) -> (Pod, Breaker, Heard) {
    let heard = Heard::default();
    let mut pod = testing::pod(Net::new(Memory::default()));
    pod.signals = Signals::new(heard.clone());
    let breaker = Breaker::new(&pod, "pay", BreakerSettings::Resilience4j(settings));
    (pod, breaker, heard)
}

fn judge(good: &bool) -> Verdict {
    match good {
        true => Verdict::Success,
        false => Verdict::Failure,
    }
}

async fn takes(ms: u32, good: bool) -> bool {
    sleep(ms * MS).await;
    good
}

#[tokio::test(start_paused = true)]
async fn platform_6_the_time_limiter_ends_the_call_after_1_s() {
    let (_pod, breaker, _) = bench(Resilience4jSettings::default());
    let held = Arc::new(());
    let alive = Arc::downgrade(&held);
    let call = async move {
        sleep(5_000 * MS).await;
        drop(held);
        true
    };
    let begun = Instant::now();
    let result = breaker.call(call, judge).await;
    assert_eq!(
        (result, begun.elapsed()),
        (Err(Cause::TimedOut), 1_000 * MS)
    );
    assert_eq!(alive.strong_count(), 0, "the call was dropped, not left");
}

#[tokio::test(start_paused = true)]
async fn platform_6_the_bulkhead_takes_25_and_turns_the_26th_away_at_once() {
    let (pod, breaker, heard) = bench(Resilience4jSettings::default());
    for _ in 0..26 {
        let breaker = breaker.clone();
        pod.spawn.task("caller", async move {
            let _ = breaker.call(takes(100, true), judge).await;
        });
    }
    sleep(MS).await;
    let rejected = Signal::BreakerCall {
        name: "pay".into(),
        call: Some(26),
        outcome: CallOutcome::Rejected,
    };
    let heard = heard.0.lock().expect("no panic while hearing");
    assert_eq!(heard.last(), Some(&rejected));
}

#[tokio::test(start_paused = true)]
async fn an_automatic_transition_is_told_on_time_and_a_call_knows_its_pass() {
    let settings = Resilience4jSettings {
        minimum_number_of_calls: 2,
        automatic_transition: true,
        ..Default::default()
    };
    let (_pod, breaker, heard) = bench(settings);
    for _ in 0..2 {
        let failed = breaker.call(takes(1, false), judge).await;
        assert_eq!(failed, Err(Cause::Failed(false)));
    }
    assert_eq!(
        breaker.call(takes(1, true), judge).await,
        Err(Cause::ShortCircuited)
    );
    sleep(60_001 * MS).await;
    let half_open = Signal::Breaker {
        name: "pay".into(),
        from: BreakerState::Open,
        to: BreakerState::HalfOpen,
    };
    let last = heard
        .0
        .lock()
        .expect("no panic while hearing")
        .last()
        .cloned();
    assert_eq!(last, Some(half_open));
    let pass = async { Admission::current() };
    let pass = breaker.call(pass, |_| Verdict::Success).await;
    let expected = Admission {
        breaker: "pay".into(),
        call: 3,
    };
    assert_eq!(pass, Ok(Some(expected)));
    assert_eq!(Admission::current(), None);
}
