//! Stories about what a nemesis does, and what is counted of it.

use std::time::Duration;

use squall_kit::{BoxFuture, Error, Pod};
use squall_reports::history::{Consumption, Entry, Outcome as Known, PodPhase, What};
use squall_sim::{
    controls::{Calm, Controls, Effect, Hold, Nemesis, Ways},
    load::{Extent, Load},
    range::TimeRange,
};

use crate::{
    notes::{NOTES_AND_ECHOES, STORE, WRITE_AND_WAIT},
    story::{Script, Told, ms, play, run, siege, visitor},
    town::{DeploymentSpec, PLAIN, StoreSpec, cluster},
};

/// Does one thing from 2 s to 5 s, and tells its effect.
fn fault(
    begin: impl FnOnce(&mut Controls<'_>) -> Hold + Send + 'static,
) -> (Script, std::sync::mpsc::Receiver<Effect>) {
    let (hold_to, hold_from) = std::sync::mpsc::channel();
    let (effect_to, effect) = std::sync::mpsc::channel();
    let script = Script::default()
        .at(ms(2_000), move |controls| {
            hold_to.send(begin(controls)).expect("it is kept until 5 s")
        })
        .at(ms(5_000), move |controls| {
            let effect = controls.heal(hold_from.recv().expect("it began at 2 s"));
            // Some tests do not ask.
            let _ = effect_to.send(effect);
        });
    (script, effect)
}

/// One user writes notes and waits for their echoes, over and over.
const WRITER: Load = Load {
    name: "writer",
    mix: WRITE_AND_WAIT,
    ..siege(1, Extent::For(Duration::from_secs(10)))
};

#[test]
fn a_partition_stops_everything_and_heals() {
    for ways in [Ways::Both, Ways::OneWay] {
        let (script, effect) = fault(move |c| c.partition("who", "clients", ways).unwrap());
        let told = play(cluster(&[PLAIN]), &[visitor(10)], script, 10);
        let (ok, not) = told.ok_and_not(ms(2_000), ms(2_990));
        assert!(ok == 0 && not > 0, "{ways:?}: {ok} ok, {not} not");
        let (ok, not) = told.ok_and_not(ms(7_000), ms(10_000));
        assert!(
            ok > 20 && not == 0,
            "{ways:?}: {ok} ok, {not} not after the heal"
        );
        assert!(effect.recv().unwrap()["packets_held"] > 0);
    }
}

#[test]
fn a_slow_link_delays_and_a_lossy_one_delays_some() {
    let (script, _) = fault(|c| {
        c.slow_link("clients", "who", TimeRange::ms(50, 50))
            .unwrap()
    });
    let told = play(cluster(&[PLAIN]), &[visitor(10)], script, 10);
    let took = |told: &Told, from, to| {
        let asked = told.asked();
        let within = asked.iter().filter(|one| (from..to).contains(&one.sent));
        let took: Vec<_> = within
            .filter_map(|one| Some(one.answered?.0 - one.sent))
            .collect();
        (*took.iter().min().unwrap(), *took.iter().max().unwrap())
    };
    // Two round trips, to connect and to ask: four times 50 ms.
    assert!(took(&told, ms(2_100), ms(4_500)).0 >= ms(200));
    assert!(took(&told, ms(0), ms(1_800)).1 < ms(50));

    let (script, effect) = fault(|c| c.lossy_link("clients", "who", 0.2).unwrap());
    let told = play(cluster(&[PLAIN]), &[visitor(10)], script, 10);
    let (least, most) = took(&told, ms(2_000), ms(4_800));
    assert!(least < ms(50) && most > ms(200), "{least:?} to {most:?}");
    assert!(effect.recv().unwrap()["packets_delayed"] > 0);
}

#[test]
fn a_stopped_deployment_comes_back_when_healed() {
    let (script, effect) = fault(|c| c.stop_deployment("who").unwrap());
    let told = play(cluster(&[PLAIN]), &[visitor(10)], script, 10);
    // Half a second until it listens, and the next tick of its probe.
    let (ok, not) = told.ok_and_not(ms(2_010), ms(5_500));
    assert!(ok == 0 && not > 0, "{ok} ok, {not} not");
    assert_eq!(told.ok_and_not(ms(6_100), ms(10_000)).1, 0);
    assert!(told.life("who-1").len() == 4 && told.life("who-2").len() == 2);
    assert_eq!(effect.recv().unwrap()["pods_stopped"], 1);
}

#[test]
fn a_machine_without_power_says_nothing_at_all() {
    let (script, effect) = fault(|c| c.power_loss("who-1").unwrap());
    let told = play(cluster(&[PLAIN]), &[visitor(10)], script, 10);
    assert_eq!(told.ok_and_not(ms(2_000), ms(4_500)).0, 0);
    let (ok, _) = told.ok_and_not(ms(7_000), ms(10_000));
    assert!(ok > 20, "{ok} ok after it was started again");
    assert_eq!(effect.recv().unwrap()["machines_without_power"], 1);
}

#[test]
fn nothing_is_lost_when_store_broker_and_pods_fail_in_turn() {
    let script = Script::default()
        .at(ms(1_000), |c| {
            c.stop_broker();
        })
        .at(ms(3_000), |c| {
            c.stop_store("echoes").unwrap();
        })
        .at(ms(4_000), |c| {
            c.kill("notes").unwrap();
        })
        .at(ms(5_000), |c| {
            c.stop_store("notes").unwrap();
        });
    let told = play(cluster(NOTES_AND_ECHOES), &[WRITER], script, 10);
    assert_eq!(told.0.unsettled, None, "everything heals after the load");
    let (notes, echoes) = (told.stored("notes"), told.stored("echoes"));
    let acknowledged = told
        .asked()
        .iter()
        .filter(|one| one.route == "/notes" && matches!(one.answered, Some((_, Some(201), _))))
        .count();
    assert!(acknowledged > 0 && notes.len() >= acknowledged);
    assert_eq!(notes.len(), echoes.len());
    assert!(echoes.iter().all(|echo| echo["times"] == 1));
}

#[test]
fn repeated_deliveries_are_counted_and_dropped_by_the_inbox() {
    let (script, effect) = fault(|c| c.duplicate_deliveries(1.0).unwrap());
    let told = play(cluster(NOTES_AND_ECHOES), &[WRITER], script, 10);
    let repeated = effect.recv().unwrap()["deliveries_repeated"];
    let dropped = told.entries().filter(|(_, _, what)| {
        matches!(
            what,
            What::Consumed {
                outcome: Consumption::Duplicate,
                ..
            }
        )
    });
    assert!(repeated > 0);
    assert_eq!(dropped.count() as u64, repeated);
    assert!(told.stored("echoes").iter().all(|echo| echo["times"] == 1));
}

#[test]
fn a_slow_pod_takes_longer_and_its_clock_may_be_wrong() {
    let (script, effect) = fault(|c| c.slow_pod("who", 10.0).unwrap());
    let told = play(cluster(&[PLAIN]), &[visitor(10)], script, 10);
    let asked = told.asked();
    let slow = asked.iter().find(|one| one.sent > ms(2_100)).unwrap();
    assert!(slow.answered.unwrap().0 - slow.sent >= ms(100));
    assert!(effect.recv().unwrap()["requests_slowed"] > 5);

    let (script, effect) = fault(|c| c.skew_clock("notes", -60_000).unwrap());
    let told = play(cluster(NOTES_AND_ECHOES), &[WRITER], script, 10);
    assert!(effect.recv().unwrap()["reads_of_wrong_clocks"] > 5);
    assert_eq!(told.0.unsettled, None);
}

/// Loses the reply of the third commit of `notes-store`.
#[derive(Default)]
struct LoseThirdReply {
    commits: u32,
    due: bool,
    lost: Option<Effect>,
}

impl Nemesis for LoseThirdReply {
    fn hear(&mut self, entry: &Entry) -> bool {
        if &*entry.host == "notes-store" && matches!(entry.what, What::Committed { .. }) {
            self.commits += 1;
            self.due = self.commits == 3;
        }
        self.due
    }

    fn advance(&mut self, _now: Duration, controls: &mut Controls<'_>) {
        if std::mem::take(&mut self.due) {
            let hold = controls.lose_reply("notes-store", "notes");
            let hold = hold.expect("both are there");
            let effect = controls.heal(hold);
            controls.fault_ended(0, effect.clone());
            self.lost = Some(effect);
        }
    }

    fn next_deadline(&self) -> Option<Duration> {
        None
    }

    fn finish(&mut self, _now: Duration, _controls: &mut Controls<'_>) {}
}

#[test]
fn a_lost_reply_is_exact_and_the_commit_is_asked_for_again() {
    let nemesis = Box::new(LoseThirdReply::default());
    let told = Told(run(cluster(NOTES_AND_ECHOES), &[WRITER], nemesis, 10, 1));
    assert_eq!(told.0.broken, Vec::<String>::new());
    let commits: Vec<(&String, bool)> = told
        .entries()
        .filter(|(_, host, _)| *host == "notes-store")
        .filter_map(|(_, _, what)| match what {
            What::Committed {
                commit, replayed, ..
            } => Some((commit, *replayed)),
            _ => None,
        })
        .collect();
    // The third was executed, its reply lost: the fourth is the same, and executes nothing.
    assert_eq!(commits[3], (commits[2].0, true));
    assert_eq!(commits.iter().filter(|(_, replayed)| *replayed).count(), 1);
    let effects: Vec<&Effect> = told
        .entries()
        .filter_map(|(_, _, what)| match what {
            What::FaultEnded { effect, .. } => Some(effect),
            _ => None,
        })
        .collect();
    assert!(effects[0]["connections_reset"] > 0, "{effects:?}");
    let (_, badly) = told.journeys();
    assert_eq!(badly, Vec::<String>::new(), "its user never noticed");
}

/// Ends by itself after a second, with or without an error.
fn quitter(pod: Pod) -> BoxFuture<'static, Result<(), Error>> {
    Box::pin(async move {
        let _listener = pod.net.bind(8080).await?;
        tokio::time::sleep(ms(1_000)).await;
        pod.config.text("PURPOSE")?;
        Ok(())
    })
}

#[test]
fn a_program_that_ends_by_itself_is_started_again() {
    const QUITTER: DeploymentSpec = DeploymentSpec {
        program: quitter,
        ..PLAIN
    };
    const CONTENT: DeploymentSpec = DeploymentSpec {
        config: &[("PURPOSE", "none")],
        ..QUITTER
    };
    for (spec, expected) in [
        (cluster(&[QUITTER]), "setting PURPOSE is missing"),
        (cluster(&[CONTENT]), "ended by itself, unasked"),
    ] {
        let told = play(spec, &[visitor(5)], Script::default(), 5);
        let life = told.life("who-1");
        let ended = life
            .iter()
            .find(|(_, phase, _)| *phase == PodPhase::Ended)
            .unwrap();
        assert_eq!(ended.2, expected);
        let starts = life
            .iter()
            .filter(|(_, phase, _)| *phase == PodPhase::Starting);
        assert!(starts.count() > 1);
    }
}

fn panicker(pod: Pod) -> BoxFuture<'static, Result<(), Error>> {
    Box::pin(async move {
        let _listener = pod.net.bind(8080).await?;
        pod.spawn.task("worker", async {
            tokio::time::sleep(ms(1_000)).await;
            panic!("no more");
        });
        std::future::pending().await
    })
}

fn spinner(pod: Pod) -> BoxFuture<'static, Result<(), Error>> {
    Box::pin(async move {
        let _listener = pod.net.bind(8080).await?;
        tokio::time::sleep(ms(1_000)).await;
        loop {
            tokio::task::yield_now().await;
        }
    })
}

#[test]
fn a_program_that_never_rests_breaks_the_run_and_is_named() {
    const SPINNER: DeploymentSpec = DeploymentSpec {
        program: spinner,
        ..PLAIN
    };
    let ran = run(cluster(&[SPINNER]), &[visitor(5)], Box::new(Calm), 5, 1);
    assert!(ran.broken[0].contains("livelock") && ran.broken[0].contains("who-1"));
    assert!(ran.simulated < ms(2_000), "{:?}", ran.simulated);
}

#[test]
fn a_system_with_unfinished_work_never_settles() {
    const MARKED: StoreSpec = StoreSpec {
        unfinished: &[("notes", "text", "tea")],
        ..STORE
    };
    const NOTES: DeploymentSpec = DeploymentSpec {
        store: Some(MARKED),
        ..NOTES_AND_ECHOES[0]
    };
    const SYSTEM: &[DeploymentSpec] = &[NOTES, NOTES_AND_ECHOES[1]];
    let told = play(cluster(SYSTEM), &[WRITER], Script::default(), 10);
    let unsettled = told.0.unsettled.expect("tea never goes away");
    assert_eq!(unsettled, "not settled after 30s: notes: notes/1 is tea");
}

#[test]
fn a_panic_and_an_idle_workload_are_never_a_pass() {
    const PANICKER: DeploymentSpec = DeploymentSpec {
        program: panicker,
        ..PLAIN
    };
    let ran = run(cluster(&[PANICKER]), &[visitor(5)], Box::new(Calm), 5, 1);
    assert!(
        ran.broken[0].contains("who-1") && ran.broken[0].contains("no more"),
        "{:?}",
        ran.broken
    );
    let told = Told(ran);
    let panics = told
        .entries()
        .filter(|(_, _, what)| matches!(what, What::Panicked { .. }));
    assert_eq!(panics.count(), 1);

    let late = Load {
        begins: ms(60_000),
        ..visitor(5)
    };
    let ran = run(cluster(&[PLAIN]), &[late], Box::new(Calm), 5, 1);
    assert_eq!(ran.broken, ["the workload issued nothing"]);
}

#[test]
fn outcomes_tell_what_the_sender_can_know() {
    let (script, _) = fault(|c| c.kill("notes").unwrap());
    let told = play(cluster(NOTES_AND_ECHOES), &[WRITER], script, 10);
    for one in told.asked().iter().filter(|one| one.route == "/notes") {
        let Some((_, status, known)) = one.answered else {
            continue;
        };
        match (status, one.error.as_deref()) {
            (Some(201), _) => assert_eq!(known, Known::Ok),
            (None, Some(error)) if error.starts_with("not sent") => assert_eq!(known, Known::Fail),
            (None, _) => assert_eq!(known, Known::Unknown),
            _ => {}
        }
    }
    assert!(
        told.asked()
            .iter()
            .any(|one| matches!(one.answered, Some((_, None, Known::Fail))))
    );
}

#[test]
fn names_that_the_cluster_does_not_have_are_refused() {
    let script = Script::default().at(ms(100), |c| {
        let text = |error: squall_sim::controls::ControlError| error.to_string();
        let pay = c.kill("pay").map_err(text).unwrap_err();
        assert_eq!(pay, "the cluster has no pod or deployment called \"pay\"");
        assert!(c.stop_store("who").is_err());
        assert!(c.partition("who", "moon", Ways::Both).is_err());
        assert!(c.lossy_link("who", "clients", 1.0).is_err());
    });
    play(cluster(&[PLAIN]), &[visitor(1)], script, 1);
}
