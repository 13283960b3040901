//! What a `squall` command knows. Whoever brings systems of their own states them here, and has
//! every command for them: [`crate::command::main`].

use crate::{explore::arena::Arena, scenario::Scenario, system::System, year::Year};

/// The systems that a command serves, and what can be made of them.
#[derive(Clone, Copy, Debug)]
pub struct Registry {
    /// How a test names this registry, `crate::REGISTRY`: in the tests that `explore` writes.
    pub path: &'static str,
    /// What `serve` can serve.
    pub systems: &'static [System],
    /// What `run` runs, in the order in which it is listed.
    pub scenarios: fn() -> Vec<Scenario>,
    /// Long runs, made only when they are asked for; most have none (`Vec::new`).
    pub years: fn() -> Vec<Year>,
    /// Where `explore` searches; `Vec::new` for nowhere.
    pub arenas: fn() -> Vec<Arena>,
}

// === impl Registry ===

impl Registry {
    /// The scenario of this name.
    pub fn scenario(&self, name: &str) -> Option<Scenario> {
        let mut scenarios = (self.scenarios)().into_iter();
        scenarios.find(|scenario| scenario.name == name)
    }

    /// The arena of this name.
    pub fn arena(&self, name: &str) -> Option<Arena> {
        let mut arenas = (self.arenas)().into_iter();
        arenas.find(|arena| arena.name == name)
    }
}
