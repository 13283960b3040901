//! What processes see of the simulated network under faults, as on Linux.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod engine_support;

use std::{collections::BTreeMap, time::Duration};

use engine_support::{Lab, PORT, blocked, connect_word, read_word, round_trip};
use squall_kit::net::Net;
use squall_sim::engine::{HostId, Link, Settings, World};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep, timeout},
};

const MS: Duration = Duration::from_millis(1);

/// A server that tells of each connection and how it ended.
async fn telling_server(net: Net, log: engine_support::Log) {
    let mut listener = net.bind(PORT).await.unwrap();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        log.say("accepted");
        log.say(read_word(&mut stream).await);
    }
}

fn two(seed: u64) -> (Lab, HostId, HostId) {
    let mut lab = Lab::new(seed);
    let (server, client) = (lab.host("server"), lab.host("client"));
    (lab, server, client)
}

#[test]
fn a_connect_into_a_partition_waits_as_long_as_its_caller() {
    let (mut lab, server, client) = two(1);
    lab.echo(server);
    lab.link_both(server, client, blocked());
    lab.run(client, |net, log| async move {
        let start = Instant::now();
        log.say(connect_word(&net, "server", 700).await);
        log.say(format!("{:?}", start.elapsed()));
    });
    lab.pass(10_000);
    assert_eq!(lab.log.take(), ["gave up", "700ms"]);
    assert_eq!(lab.world.effects(client, server).held, 1);
    assert_eq!(lab.world.effects(client, server).given_up, 1);
}

#[test]
fn a_connect_that_waits_in_a_partition_succeeds_at_its_heal() {
    let (mut lab, server, client) = two(1);
    lab.echo(server);
    lab.link_both(server, client, blocked());
    lab.run(client, |net, log| async move {
        log.say(connect_word(&net, "server", 60_000).await);
    });
    lab.pass(5_000);
    lab.link_both(server, client, Link::healthy(1, 0));
    lab.pass(10);
    assert_eq!(lab.log.take(), ["ok"]);
}

#[test]
fn a_stream_goes_on_after_the_heal_with_every_byte_in_order() {
    for one_way in [false, true] {
        let (mut lab, server, client) = two(1);
        lab.echo(server);
        lab.run(client, |net, log| async move {
            let mut stream = net.connect("server", PORT).await.unwrap();
            for number in 0..200_u64 {
                let word = number.to_le_bytes();
                assert_eq!(round_trip(&mut stream, &word).await.unwrap(), word);
                sleep(MS).await;
            }
            log.say("all in order");
        });
        for _ in 0..5 {
            lab.pass(50);
            lab.world.set_link(server, client, blocked());
            if !one_way {
                lab.world.set_link(client, server, blocked());
            }
            lab.pass(3_000);
            lab.link_both(server, client, Link::healthy(1, 0));
        }
        lab.pass(2_000);
        assert_eq!(lab.log.take(), ["all in order"], "one way: {one_way}");
        let held = lab.world.effects(server, client).held + lab.world.effects(client, server).held;
        assert!(held >= 5, "{held}");
    }
}

#[test]
fn peers_of_a_killed_process_read_the_end_and_then_are_refused() {
    let (mut lab, server, client) = two(1);
    lab.echo(server);
    lab.run(client, |net, log| async move {
        let mut stream = net.connect("server", PORT).await.unwrap();
        round_trip(&mut stream, b"x").await.unwrap();
        log.say(read_word(&mut stream).await);
        log.say(connect_word(&net, "server", 1_000).await);
        // Nobody will read this: the machine answers with a reset.
        stream.write_all(b"anyone?").await.unwrap();
        sleep(10 * MS).await;
        let error = stream.write_all(b"no").await.unwrap_err();
        log.say(error.kind().to_string());
    });
    lab.pass(10);
    lab.world.kill(server);
    lab.pass(1_000);
    assert_eq!(
        lab.log.take(),
        ["eof", "connection refused", "connection reset"]
    );
}

#[test]
fn after_a_power_loss_peers_see_nothing_until_the_machine_is_back() {
    let (mut lab, server, client) = two(1);
    lab.echo(server);
    lab.run(client, |net, log| async move {
        let mut stream = net.connect("server", PORT).await.unwrap();
        round_trip(&mut stream, b"x").await.unwrap();
        sleep(20 * MS).await;
        let silent = timeout(Duration::from_secs(3600), read_word(&mut stream)).await;
        log.say(format!("silent: {}", silent.is_err()));
        log.say(connect_word(&net, "server", 500).await);
        stream.write_all(b"anyone?").await.unwrap();
        log.say(read_word(&mut stream).await);
        log.say(connect_word(&net, "server", 1_000).await);
    });
    lab.pass(10);
    lab.world.power_loss(server);
    lab.pass(3_700_000);
    assert_eq!(lab.log.take(), ["silent: true", "gave up"]);
    lab.echo(server);
    lab.pass(5_000);
    assert_eq!(lab.log.take(), ["connection reset", "ok"]);
}

#[test]
fn a_client_without_power_leaves_its_server_waiting() {
    let (mut lab, server, client) = two(1);
    lab.run(server, telling_server);
    lab.run(client, |net, _| async move {
        let _stream = net.connect("server", PORT).await.unwrap();
        std::future::pending::<()>().await;
    });
    lab.pass(10);
    lab.world.power_loss(client);
    lab.pass(100_000);
    assert_eq!(lab.log.take(), ["accepted"]);
}

/// So many connects at once against a server that accepts one connection per `pace_ms`: how each
/// ended, and when, in whole seconds.
fn crowd(connects: usize, pace_ms: u64) -> BTreeMap<(String, u64), usize> {
    let mut lab = Lab::with(Settings {
        link: Link::healthy(1, 0),
        backlog: 100,
        ..Settings::new(1, 2)
    });
    let (server, client) = (lab.host("server"), lab.host("client"));
    lab.run(server, |net, _| async move {
        let mut listener = net.bind(PORT).await.unwrap();
        let mut kept = Vec::new();
        loop {
            sleep(Duration::from_millis(pace_ms)).await;
            kept.push(listener.accept().await.unwrap());
        }
    });
    let spawn = lab.world.spawn(client);
    for _ in 0..connects {
        let (net, log) = (lab.net(client), lab.log.clone());
        lab.run(client, |_, _| std::future::ready(()));
        spawn.task("connect", async move {
            let start = Instant::now();
            let ended = net.connect("server", PORT).await;
            let word = ended.map_or_else(|error| error.kind().to_string(), |_| "ok".to_owned());
            log.say(format!("{word}@{}", start.elapsed().as_secs()));
        });
    }
    lab.pass(600_000);
    let mut ends = BTreeMap::new();
    for line in lab.log.take() {
        let (word, second) = line.split_once('@').unwrap();
        let key = (word.to_owned(), second.parse().unwrap());
        *ends.entry(key).or_insert(0) += 1;
    }
    ends
}

#[test]
fn a_full_backlog_lets_connects_in_at_a_syn_retry_or_times_them_out() {
    // Nobody accepts: what fits is connected at once (Linux: one more than the backlog).
    let stuck = crowd(1_000, 10_000_000);
    let expected = [
        (("ok".to_owned(), 0), 101),
        (("timed out".to_owned(), 63), 899),
    ];
    assert_eq!(stuck, BTreeMap::from(expected));

    // A slow server: at once, or at a retry, or never.
    let slow = crowd(1_000, 50);
    assert_eq!(slow.values().sum::<usize>(), 1_000, "none hangs: {slow:?}");
    for (word, second) in slow.keys() {
        match word.as_str() {
            "ok" => assert!([0, 1, 3, 7, 15, 31].contains(second), "{slow:?}"),
            other => assert_eq!((other, *second), ("timed out", 63), "{slow:?}"),
        }
    }
    assert!(slow.len() >= 6, "{slow:?}");

    // A quick one empties its queue between the retries: six times 101 get in.
    let quick = crowd(606, 1);
    assert!(quick.keys().all(|(word, _)| word == "ok"), "{quick:?}");
    assert_eq!(quick.len(), 6, "{quick:?}");
}

#[test]
fn connects_given_up_in_a_partition_leave_no_ghosts() {
    // Which direction is cut: SYNs held, or SYN-ACKs held while the server has half-open children.
    for (cut_syn, cut_answer) in [(true, true), (true, false), (false, true)] {
        let (mut lab, server, client) = two(1);
        lab.run(server, telling_server);
        lab.run(client, |net, log| async move {
            // A SYN arrives after 1 ms: given up before its answer has left, or after.
            for number in 0..3_000 {
                log.say(connect_word(&net, "server", 1 + number % 5).await);
            }
        });
        if cut_syn {
            lab.world.set_link(client, server, blocked());
        }
        if cut_answer {
            lab.world.set_link(server, client, blocked());
        }
        lab.pass(20_000);
        assert_eq!(lab.log.count("gave up"), 3_000);
        assert_eq!(lab.log.take().len(), 3_000, "the server saw somebody");
        lab.link_both(server, client, Link::healthy(1, 0));
        lab.pass(1_000);
        assert!(lab.log.take().is_empty(), "a ghost came at the heal");
        // All client ports once more, and some twice: no old child may hold its four numbers.
        lab.run(client, |net, log| async move {
            for _ in 0..17_000 {
                log.say(connect_word(&net, "server", 100).await);
            }
        });
        lab.pass(200_000);
        assert_eq!(lab.log.count("ok"), 17_000, "{cut_syn} {cut_answer}");
        assert_eq!(lab.log.count("accepted"), 17_000);
    }
}

#[test]
fn a_connect_given_up_between_syn_and_answer_frees_its_place() {
    let mut lab = Lab::with(Settings {
        link: Link::healthy(10, 0),
        backlog: 2,
        ..Settings::new(1, 2)
    });
    let (server, client) = (lab.host("server"), lab.host("client"));
    lab.run(server, telling_server);
    lab.run(client, |net, log| async move {
        // The SYN arrives at 10 ms, its answer would at 20 ms.
        for limit_ms in [5, 10, 15, 19] {
            for _ in 0..20 {
                log.say(connect_word(&net, "server", limit_ms).await);
            }
        }
        log.say(connect_word(&net, "server", 100).await);
    });
    lab.pass(10_000);
    assert_eq!(lab.log.count("gave up"), 80);
    assert_eq!(lab.log.take()[80..], ["ok", "accepted", "eof"]);
}

#[test]
fn a_slow_reader_gets_all_of_a_megabyte() {
    for piece in [100, 1_460, 30_000, 70_000] {
        let (mut lab, server, client) = two(1);
        lab.run(server, |net, _| async move {
            let mut listener = net.bind(PORT).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let bytes: Vec<u8> = (0..1 << 20).map(|index| (index % 251) as u8).collect();
            stream.write_all(&bytes).await.unwrap();
        });
        lab.run(client, move |net, log| async move {
            let mut stream = net.connect("server", PORT).await.unwrap();
            let mut buffer = vec![0; piece];
            let mut total = 0;
            loop {
                sleep(MS).await;
                let read = stream.read(&mut buffer).await.unwrap();
                if read == 0 {
                    break;
                }
                for byte in &buffer[..read] {
                    assert_eq!(usize::from(*byte), total % 251);
                    total += 1;
                }
            }
            log.say(format!("{total}"));
        });
        lab.pass(60_000);
        assert_eq!(lab.log.take(), ["1048576"], "pieces of {piece}");
    }
}

#[test]
fn a_writer_waits_for_a_reader_that_does_not_read() {
    let (mut lab, server, client) = two(1);
    lab.run(server, |net, _| async move {
        let mut listener = net.bind(PORT).await.unwrap();
        let _kept = listener.accept().await.unwrap();
        std::future::pending::<()>().await;
    });
    lab.run(client, |net, log| async move {
        let mut stream = net.connect("server", PORT).await.unwrap();
        let all = stream.write_all(&[0; 1 << 20]);
        log.say(format!("{}", timeout(100_000 * MS, all).await.is_err()));
    });
    lab.pass(200_000);
    assert_eq!(lab.log.take(), ["true"]);
}

#[test]
fn a_lossy_link_delays_and_loses_nothing() {
    let (mut lab, server, client) = two(7);
    lab.echo(server);
    let lossy = Link {
        loss: 0.3,
        ..Link::healthy(1, 0)
    };
    lab.link_both(server, client, lossy);
    lab.run(client, |net, log| async move {
        let mut stream = net.connect("server", PORT).await.unwrap();
        for number in 0..100_u64 {
            let start = Instant::now();
            let word = number.to_le_bytes();
            assert_eq!(round_trip(&mut stream, &word).await.unwrap(), word);
            // Two directions, each late by 200, 600, 1 400, … ms or not at all.
            let late = start.elapsed().as_millis() - 2;
            assert_eq!(late % 200, 0, "{late}");
            log.say(if late == 0 { "in time" } else { "late" });
        }
    });
    lab.pass(1_000_000);
    assert_eq!(lab.log.count("in time") + lab.log.count("late"), 100);
    assert!(lab.log.count("late") > 30 && lab.log.count("in time") > 30);
    let effects = lab.world.effects(client, server);
    assert!(effects.delayed > 0 && effects.dropped == 0, "{effects:?}");
}

#[test]
fn connections_do_not_wait_for_each_other_and_never_overtake_themselves() {
    let mut lab = Lab::with(Settings {
        link: Link::healthy(1, 20),
        ..Settings::new(3, 2)
    });
    let (server, client) = (lab.host("server"), lab.host("client"));
    lab.echo(server);
    lab.run(client, |net, log| async move {
        let one = async {
            let mut stream = net.connect("server", PORT).await.unwrap();
            for number in 0..300_u64 {
                stream.write_all(&number.to_le_bytes()).await.unwrap();
                sleep(MS).await;
            }
            for number in 0..300_u64 {
                assert_eq!(stream.read_u64_le().await.unwrap(), number);
            }
            Instant::now()
        };
        let two = async {
            let mut stream = net.connect("server", PORT).await.unwrap();
            round_trip(&mut stream, b"quick").await.unwrap();
            Instant::now()
        };
        let (slow, quick) = tokio::join!(one, two);
        log.say(format!("{}", quick < slow));
    });
    lab.pass(5_000);
    assert_eq!(lab.log.take(), ["true"]);
    assert_eq!(lab.world.effects(client, server).total(), 0);
}

#[test]
fn a_reset_between_two_hosts_loses_the_reply_and_nothing_else() {
    let (mut lab, server, client) = two(1);
    let other = lab.host("other");
    lab.echo(server);
    for host in [client, other] {
        lab.run(host, |net, log| async move {
            let mut stream = net.connect("server", PORT).await.unwrap();
            sleep(10 * MS - 2 * MS).await;
            stream.write_all(b"?").await.unwrap();
            log.say(read_word(&mut stream).await);
            log.say(connect_word(&net, "server", 100).await);
        });
    }
    // At 11 ms the server has answered; the answers are on their way.
    lab.pass(11);
    lab.world.reset_connections(client, server);
    lab.pass(1_000);
    let mut told = lab.log.take();
    told.sort();
    assert_eq!(told, ["connection reset", "data", "ok", "ok"]);
    assert!(lab.world.effects(server, client).dropped > 0);
    assert_eq!(lab.world.effects(server, other).total(), 0);
}

#[test]
fn calm_links_have_no_effects() {
    let (mut lab, server, client) = two(1);
    lab.echo(server);
    lab.run(client, |net, _| async move {
        for _ in 0..100 {
            let mut stream = net.connect("server", PORT).await.unwrap();
            round_trip(&mut stream, b"calm").await.unwrap();
        }
    });
    lab.pass(10_000);
    assert_eq!(lab.world.effects(client, server).total(), 0);
    assert_eq!(lab.world.effects(server, client).total(), 0);
    assert_eq!(lab.world.take_panics(), []);
}
