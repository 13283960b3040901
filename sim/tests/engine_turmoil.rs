//! The second engine does what clusters need of it.

mod engine_support;

use std::time::Duration;

use engine_support::{Lab, PORT, blocked, connect_word, joined, read_word, round_trip};
use squall_sim::engine::{Link, Settings, Stopped, TurmoilEngine, World};
use tokio::time::{sleep, timeout};

const MS: Duration = Duration::from_millis(1);

fn lab(seed: u64) -> Lab<TurmoilEngine> {
    let settings = Settings {
        link: Link::healthy(1, 0),
        ..Settings::new(seed, 16)
    };
    Lab::of(TurmoilEngine::new(settings).expect("an engine"))
}

#[test]
fn processes_start_answer_die_and_start_again() {
    let mut lab = lab(1);
    let (server, client) = (lab.host("server"), lab.host("client"));
    for round in 0..3 {
        lab.echo(server);
        lab.run(client, |net, log| async move {
            sleep(5 * MS).await;
            let mut stream = net.connect("server", PORT).await.unwrap();
            assert_eq!(round_trip(&mut stream, b"x").await.unwrap(), b"x");
            log.say(read_word(&mut stream).await);
            log.say(connect_word(&net, "server", 1_000).await);
        });
        lab.pass(100);
        assert!(lab.log.take().is_empty(), "still connected");
        lab.world.kill(server);
        lab.pass(100);
        assert_eq!(lab.log.take(), ["eof", "connection refused"], "{round}");
        lab.world.kill(client);
    }
    assert_eq!(lab.world.now(), 600 * MS);
    assert_eq!(lab.world.take_panics(), []);
}

#[test]
fn a_two_way_partition_holds_until_its_heal() {
    let mut lab = lab(1);
    let (server, client) = (lab.host("server"), lab.host("client"));
    lab.echo(server);
    lab.run(client, |net, log| async move {
        sleep(5 * MS).await;
        let mut stream = net.connect("server", PORT).await.unwrap();
        sleep(20 * MS).await;
        let answer = round_trip(&mut stream, b"through").await.unwrap();
        log.say(String::from_utf8(answer).unwrap());
    });
    lab.pass(20);
    lab.link_both(server, client, blocked());
    lab.pass(500);
    assert!(lab.log.take().is_empty());
    assert!(lab.world.effects(client, server).held > 0);
    lab.link_both(server, client, Link::healthy(1, 0));
    lab.pass(100);
    assert_eq!(lab.log.take(), ["through"]);
    assert!(lab.world.effects(client, server).held > 0);
}

#[test]
fn after_a_power_loss_peers_see_nothing() {
    let mut lab = lab(1);
    let (server, client) = (lab.host("server"), lab.host("client"));
    lab.echo(server);
    lab.run(client, |net, log| async move {
        sleep(5 * MS).await;
        let mut stream = net.connect("server", PORT).await.unwrap();
        let silent = timeout(200 * MS, read_word(&mut stream)).await;
        log.say(format!("silent: {}", silent.is_err()));
        log.say(connect_word(&net, "server", 100).await);
        sleep(200 * MS).await;
        log.say(connect_word(&net, "server", 100).await);
    });
    lab.pass(20);
    lab.world.power_loss(server);
    lab.pass(400);
    lab.echo(server);
    lab.pass(400);
    assert_eq!(lab.log.take(), ["silent: true", "gave up", "ok"]);
}

#[test]
fn panics_interrupts_and_clocks_work_alike() {
    let mut lab = lab(1);
    let host = lab.host("host");
    let (spawn, interrupter) = (lab.world.spawn(host), lab.world.interrupter());
    lab.world.set_skew(host, 7);
    lab.run(host, |_, log| async move {
        spawn.task("doomed", async { panic!("broke") });
        sleep(10 * MS).await;
        interrupter.interrupt();
        log.say("goes on");
    });
    assert_eq!(lab.world.run_until(100 * MS), Ok(Stopped::Interrupted));
    assert_eq!(lab.log.take(), ["goes on"]);
    let panics = lab.world.take_panics();
    assert_eq!(
        (panics[0].task, panics[0].message.as_str()),
        ("doomed", "broke")
    );
    assert!(panics[0].place.contains("engine_turmoil.rs:"));
    assert_eq!(lab.world.run_until(100 * MS), Ok(Stopped::Deadline));
    let epoch_ms = Settings::new(1, 1).epoch_ms;
    assert_eq!(lab.world.clock(host).now_ms(), epoch_ms + 107);
}

#[test]
fn one_seed_is_one_run() {
    let story = |seed| {
        let mut lab = Lab::of(TurmoilEngine::new(Settings::new(seed, 8)).expect("an engine"));
        let server = lab.host("server");
        lab.echo(server);
        for number in 0..4 {
            let client = lab.host(&format!("client-{number}"));
            lab.run(client, |net, log| async move {
                sleep(5 * MS).await;
                for _ in 0..20 {
                    let mut stream = net.connect("server", PORT).await.unwrap();
                    round_trip(&mut stream, b"x").await.unwrap();
                    log.say(format!("{number}"));
                }
            });
        }
        lab.pass(2_000);
        (lab.world.fingerprint(), joined(&lab.log.take()))
    };
    assert_eq!(story(1), story(1));
    assert_ne!(story(1).0, story(2).0);
}
