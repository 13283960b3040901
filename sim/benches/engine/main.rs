//! What idle hosts and requests cost, on the event-driven engine and on `turmoil::Sim` side by
//! side.
//!
//! `idle`: an element is a simulated millisecond, so 1 Kelem/s is real time.
//! `http`: an element is a request (axum behind hyper, keep-alive) on so many connections; `lone`
//! is one connection among otherwise idle hosts, `proportional` has ten connections per pair of
//! hosts.
//!
//! At the end comes a table of comparisons with their targets. What is compared there was measured
//! by turns, so that a machine busy with other things slows both sides alike.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark measures real time"
)]
#![allow(missing_docs, reason = "made by criterion's macros")]

mod comparison;
mod town;

use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, measurement::WallTime};

use crate::town::{Kind, Town};

const BOTH: [Kind; 2] = [Kind::Event, Kind::Turmoil];

/// Ten samples in about a second.
fn brief<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    group.warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_millis(800));
    group
}

fn idle(criterion: &mut Criterion) {
    let mut group = brief(criterion, "idle");
    for kind in BOTH {
        let slice_ms = town::idle_slice_ms(kind);
        for hosts in [20, 100, 200] {
            for (what, period) in [("", None), (" with timers", Some(100))] {
                let build = || Town::new(kind, hosts).idle(period.map(Duration::from_millis));
                // Built only if it is measured, and then once.
                let mut town = None;
                group.throughput(Throughput::Elements(slice_ms));
                let name = format!("{}/{hosts} hosts{what}", kind.name());
                group.bench_function(name, |bencher| {
                    let town = town.get_or_insert_with(build);
                    bencher.iter(|| town.pass(Duration::from_millis(slice_ms)));
                });
            }
        }
    }
    group.finish();
}

fn http(criterion: &mut Criterion) {
    let mut group = brief(criterion, "http");
    group.throughput(Throughput::Elements(1));
    let mut measure = |name: String, kind, hosts, callers, connections| {
        let mut town = None;
        group.bench_function(name, |bencher| {
            let build = || Town::new(kind, hosts).http(callers, connections);
            let town = town.get_or_insert_with(build);
            bencher.iter_custom(|count| town.time_requests(count));
        });
    };
    for hosts in [10, 40] {
        for connections in [1, 10, 100] {
            for kind in BOTH {
                let name = format!("{hosts} hosts/{connections} connections/{}", kind.name());
                measure(name, kind, hosts, 1, connections);
            }
        }
    }
    for hosts in [20, 200] {
        measure(format!("lone/{hosts} hosts"), Kind::Event, hosts, 1, 1);
        let name = format!("proportional/{hosts} hosts");
        measure(name, Kind::Event, hosts, hosts / 2, 10);
    }
    group.finish();
}

criterion_group!(benches, idle, http);

fn main() {
    benches();
    let mut arguments = std::env::args();
    // Cargo says so when it is to measure, and not only to test that this runs.
    if arguments.any(|argument| argument == "--bench") {
        comparison::print();
    }
}
