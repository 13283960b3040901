//! Other orders of what is due at one instant: seeded, complete, and never within a connection.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod engine_support;

use std::collections::BTreeSet;

use engine_support::{Lab, Log, PORT};
use squall_sim::engine::{Interleaving, Link, Settings, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const CLIENTS: usize = 6;
const WORDS: usize = 20;

fn lab(interleaving: Interleaving) -> Lab {
    Lab::with(Settings {
        link: Link::healthy(1, 0),
        interleaving,
        ..Settings::new(1, CLIENTS + 1)
    })
}

/// Six clients of one server, in step: everything of theirs arrives at the same instants. What the
/// server reads, in its order, and the fingerprint.
fn arrivals(interleaving: Interleaving) -> (Vec<String>, u64) {
    let mut lab = lab(interleaving);
    let server = lab.host("server");
    let (net, spawn, log) = (lab.net(server), lab.world.spawn(server), lab.log.clone());
    let serve = async move {
        let mut listener = net.bind(PORT).await.unwrap();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let log = log.clone();
            spawn.task("reader", async move {
                let mut word = [0; 2];
                while stream.read_exact(&mut word).await.is_ok() {
                    log.say(format!("{} {}", word[0], word[1]));
                    stream.write_all(&word).await.unwrap();
                }
            });
        }
    };
    lab.world.start(server, "server", Box::pin(serve));
    for client in 0..CLIENTS {
        let host = lab.host(&format!("client-{client}"));
        lab.run(host, move |net, _log| async move {
            let mut stream = net.connect("server", PORT).await.unwrap();
            let client = u8::try_from(client).unwrap();
            for number in 0..u8::try_from(WORDS).unwrap() {
                stream.write_all(&[client, number]).await.unwrap();
                stream.read_exact(&mut [0; 2]).await.unwrap();
            }
        });
    }
    lab.pass(10_000);
    assert_eq!(lab.world.take_panics(), []);
    (lab.log.take(), lab.world.fingerprint())
}

/// Ten tasks of one host that are woken at the same instant, in the order in which they run.
fn tasks(interleaving: Interleaving) -> Vec<String> {
    let mut lab = lab(interleaving);
    let host = lab.host("host");
    let spawn = lab.world.spawn(host);
    lab.run(host, move |_net, log: Log| async move {
        for number in 0..10 {
            let log = log.clone();
            spawn.task("sleeper", async move {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                log.say(format!("{number}"));
            });
        }
    });
    lab.pass(5);
    let log = lab.log.take();
    assert_eq!(log.len(), 10, "all ran within their instant");
    log
}

fn shuffled(seed: u64) -> Interleaving {
    Interleaving::Shuffled { seed }
}

#[test]
fn the_same_seed_gives_the_same_order() {
    for interleaving in [Interleaving::Fifo, shuffled(1), shuffled(2)] {
        assert_eq!(arrivals(interleaving), arrivals(interleaving));
        assert_eq!(tasks(interleaving), tasks(interleaving));
    }
}

#[test]
fn other_seeds_give_other_orders_of_what_arrives_together() {
    let (fifo, _) = arrivals(Interleaving::Fifo);
    let sorted = |log: &[String]| log.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(fifo.len(), CLIENTS * WORDS);
    let orders: BTreeSet<_> = (0..10)
        .map(|seed| {
            let (log, _) = arrivals(shuffled(seed));
            assert_eq!(sorted(&log), sorted(&fifo), "nothing is lost or doubled");
            assert_ne!(log, fifo);
            log
        })
        .collect();
    assert_eq!(orders.len(), 10);
}

#[test]
fn a_connection_stays_in_order() {
    for seed in 0..20 {
        let (log, _) = arrivals(shuffled(seed));
        for client in 0..CLIENTS {
            let of_client = |line: &&String| line.starts_with(&format!("{client} "));
            let seen: Vec<_> = log.iter().filter(of_client).cloned().collect();
            let sent: Vec<_> = (0..WORDS).map(|word| format!("{client} {word}")).collect();
            assert_eq!(seen, sent);
        }
    }
}

#[test]
fn ready_tasks_of_a_host_overtake_each_other() {
    assert!(tasks(Interleaving::Fifo).is_sorted());
    let orders: BTreeSet<_> = (0..10).map(|seed| tasks(shuffled(seed))).collect();
    assert!(orders.len() >= 8, "{} orders of 10 tasks", orders.len());
}

/// A burst of several segments on one connection is delivered in order among those of others.
#[test]
fn a_burst_of_segments_stays_in_order_among_those_of_others() {
    for seed in 0..10 {
        let mut lab = lab(shuffled(seed));
        let server = lab.host("server");
        lab.echo(server);
        for client in 0..CLIENTS {
            let host = lab.host(&format!("client-{client}"));
            lab.run(host, |net, log| async move {
                let mut stream = net.connect("server", PORT).await.unwrap();
                let sent: Vec<u8> = (0..60_000_u32).map(|byte| byte.to_le_bytes()[0]).collect();
                stream.write_all(&sent).await.unwrap();
                let mut back = vec![0; sent.len()];
                stream.read_exact(&mut back).await.unwrap();
                assert_eq!(back, sent);
                log.say("whole");
            });
        }
        lab.pass(60_000);
        assert_eq!(lab.world.take_panics(), []);
        assert_eq!(lab.log.count("whole"), CLIENTS);
    }
}
