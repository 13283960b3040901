//! What can be struck: read off the system's cluster and off one calm run of it, so that every plan
//! drawn from it names only what is there, and waits only for moments that come.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Serialize;
use squall_reports::history::{Entry, History, What};
use squall_sim::cluster::spec::ClusterSpec;

use crate::{
    fault::{Moment, Text},
    plan::Plan,
};

/// Where load comes from, as faults name it.
pub const CLIENTS: &str = "clients";
/// The broker, as faults name it.
pub const BROKER: &str = "broker";

/// A system's parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Topology {
    /// Its deployments.
    pub deployments: Vec<Text>,
    /// Services that have a database.
    pub stores: Vec<Text>,
    /// Who speaks to whom: each service to its database, to the broker and to the services it
    /// calls; users to where they come in.
    pub links: Vec<Link>,
    /// The machines.
    pub nodes: Vec<Text>,
    /// What a fault can wait for, and how often it came in the calm run.
    pub moments: Vec<Counted>,
}

/// A moment, and how often it came in a calm run.
pub type Counted = (Moment, u32);

/// One host speaks to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Link {
    /// Who begins.
    pub from: Text,
    /// To whom.
    pub to: Text,
    /// What is spoken.
    pub traffic: Traffic,
}

/// What goes over a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Traffic {
    /// Requests over HTTP.
    Calls,
    /// A service and its own database.
    Store,
    /// A service and the broker.
    Events,
}

// === impl Topology ===

impl Topology {
    /// What `spec` states and `calm`, the history of a run of it without any fault, shows.
    pub fn of(spec: &ClusterSpec, calm: &History) -> Self {
        let deployments: Vec<Text> = spec.deployments().map(|d| d.name.clone().into()).collect();
        let has_store = |service: &&Text| {
            let store = format!("{service}-store");
            spec.objects.stateful_sets.contains_key(&store)
        };
        let stores: Vec<Text> = deployments.iter().filter(has_store).cloned().collect();
        let nodes = spec.model.cluster.nodes.iter();
        let mut links = BTreeSet::new();
        for service in &stores {
            links.insert(Link::new(
                service,
                format!("{service}-store"),
                Traffic::Store,
            ));
            // Whoever keeps something states events of it or follows those of others.
            links.insert(Link::new(service, BROKER, Traffic::Events));
        }
        for entry in &calm.entries {
            match &entry.what {
                What::CallSent { target, .. } => {
                    links.insert(Link::new(
                        of_pod(&entry.host),
                        service(target),
                        Traffic::Calls,
                    ));
                }
                What::Requested { target, .. } => {
                    links.insert(Link::new(CLIENTS, service(target), Traffic::Calls));
                }
                _ => {}
            }
        }
        Self {
            nodes: nodes.map(|node| node.name.clone().into()).collect(),
            links: links.into_iter().collect(),
            moments: moments(calm),
            deployments,
            stores,
        }
    }

    /// The moments of these hosts, and those of the hosts that they speak to.
    pub fn moments_near(&self, hosts: &[&str]) -> (Vec<Counted>, Vec<Counted>) {
        let of = |is: &dyn Fn(&str) -> bool| {
            let moments = self.moments.iter();
            let found = moments.filter(|(moment, _)| moment.host().is_some_and(is));
            found.cloned().collect()
        };
        let speaks = |one: &str, other: &str| hosts.contains(&one) && other != one;
        let own = of(&|host| hosts.contains(&host));
        let near = of(&|host| {
            let mut links = self.links.iter();
            links.any(|link| {
                (link.from == host && speaks(&link.to, host))
                    || (link.to == host && speaks(&link.from, host))
            })
        });
        (own, near)
    }
}

impl Link {
    fn new(from: &str, to: impl Into<String>, traffic: Traffic) -> Self {
        Self {
            from: from.to_owned().into(),
            to: to.into().into(),
            traffic,
        }
    }
}

/// Every moment of a history, by deployment, and how often it came once the system was prepared.
fn moments(calm: &History) -> Vec<(Moment, u32)> {
    let mut counts: BTreeMap<String, (Moment, u32)> = BTreeMap::new();
    let prepared = |entry: &&Entry| Duration::from_micros(entry.at_us) >= Plan::PREPARED;
    for entry in calm.entries.iter().filter(prepared) {
        if let Some(moment) = moment(&entry.host, &entry.what) {
            let name = moment.to_string();
            counts.entry(name).or_insert((moment, 0)).1 += 1;
        }
    }
    counts.into_values().collect()
}

fn moment(host: &str, what: &What) -> Option<Moment> {
    let text = |text: &str| Text::from(text.to_owned());
    let host = text(of_pod(host));
    Some(match what {
        What::CallSent { target, .. } => Moment::CallSent {
            host,
            target: text(service(target)),
        },
        What::CallEnded { target, .. } => Moment::CallEnded {
            host,
            target: text(service(target)),
        },
        What::Committed {
            replayed: false, ..
        } => Moment::Committed {
            host,
            commit: text(""),
        },
        What::Published { kind, .. } => Moment::Published { kind: text(kind) },
        What::Consumed { consumer, kind, .. } => Moment::Consumed {
            consumer: text(consumer),
            kind: text(kind),
        },
        What::Hint { name } => Moment::Hint {
            host,
            name: text(name),
        },
        What::Requested { method, route, .. } => Moment::Requested {
            method: text(method),
            route: text(route),
        },
        _ => return None,
    })
}

/// `order-1` is a pod of `order`; `order-store` is what it says.
fn of_pod(host: &str) -> &str {
    match host.rsplit_once('-') {
        Some((deployment, number)) if number.bytes().all(|b| b.is_ascii_digit()) => deployment,
        _ => host,
    }
}

/// `pay:8080` is the service `pay`.
fn service(target: &str) -> &str {
    target.split(':').next().unwrap_or(target)
}
