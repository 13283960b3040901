//! What the whole shop costs: orders per second of real time, and the catalogue.
//!
//! `shop`: an element is an order of an ordinary day (ordered, paid, delivered or cancelled, and
//! seen on the customer's page), through gateway, services, databases and broker; bringing the
//! cluster up, settling and judging included. Then, three times each: an idle minute of twelve
//! pods, an autoscaled siege, a day of a year. And, once, the catalogue.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark measures real time"
)]
#![allow(missing_docs, reason = "made by criterion's macros")]

use std::{
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use criterion::{Criterion, Throughput, criterion_group};
use squall::{catalogue, pool, runner, scenario::Scenario, year::verdict::Day};
use squall_reports::check::RunVerdict;
use squall_sim::{
    load::{Arrival, Extent, Load, Spacing},
    simulation::EngineKind,
};

/// Orders come at this rate: brisk, but far from what would open the breaker.
const RATE_PER_S: f64 = 20.0;

/// The ordinary day with exactly so many orders.
fn ordinary_day(orders: u32) -> Scenario {
    let mut scenario =
        catalogue::find("shop/order-and-deliver").expect("the catalogue has an ordinary day");
    let customers = scenario.loads.last_mut().expect("customers come");
    *customers = Load {
        extent: Extent::Journeys(orders),
        arrival: Arrival::Open {
            rate_per_s: RATE_PER_S,
            spacing: Spacing::Poisson,
            max_in_flight: orders,
        },
        ..*customers
    };
    let open_for = Duration::from_secs_f64(f64::from(orders) / RATE_PER_S);
    scenario.safety = open_for + Duration::from_secs(20);
    scenario
}

fn orders(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shop");
    group.sample_size(10);
    group.warm_up_time(Duration::from_millis(500));
    group.measurement_time(Duration::from_secs(8));
    for orders in [100, 1000] {
        let day = ordinary_day(orders);
        group.throughput(Throughput::Elements(u64::from(orders)));
        group.bench_function(format!("{orders} orders"), |bencher| {
            bencher.iter(|| {
                let run = runner::run(&day, 1, EngineKind::Events);
                assert_eq!(run.report.result.verdict, RunVerdict::Pass);
            });
        });
    }
    group.finish();
}

/// Twelve pods for 60 simulated seconds, with `siege -c1 --delay=1S`: what probes cost.
fn minute_of_twelve_pods() -> Scenario {
    let years = catalogue::years();
    let hardened = years.iter().find(|year| year.name == "shop/year-hardened");
    let hardened = hardened.expect("the catalogue has a year on twelve pods");
    let mut scenario =
        catalogue::find("shop/redeploy-ready").expect("the catalogue has the documents' siege");
    scenario.cluster = hardened.cluster.clone();
    scenario.faults.clear();
    scenario.sla.clear();
    scenario.documented = None;
    scenario.safety = Duration::from_secs(60);
    scenario
}

/// Runs what has a target of its own three times, alone, and prints what each took, fastest first:
/// whatever else a machine does only adds.
fn print_targets() {
    println!("\nseconds of real time, three times");
    let timed = |name: &str, target: &str, work: &dyn Fn()| {
        let mut took = [(); 3].map(|()| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        });
        took.sort_by(f64::total_cmp);
        let [fastest, middle, slowest] = took;
        println!(
            "{name:40} {fastest:>8.2} {middle:>8.2} {slowest:>8.2}   (target: below {target})"
        );
    };
    let minute = minute_of_twelve_pods();
    timed("60 s of siege -c1 on 12 pods", "0.3", &|| {
        assert!(
            !runner::run(&minute, 1, EngineKind::Events)
                .history
                .entries
                .is_empty()
        );
    });
    let hpa = catalogue::find("shop/hpa").expect("the catalogue has an autoscaled siege");
    timed("shop/hpa", "6", &|| {
        runner::run(&hpa, 1, EngineKind::Events);
    });
    for year in catalogue::years() {
        let name = format!("a day of {}", year.name);
        timed(&name, "30", &|| {
            Day::run(&year, 1, year.telling_day(1), EngineKind::Events, false);
        });
    }
}

/// Runs every scenario once, on all cores, and prints what each took.
fn print_catalogue() {
    let all = catalogue::all();
    let jobs = pool::cores();
    let start = Instant::now();
    let took = pool::map(
        &all,
        jobs,
        &AtomicBool::new(false),
        Scenario::expected_journeys,
        |scenario| {
            let start = Instant::now();
            let run = runner::run(scenario, 1, EngineKind::Events);
            (start.elapsed(), run.report.result.verdict)
        },
        |_| {},
    );
    let total = start.elapsed().as_secs_f64();
    println!("\nthe catalogue, seed 1: seconds of real time");
    for (scenario, took) in all.iter().zip(took) {
        let (took, verdict) = took.expect("nothing stops the runs");
        println!(
            "{:40} {:>8.2}   {verdict:?}",
            scenario.name,
            took.as_secs_f64()
        );
    }
    let count = all.len();
    println!("{count} scenarios on {jobs} cores: {total:.2} (target: below 20 on 2 cores)");
}

criterion_group!(benches, orders);

fn main() {
    benches();
    let mut arguments = std::env::args();
    // Cargo says so when it is to measure, and not only to test that this runs.
    if arguments.any(|argument| argument == "--bench") {
        print_targets();
        print_catalogue();
    }
}
