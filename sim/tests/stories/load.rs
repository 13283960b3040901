//! Stories about users: how many come, when, and what becomes of their requests.

use std::time::Duration;

use squall_reports::{
    check::Verdict,
    history::What,
    sla::{Journeys, Sla as _},
};
use squall_sim::{
    load::{Arrival, Extent, Journey, Load, Share, Spacing, Step},
    range::TimeRange,
    simulation::{EngineKind, Simulation},
};

use crate::{
    notes::{NOTES_AND_ECHOES, WRITE, WRITE_AND_WAIT},
    story::{Script, calm, ms, play, siege},
    town::{DeploymentSpec, PLAIN, SERVER, ServerSpec, cluster},
};

const SLOW: DeploymentSpec = DeploymentSpec {
    server: ServerSpec {
        takes: TimeRange::ms(300, 300),
        ..SERVER
    },
    ..PLAIN
};

const fn open(rate_per_s: f64, spacing: Spacing, max_in_flight: u32) -> Load {
    let arrival = Arrival::Open {
        rate_per_s,
        spacing,
        max_in_flight,
    };
    Load {
        name: "open",
        arrival,
        ..siege(1, Extent::For(Duration::from_secs(10)))
    }
}

#[test]
fn a_closed_loop_obeys_its_law() {
    const THINK: Load = Load {
        arrival: Arrival::Closed {
            users: 8,
            think: TimeRange::ms(0, 200),
        },
        ..siege(8, Extent::For(Duration::from_secs(100)))
    };
    let told = calm(cluster(&[SLOW]), &[THINK], 100);
    let answered: Vec<Duration> = told
        .asked()
        .iter()
        .filter_map(|one| Some(one.answered?.0 - one.sent))
        .collect();
    let response_s =
        answered.iter().map(Duration::as_secs_f64).sum::<f64>() / answered.len() as f64;
    // X = N / (R + Z), with a think time of 0.1 s on average.
    let expected = 100.0 * 8.0 / (response_s + 0.1);
    let gap = (answered.len() as f64 - expected).abs() / expected;
    assert!(
        gap < 0.02,
        "{} answers, expected {expected}",
        answered.len()
    );
    // Little's law, from samples taken independently.
    let samples: Vec<u64> = told
        .entries()
        .filter_map(|(_, _, what)| match what {
            What::InFlight { requests } => Some(*requests),
            _ => None,
        })
        .collect();
    let sampled = samples.iter().sum::<u64>() as f64 / samples.len() as f64;
    let computed = answered.len() as f64 / 100.0 * response_s;
    assert_eq!(samples.len(), 100);
    assert!(
        (sampled - computed).abs() / computed < 0.1,
        "{sampled} sampled, {computed} computed"
    );
}

#[test]
fn an_open_loop_keeps_its_schedule_whatever_the_answers() {
    let told = calm(cluster(&[SLOW]), &[open(16.0, Spacing::Constant, 100)], 10);
    let asked = told.asked();
    assert_eq!(asked.len(), 160);
    for (number, one) in (0..).zip(&asked) {
        assert_eq!(
            one.intended,
            Duration::from_micros(number * 62_500),
            "request {number}"
        );
        assert!(one.sent - one.intended < ms(1), "{one:?}");
    }
}

#[test]
fn a_poisson_load_has_its_rate_and_the_next_seed_has_another_schedule() {
    let load = [open(100.0, Spacing::Poisson, 1_000)];
    let asked = calm(cluster(&[PLAIN]), &load, 10).asked();
    assert!((900..1_100).contains(&asked.len()), "{}", asked.len());
    let other = crate::story::run(
        cluster(&[PLAIN]),
        &load,
        Box::new(squall_sim::controls::Calm),
        10,
        2,
    );
    assert_ne!(
        asked[0].intended,
        crate::story::Told(other).asked()[0].intended
    );
}

#[test]
fn what_an_open_load_turns_away_is_recorded() {
    // 20 a second on a service that takes 0.3 s, with 3 under way at most: one in two has to go.
    let told = calm(cluster(&[SLOW]), &[open(20.0, Spacing::Constant, 3)], 10);
    let (well, badly) = told.journeys();
    assert!(
        badly.iter().all(|reason| reason.starts_with("dropped")),
        "{badly:?}"
    );
    assert!(
        well > 80 && badly.len() > 80,
        "{well} done, {} dropped",
        badly.len()
    );
    // Those still under way at the end are neither.
    assert!((197..=200).contains(&(well + badly.len())));
}

#[test]
fn time_cuts_off_what_is_under_way_and_repetitions_are_exact() {
    let told = calm(cluster(&[SLOW]), &[siege(4, Extent::For(ms(1_000)))], 5);
    let cancelled = told.asked().iter().filter(|one| one.cancelled).count();
    assert_eq!(cancelled, 4, "each user had one request under way");
    assert!(
        told.asked()
            .iter()
            .all(|one| one.cancelled != one.answered.is_some())
    );
    assert!(told.asked().iter().all(|one| one.sent < ms(1_000)));

    let told = calm(cluster(&[SLOW]), &[siege(4, Extent::Journeys(3))], 5);
    assert_eq!(told.asked().len(), 12);
    assert_eq!(told.journeys(), (12, Vec::new()));
}

#[test]
fn a_burst_comes_on_top_of_the_base_load() {
    const BASE: Load = open(10.0, Spacing::Constant, 100);
    const BURST: Load = Load {
        name: "burst",
        begins: ms(3_000),
        extent: Extent::For(ms(2_000)),
        ..open(100.0, Spacing::Constant, 1_000)
    };
    let told = calm(cluster(&[PLAIN]), &[BASE, BURST], 10);
    let burst = |one: &&crate::story::Asked| one.user.starts_with("burst-");
    let times: Vec<Duration> = told
        .asked()
        .iter()
        .filter(burst)
        .map(|one| one.sent)
        .collect();
    assert_eq!((times.len(), times[0]), (200, ms(3_000)));
    assert!(times.iter().all(|at| *at < ms(5_000)));
    assert_eq!(told.asked().len(), 300);
}

#[test]
fn a_journey_uses_what_it_was_given_and_waits_until_it_is_so() {
    let load = Load {
        mix: WRITE_AND_WAIT,
        ..siege(3, Extent::Journeys(5))
    };
    let told = calm(cluster(NOTES_AND_ECHOES), &[load], 60);
    assert_eq!(told.journeys(), (15, Vec::new()));
    let asked = told.asked();
    assert!(
        asked
            .iter()
            .any(|one| one.route == "/echoes/{note}" && one.path == "/echoes/15")
    );
    assert_eq!(told.stored("echoes").len(), 15);
    assert!(told.stored("echoes").iter().all(|echo| echo["times"] == 1));
    assert_eq!(told.0.unsettled, None);
}

#[test]
fn mistakes_in_a_load_are_told_before_the_run() {
    let told = |load: Load| {
        let simulation = Simulation::new(cluster(&[PLAIN]), &[load], 1, EngineKind::Events);
        simulation.expect_err("a mistake").to_string()
    };
    const REPEATED: &[Share] = &[Share {
        weight: 1,
        journey: Journey {
            name: "again",
            steps: &[Step::Until {
                request: WRITE,
                member: "/id",
                values: &["1"],
                every: ms(1),
                within: ms(9),
            }],
        },
    }];
    let forever = Extent::For(ms(1_000));
    assert!(
        told(Load {
            mix: &[],
            ..siege(1, forever)
        })
        .contains("its mix is empty")
    );
    assert!(told(siege(0, forever)).contains("issues nothing"));
    assert!(told(open(0.0, Spacing::Constant, 1)).contains("issues nothing"));
    let repeated = told(Load {
        mix: REPEATED,
        ..siege(1, forever)
    });
    assert!(repeated.contains("POST must not be repeated"), "{repeated}");
}

#[test]
fn the_same_seed_gives_the_same_history_byte_for_byte() {
    let bytes = |seed| {
        let load = [
            Load {
                mix: WRITE_AND_WAIT,
                ..open(20.0, Spacing::Poisson, 100)
            },
            Load {
                name: "more",
                mix: WRITE_AND_WAIT,
                ..siege(3, Extent::For(ms(4_000)))
            },
        ];
        let script = Script::default()
            .at(ms(1_000), |controls| {
                controls.kill("notes-1").unwrap();
            })
            .at(ms(3_000), |controls| {
                controls.lossy_link("echoes", "broker", 0.3).unwrap();
            });
        let ran = crate::story::run(cluster(NOTES_AND_ECHOES), &load, Box::new(script), 6, seed);
        assert_eq!(ran.broken, Vec::<String>::new());
        serde_json::to_string(&ran.history).unwrap()
    };
    let first = bytes(7);
    assert!(first == bytes(7), "two runs of one seed differ");
    assert!(first != bytes(8), "the seed changes nothing");
}

#[test]
fn thousands_of_users_fit_on_a_few_hosts() {
    let told = calm(cluster(&[SLOW]), &[siege(3_000, Extent::Journeys(1))], 120);
    assert_eq!(told.asked().len(), 3_000);
    // Eight workers and a queue of 100: the rest is turned away at once, and nobody hangs.
    let (well, badly) = told.journeys();
    assert_eq!(well + badly.len(), 3_000);
    assert!(well >= 8, "{well} were served");
}

#[test]
fn users_of_a_service_that_hangs_from_some_time_on_are_not_overlooked() {
    const PATIENT: Load = Load {
        extent: Extent::For(ms(60_000)),
        timeout: ms(60_000),
        ..open(1.0, Spacing::Constant, 100)
    };
    let all = Journeys {
        journey: None,
        all: true,
        at_least: 10,
    };
    let served = calm(cluster(&[PLAIN]), &[PATIENT], 60);
    assert_eq!(all.judge(&served.0.history).verdict, Verdict::Pass);

    let hang = Script::default().at(ms(20_000), |controls| {
        controls.hang("who").unwrap();
    });
    let told = play(cluster(&[PLAIN]), &[PATIENT], hang, 60);
    // Nobody gives up, and twenty were served before.
    assert_eq!(told.journeys(), (20, Vec::new()));
    let check = all.judge(&told.0.history);
    assert_eq!(check.verdict, Verdict::Fail, "{check:?}");
    let seen = "20 of 51; the end cut 40 off, 9 of them within 10s, too late to count";
    assert_eq!(check.observed, seen);
    assert!(
        check.evidence[0].ends_with("step 1: the load ended"),
        "{check:?}"
    );
}
