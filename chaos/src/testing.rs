//! A small space for this crate's tests.

use crate::{
    fault::{Moment, Text},
    space::{Space, Tunable},
    topology::{BROKER, CLIENTS, Link, Topology, Traffic},
};

/// Two services with a database each, a broker, two journeys.
pub(crate) fn space() -> Space {
    let names = |names: &[&'static str]| names.iter().map(|&name| Text::from(name)).collect();
    let link = |from: &'static str, to: &'static str, traffic| Link {
        from: from.into(),
        to: to.into(),
        traffic,
    };
    let committed = Moment::Committed {
        host: "front-store".into(),
        commit: "".into(),
    };
    let hint = Moment::Hint {
        host: "back".into(),
        name: "done, not answered".into(),
    };
    Space {
        topology: Topology {
            deployments: names(&["front", "back"]),
            stores: names(&["front", "back"]),
            links: vec![
                link(CLIENTS, "front", Traffic::Calls),
                link("front", "back", Traffic::Calls),
                link("front", "front-store", Traffic::Store),
                link("front", BROKER, Traffic::Events),
            ],
            nodes: names(&["node-1", "node-2"]),
            moments: vec![(committed.clone(), 40), (hint, 1)],
        },
        journeys: names(&["buy", "look"]),
        calm_journeys: 16,
        settings: vec![Tunable {
            deployment: "front".into(),
            name: "TIMEOUT_MS".into(),
            values: names(&["100", "9000"]),
        }],
        variations: names(&["hasty"]),
        phases: vec![("committed".into(), committed)],
        replicas: vec![("front".into(), 3)],
    }
}
