//! What a nemesis can do to a cluster. Every act gives a [`Hold`]; healing it tells what it did.
//!
//! **Names.** A `target` is a pod (`order-1`), a deployment (`order`: all its pods), a database host
//! (`order-store`), `broker`, or `clients` (every load host).

use std::{collections::BTreeMap, time::Duration};

use squall_reports::history::Entry;

use crate::range::TimeRange;

/// What an act did, counted: packets held, connections reset, pods killed, … All zero: nothing.
pub type Effect = BTreeMap<String, u64>;

/// An act that lasts until it is healed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hold(u64);

/// Which packets a partition stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// Both ways.
    Both,
    /// Only what the first side sends to the second.
    OneWay,
}

/// An act that names what the cluster does not have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ControlError {
    /// No such pod, deployment, store, …
    #[error("the cluster has no {wanted} called {name:?}")]
    Unknown {
        /// What was wanted.
        wanted: &'static str,
        /// The name given.
        name: String,
    },
    /// A number out of its range.
    #[error("{what} is {value}, expected {expected}")]
    OutOfRange {
        /// Which.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What would have done.
        expected: &'static str,
    },
}

/// Strikes and heals, as the world loop lets it.
pub trait Nemesis: Send {
    /// Hears every entry as it happens, from the run's start on. `true`: [`Nemesis::advance`] is to be
    /// called at this very instant, before anything that was just written leaves its host. Entries
    /// that the nemesis itself causes while it advances are heard right afterwards.
    fn hear(&mut self, entry: &Entry) -> bool;

    /// Acts. `now` is virtual time since the run's start.
    fn advance(&mut self, now: Duration, controls: &mut Controls<'_>);

    /// When it wants to act next, if time alone decides that.
    fn next_deadline(&self) -> Option<Duration>;

    /// The safety phase is over: heal everything that still acts and tell its effect.
    fn finish(&mut self, now: Duration, controls: &mut Controls<'_>);
}

/// A nemesis that does nothing.
pub struct Calm;

impl Nemesis for Calm {
    fn hear(&mut self, _entry: &Entry) -> bool {
        false
    }

    fn advance(&mut self, _now: Duration, _controls: &mut Controls<'_>) {}

    fn next_deadline(&self) -> Option<Duration> {
        None
    }

    fn finish(&mut self, _now: Duration, _controls: &mut Controls<'_>) {}
}

/// The levers of a running simulation.
pub struct Controls<'a> {
    world: &'a mut (),
}

impl Controls<'_> {
    /// Virtual time since the run's start.
    pub fn now(&self) -> Duration {
        todo!()
    }

    /// Asks every pod of a deployment to stop, with its grace. Healed: started again.
    ///
    /// # Errors
    /// No such deployment.
    pub fn stop_deployment(&mut self, deployment: &str) -> Result<Hold, ControlError> {
        todo!("{deployment}")
    }

    /// Ends processes at once (SIGKILL): peers see their streams end, connects are refused. Each
    /// starts again after its deployment's `restart_after`, or at the heal, whichever is first.
    ///
    /// # Errors
    /// `target` is neither a pod nor a deployment.
    pub fn kill(&mut self, target: &str) -> Result<Hold, ControlError> {
        todo!("{target}")
    }

    /// Cuts the power: peers see nothing at all. Started again as after a kill.
    ///
    /// # Errors
    /// `target` is neither a pod nor a deployment.
    pub fn power_loss(&mut self, target: &str) -> Result<Hold, ControlError> {
        todo!("{target}")
    }

    /// Lets nothing through between two sides until it is healed.
    ///
    /// # Errors
    /// An unknown side.
    pub fn partition(&mut self, from: &str, to: &str, ways: Ways) -> Result<Hold, ControlError> {
        todo!("{from} {to} {ways:?}")
    }

    /// Adds a delay to every packet between two sides, both ways.
    ///
    /// # Errors
    /// An unknown side; an empty range.
    pub fn slow_link(&mut self, a: &str, b: &str, more: TimeRange) -> Result<Hold, ControlError> {
        todo!("{a} {b} {more:?}")
    }

    /// Loses a share of the packets between two sides; they are sent again after a back-off.
    ///
    /// # Errors
    /// An unknown side; a share that is not in 0 to 1.
    pub fn lossy_link(&mut self, a: &str, b: &str, share: f64) -> Result<Hold, ControlError> {
        todo!("{a} {b} {share}")
    }

    /// Ends a service's database process. What it committed stays. Healed: started again.
    ///
    /// # Errors
    /// No such service, or it has no store.
    pub fn stop_store(&mut self, service: &str) -> Result<Hold, ControlError> {
        todo!("{service}")
    }

    /// Ends the broker's process. Its log stays. Healed: started again.
    pub fn stop_broker(&mut self) -> Hold {
        todo!()
    }

    /// Drops what `host` has written to `peer` and not yet sent, and resets every connection between
    /// them. At a moment such as "commit executed" this is exactly a lost reply.
    ///
    /// # Errors
    /// An unknown side.
    pub fn lose_reply(&mut self, host: &str, peer: &str) -> Result<Hold, ControlError> {
        todo!("{host} {peer}")
    }

    /// Has the broker deliver a share of the events a second time.
    ///
    /// # Errors
    /// A share that is not in 0 to 1.
    pub fn duplicate_deliveries(&mut self, share: f64) -> Result<Hold, ControlError> {
        todo!("{share}")
    }

    /// Has everything that a pod serves take `factor` times as long.
    ///
    /// # Errors
    /// `target` is neither a pod nor a deployment; a factor below 1.
    pub fn slow_pod(&mut self, target: &str, factor: f64) -> Result<Hold, ControlError> {
        todo!("{target} {factor}")
    }

    /// Sets a pod's wall clock wrong.
    ///
    /// # Errors
    /// An unknown target.
    pub fn skew_clock(&mut self, target: &str, by_ms: i64) -> Result<Hold, ControlError> {
        todo!("{target} {by_ms}")
    }

    /// Resets every connection between two sides.
    ///
    /// # Errors
    /// An unknown side.
    pub fn reset_connections(&mut self, a: &str, b: &str) -> Result<Hold, ControlError> {
        todo!("{a} {b}")
    }

    /// Ends an act and tells what it did. Healing twice gives the same count.
    pub fn heal(&mut self, hold: Hold) -> Effect {
        todo!("{hold:?}")
    }

    /// Writes into the history that the fault at this place of the plan began.
    pub fn fault_began(&mut self, fault: usize, description: String) {
        todo!("{fault} {description} {:?}", self.world)
    }

    /// Writes into the history that the fault at this place of the plan was healed.
    pub fn fault_ended(&mut self, fault: usize, effect: Effect) {
        todo!("{fault} {effect:?}")
    }
}
