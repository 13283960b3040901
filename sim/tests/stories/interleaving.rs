//! Stories in another order of what is due at one instant.

use std::{collections::BTreeSet, time::Duration};

use squall_reports::{fingerprint::fingerprint, history::Outcome};
use squall_sim::{
    controls::Calm,
    engine::Interleaving,
    load::{Extent, Load},
    simulation::{EngineKind, Simulation},
};

use crate::{
    notes::{NOTES_AND_ECHOES, WRITE_AND_WAIT},
    story::{Told, siege},
    town::cluster,
};

/// Eight users in step, on two services with databases and a broker.
fn told(seed: u64, interleaving: Interleaving) -> Told {
    let load = Load {
        mix: WRITE_AND_WAIT,
        ..siege(8, Extent::Journeys(5))
    };
    let cluster = cluster(NOTES_AND_ECHOES);
    let simulation = Simulation::new(cluster, &[load], seed, EngineKind::Events);
    let simulation = simulation.expect("no mistakes").interleaved(interleaving);
    let [time, settle] = [20, 30].map(Duration::from_secs);
    let told = Told(simulation.run(Box::new(Calm), time, settle));
    assert_eq!(told.0.broken, Vec::<String>::new());
    told
}

#[test]
fn every_seed_is_another_run_in_which_the_same_is_true() {
    let fifo = fingerprint(&told(1, Interleaving::Fifo).0.history);
    let mut seen = BTreeSet::from([fifo]);
    for seed in 0..4 {
        let shuffled = Interleaving::Shuffled { seed };
        let run = told(1, shuffled);
        let asked = run.asked();
        let failed = |outcome| outcome != Outcome::Ok;
        let trouble = asked.iter().filter_map(|one| one.answered);
        // A note whose echo is not there yet is a 404, which is asked for again.
        let trouble: Vec<_> = trouble
            .filter(|(_, status, outcome)| failed(*outcome) && *status != Some(404))
            .collect();
        assert_eq!(trouble, vec![]);
        assert_eq!(run.journeys(), (40, vec![]));
        assert_eq!(run.0.unsettled, None);
        let first = fingerprint(&run.0.history);
        assert_eq!(first, fingerprint(&told(1, shuffled).0.history));
        assert!(seen.insert(first), "interleaving {seed} changes nothing");
    }
}
