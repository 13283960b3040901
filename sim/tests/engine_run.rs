//! How a run of the event-driven engine starts, goes on, fails and ends.

mod engine_support;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use engine_support::{Lab, PORT, connect_word, read_word, round_trip};
use squall_sim::engine::{Engine, EngineError, Link, Settings, Stopped, World};
use tokio::{io::AsyncWriteExt, time::sleep};

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_request_takes_its_links_latency_and_nothing_else() {
    let mut lab = Lab::new(1);
    let (server, client) = (lab.host("server"), lab.host("client"));
    lab.echo(server);
    lab.run(client, |net, log| async move {
        let start = tokio::time::Instant::now();
        let mut stream = net.connect("server", PORT).await.unwrap();
        log.say(format!("connected {:?}", start.elapsed()));
        assert_eq!(round_trip(&mut stream, b"hello").await.unwrap(), b"hello");
        log.say(format!("answered {:?}", start.elapsed()));
    });
    lab.pass(1000);
    assert_eq!(lab.log.take(), ["connected 2ms", "answered 4ms"]);
    assert_eq!(lab.world.now(), 1000 * MS);
    assert_eq!(lab.world.take_panics(), []);
}

#[test]
fn an_idle_year_is_one_jump() {
    let mut lab = Lab::new(1);
    lab.host("nobody");
    let year = Duration::from_secs(365 * 24 * 3600);
    assert_eq!(lab.world.run_until(year), Ok(Stopped::Deadline));
    assert_eq!(lab.world.now(), year);
}

#[test]
fn clocks_show_epoch_virtual_time_and_skew() {
    let mut lab = Lab::new(1);
    let (right, wrong) = (lab.host("right"), lab.host("wrong"));
    let epoch_ms = Settings::new(1, 1).epoch_ms;
    lab.world.set_skew(wrong, -3_000);
    lab.pass(5_000);
    assert_eq!(lab.world.clock(right).now_ms(), epoch_ms + 5_000);
    assert_eq!(lab.world.clock(wrong).now_ms(), epoch_ms + 2_000);
}

#[test]
fn a_killed_host_refuses_and_serves_again_after_a_start() {
    let mut lab = Lab::new(1);
    let (server, client) = (lab.host("server"), lab.host("client"));
    for round in 0..3 {
        lab.echo(server);
        lab.run(client, |net, log| async move {
            log.say(connect_word(&net, "server", 1000).await);
        });
        lab.pass(2000);
        lab.world.kill(server);
        lab.run(client, |net, log| async move {
            log.say(connect_word(&net, "server", 1000).await);
        });
        lab.pass(2000);
        assert_eq!(
            lab.log.take(),
            ["ok", "connection refused"],
            "round {round}"
        );
    }
    assert_eq!(lab.world.effects(client, server).refused, 3);
}

#[test]
fn a_port_is_taken_only_while_somebody_listens() {
    let mut lab = Lab::new(1);
    let host = lab.host("host");
    lab.run(host, |net, log| async move {
        let first = net.bind(PORT).await.unwrap();
        let second = net.bind(PORT).await.err().map(|error| error.kind());
        log.say(format!("{second:?}"));
        drop(first);
        log.say(format!("{}", net.bind(PORT).await.is_ok()));
    });
    lab.pass(1);
    assert_eq!(lab.log.take(), ["Some(AddrInUse)", "true"]);
}

#[test]
fn a_host_can_call_itself() {
    let mut lab = Lab::new(1);
    let host = lab.host("host");
    lab.echo(host);
    lab.run(host, |net, log| async move {
        let mut stream = net.connect("host", PORT).await.unwrap();
        assert_eq!(round_trip(&mut stream, b"me").await.unwrap(), b"me");
        log.say("answered");
    });
    lab.pass(1);
    assert_eq!(lab.log.take(), ["answered"]);
}

#[test]
fn a_panic_ends_its_task_alone_and_is_told_with_its_place() {
    let mut lab = Lab::new(1);
    let (bad, good) = (lab.host("bad"), lab.host("good"));
    let spawn = lab.world.spawn(bad);
    lab.run(bad, |_, log| async move {
        spawn.task("doomed", async { panic!("the {} broke", "invariant") });
        sleep(MS).await;
        log.say("main of bad goes on");
    });
    lab.run(good, |_, log| async move {
        sleep(2 * MS).await;
        log.say("good goes on");
    });
    lab.pass(10);
    assert_eq!(lab.log.take(), ["main of bad goes on", "good goes on"]);
    let panics = lab.world.take_panics();
    assert_eq!(panics.len(), 1);
    assert_eq!(panics[0].message, "the invariant broke");
    assert_eq!((panics[0].host.as_str(), panics[0].task), ("bad", "doomed"));
    assert!(panics[0].place.contains("engine_run.rs:"), "{panics:?}");
    assert_eq!(lab.world.take_panics(), []);
}

#[test]
fn a_panic_while_a_killed_task_is_dropped_is_told_too() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in a drop");
        }
    }
    let mut lab = Lab::new(1);
    let host = lab.host("host");
    lab.run(host, |_, _| async move {
        let _bomb = Bomb;
        std::future::pending::<()>().await;
    });
    lab.pass(1);
    lab.world.kill(host);
    assert_eq!(lab.world.take_panics()[0].message, "in a drop");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what must not pass unnoticed")]
fn a_bare_spawn_fails_with_its_place() {
    let mut lab = Lab::new(1);
    let host = lab.host("host");
    lab.run(host, |_, log| async move {
        tokio::spawn(async {});
        log.say("not reached");
    });
    lab.pass(1);
    assert!(lab.log.take().is_empty());
    let message = &lab.world.take_panics()[0].message;
    assert!(message.contains("engine_run.rs:"), "{message}");
    assert!(message.contains("pod.spawn"), "{message}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what must not pass unnoticed")]
fn a_blocking_thread_ends_the_run() {
    let mut lab = Lab::new(1);
    let host = lab.host("host");
    lab.run(host, |_, _| async move {
        let _ = tokio::task::spawn_blocking(|| ()).await;
    });
    let ended = lab.world.run_until(10 * MS);
    assert!(
        matches!(ended, Err(EngineError::BlockingThread { .. })),
        "{ended:?}"
    );
}

#[test]
fn a_livelock_ends_the_run_and_names_the_host() {
    let mut lab = Lab::new(1);
    let (busy, _idle) = (lab.host("busy"), lab.host("idle"));
    lab.run(busy, |_, _| async move {
        sleep(7 * MS).await;
        loop {
            tokio::task::yield_now().await;
        }
    });
    match lab.world.run_until(10 * MS) {
        Err(EngineError::Livelock { host, at, .. }) => {
            assert_eq!((host.as_str(), at), ("busy", 7 * MS));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn runs_follow_each_other_on_one_thread_also_after_a_panic() {
    for _ in 0..2 {
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let mut lab = Lab::new(1);
            let (server, client) = (lab.host("server"), lab.host("client"));
            lab.echo(server);
            lab.run(client, |net, _| async move {
                let mut stream = net.connect("server", PORT).await.unwrap();
                stream.write_all(b"half a").await.unwrap();
                std::future::pending::<()>().await;
            });
            lab.pass(100);
            panic!("the world loop broke");
        }));
        assert!(unwound.is_err());
    }
    a_request_takes_its_links_latency_and_nothing_else();
    let first = Lab::new(1);
    let second = Engine::new(Settings::new(1, 1));
    assert_eq!(second.err(), Some(EngineError::Nested));
    drop(first);
}

#[test]
fn what_outlives_its_run_does_no_harm() {
    let kept = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    {
        let mut lab = Lab::new(1);
        let (server, client) = (lab.host("server"), lab.host("client"));
        lab.echo(server);
        let keep = kept.clone();
        lab.run(client, |net, _| async move {
            let stream = net.connect("server", PORT).await.unwrap();
            keep.lock().unwrap().push(stream);
        });
        lab.pass(10);
    }
    assert_eq!(kept.lock().unwrap().len(), 1);
    let _next = Lab::new(2);
    kept.lock().unwrap().clear();
}

#[test]
fn an_interrupt_comes_back_before_anything_of_its_instant_has_left() {
    let mut lab = Lab::new(1);
    let (server, client) = (lab.host("server"), lab.host("client"));
    let interrupter = lab.world.interrupter();
    lab.run(server, |net, _| async move {
        let mut listener = net.bind(PORT).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_eq!(read_word(&mut stream).await, "data");
        interrupter.interrupt();
        stream.write_all(b"!").await.unwrap();
        std::future::pending::<()>().await;
    });
    lab.run(client, |net, log| async move {
        let mut stream = net.connect("server", PORT).await.unwrap();
        stream.write_all(b"?").await.unwrap();
        log.say(read_word(&mut stream).await);
    });
    assert_eq!(lab.world.run_until(100 * MS), Ok(Stopped::Interrupted));
    assert_eq!(lab.world.now(), 3 * MS);
    // The answer has been written and the process dies: it must not arrive.
    lab.world.kill(server);
    assert_eq!(lab.world.run_until(100 * MS), Ok(Stopped::Deadline));
    assert_eq!(lab.log.take(), ["connection reset"]);
}

#[test]
fn tasks_that_yield_survive_interrupts_and_deadlines() {
    let mut lab = Lab::new(1);
    let host = lab.host("host");
    let interrupter = lab.world.interrupter();
    lab.run(host, |_, log| async move {
        for _ in 0..50 {
            interrupter.interrupt();
            tokio::task::yield_now().await;
        }
        log.say("done");
    });
    let mut interrupts = 0;
    while lab.world.run_until(Duration::ZERO).unwrap() == Stopped::Interrupted {
        interrupts += 1;
    }
    assert_eq!((interrupts, lab.log.take().len()), (50, 1));
}

#[test]
fn slots_are_used_again_and_old_ids_are_void() {
    let mut lab = Lab::with(Settings {
        link: Link::healthy(1, 0),
        ..Settings::new(1, 2)
    });
    let client = lab.host("client");
    for round in 0..5 {
        let server = lab.host("server");
        lab.echo(server);
        lab.run(client, |net, log| async move {
            let mut stream = net.connect("server", PORT).await.unwrap();
            round_trip(&mut stream, b"x").await.unwrap();
            log.say("answered");
            log.say(read_word(&mut stream).await);
            log.say(connect_word(&net, "server", 100).await);
        });
        lab.pass(100);
        lab.world.remove_host(server);
        lab.pass(100);
        let told = lab.log.take();
        assert_eq!(told, ["answered", "eof", "connection refused"], "{round}");
        let stale = catch_unwind(AssertUnwindSafe(|| lab.world.kill(server)));
        assert!(stale.is_err());
    }
}

#[test]
fn a_dead_host_starts_no_tasks() {
    let mut lab = Lab::new(1);
    let host = lab.host("host");
    let spawn = lab.world.spawn(host);
    lab.run(host, |_, _| std::future::pending());
    lab.pass(1);
    lab.world.kill(host);
    let log = lab.log.clone();
    spawn.task("ghost", async move { log.say("ran") });
    lab.pass(1);
    assert!(lab.log.take().is_empty());
}
