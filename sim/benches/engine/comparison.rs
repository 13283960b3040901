//! Both sides of each comparison, measured by turns.

use std::{
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::{Duration, Instant},
};

use crate::town::{self, Kind, Town};

/// Turns of each side; the figure is their median.
const TURNS: usize = 15;
/// Requests of one turn of a lone connection or ten; more connections, more requests.
const REQUESTS: u64 = 2_000;

/// Prints the table.
pub(crate) fn print() {
    println!("\nidle hosts: times real time (target: 20 hosts at least 10000 on event)");
    println!("{:44} {:>12} {:>12}", "", "event", "turmoil");
    for hosts in [20, 100, 200] {
        for (what, period) in [("", None), (", each with a 100 ms timer", Some(100))] {
            let [event, turmoil] = [Kind::Event, Kind::Turmoil]
                .map(|kind| speed(kind, hosts, period.map(Duration::from_millis)));
            println!(
                "{:44} {event:>12.1} {turmoil:>12.1}",
                format!("{hosts} hosts{what}")
            );
        }
    }
    println!("\none HTTP request: microseconds, by turns, medians of {TURNS}");
    println!("{:44} {:>12} {:>12}", "", "event", "turmoil");
    for hosts in [10, 40] {
        for connections in [1, 10, 100] {
            let sides = [Kind::Event, Kind::Turmoil]
                .map(|kind| move || Town::new(kind, hosts).http(1, connections));
            let target = if hosts < 40 { "at most 1.5" } else { "below 1" };
            let name = format!("{hosts} hosts, {connections} connections");
            row(&name, by_turns(sides, REQUESTS), "event/turmoil", target);
        }
    }
    println!("{:44} {:>12} {:>12}", "", "200 hosts", "20 hosts");
    let lone = [200, 20].map(|hosts| move || Town::new(Kind::Event, hosts).http(1, 1));
    row("lone, others idle", by_turns(lone, REQUESTS), "200/20", "-");
    let busy = [200, 20].map(|hosts| move || Town::new(Kind::Event, hosts).http(hosts / 2, 10));
    let figures = by_turns(busy, 20 * REQUESTS);
    row(
        "ten connections per pair of hosts",
        figures,
        "200/20",
        "at most 1.5",
    );
}

fn row(name: &str, [left, right]: [f64; 2], what: &str, target: &str) {
    let ratio = left / right;
    println!("{name:44} {left:>12.2} {right:>12.2}   {what} = {ratio:.2} (target: {target})");
}

/// Simulated over real time of idle hosts.
fn speed(kind: Kind, hosts: usize, period: Option<Duration>) -> f64 {
    let slice = Duration::from_millis(town::idle_slice_ms(kind));
    let mut town = Town::new(kind, hosts).idle(period);
    town.pass(Duration::from_millis(10));
    let speeds = std::iter::repeat_with(|| {
        let start = Instant::now();
        town.pass(slice);
        slice.as_secs_f64() / start.elapsed().as_secs_f64()
    });
    median(speeds.take(TURNS).collect())
}

/// What a request costs in each world, in microseconds. Each world has a thread of its own, as the
/// engine wants it, but only one of them works at a time.
fn by_turns(builds: [impl FnOnce() -> Town + Send; 2], requests: u64) -> [f64; 2] {
    thread::scope(|scope| {
        let sides = builds.map(|build| {
            let (ask, asked) = mpsc::channel();
            let (tell, told) = mpsc::channel();
            scope.spawn(move || work(build(), &asked, &tell));
            (ask, told)
        });
        let mut figures = [Vec::new(), Vec::new()];
        // The first turn builds and warms up.
        for turn in 0..=TURNS {
            for ((ask, told), figures) in sides.iter().zip(&mut figures) {
                ask.send(requests).expect("the thread waits");
                let took: Duration = told.recv().expect("the thread answers");
                if turn > 0 {
                    figures.push(took.as_secs_f64() * 1e6 / requests as f64);
                }
            }
        }
        figures.map(median)
    })
}

fn work(mut town: Town, asked: &Receiver<u64>, tell: &Sender<Duration>) {
    while let Ok(requests) = asked.recv() {
        let took = town.time_requests(requests);
        tell.send(took).expect("somebody asked");
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
