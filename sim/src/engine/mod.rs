//! The engine: virtual time, hosts, tasks and sockets.

mod effects;
mod interrupt;
mod link;
mod settings;
mod stepper;
mod world;

pub use effects::Effects;
pub use interrupt::Interrupter;
pub use link::Link;
pub use settings::Settings;
pub use stepper::Engine;
pub use world::{Endpoint, EngineError, HostId, Main, Resolver, Stopped, TaskPanic, World};
