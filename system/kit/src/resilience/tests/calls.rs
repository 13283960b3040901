//! Calls through a breaker: pools, timeouts, fallbacks and signals, under paused time.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use crate::{
    Pod,
    net::{Net, memory::Memory},
    resilience::{
        breaker::{Breaker, Cause, Verdict, thread_pool},
        bulkhead::Bulkhead,
        settings::{HystrixSettings, Isolation, ThreadPoolSettings},
    },
    signal::{BreakerState, CallOutcome, Listener, Signal, Signals},
    testing,
};

const MS: Duration = Duration::from_millis(1);

/// What a breaker told, with the time since the start.
#[derive(Clone)]
struct Heard(Arc<Mutex<Vec<(Duration, Signal)>>>, Instant);

impl Listener for Heard {
    fn hear(&self, signal: Signal) {
        self.0
            .lock()
            .expect("no panic while hearing")
            .push((self.1.elapsed(), signal));
    }
}

impl Heard {
    fn transitions(&self) -> Vec<(u128, BreakerState, BreakerState)> {
        let heard = self.0.lock().expect("no panic while hearing");
        let transition = |(at, signal): &(Duration, Signal)| match signal {
            Signal::Breaker { from, to, .. } => Some((at.as_millis(), *from, *to)),
            _ => None,
        };
        heard.iter().filter_map(transition).collect()
    }

    fn outcomes(&self, wanted: CallOutcome) -> usize {
        let heard = self.0.lock().expect("no panic while hearing");
        let is_wanted = |signal: &Signal| match signal {
            Signal::BreakerCall { outcome, .. } => *outcome == wanted,
            _ => false,
        };
        heard.iter().filter(|(_, signal)| is_wanted(signal)).count()
    }
}

fn bench(settings: HystrixSettings, pool: &Bulkhead) -> (Pod, Breaker, Heard) {
    let heard = Heard(Arc::default(), Instant::now());
    let mut pod = testing::pod(Net::new(Memory::default()));
    pod.signals = Signals::new(heard.clone());
    let breaker = Breaker::hystrix(&pod, "pay", settings, pool);
    (pod, breaker, heard)
}

fn default_bench() -> (Pod, Breaker, Heard) {
    bench(
        HystrixSettings::default(),
        &thread_pool(ThreadPoolSettings::default()),
    )
}

/// Errors below zero are the caller's own fault.
fn judge(result: &Result<u8, i8>) -> Verdict {
    match result {
        Ok(_) => Verdict::Success,
        Err(code) if *code < 0 => Verdict::BadRequest,
        Err(_) => Verdict::Failure,
    }
}

async fn takes(ms: u32, result: Result<u8, i8>) -> Result<u8, i8> {
    sleep(ms * MS).await;
    result
}

/// Starts a call that nobody waits for.
fn begin(pod: &Pod, breaker: &Breaker, ms: u32, result: Result<u8, i8>) {
    let breaker = breaker.clone();
    pod.spawn.task("caller", async move {
        let _ = breaker.call(takes(ms, result), judge).await;
    });
}

#[tokio::test(start_paused = true)]
async fn platform_6_a_hundred_calls_at_once_run_10_reject_90_and_open_within_500_ms() {
    let (pod, breaker, heard) = default_bench();
    for _ in 0..100 {
        begin(&pod, &breaker, 400, Ok(1));
    }
    sleep(MS).await;
    assert_eq!(heard.outcomes(CallOutcome::Rejected), 90, "at once");
    sleep(600 * MS).await;
    assert_eq!(heard.outcomes(CallOutcome::Success), 10);
    let opened = (500, BreakerState::Closed, BreakerState::Open);
    assert_eq!(
        heard.transitions(),
        [opened],
        "on time, without a call to wake it"
    );
}

#[tokio::test(start_paused = true)]
async fn platform_6_a_timeout_frees_the_caller_and_the_slot_stays_until_the_callee_ends() {
    let (pod, breaker, heard) = default_bench();
    for _ in 0..9 {
        begin(&pod, &breaker, 3_000, Ok(1));
    }
    let begun = Instant::now();
    let late = breaker.call(takes(3_000, Ok(1)), judge).await;
    assert_eq!((late, begun.elapsed()), (Err(Cause::TimedOut), 1_000 * MS));
    let next = breaker.call(takes(0, Ok(1)), judge).await;
    assert_eq!(
        next,
        Err(Cause::Rejected),
        "ten threads still wait for the callee"
    );
    sleep(2_001 * MS).await;
    assert_eq!(breaker.call(takes(0, Ok(1)), judge).await, Ok(Ok(1)));
    assert_eq!(heard.outcomes(CallOutcome::Timeout), 10);
    assert_eq!(
        heard.outcomes(CallOutcome::Success),
        1,
        "late successes are ignored"
    );
}

#[tokio::test(start_paused = true)]
async fn platform_6_with_a_queue_a_call_waits_within_its_timeout() {
    let pool = ThreadPoolSettings {
        core_size: 1,
        max_queue_size: 10,
        ..Default::default()
    };
    let (pod, breaker, heard) = bench(HystrixSettings::default(), &thread_pool(pool));
    for _ in 0..7 {
        begin(&pod, &breaker, 300, Ok(1));
    }
    sleep(2_000 * MS).await;
    // One runs, five wait (the rejection threshold), one is rejected. The three at 300, 600 and
    // 900 ms are in time; of the others one has begun, and the last two never do.
    assert_eq!(heard.outcomes(CallOutcome::Rejected), 1);
    assert_eq!(heard.outcomes(CallOutcome::Success), 3);
    assert_eq!(heard.outcomes(CallOutcome::Timeout), 3);
}

#[tokio::test(start_paused = true)]
async fn platform_6_a_pool_is_shared_by_all_methods_of_a_client_and_the_breaker_is_not() {
    let pool = thread_pool(ThreadPoolSettings::default());
    let (pod, pay, _) = bench(HystrixSettings::default(), &pool);
    let refund = Breaker::hystrix(&pod, "refund", HystrixSettings::default(), &pool);
    for _ in 0..30 {
        begin(&pod, &pay, 700, Ok(1));
    }
    sleep(MS).await;
    assert_eq!(
        refund.call(takes(0, Ok(1)), judge).await,
        Err(Cause::Rejected)
    );
    sleep(800 * MS).await;
    assert_eq!(pay.state(), BreakerState::Open);
    assert_eq!(refund.state(), BreakerState::Closed);
    assert_eq!(refund.call(takes(0, Ok(1)), judge).await, Ok(Ok(1)));
}

#[tokio::test(start_paused = true)]
async fn platform_6_semaphore_isolation_rejects_the_11th_and_a_timeout_frees_the_slot() {
    let settings = HystrixSettings {
        isolation: Isolation::Semaphore,
        ..Default::default()
    };
    let (pod, breaker, heard) = bench(settings, &Bulkhead::new(0, 0));
    for _ in 0..11 {
        begin(&pod, &breaker, 3_000, Ok(1));
    }
    sleep(MS).await;
    assert_eq!(heard.outcomes(CallOutcome::Rejected), 1);
    sleep(1_000 * MS).await;
    assert_eq!(heard.outcomes(CallOutcome::Timeout), 10);
    assert_eq!(breaker.call(takes(0, Ok(1)), judge).await, Ok(Ok(1)));
}

async fn open(breaker: &Breaker) {
    for _ in 0..20 {
        let failed = breaker.call(takes(0, Err(1)), judge).await;
        assert_eq!(failed, Err(Cause::Failed(Err(1))));
    }
    sleep(501 * MS).await;
}

#[tokio::test(start_paused = true)]
async fn platform_6_open_half_open_closed_each_told_once() {
    let (_pod, breaker, heard) = default_bench();
    open(&breaker).await;
    let refused = breaker.call(takes(0, Ok(1)), judge).await;
    assert_eq!(refused, Err(Cause::ShortCircuited));
    assert!(refused.expect_err("just seen").is_before_sending());
    sleep(5_000 * MS).await;
    assert_eq!(breaker.call(takes(10, Ok(1)), judge).await, Ok(Ok(1)));
    assert_eq!(
        heard.transitions(),
        [
            (500, BreakerState::Closed, BreakerState::Open),
            (5_501, BreakerState::Open, BreakerState::HalfOpen),
            (5_511, BreakerState::HalfOpen, BreakerState::Closed),
        ]
    );
    assert_eq!(heard.outcomes(CallOutcome::ShortCircuited), 1);
}

#[tokio::test(start_paused = true)]
async fn platform_6_calls_whose_callers_go_are_not_counted() {
    let (_pod, breaker, heard) = default_bench();
    for _ in 0..30 {
        let call = breaker.call(takes(20, Ok(1)), judge);
        timeout(10 * MS, call).await.expect_err("the caller goes");
        sleep(20 * MS).await;
    }
    sleep(600 * MS).await;
    assert_eq!(heard.outcomes(CallOutcome::Cancelled), 30);
    assert_eq!(heard.transitions(), []);
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_caller_hangs_up_does_not_leave_it_half_open() {
    let (_pod, breaker, heard) = default_bench();
    open(&breaker).await;
    sleep(5_000 * MS).await;
    let probe = breaker.call(takes(900, Ok(1)), judge);
    timeout(100 * MS, probe)
        .await
        .expect_err("the caller hangs up");
    assert_eq!(breaker.state(), BreakerState::Open);
    sleep(5_001 * MS).await;
    assert_eq!(breaker.call(takes(0, Ok(1)), judge).await, Ok(Ok(1)));
    assert_eq!(heard.transitions().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn platform_6_a_bad_request_has_no_fallback_and_is_not_counted() {
    let (_pod, breaker, heard) = default_bench();
    for _ in 0..100 {
        let fallback = async |_cause| Ok(0);
        let result = breaker.call_or(takes(0, Err(-1)), judge, fallback).await;
        assert_eq!(result, Ok(Err(-1)));
    }
    sleep(600 * MS).await;
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert_eq!(heard.outcomes(CallOutcome::BadRequest), 100);
}

#[tokio::test(start_paused = true)]
async fn platform_6_the_fallback_has_a_semaphore_of_its_own() {
    let (pod, breaker, _) = default_bench();
    let fallback = async |cause| {
        assert_eq!(cause, Cause::Failed(Err(1)));
        takes(50, Ok(0)).await
    };
    assert_eq!(
        breaker.call_or(takes(0, Err(1)), judge, fallback).await,
        Ok(Ok(0))
    );

    let refused = Arc::new(Mutex::new(0));
    for _ in 0..15 {
        let (breaker, refused) = (breaker.clone(), refused.clone());
        pod.spawn.task("caller", async move {
            let fallback = async |_cause| takes(50, Ok(0)).await;
            if breaker
                .call_or(takes(0, Err(1)), judge, fallback)
                .await
                .is_err()
            {
                *refused.lock().expect("no panic while counting") += 1;
            }
        });
    }
    sleep(100 * MS).await;
    assert_eq!(*refused.lock().expect("no panic while counting"), 5);
}

#[tokio::test(start_paused = true)]
async fn a_short_circuited_call_is_never_begun() {
    let settings = HystrixSettings {
        force_open: true,
        ..Default::default()
    };
    let (_pod, breaker, _) = bench(settings, &thread_pool(ThreadPoolSettings::default()));
    let never = async { panic!("it must not be polled") };
    let result = breaker.call(never, |_: &()| Verdict::Success).await;
    assert_eq!(result, Err(Cause::ShortCircuited));
}
