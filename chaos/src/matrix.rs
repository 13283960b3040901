//! The systematic mode: every link of a system, every way in which it can fail, every phase of a
//! user's request, one by one. What chance seldom meets is met here once.

use serde::{Deserialize, Serialize};

use crate::{
    fault::{Direction, Fault, Kind, Moment, Start, Text},
    plan::{Plan, Users},
    space::Space,
    topology::{BROKER, CLIENTS, Link, Traffic},
};

/// How long a fault of the matrix lasts: longer than every timeout on a call's way.
const LENGTH_MS: u64 = 12_000;
/// What a slow callee adds, in ms: longer than a breaker's or a caller's patience.
const SLOW_MS: (u64, u64) = (2_500, 3_500);

/// A way for a call to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Nobody listens.
    Refused,
    /// The connection breaks off.
    Reset,
    /// Nothing comes back.
    Hang,
    /// It comes late.
    Slow,
    /// The callee answers 503.
    ServerError,
    /// It was done, and the answer is lost.
    LostReply,
    /// It comes twice.
    Duplicate,
}

/// One cell: this link fails this way at this moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// The link.
    pub link: Link,
    /// How it fails.
    pub failure: Failure,
    /// The phase in which it begins to.
    pub phase: Text,
    /// The moment at which that phase begins.
    pub moment: Moment,
}

/// Every failure, in the order of a table.
pub const FAILURES: [Failure; 7] = [
    Failure::Refused,
    Failure::Reset,
    Failure::Hang,
    Failure::Slow,
    Failure::ServerError,
    Failure::LostReply,
    Failure::Duplicate,
];

/// Every cell that there is for a space: what a link cannot suffer (an answer of 503 from a
/// database) is none.
pub fn cells(space: &Space) -> Vec<Cell> {
    let mut cells = Vec::new();
    for link in &space.topology.links {
        for failure in FAILURES {
            for (phase, moment) in &space.phases {
                if kind(link, failure).is_some() {
                    cells.push(Cell {
                        link: link.clone(),
                        failure,
                        phase: phase.clone(),
                        moment: moment.clone(),
                    });
                }
            }
        }
    }
    cells
}

impl Cell {
    /// The plan of one fault that this cell stands for.
    pub fn plan(&self, space: &Space, seed: u64) -> Plan {
        let (kind, length_ms) =
            kind(&self.link, self.failure).expect("cells without a fault are never made");
        Plan {
            seed,
            interleaving: None,
            latency_ms: None,
            replicas: Vec::new(),
            settings: Vec::new(),
            variations: Vec::new(),
            users: space.journeys.iter().map(users).collect(),
            aftermath: 2,
            faults: vec![Fault {
                kind,
                start: Start::At(self.moment.clone(), 1),
                length_ms,
            }],
            calm_from_ms: 30_000,
        }
    }
}

fn users(journey: &Text) -> Users {
    Users {
        journey: journey.clone(),
        from_ms: 1_000,
        rate_per_s: 1.0,
        journeys: 2,
        patience_ms: Users::PATIENCE_MS,
    }
}

/// The fault for a failure of a link, and how long it lasts; `None`: this link cannot fail so.
fn kind(link: &Link, failure: Failure) -> Option<(Kind, Option<u64>)> {
    let Link { from, to, traffic } = link.clone();
    let lasting = |kind| Some((kind, Some(LENGTH_MS)));
    match failure {
        Failure::Refused => lasting(match traffic {
            Traffic::Calls => Kind::Stop { deployment: to },
            Traffic::Store => Kind::StoreOutage { service: from },
            Traffic::Events => Kind::BrokerOutage,
        }),
        Failure::Reset => match traffic {
            Traffic::Calls => Some((Kind::Kill { target: to }, None)),
            // What the caller has sent is lost, too: the connection breaks for both.
            Traffic::Store | Traffic::Events => Some((
                Kind::LostReply {
                    host: from,
                    peer: to,
                },
                None,
            )),
        },
        Failure::Hang => lasting(Kind::Partition {
            from,
            to,
            direction: Direction::Both,
        }),
        Failure::Slow => lasting(Kind::SlowLink {
            from,
            to,
            delay_ms: SLOW_MS,
        }),
        Failure::ServerError => match traffic {
            Traffic::Calls => lasting(Kind::Failing { target: to }),
            Traffic::Store | Traffic::Events => None,
        },
        Failure::LostReply => Some((
            Kind::LostReply {
                host: to,
                peer: from,
            },
            None,
        )),
        Failure::Duplicate => match (traffic, &*to, &*from) {
            (Traffic::Events, BROKER, _) => lasting(Kind::DuplicateDeliveries { probability: 1.0 }),
            (Traffic::Calls | Traffic::Store, _, CLIENTS) | (..) => None,
        },
    }
}

impl Failure {
    /// In a table.
    pub fn words(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Hang => "hang",
            Self::Slow => "slow",
            Self::ServerError => "5xx",
            Self::LostReply => "lost reply",
            Self::Duplicate => "duplicate",
        }
    }
}
