//! One seed, one run: the same packets at the same times, on any thread.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![expect(
    clippy::disallowed_methods,
    reason = "runs on several threads are the subject"
)]

mod engine_support;

use std::time::Duration;

use engine_support::{Lab, PORT, blocked, connect_word, joined, round_trip};
use squall_kit::rng::Rng;
use squall_sim::engine::{Link, Settings, World};
use tokio::time::{Instant, sleep};

/// A run with everything in it: jitter, loss, a partition, kills, races in `select!`.
fn story(seed: u64) -> (u64, String) {
    let mut lab = Lab::with(Settings {
        link: Link::healthy(1, 5),
        ..Settings::new(seed, 8)
    });
    let servers = [lab.host("server-1"), lab.host("server-2")];
    let clients: Vec<_> = (0..5).map(|n| lab.host(&format!("client-{n}"))).collect();
    for server in servers {
        lab.echo(server);
    }
    for (number, client) in clients.iter().enumerate() {
        let rng = Rng::stream(seed, &format!("client-{number}"));
        lab.run(*client, |net, log| async move {
            let start = Instant::now();
            for _ in 0..40 {
                let name = ["server-1", "server-2"][usize::from(rng.chance(0.5))];
                let pause = Duration::from_millis(rng.between(0, 30));
                let Ok(mut stream) = net.connect(name, PORT).await else {
                    log.say(format!("{number} no {name} {:?}", start.elapsed()));
                    sleep(pause).await;
                    continue;
                };
                // Not biased: the runtime's own randomness decides ties.
                tokio::select! {
                    answer = round_trip(&mut stream, &[7; 3_000]) => {
                        log.say(format!("{number} {} {name}", answer.is_ok()));
                    }
                    () = sleep(pause) => log.say(format!("{number} gave up {name}")),
                }
            }
            log.say(connect_word(&net, "server-1", 50).await);
        });
    }
    let lossy = Link {
        loss: 0.1,
        ..Link::healthy(2, 3)
    };
    lab.link_both(clients[0], servers[0], lossy);
    lab.pass(100);
    lab.link_both(clients[1], servers[1], blocked());
    lab.pass(100);
    lab.world.kill(servers[0]);
    lab.pass(50);
    lab.link_both(clients[1], servers[1], Link::healthy(1, 1));
    lab.echo(servers[0]);
    lab.pass(60_000);
    assert_eq!(lab.world.take_panics(), []);
    let log = lab.log.take();
    assert!(log.len() > 100, "{}", log.len());
    (lab.world.fingerprint(), joined(&log))
}

#[test]
fn the_same_seed_gives_the_same_packets() {
    assert_eq!(story(1), story(1));
}

#[test]
fn another_seed_gives_others() {
    assert_ne!(story(1).0, story(2).0);
}

#[test]
fn runs_on_two_threads_at_once_do_not_meet() {
    let here = story(3);
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(|| story(3))).collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), here);
    }
}

#[test]
fn a_link_draws_from_a_stream_of_its_own() {
    // More traffic elsewhere moves nothing on the first link.
    let arrivals = |more: bool| {
        let mut lab = Lab::with(Settings {
            link: Link::healthy(1, 50),
            ..Settings::new(5, 4)
        });
        let (server, client) = (lab.host("server"), lab.host("client"));
        let (other, noisy) = (lab.host("other"), lab.host("noisy"));
        lab.echo(server);
        lab.echo(other);
        let main = |log_it: bool, name: &'static str| {
            move |net: squall_kit::net::Net, log: engine_support::Log| async move {
                let start = Instant::now();
                let mut stream = net.connect(name, PORT).await.unwrap();
                for _ in 0..20 {
                    round_trip(&mut stream, b"x").await.unwrap();
                    if log_it {
                        log.say(format!("{:?}", start.elapsed()));
                    }
                }
            }
        };
        if more {
            lab.run(noisy, main(false, "other"));
        }
        lab.run(client, main(true, "server"));
        lab.pass(100_000);
        lab.log.take()
    };
    assert_eq!(arrivals(false), arrivals(true));
}
