//! Stories of siege: its clock, its pauses, its connections and its patience.

use std::time::Duration;

use squall_reports::{history::What, siege};
use squall_sim::load::{Journey, Load, Request, Share, Siege, Step};

use crate::{
    story::{Script, Told, calm, ms, play},
    town::{DeploymentSpec, PLAIN, cluster},
};

const GET_WHO: &[Share] = &[Share {
    weight: 1,
    journey: Journey {
        name: "get",
        steps: &[Step::Request(Request::get("who:8080", "/who"))],
    },
}];

const fn who(users: u32, seconds: u64, delay_s: u64) -> Load {
    let siege = Siege {
        name: "siege",
        begins: ms(2_000),
        users,
        time: Duration::from_secs(seconds),
        delay: Duration::from_secs(delay_s),
        mix: GET_WHO,
    };
    siege.load()
}

fn gave_up(told: &Told) -> Vec<bool> {
    let ends = told.entries().filter_map(|(_, _, what)| match what {
        What::SiegeEnded { gave_up, .. } => Some(*gave_up),
        _ => None,
    });
    ends.collect()
}

#[test]
fn platform_8_one_user_with_a_delay_of_a_second_makes_two_requests_a_second() {
    const TWO: DeploymentSpec = DeploymentSpec {
        replicas: 2,
        ..PLAIN
    };
    let told = calm(cluster(&[TWO]), &[who(1, 60, 1)], 70);
    let block = siege::siege(&told.0.history);
    // A pause is 0 or 1 s: 118 ± 11 requests, the answers' 12 ms apart.
    assert!((85..150).contains(&block.transactions), "{block:?}");
    assert!(
        59.0 < block.elapsed_s && block.elapsed_s <= 60.0,
        "{block:?}"
    );
    assert_eq!((block.failed, gave_up(&told)), (0, vec![false]));
    // Siege counts bodies alone; one answer may have been cut off.
    let bodies = told.served().into_iter();
    let body = |pod: String| format!(r#"{{"pod":"{pod}"}}"#).len() as u64;
    let served: u64 = bodies.map(|(pod, count)| body(pod) * count).sum();
    let counted = (block.data_mb * 1_048_576.0).round() as u64;
    assert!((served - body("who-1".to_owned())..=served).contains(&counted));
    // Each request has a connection, and so a pod, of its own.
    let fewest = told.served().into_values().min();
    assert!(fewest > Some(30), "{:?}", told.served());
    let pauses = told.asked();
    let whole = pauses.windows(2).map(|two| {
        let (answered, ..) = two[0].answered.expect("only the last is cut off");
        two[1].sent - answered
    });
    let seconds: Vec<Duration> = whole.collect();
    assert!(seconds.contains(&Duration::ZERO) || seconds.iter().any(|pause| *pause < ms(2)));
    assert!(
        seconds.iter().all(|pause| pause.subsec_millis() <= 1),
        "{seconds:?}"
    );
}

#[test]
fn platform_8_siege_gives_up_after_1024_failures_and_its_users_last_ones() {
    let script = Script::default().at(ms(4_000), |controls| {
        controls.stop_deployment("who").expect("there is one");
    });
    let told = play(cluster(&[PLAIN]), &[who(50, 60, 0)], script, 70);
    let block = siege::siege(&told.0.history);
    assert_eq!(gave_up(&told), [true]);
    assert!((1_024..=1_073).contains(&block.failed), "{block:?}");
    assert!(
        block.transactions > 0 && block.elapsed_s < 30.0,
        "{block:?}"
    );
}
