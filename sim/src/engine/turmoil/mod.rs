//! The second engine: `turmoil::Sim`, the yardstick for what the first one says and costs.
//!
//! Enough to run whole clusters: hosts, kill, start, two-way partitions. What differs from
//! [`Engine`](super::Engine):
//!
//! | | here |
//! |---|---|
//! | time | steps of 1 ms for every host, whatever happens; a host's tasks may be a step apart |
//! | interrupt | at the end of the step in which it was called: packets of that step have left |
//! | one-way partition | packets are lost; a connect is refused, an open stream stalls |
//! | latency | per pair of hosts, both directions alike, exponential up to the maximum |
//! | loss, backlog | not modelled |
//! | `reset_connections` | does nothing, and so counts no effect |
//! | effects | only packets held by two-way partitions |
//! | power loss | what the dying sockets said arrives when the machine is back |
//! | a panic past `Spawn` | ends the run |

mod home;
mod socket;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use squall_kit::{clock::Clock, net::Net, spawn::Spawn};

use self::home::{SimHost, SimRun};
use super::{
    effects::Effects,
    interrupt::Interrupter,
    link::Link,
    runtime::require_unstable,
    settings::Settings,
    shared::lock,
    task::{self, Task},
    world::{EngineError, HostId, Main, Resolver, Stopped, TaskPanic, World},
};

/// One step of `turmoil::Sim`.
const STEP: Duration = Duration::from_millis(1);

/// Segments that may wait in a socket, and SYNs in a listener: more would be a panic in turmoil.
const CAPACITY: usize = 8_192;

/// Longer than any run.
const FOR_EVER: Duration = Duration::from_secs(1 << 32);

/// A run on `turmoil::Sim`.
pub struct TurmoilEngine {
    sim: ::turmoil::Sim<'static>,
    run: Arc<SimRun>,
    hosts: Vec<Tenant>,
    /// What was set, per ordered pair; applied before the next step.
    links: BTreeMap<(u16, u16), Link>,
    /// How each pair (lower host first) is cut at present.
    cuts: BTreeMap<(u16, u16), Cut>,
    changed: BTreeSet<(u16, u16)>,
    effects: BTreeMap<(u16, u16), Effects>,
    settings: Settings,
}

/// A host of the simulation. It is never removed from it: turmoil cannot.
struct Tenant {
    host: Arc<SimHost>,
    /// Main tasks waiting for their host to start them.
    mains: Mains,
    removed: bool,
    dark: bool,
}

type Mains = Rc<RefCell<Vec<(&'static str, Main)>>>;

/// How a pair of hosts is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    None,
    Held,
    Lost { forth: bool, back: bool },
}

impl TurmoilEngine {
    /// Starts a run. `slots`, `backlog` and `polls_per_instant` have no meaning here.
    ///
    /// # Errors
    /// [`EngineError::NotUnstable`].
    pub fn new(settings: Settings) -> Result<Self, EngineError> {
        require_unstable()?;
        task::record_places();
        let latency = Duration::from_millis(settings.link.latency_ms);
        let jitter = Duration::from_millis(settings.link.jitter_ms);
        let mut builder = ::turmoil::Builder::new();
        builder
            .rng_seed(settings.seed)
            .tick_duration(STEP)
            .simulation_duration(FOR_EVER)
            .min_message_latency(latency)
            .max_message_latency(latency + jitter)
            .tcp_capacity(CAPACITY);
        Ok(Self {
            sim: builder.build(),
            run: Arc::new(SimRun::new(settings.epoch_ms)),
            hosts: Vec::new(),
            links: BTreeMap::new(),
            cuts: BTreeMap::new(),
            changed: BTreeSet::new(),
            effects: BTreeMap::new(),
            settings,
        })
    }

    fn tenant(&self, host: HostId) -> &Tenant {
        let tenant = &self.hosts[usize::from(host.slot)];
        assert!(!tenant.removed, "{host:?} was removed");
        tenant
    }

    fn tenant_mut(&mut self, host: HostId) -> &mut Tenant {
        let tenant = &mut self.hosts[usize::from(host.slot)];
        assert!(!tenant.removed, "{host:?} was removed");
        tenant
    }

    fn blocked(&self, from: u16, to: u16) -> bool {
        let dark = |slot: u16| self.hosts[usize::from(slot)].dark;
        let link = self.links.get(&(from, to));
        dark(from) || dark(to) || link.is_some_and(|link| link.blocked)
    }

    /// Makes turmoil's links what they were set to.
    fn apply_links(&mut self) {
        for (a, b) in std::mem::take(&mut self.changed) {
            let (one, other) = (address(a), address(b));
            let wanted = match (self.blocked(a, b), self.blocked(b, a)) {
                (false, false) => Cut::None,
                (true, true) => Cut::Held,
                (forth, back) => Cut::Lost { forth, back },
            };
            let present = self.cuts.insert((a, b), wanted).unwrap_or(Cut::None);
            if present != wanted {
                if present == Cut::Held {
                    self.count_held(a, b);
                    self.sim.release(one, other);
                }
                self.sim.repair(one, other);
                match wanted {
                    Cut::None => {}
                    Cut::Held => self.sim.hold(one, other),
                    Cut::Lost { forth, back } => {
                        if forth {
                            self.sim.partition_oneway(one, other);
                        }
                        if back {
                            self.sim.partition_oneway(other, one);
                        }
                    }
                }
            }
            let link = self.links.get(&(a, b)).copied();
            let link = link.unwrap_or(self.settings.link);
            let most = Duration::from_millis(link.latency_ms + link.jitter_ms);
            self.sim.set_link_max_message_latency(one, other, most);
        }
    }

    /// Adds what a two-way partition holds at this moment to the effects.
    fn count_held(&mut self, a: u16, b: u16) {
        for (from, to, held) in held_between(&self.sim, a, b) {
            self.effects.entry((from, to)).or_default().held += held;
        }
    }
}

impl World for TurmoilEngine {
    fn now(&self) -> Duration {
        self.sim.elapsed()
    }

    fn add_host(&mut self, name: &str) -> HostId {
        let slot = u16::try_from(self.hosts.len()).expect("fewer than 65 536 hosts in one run");
        let host = Arc::new(SimHost::new(self.run.clone(), name, slot));
        let mains = Mains::default();
        let (manager, queue) = (host.clone(), mains.clone());
        self.sim.host(address(slot), move || {
            manage(manager.clone(), queue.clone())
        });
        self.hosts.push(Tenant {
            host,
            mains,
            removed: false,
            dark: false,
        });
        HostId { slot, tenancy: 0 }
    }

    fn has_room(&self) -> bool {
        true
    }

    fn remove_host(&mut self, host: HostId) {
        self.kill(host);
        self.tenant_mut(host).removed = true;
    }

    fn start(&mut self, host: HostId, task: &'static str, main: Main) {
        if self.tenant(host).dark {
            self.tenant_mut(host).dark = false;
            self.sim.bounce(address(host.slot));
            for other in self.others(host.slot) {
                self.changed.insert(pair(host.slot, other));
            }
        }
        let tenant = self.tenant_mut(host);
        tenant.host.running.store(true, Ordering::Relaxed);
        tenant.mains.borrow_mut().push((task, main));
        tenant.host.wake.notify_one();
    }

    fn kill(&mut self, host: HostId) {
        let tenant = self.tenant(host);
        tenant.host.running.store(false, Ordering::Relaxed);
        tenant.mains.borrow_mut().clear();
        lock(&tenant.host.inbox).clear();
        let dark = tenant.dark;
        // turmoil delivers nothing to a crashed host; a machine that only lost its process refuses.
        self.sim.crash(address(host.slot));
        if !dark {
            self.sim.bounce(address(host.slot));
        }
    }

    fn power_loss(&mut self, host: HostId) {
        self.tenant_mut(host).dark = true;
        for other in self.others(host.slot) {
            self.changed.insert(pair(host.slot, other));
        }
        // First cut, then kill: what the dying sockets say must not arrive.
        self.apply_links();
        self.kill(host);
    }

    fn net(&self, host: HostId, resolver: Arc<dyn Resolver>) -> Net {
        socket::net(self.tenant(host).host.clone(), resolver)
    }

    fn spawn(&self, host: HostId) -> Spawn {
        home::spawner(self.tenant(host).host.clone())
    }

    fn clock(&self, host: HostId) -> Clock {
        home::clock(self.tenant(host).host.clone())
    }

    fn set_skew(&mut self, host: HostId, skew_ms: i64) {
        self.tenant(host).host.skew.set(skew_ms);
    }

    fn skewed_reads(&self, host: HostId) -> u64 {
        self.tenant(host).host.skew.reads()
    }

    fn set_backlog(&mut self, host: HostId, _backlog: usize) {
        let _ = self.tenant(host);
    }

    fn run_until(&mut self, deadline: Duration) -> Result<Stopped, EngineError> {
        loop {
            if self.run.interrupter.take() {
                return Ok(Stopped::Interrupted);
            }
            if self.sim.elapsed() >= deadline {
                return Ok(Stopped::Deadline);
            }
            self.apply_links();
            let stepped = self.sim.step();
            stepped.map_err(|error| EngineError::Runtime(error.to_string()))?;
            let now_ms = u64::try_from(self.sim.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.run.now_ms.store(now_ms, Ordering::Relaxed);
        }
    }

    fn interrupter(&self) -> Interrupter {
        self.run.interrupter.clone()
    }

    fn take_panics(&mut self) -> Vec<TaskPanic> {
        std::mem::take(&mut *lock(&self.run.panics))
    }

    fn set_link(&mut self, from: HostId, to: HostId, link: Link) {
        let (_, _) = (self.tenant(from), self.tenant(to));
        self.links.insert((from.slot, to.slot), link);
        if from.slot != to.slot {
            self.changed.insert(pair(from.slot, to.slot));
        }
    }

    fn link(&self, from: HostId, to: HostId) -> Link {
        let link = self.links.get(&(from.slot, to.slot));
        link.copied().unwrap_or(self.settings.link)
    }

    fn reset_connections(&mut self, a: HostId, b: HostId) {
        let (_, _) = (self.tenant(a), self.tenant(b));
    }

    fn effects(&self, from: HostId, to: HostId) -> Effects {
        let ordered = (from.slot, to.slot);
        let mut effects = self.effects.get(&ordered).copied().unwrap_or_default();
        let (a, b) = pair(from.slot, to.slot);
        if self.cuts.get(&(a, b)) == Some(&Cut::Held) {
            for (one, other, held) in held_between(&self.sim, a, b) {
                if (one, other) == ordered {
                    effects.held += held;
                }
            }
        }
        effects
    }

    fn fingerprint(&self) -> u64 {
        lock(&self.run.trace).value()
    }
}

impl TurmoilEngine {
    fn others(&self, slot: u16) -> Vec<u16> {
        let all = 0..u16::try_from(self.hosts.len()).unwrap_or(u16::MAX);
        all.filter(|other| *other != slot).collect()
    }
}

/// What a host's runtime runs: it starts whatever arrives for this host.
async fn manage(host: Arc<SimHost>, mains: Mains) -> ::turmoil::Result {
    loop {
        let tasks = std::mem::take(&mut *mains.borrow_mut());
        for (name, main) in tasks {
            start_here(Task::new(host.clone(), name, main));
        }
        let tasks = std::mem::take(&mut *lock(&host.inbox));
        for (name, task) in tasks {
            start_here(Task::new(host.clone(), name, task));
        }
        host.wake.notified().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the engine is what starts tasks")]
fn start_here(task: impl Future<Output = ()> + 'static) {
    tokio::task::spawn_local(task);
}

/// Both slots, the lower one first.
fn pair(a: u16, b: u16) -> (u16, u16) {
    (a.min(b), a.max(b))
}

/// A slot's address: turmoil's names need a lookup each time.
fn address(slot: u16) -> std::net::IpAddr {
    super::connection::address(slot)
}

/// How many packets wait between two hosts, per direction.
fn held_between(sim: &::turmoil::Sim<'_>, a: u16, b: u16) -> [(u16, u16, u64); 2] {
    let (one, other) = (address(a), address(b));
    let (mut forth, mut back) = (0, 0);
    sim.links(|links| {
        for link in links {
            let (left, right) = link.pair();
            if (left, right) == (one, other) || (left, right) == (other, one) {
                for sent in link {
                    if sent.pair().0.ip() == one {
                        forth += 1;
                    } else {
                        back += 1;
                    }
                }
            }
        }
    });
    [(a, b, forth), (b, a, back)]
}
