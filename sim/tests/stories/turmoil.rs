//! The second engine tells the same stories.

use std::time::Duration;

use squall_sim::{
    controls::Ways,
    load::{Extent, Load},
    simulation::{EngineKind, Simulation},
};

use crate::{
    notes::{NOTES_AND_ECHOES, WRITE_AND_WAIT},
    story::{Script, Told, ms, siege, visitor},
    town::{PLAIN, cluster},
};

fn on_turmoil(
    spec: squall_sim::cluster::spec::ClusterSpec,
    load: Load,
    script: Script,
    seconds: u64,
) -> Told {
    let simulation = Simulation::new(spec, &[load], 1, EngineKind::Turmoil).expect("no mistakes");
    let (duration, settle) = (Duration::from_secs(seconds), Duration::from_secs(30));
    let told = Told(simulation.run(Box::new(script), duration, settle));
    assert_eq!(told.0.broken, Vec::<String>::new());
    assert_eq!(told.0.unsettled, None);
    told
}

#[test]
fn a_killed_pod_refuses_until_it_is_up_again() {
    let kill = Script::default().at(ms(2_000), |controls| {
        controls.kill("who-1").unwrap();
    });
    let told = on_turmoil(cluster(&[PLAIN]), visitor(6), kill, 6);
    assert_eq!(told.ok_and_not(ms(0), ms(1_900)).1, 0);
    assert_eq!(told.ok_and_not(ms(2_010), ms(2_500)).0, 0);
    let (ok, not) = told.ok_and_not(ms(3_600), ms(5_900));
    assert!(ok > 10 && not == 0, "{ok} ok, {not} not");
}

#[test]
fn a_broker_that_was_cut_off_loses_nothing() {
    let cut = Script::default().at(ms(1_000), |controls| {
        controls.partition("notes", "broker", Ways::Both).unwrap();
    });
    let writer = Load {
        name: "writer",
        mix: WRITE_AND_WAIT,
        ..siege(2, Extent::For(ms(5_000)))
    };
    let told = on_turmoil(cluster(NOTES_AND_ECHOES), writer, cut, 5);
    assert!(told.stored("notes").len() > 2);
    assert_eq!(told.stored("notes").len(), told.stored("echoes").len());
    assert!(told.stored("echoes").iter().all(|echo| echo["times"] == 1));
}
