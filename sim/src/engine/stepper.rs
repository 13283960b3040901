//! The event-driven engine.

use std::{sync::Arc, time::Duration};

use squall_kit::{clock::Clock, net::Net, spawn::Spawn};

use super::{
    EngineError, HostId, Interrupter, Link, Settings,
    effects::Effects,
    world::{Main, Resolver, Stopped, TaskPanic, World},
};

/// The event-driven engine over `turmoil-net`.
pub struct Engine {}

#[allow(unused_variables)]
impl Engine {
    /// Starts a run.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub fn new(settings: Settings) -> Result<Engine, EngineError> {
        unimplemented!()
    }
}

#[allow(unused_variables)]
impl World for Engine {
    fn now(&self) -> Duration {
        unimplemented!()
    }
    fn add_host(&mut self, name: &str) -> HostId {
        unimplemented!()
    }
    fn remove_host(&mut self, host: HostId) {
        unimplemented!()
    }
    fn start(&mut self, host: HostId, task: &'static str, main: Main) {
        unimplemented!()
    }
    fn kill(&mut self, host: HostId) {
        unimplemented!()
    }
    fn power_loss(&mut self, host: HostId) {
        unimplemented!()
    }
    fn net(&self, host: HostId, resolver: Arc<dyn Resolver>) -> Net {
        unimplemented!()
    }
    fn spawn(&self, host: HostId) -> Spawn {
        unimplemented!()
    }
    fn clock(&self, host: HostId) -> Clock {
        unimplemented!()
    }
    fn set_skew(&mut self, host: HostId, skew_ms: i64) {
        unimplemented!()
    }
    fn set_backlog(&mut self, host: HostId, backlog: usize) {
        unimplemented!()
    }
    fn run_until(&mut self, deadline: Duration) -> Result<Stopped, EngineError> {
        unimplemented!()
    }
    fn interrupter(&self) -> Interrupter {
        unimplemented!()
    }
    fn take_panics(&mut self) -> Vec<TaskPanic> {
        unimplemented!()
    }
    fn set_link(&mut self, from: HostId, to: HostId, link: Link) {
        unimplemented!()
    }
    fn link(&self, from: HostId, to: HostId) -> Link {
        unimplemented!()
    }
    fn reset_connections(&mut self, a: HostId, b: HostId) {
        unimplemented!()
    }
    fn effects(&self, from: HostId, to: HostId) -> Effects {
        unimplemented!()
    }
    fn fingerprint(&self) -> u64 {
        unimplemented!()
    }
}
