//! Names and where they lead: hosts, and services with their ready endpoints. What kube-proxy
//! knows.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use squall_kit::rng::Rng;
use squall_reports::history::Name;

use crate::engine::{Endpoint, HostId, Resolver};

/// A handle on the cluster's names. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Directory(Arc<Mutex<Names>>);

#[derive(Default)]
struct Names {
    hosts: BTreeMap<Name, HostId>,
    services: BTreeMap<Name, Service>,
}

struct Service {
    /// Pods that get traffic, in the order of their names.
    ready: BTreeMap<Name, HostId>,
    picks: Rng,
}

// === impl Directory ===

impl Directory {
    /// A host that can be dialled by its own name.
    pub(crate) fn add_host(&self, name: &Name, host: HostId) {
        let former = self.names().hosts.insert(Arc::clone(name), host);
        assert!(former.is_none(), "two hosts are called {name}");
    }

    /// A service without endpoints so far. `picks` is its own stream.
    pub(crate) fn add_service(&self, name: &Name, picks: Rng) {
        let service = Service {
            ready: BTreeMap::new(),
            picks,
        };
        self.names().services.insert(Arc::clone(name), service);
    }

    /// The host of this name.
    pub(crate) fn host(&self, name: &str) -> Option<HostId> {
        self.names().hosts.get(name).copied()
    }

    /// All hosts, in the order of their names.
    pub(crate) fn hosts(&self) -> Vec<HostId> {
        self.names().hosts.values().copied().collect()
    }

    /// New connections to the service may go to this pod. True when that is news.
    pub(crate) fn add_endpoint(&self, service: &str, pod: &Name, host: HostId) -> bool {
        let mut names = self.names();
        let service = names
            .services
            .get_mut(service)
            .expect("pods are of known services");
        service.ready.insert(Arc::clone(pod), host).is_none()
    }

    /// No new connection goes to this pod. True when that is news.
    pub(crate) fn remove_endpoint(&self, service: &str, pod: &str) -> bool {
        let mut names = self.names();
        let service = names
            .services
            .get_mut(service)
            .expect("pods are of known services");
        service.ready.remove(pod).is_some()
    }

    /// True when the pod gets traffic.
    pub(crate) fn is_endpoint(&self, service: &str, pod: &str) -> bool {
        let names = self.names();
        names
            .services
            .get(service)
            .is_some_and(|s| s.ready.contains_key(pod))
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolver for Directory {
    /// A service's name gives one of its ready pods, uniformly at random for each connection
    /// (kube-proxy in iptables mode); a host's name gives the host, ready or not.
    fn resolve(&self, name: &str, port: u16) -> io::Result<Endpoint> {
        let names = self.names();
        if let Some(service) = names.services.get(name) {
            let count = service.ready.len() as u64;
            let turn = match count {
                0 => {
                    let text = format!("service {name} has no ready endpoint");
                    return Err(io::Error::new(io::ErrorKind::ConnectionRefused, text));
                }
                1 => 0,
                _ => service.picks.below(count),
            };
            let turn = usize::try_from(turn).expect("below a length");
            let host = *service.ready.values().nth(turn).expect("below the length");
            return Ok(Endpoint { host, port });
        }
        match names.hosts.get(name) {
            Some(host) => Ok(Endpoint { host: *host, port }),
            None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("no host is called {name}"),
            )),
        }
    }
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
        let (directory, service) = (Directory::default(), Name::from("pay"));
        directory.add_service(&service, Rng::stream(1, "pick/pay"));
        for pod in ["pay-1", "pay-2", "pay-3"] {
            directory.add_endpoint("pay", &pod.into(), engine.add_host(pod));
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
