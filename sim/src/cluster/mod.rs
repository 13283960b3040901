//! Pods, services, databases and the broker, as a spec states them. Synchronous: the world loop
//! advances it between polls.

pub mod spec;

mod absent;
pub(crate) mod admission;
mod cpu;
pub(crate) mod directory;
pub(crate) mod hosts;
mod listening;
pub(crate) mod pods;
mod pool;
mod process;
pub(crate) mod processor;
#[allow(dead_code, reason = "pods get sidecars with their manifests")]
pub(crate) mod sidecar;
mod timed;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use squall_kit::rng::Rng;
use squall_reports::history::Name;

use self::{
    directory::Directory,
    hosts::{BROKER_HOST, Backing, Content},
    pods::Pods,
    spec::ClusterSpec,
};
use crate::{
    engine::{HostId, World},
    load::crowd::LoadHost,
    recorder::Recorder,
};

/// Hosts that users run on. A few are enough for thousands of users.
const LOAD_HOSTS: u32 = 4;
/// What all of them together are called.
const CLIENTS: &str = "clients";

/// A running system.
pub(crate) struct Cluster {
    pub(crate) pods: Pods,
    /// Databases by their hosts' names, and the broker.
    pub(crate) backings: BTreeMap<Name, Backing>,
    /// Hosts that users run on.
    pub(crate) load_hosts: Vec<LoadHost>,
    directory: Directory,
}

impl Cluster {
    /// How many hosts [`Cluster::new`] will add.
    pub(crate) fn hosts(spec: &ClusterSpec) -> usize {
        let deployments = spec.deployments.iter();
        let of_deployments =
            deployments.map(|d| d.replicas as usize + usize::from(d.store.is_some()));
        of_deployments.sum::<usize>() + 1 + LOAD_HOSTS as usize
    }

    /// Adds every host; databases and broker are started, pods as soon as it is advanced.
    pub(crate) fn new(
        spec: &ClusterSpec,
        seed: u64,
        recorder: &Recorder,
        world: &mut dyn World,
    ) -> Self {
        let directory = Directory::default();
        let mut backings = vec![Backing::broker(
            spec.broker,
            seed,
            &directory,
            recorder,
            world,
        )];
        let mut pods = Pods::new(directory.clone(), recorder.clone());
        for deployment in spec.deployments {
            let picks = Rng::stream(seed, &format!("pick/{}", deployment.name));
            directory.add_service(&deployment.name.into(), picks);
            backings.extend(
                deployment.store.map(|store| {
                    Backing::store(deployment, store, seed, &directory, recorder, world)
                }),
            );
            for number in 1..=deployment.replicas {
                let name: Name = deployment.pod_name(number).into();
                let host = world.add_host(&name);
                directory.add_host(&name, host);
                pods.add(deployment, &name, host, seed);
            }
        }
        for backing in &mut backings {
            backing.start(world);
        }
        let load_hosts = (1..=LOAD_HOSTS).map(|number| load_host(number, &directory, world));
        let load_hosts = load_hosts.collect();
        let backings = backings.into_iter().map(|b| (Arc::clone(&b.name), b));
        Self {
            pods,
            backings: backings.collect(),
            load_hosts,
            directory,
        }
    }

    /// Does what is due.
    pub(crate) fn advance(&mut self, world: &mut dyn World) {
        self.pods.advance(world);
    }

    /// When something is due next, in the world's time.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.pods.next_deadline()
    }

    /// True when everything that is meant to run serves.
    pub(crate) fn is_ready(&self) -> bool {
        self.pods.are_ready() && self.backings.values().all(Backing::is_ready)
    }

    /// The hosts that a target names; empty when there are none.
    pub(crate) fn named(&self, target: &str) -> Vec<HostId> {
        if target == CLIENTS {
            return self.load_hosts.iter().map(|host| host.id).collect();
        }
        let pods = self.pods.named(target);
        if pods.is_empty() {
            return self.directory.host(target).into_iter().collect();
        }
        pods.iter().map(|name| self.pods.get(name).host).collect()
    }

    /// Every host.
    pub(crate) fn everybody(&self) -> Vec<HostId> {
        self.directory.hosts()
    }

    /// The broker's host.
    pub(crate) fn broker(&mut self) -> &mut Backing {
        self.backings
            .get_mut(BROKER_HOST)
            .expect("every cluster has a broker")
    }

    /// How the broker repeats deliveries.
    pub(crate) fn repeats(&mut self) -> &timed::Repeats {
        match &self.broker().content {
            Content::Broker(broker) => &broker.repeats,
            Content::Store(_) => unreachable!("the broker's host has a log"),
        }
    }
}

fn load_host(number: u32, directory: &Directory, world: &mut dyn World) -> LoadHost {
    let name: Name = format!("{CLIENTS}-{number}").into();
    let id = world.add_host(&name);
    directory.add_host(&name, id);
    LoadHost {
        name,
        id,
        net: world.net(id, Arc::new(directory.clone())),
        spawn: world.spawn(id),
    }
}
