//! Names and where they lead: hosts, and services with their ready endpoints. What kube-proxy
//! knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use squall_kit::rng::Rng;
use squall_reports::history::Name;

use super::sidecar::{Destination, Mesh};
use crate::{
    engine::{Endpoint, HostId, Resolver},
    objects::mesh::{DestinationRule, VirtualService},
};

/// A handle on the cluster's names. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Directory(Arc<Mutex<Names>>);

#[derive(Default)]
struct Names {
    hosts: BTreeMap<Name, HostId>,
    services: BTreeMap<Name, Service>,
}

struct Service {
    /// Port → where the pods listen.
    ports: BTreeMap<u16, u16>,
    /// Pods that get traffic, in the order of their names.
    ready: BTreeSet<Name>,
    picks: Rng,
    /// What sidecars follow.
    rule: Option<Arc<DestinationRule>>,
    route: Option<Arc<VirtualService>>,
}

// === impl Directory ===

impl Directory {
    /// A host that can be dialled by its own name.
    pub(crate) fn add_host(&self, name: &Name, host: HostId) {
        let former = self.names().hosts.insert(Arc::clone(name), host);
        assert!(former.is_none(), "two hosts are called {name}");
    }

    /// The host is no more.
    pub(crate) fn remove_host(&self, name: &str) {
        self.names().hosts.remove(name);
    }

    /// A service with these ports. A new one has no endpoints; `picks` makes its own stream.
    pub(crate) fn set_service(
        &self,
        name: &str,
        ports: BTreeMap<u16, u16>,
        picks: impl FnOnce() -> Rng,
    ) {
        let mut names = self.names();
        if let Some(service) = names.services.get_mut(name) {
            service.ports = ports;
            return;
        }
        let service = Service {
            ports,
            ready: BTreeSet::new(),
            picks: picks(),
            rule: None,
            route: None,
        };
        names.services.insert(name.into(), service);
    }

    /// What sidecars follow when they call the service.
    pub(crate) fn set_rules(
        &self,
        service: &str,
        rule: Option<&DestinationRule>,
        route: Option<&VirtualService>,
    ) {
        if let Some(service) = self.names().services.get_mut(service) {
            service.rule = rule.cloned().map(Arc::new);
            service.route = route.cloned().map(Arc::new);
        }
    }

    /// The service is no more.
    pub(crate) fn remove_service(&self, name: &str) {
        self.names().services.remove(name);
    }

    /// The host of this name.
    pub(crate) fn host(&self, name: &str) -> Option<HostId> {
        self.names().hosts.get(name).copied()
    }

    /// All hosts, in the order of their names.
    pub(crate) fn hosts(&self) -> Vec<HostId> {
        self.names().hosts.values().copied().collect()
    }

    /// New connections to the service may go to this pod from now on, or may not.
    pub(crate) fn set_endpoint(&self, service: &str, pod: &Name, ready: bool) {
        let mut names = self.names();
        let Some(service) = names.services.get_mut(service) else {
            return;
        };
        if ready {
            service.ready.insert(Arc::clone(pod));
        } else {
            service.ready.remove(pod);
        }
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mesh for Directory {
    fn destination(&self, service: &str, port: u16) -> Option<Destination> {
        let names = self.names();
        let service = names.services.get(service)?;
        Some(Destination {
            pods: service.ready.iter().map(Arc::clone).collect(),
            port: *service.ports.get(&port)?,
            rule: service.rule.clone(),
            route: service.route.clone(),
        })
    }
}

impl Resolver for Directory {
    /// A service's name gives one of its ready pods, uniformly at random for each connection
    /// (kube-proxy in iptables mode); a host's name gives the host, ready or not. kube-proxy may
    /// know a pod that is no more: nobody answers there.
    fn resolve(&self, name: &str, port: u16) -> io::Result<Endpoint> {
        let names = self.names();
        let Some(service) = names.services.get(name) else {
            return match names.hosts.get(name) {
                Some(host) => Ok(Endpoint { host: *host, port }),
                None => Err(io::Error::new(
                    io::ErrorKind::NotFound,
                    format!("no host is called {name}"),
                )),
            };
        };
        let Some(target) = service.ports.get(&port) else {
            return Err(refused(format!("service {name} has no port {port}")));
        };
        let turn = match service.ready.len() as u64 {
            0 => return Err(refused(format!("service {name} has no ready endpoint"))),
            1 => 0,
            count => service.picks.below(count),
        };
        let turn = usize::try_from(turn).expect("below a length");
        let pod = service.ready.iter().nth(turn).expect("below the length");
        match names.hosts.get(pod) {
            Some(host) => Ok(Endpoint {
                host: *host,
                port: *target,
            }),
            None => Err(io::Error::new(
                io::ErrorKind::HostUnreachable,
                format!("{pod} of service {name} is no more"),
            )),
        }
    }
}

fn refused(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use squall_kit::rng::Rng;
    use squall_reports::history::Name;

    use super::Directory;
    use crate::engine::{Engine, Resolver, Settings, World};

    #[test]
    fn platform_4_connections_are_spread_evenly_at_random() {
        let mut engine = Engine::new(Settings::new(1, 4)).expect("an engine");
        let directory = Directory::default();
        let ports = BTreeMap::from([(8080, 8080)]);
        directory.set_service("pay", ports, || Rng::stream(1, "pick/pay"));
        for pod in ["pay-1", "pay-2", "pay-3"] {
            let name = Name::from(pod);
            directory.add_host(&name, engine.add_host(pod));
            directory.set_endpoint("pay", &name, true);
        }
        let mut connections = BTreeMap::new();
        for _ in 0..30_000 {
            let endpoint = directory.resolve("pay", 8080).unwrap();
            *connections.entry(endpoint.host).or_insert(0_i32) += 1;
        }
        // σ = √(30 000 · ⅓ · ⅔) ≈ 82.
        let far = connections.values().map(|count| (count - 10_000).abs());
        assert!(far.max() <= Some(3 * 82), "{connections:?}");
        assert_eq!(connections.len(), 3);
    }
}
