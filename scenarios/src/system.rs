//! The systems of the catalogue, as lists of contexts.

use squall_sim::cluster::spec::Program;

/// A documented system.
#[derive(Clone, Copy, Debug)]
pub struct System {
    /// Its name, `shop`; also its topic's.
    pub name: &'static str,
    /// Its bounded contexts.
    pub contexts: &'static [Context],
}

/// A bounded context as it is served for real.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The name others dial it by.
    pub name: &'static str,
    /// Its documented port.
    pub port: u16,
    /// Its `run`.
    pub program: Program,
}

/// Every system.
pub fn all() -> &'static [System] {
    &[crate::shop::SYSTEM]
}
