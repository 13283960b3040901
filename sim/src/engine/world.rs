//! What the cluster sees of an engine: hosts, links, and virtual time. Two engines implement it.

use std::{future::Future, io, pin::Pin, sync::Arc, time::Duration};

use squall_kit::{clock::Clock, net::Net, spawn::Spawn};

use super::{effects::Effects, interrupt::Interrupter, link::Link};

/// The main future of a process. It need not be `Send`: it never leaves its run's thread.
pub type Main = Pin<Box<dyn Future<Output = ()> + 'static>>;

/// A host of one run. It stays the same through kill and start, and is void after `remove_host`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId {
    pub(super) slot: u16,
    /// How often the slot had been given away before: a removed host's id never names its
    /// successor.
    pub(super) tenancy: u32,
}

/// Where a connection shall go: a host, and the port as the process there bound it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The host.
    pub host: HostId,
    /// The port that was given to `Net::bind` there.
    pub port: u16,
}

/// Name resolution of one host: this is where kube-proxy acts.
pub trait Resolver: Send + Sync {
    /// Picks the endpoint for one new connection to `port` of the service or host called `host`.
    ///
    /// # Errors
    /// `ConnectionRefused` when the service has no ready endpoint, `NotFound` for an unknown name.
    /// The connect then fails at once with this error and nothing is sent.
    fn resolve(&self, host: &str, port: u16) -> io::Result<Endpoint>;
}

/// Why `run_until` came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Everything up to and including the deadline has happened.
    Deadline,
    /// Somebody called [`Interrupter::interrupt`]; the deadline is still ahead.
    Interrupted,
}

/// A panic in a task of a host. The other tasks went on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPanic {
    /// The host's name.
    pub host: String,
    /// The task's name, as it was spawned.
    pub task: &'static str,
    /// What the panic said.
    pub message: String,
    /// `file:line` of the panic, empty when unknown.
    pub place: String,
    /// Virtual time.
    pub at: Duration,
}

/// Why an engine cannot start or go on. None of these is a verdict on the system under test.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// Without the cfg a panic in a handler is swallowed and `select!` is not reproducible.
    #[error(
        "this build lacks `--cfg tokio_unstable`, without which no run is deterministic: \
         put `rustflags = [\"--cfg\", \"tokio_unstable\"]` under `[build]` in your workspace's \
         .cargo/config.toml, unset RUSTFLAGS (it replaces those flags) and build again"
    )]
    NotUnstable,
    /// One run at a time on one thread.
    #[error("another engine is alive on this thread")]
    Nested,
    /// tokio did not start.
    #[error("no tokio runtime: {0}")]
    Runtime(String),
    /// Tasks went on waking each other while the clock stood still.
    #[error(
        "livelock at {at:?}: host {host} was polled {polls} times in one instant of virtual time"
    )]
    Livelock {
        /// The busiest host.
        host: String,
        /// How often it was polled.
        polls: u64,
        /// Virtual time.
        at: Duration,
    },
    /// Somebody used a real thread.
    #[error(
        "a blocking thread was started before {at:?} (spawn_blocking, tokio::fs, DNS): \
         real threads run outside virtual time"
    )]
    BlockingThread {
        /// Virtual time.
        at: Duration,
    },
}

/// One simulated network with its hosts and its clock, driven from a synchronous loop:
/// `loop { cluster.advance(world.now()); nemesis.advance(world.now()); world.run_until(next)? }`.
///
/// Methods that take a [`HostId`] panic on one that was removed: that is a bug in the caller.
pub trait World {
    /// Virtual time since the start. Whole milliseconds.
    fn now(&self) -> Duration;

    /// Adds a host (nothing runs on it yet; connects to it are refused).
    ///
    /// # Panics
    /// Without [room](Self::has_room).
    fn add_host(&mut self, name: &str) -> HostId;

    /// False while every slot of the settings is taken.
    fn has_room(&self) -> bool;

    /// Kills what runs there and gives the slot back. The id is void afterwards.
    fn remove_host(&mut self, host: HostId);

    /// Starts a process on the host, or one more task of the process that runs there.
    fn start(&mut self, host: HostId, task: &'static str, main: Main);

    /// SIGKILL: every task is dropped at once. Peers read end-of-stream or reset, the ports refuse.
    /// Bytes that tasks wrote in this very instant (after an interrupt) are lost.
    fn kill(&mut self, host: HostId);

    /// The machine goes dark: peers see nothing at all until it is started again.
    fn power_loss(&mut self, host: HostId);

    /// The network as seen from `host`. Hand it to the pod.
    fn net(&self, host: HostId, resolver: Arc<dyn Resolver>) -> Net;

    /// Starts tasks on `host`. After a kill, and before the next start, it drops them unstarted.
    fn spawn(&self, host: HostId) -> Spawn;

    /// The host's wall clock: the epoch of the settings, plus virtual time, plus skew.
    fn clock(&self, host: HostId) -> Clock;

    /// Moves the host's wall clock against virtual time. It jumps at once.
    fn set_skew(&mut self, host: HostId, skew_ms: i64);

    /// How often the host's wall clock was read while it was wrong.
    fn skewed_reads(&self, host: HostId) -> u64;

    /// States how many established connections may wait for `accept` on each port of the host
    /// (Linux: the second argument of `listen`). A SYN that finds more is dropped and comes again
    /// after 1, 3, 7, 15, 31 s; then the connect times out.
    fn set_backlog(&mut self, host: HostId, backlog: usize);

    /// Lets everything happen up to and including `deadline`.
    ///
    /// # Errors
    /// When the run cannot go on; see [`EngineError`].
    fn run_until(&mut self, deadline: Duration) -> Result<Stopped, EngineError>;

    /// Ends a `run_until` from inside it, at the same virtual instant, before any packet written in
    /// this instant has left its host: what makes faults triggered by events exact.
    fn interrupter(&self) -> Interrupter;

    /// The panics since the last call, in order. A run that had one has failed.
    fn take_panics(&mut self) -> Vec<TaskPanic>;

    /// Sets one direction of the link between two hosts. Unblocking it delivers what was held.
    fn set_link(&mut self, from: HostId, to: HostId, link: Link);

    /// The link's present setting.
    fn link(&self, from: HostId, to: HostId) -> Link;

    /// Resets the open connections between two hosts and discards what is on its way from `b` to
    /// `a` (also what `b` wrote in this instant): `a` loses the replies of `b`.
    fn reset_connections(&mut self, a: HostId, b: HostId);

    /// What faults did, so far, to traffic between two hosts in this direction (connects count for
    /// the direction of the dialling host).
    fn effects(&self, from: HostId, to: HostId) -> Effects;

    /// A hash over every packet delivered so far: when, between whom, with what.
    fn fingerprint(&self) -> u64;
}
