use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use squall_kit::work::Work;
use tokio::time::{Instant, sleep_until, timeout};

use super::*;
use crate::range::TimeRange;

const SECOND: Duration = Duration::from_secs(1);

fn us(low: u64, high: u64) -> TimeRange {
    TimeRange {
        low: Duration::from_micros(low),
        high: Duration::from_micros(high),
    }
}

/// A server of so many workers and cores on which every request computes for `cpu` and waits for
/// `wait`.
fn model(workers: u32, queue: u32, cpu: TimeRange, wait: TimeRange) -> ProgramModel {
    ProgramModel {
        workers,
        queue,
        backlog: 100,
        database_pool: None,
        startup_ms: TimeRange::ZERO,
        startup_cores: 0.0,
        routes: Vec::new(),
        other_routes: Cost {
            cpu_ms: cpu,
            wait_ms: wait,
        },
    }
}

struct Server {
    work: Work,
    processor: Processor,
    hang: Hang,
    failing: Failing,
}

/// Starts that server now.
fn server(model: &ProgramModel, cores_milli: u64) -> Server {
    let start = Instant::now();
    let recorder = Recorder::new(move || start.elapsed(), || {});
    let processor = Processor::new(cores_milli, recorder.clone());
    let hang = Hang::default();
    let failing = Failing::default();
    let container = Container {
        processor: processor.clone(),
        hang: hang.clone(),
        failing: failing.clone(),
        pace: Pace::normal(),
        rng: Rng::stream(1, "service"),
        recorder,
        host: "order-1".into(),
        alive: Arc::new(AtomicBool::new(true)),
    };
    Server {
        work: Work::new(Workers::new(model, container)),
        processor,
        hang,
        failing,
    }
}

/// Requests a second that twenty users get served who ask again at once, while handlers take
/// `handler`.
async fn rate(server: &Server, handler: Duration) -> f64 {
    const FOR: Duration = Duration::from_secs(20);
    let end = Instant::now() + FOR;
    let user = || async {
        let mut served = 0_u32;
        while Instant::now() < end {
            let permit = server.work.admit("GET", "/orders").await;
            if !handler.is_zero() {
                sleep(handler).await;
            }
            drop(permit.expect("the queue is long enough"));
            served += 1;
        }
        served
    };
    let served: u32 = join_all((0..20).map(|_| user())).await.into_iter().sum();
    f64::from(served) / FOR.as_secs_f64()
}

fn near(rate: f64, expected: f64) -> bool {
    (rate - expected).abs() < expected * 0.01
}

#[tokio::test(start_paused = true)]
async fn saturated_cores_serve_what_they_can_compute() {
    let none = Duration::ZERO;
    let cpu = us(3_170, 3_170);
    let drawn = us(1_170, 5_170);
    // Cores / work, whether requests share the cores or wait for a worker, and at fractions of the
    // clock's grain.
    for (workers, cores_milli, cpu, expected) in [
        (200, 1_000, drawn, 1.0 / 0.003_17),
        (200, 1_000, cpu, 1.0 / 0.003_17),
        (200, 500, drawn, 0.5 / 0.003_17),
        (200, 2_000, us(170, 470), 2.0 / 0.000_32),
        (1, 1_000, cpu, 1.0 / 0.003_17),
        (3, 1_000, cpu, 1.0 / 0.003_17),
        (4, 4_000, drawn, 4.0 / 0.003_17),
    ] {
        let server = server(&model(workers, 100, cpu, TimeRange::ZERO), cores_milli);
        let rate = rate(&server, none).await;
        assert!(
            near(rate, expected),
            "{workers} workers: {rate}, {expected}"
        );
        let busy = server.processor.used().as_secs_f64() / 20.0 * 1_000.0;
        assert!(near(busy, cores_milli as f64), "{busy} of {cores_milli}");
    }
}

#[tokio::test(start_paused = true)]
async fn saturated_workers_keep_their_rate_through_waits_and_handlers() {
    let cpu = us(1_250, 1_250);
    let server = server(&model(2, 100, cpu, us(2_050, 2_050)), 8_000);
    let rate = rate(&server, Duration::from_millis(3)).await;
    let expected = 2.0 / (0.001_25 + 0.002_05 + 0.003);
    assert!(near(rate, expected), "{rate}, expected {expected}");
}

#[tokio::test(start_paused = true)]
async fn computing_is_used_and_waiting_is_not() {
    let server = server(&model(10, 0, us(50_000, 50_000), us(30_000, 30_000)), 500);
    let start = Instant::now();
    let all = join_all((0..2).map(|_| server.work.admit("GET", "/orders"))).await;
    assert!(all.iter().all(Option::is_some));
    // 100 ms of work at half a core, then all wait at once.
    assert_eq!(start.elapsed(), Duration::from_millis(230));
    assert_eq!(server.processor.used(), Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_leaves_the_cores_and_the_worker() {
    let server = server(
        &model(2, 1, us(1_000_000, 1_000_000), TimeRange::ZERO),
        1_000,
    );
    let start = Instant::now();
    let impatient = timeout(SECOND / 2, server.work.admit("GET", "/orders"));
    let patient = server.work.admit("GET", "/orders");
    let next = async {
        sleep(SECOND / 2).await;
        server.work.admit("GET", "/orders").await
    };
    let ended = |permit: Option<Permit>| (permit.is_some(), start.elapsed());
    let (gone, stayed, came) = tokio::join!(impatient, async { ended(patient.await) }, async {
        ended(next.await)
    });
    assert!(gone.is_err());
    // 250 ms each by 500 ms; then the patient one shares with the next, which ends alone.
    assert_eq!(stayed, (true, SECOND * 2));
    assert_eq!(came, (true, SECOND * 9 / 4));
    assert_eq!(
        (server.processor.used(), server.processor.running()),
        (SECOND * 9 / 4, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn start_up_slows_the_first_requests() {
    let server = server(&model(2, 0, us(100_000, 100_000), TimeRange::ZERO), 1_000);
    let start = Instant::now();
    server.processor.set_background(3_000);
    let over = async {
        sleep_until(start + Duration::from_millis(200)).await;
        server.processor.set_background(0);
    };
    let (permit, ()) = tokio::join!(server.work.admit("GET", "/orders"), over);
    // A quarter of the core for 200 ms, and then the whole core.
    assert!(permit.is_some());
    assert_eq!(start.elapsed(), Duration::from_millis(250));
}

#[tokio::test(start_paused = true)]
async fn who_hangs_answers_nothing_and_refuses_nothing() {
    let server = server(&model(1, 1, us(10_000, 10_000), TimeRange::ZERO), 1_000);
    let permit = server.work.admit("GET", "/orders").await;
    let requests = join_all((0..5).map(|_| timeout(SECOND, server.work.admit("GET", "/orders"))));
    let hang = async {
        server.hang.hang();
        assert!(server.hang.is_hung());
        drop(permit);
    };
    // Three find no room before it hangs. The other two, and all that come later, wait for ever.
    let (answers, ()) = tokio::join!(requests, hang);
    let refused = answers.iter().filter(|answer| matches!(answer, Ok(None)));
    assert_eq!(refused.count(), 4);
    assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 1);
    let later = join_all((0..5).map(|_| timeout(SECOND, server.work.admit("GET", "/orders"))));
    assert!(later.await.iter().all(Result::is_err));
}

/// Prints what a request costs in real time, beside one that takes a place and sleeps: `cargo test
/// -p squall-sim --lib cost_of_admission -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement of real time"]
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "it measures real time"
)]
fn cost_of_admission() {
    const REQUESTS: u32 = 100_000;
    let cpu = us(500, 2_500);
    for (users, cores_milli) in [(1, 64_000), (20, 64_000), (20, 1_000), (200, 1_000)] {
        let mut best = [u128::MAX; 2];
        for round in 0..10 {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime");
            let began = std::time::Instant::now();
            runtime.block_on(async {
                let server = server(&model(200, 100, cpu, TimeRange::ZERO), cores_milli);
                let (places, rng) = (Semaphore::new(200), Rng::stream(1, "sleeps"));
                let recorder = Recorder::new(|| Duration::ZERO, || {});
                let host: Name = "order-1".into();
                let user = || async {
                    for _ in 0..REQUESTS / users {
                        if round % 2 == 0 {
                            let _place = places.acquire().await;
                            sleep(cpu.draw(&rng)).await;
                            let name = recorder.name("served GET /orders");
                            recorder.record(&host, What::Hint { name });
                        } else {
                            drop(server.work.admit("GET", "/orders").await);
                        }
                    }
                };
                let users: FuturesUnordered<_> = (0..users).map(|_| user()).collect();
                users.count().await;
            });
            let each = began.elapsed().as_nanos() / u128::from(REQUESTS);
            best[round % 2] = best[round % 2].min(each);
        }
        let [sleeping, admitted] = best;
        println!("{users} users, {cores_milli}m: {sleeping} ns asleep, {admitted} ns admitted");
    }
}

#[tokio::test(start_paused = true)]
async fn who_fails_answers_503_at_once_until_it_is_healed_and_counts_it() {
    let server = server(&model(1, 10, us(1_000, 1_000), TimeRange::ZERO), 1000);
    server.failing.set(true);
    let start = Instant::now();
    for _ in 0..3 {
        assert!(server.work.admit("GET", "/orders").await.is_none());
    }
    assert_eq!(
        (start.elapsed(), server.failing.failed()),
        (Duration::ZERO, 3)
    );
    server.failing.set(false);
    assert!(server.work.admit("GET", "/orders").await.is_some());
    assert_eq!(server.failing.failed(), 3);
}
