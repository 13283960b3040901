//! The simplest name resolution: every host by its own name.

use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, PoisonError},
};

use super::world::{Endpoint, HostId, Resolver};

/// Names of single hosts. Shared by everyone who shall know them; entries can come later.
#[derive(Debug, Default)]
pub struct Directory(Mutex<BTreeMap<String, HostId>>);

impl Directory {
    /// Makes `name` stand for `host`, from the next connect on.
    pub fn set(&self, name: &str, host: HostId) {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.insert(name.to_owned(), host);
    }
}

impl Resolver for Directory {
    fn resolve(&self, host: &str, port: u16) -> io::Result<Endpoint> {
        let hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match hosts.get(host) {
            Some(host) => Ok(Endpoint { host: *host, port }),
            None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("no host is called {host}"),
            )),
        }
    }
}
