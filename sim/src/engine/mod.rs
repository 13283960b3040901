//! The engine: virtual time, hosts, tasks and sockets.

mod connection;
mod cut;
mod directory;
mod effects;
mod interrupt;
mod lane;
mod link;
mod port;
mod runtime;
mod settings;
mod shared;
mod socket;
mod stepper;
mod task;
mod trace;
mod turmoil;
mod wire;
mod world;

pub use directory::Directory;
pub use effects::Effects;
pub use interrupt::Interrupter;
pub use link::Link;
pub use settings::Settings;
pub use stepper::Engine;
pub use turmoil::TurmoilEngine;
pub use world::{Endpoint, EngineError, HostId, Main, Resolver, Stopped, TaskPanic, World};
