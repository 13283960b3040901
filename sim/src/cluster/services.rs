//! Services: which pods the proxies send new connections to. The endpoints controller, and the way
//! from it to every proxy.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use squall_kit::rng::Rng;
use squall_reports::history::{Name, What};

use super::{directory::Directory, pods::Pods};
use crate::{
    objects::{Objects, deployment::Service, selects},
    platform::endpoints::{Conditions, Propagation},
    range::TimeRange,
    recorder::Recorder,
};

/// All Services that select pods of Deployments.
pub(crate) struct Services {
    services: BTreeMap<String, Endpoints>,
    /// From a change of an endpoint to every proxy's knowledge of it.
    delay: TimeRange,
    seed: u64,
    directory: Directory,
    recorder: Recorder,
}

struct Endpoints {
    service: Service,
    propagation: Propagation,
    /// Pods it was asked about when they last changed.
    seen: BTreeSet<Name>,
    delays: Rng,
}

// === impl Services ===

impl Services {
    pub(crate) fn new(
        seed: u64,
        delay: TimeRange,
        directory: Directory,
        recorder: Recorder,
    ) -> Self {
        Self {
            services: BTreeMap::new(),
            delay,
            seed,
            directory,
            recorder,
        }
    }

    /// Takes over what was applied. A database's Service leads to its one host and needs no proxy.
    pub(crate) fn apply(&mut self, objects: &Objects) {
        let wanted = objects.services.values().filter(|service| {
            let mut databases = objects.stateful_sets.values();
            !databases.any(|set| selects(&service.selector, &set.template.labels))
        });
        let wanted: BTreeMap<&String, &Service> = wanted.map(|s| (&s.name, s)).collect();
        let gone: Vec<String> = self
            .services
            .keys()
            .filter(|name| !wanted.contains_key(name))
            .cloned()
            .collect();
        for name in gone {
            self.services.remove(&name);
            self.directory.remove_service(&name);
        }
        for (name, service) in wanted {
            let seed = self.seed;
            let ports = service.ports.iter().map(|p| (p.port, p.target_port));
            self.directory.set_service(name, ports.collect(), || {
                Rng::stream(seed, &format!("pick/{name}"))
            });
            let endpoints = self
                .services
                .entry(name.clone())
                .or_insert_with(|| Endpoints {
                    service: service.clone(),
                    propagation: Propagation::new(),
                    seen: BTreeSet::new(),
                    delays: Rng::stream(seed, &format!("endpoints/{name}")),
                });
            endpoints.service = service.clone();
            let rule = objects.destination_rules.get(name);
            let route = objects.virtual_services.get(name);
            self.directory.set_rules(name, rule, route);
        }
    }

    /// Pods became ready, or unready, or went: their endpoints change, and the news travels. What
    /// changes at one time is one write, and arrives together.
    pub(crate) fn follow(&mut self, pods: &Pods, now: Duration) {
        for endpoints in self.services.values_mut() {
            let selector = endpoints.service.selector.clone();
            let gone = std::mem::take(&mut endpoints.seen);
            let gone = gone.into_iter().filter(|pod| pods.find(pod).is_none());
            let mut changes: Vec<(Name, bool)> = gone.map(|pod| (pod, false)).collect();
            for pod in pods.all() {
                let selected = selects(&selector, &pod.template.labels);
                let conditions = Conditions::of(pod.ready, !pod.is_staying());
                changes.push((Arc::clone(&pod.name), selected && conditions.ready));
                endpoints.seen.insert(Arc::clone(&pod.name));
            }
            endpoints.write(&changes, now, self.delay);
        }
    }

    /// Lets the proxies learn what has arrived.
    pub(crate) fn advance(&mut self, now: Duration) {
        for (name, endpoints) in &mut self.services {
            for learned in endpoints.propagation.due(now) {
                let pod: Name = learned.pod.into();
                self.directory.set_endpoint(name, &pod, learned.ready);
                let what = What::Endpoint {
                    service: self.recorder.name(name),
                    ready: learned.ready,
                };
                self.recorder.record(&Arc::clone(&pod), what);
            }
        }
    }

    /// When news arrives next.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let services = self.services.values();
        services.filter_map(|e| e.propagation.next_deadline()).min()
    }
}

impl Endpoints {
    /// One write of the control plane: (pod, ready).
    fn write(&mut self, pods: &[(Name, bool)], now: Duration, delay: TimeRange) {
        let propagation = &mut self.propagation;
        if !pods
            .iter()
            .any(|(pod, ready)| propagation.would_change(pod, *ready))
        {
            return;
        }
        let delay = delay.draw(&self.delays);
        for (pod, ready) in pods {
            propagation.change(pod, *ready, now, delay);
        }
    }
}
