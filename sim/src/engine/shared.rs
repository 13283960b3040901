//! What the stepper and everything that runs inside it share: handles of one run and of one host.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Wake, Waker},
    time::Duration,
};

use squall_kit::{
    BoxFuture,
    clock::{Clock, WallClock},
};

use super::{
    connection::{Connection, Key},
    interleaving::Deferral,
    interrupt::Interrupter,
    port::Port,
    skew::Skew,
    world::TaskPanic,
};

/// Locks a mutex that a panicking task may have poisoned: its data are counters and queues that
/// every step leaves whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One run, as its sockets, tasks and clocks see it. Only one thread ever touches it; the locks and
/// atomics are there because services' handles have to be `Send`.
pub(super) struct Run {
    /// False once the run is over: what outlives it must not touch the sockets any more.
    pub alive: AtomicBool,
    /// Virtual time since the start, in milliseconds.
    pub now_ms: AtomicU64,
    /// Wall-clock time at the start, in milliseconds since 1970.
    pub epoch_ms: u64,
    /// Some socket may have something to send: an egress pass is due.
    pub dirty: AtomicBool,
    /// The hosts that have something to do, in the order in which they were woken.
    pub ready: Mutex<VecDeque<u16>>,
    /// Wakes the stepper.
    pub root: Mutex<Option<Waker>>,
    /// True while the stepper runs: it looks at `ready` itself, nobody needs to wake it.
    pub stepping: AtomicBool,
    /// Ends a `run_until`.
    pub interrupter: Interrupter,
    /// A thread of tokio's blocking pool was started.
    pub blocking_thread: Arc<AtomicBool>,
    /// What tasks died of.
    pub panics: Mutex<Vec<TaskPanic>>,
    /// Bytes on their way from a socket to its reader, as large as a receive buffer.
    pub scratch: Mutex<Vec<u8>>,
    /// Open and closing connections between different hosts.
    pub connections: Mutex<BTreeMap<Key, Arc<Connection>>>,
    /// Per slot: connections whose SYN is still in the socket layer, in the order of their SYNs.
    pub dials: Mutex<BTreeMap<u16, VecDeque<Arc<Connection>>>>,
    /// Per slot: where to look for the next real port.
    pub next_ports: Mutex<BTreeMap<u16, u16>>,
    /// Bound ports, by slot and the port as the process there knows it.
    pub ports: Mutex<BTreeMap<(u16, u16), Arc<Port>>>,
    /// The same ports, by slot and real port.
    pub real_ports: Mutex<BTreeMap<(u16, u16), Arc<Port>>>,
    /// What sockets ask of the wire; see [`Request`].
    pub requests: Mutex<Vec<Request>>,
}

/// What a socket asks of the wire, done before the next egress pass.
pub(super) enum Request {
    /// A connect was dropped before it was answered.
    GiveUp(Arc<Connection>),
    /// One end was dropped.
    Closed(Arc<Connection>),
    /// One end (the index of its side) was dropped with bytes unread: the peer gets a reset.
    Abort(Arc<Connection>, usize),
}

impl Run {
    /// Virtual time since the start.
    pub(super) fn now(&self) -> Duration {
        Duration::from_millis(self.now_ms())
    }

    /// Virtual time since the start, in milliseconds.
    pub(super) fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    /// Asks for an egress pass.
    pub(super) fn touch(&self) {
        self.dirty.store(true, Ordering::Relaxed);
    }

    /// Hands a request to the wire.
    pub(super) fn request(&self, request: Request) {
        lock(&self.requests).push(request);
        self.touch();
    }

    /// Ends the run: sockets and tasks that are still somewhere must do nothing any more.
    pub(super) fn end(&self) {
        lock(&self.ready).clear();
        lock(&self.root).take();
        lock(&self.dials).clear();
        lock(&self.requests).clear();
        lock(&self.connections).clear();
        for port in lock(&self.ports).values() {
            port.close();
        }
        lock(&self.ports).clear();
        lock(&self.real_ports).clear();
        self.alive.store(false, Ordering::Relaxed);
    }

    /// Puts a host in the ready queue and wakes the stepper if it sleeps.
    fn wake(&self, slot: u16) {
        lock(&self.ready).push_back(slot);
        if !self.stepping.load(Ordering::Relaxed)
            && let Some(root) = lock(&self.root).as_ref()
        {
            root.wake_by_ref();
        }
    }
}

/// One host, from `add_host` to `remove_host`. It is also the waker of its tasks.
pub(super) struct Host {
    /// The run it belongs to.
    pub run: Arc<Run>,
    /// Unique among the living hosts.
    pub name: String,
    /// Its place in the engine, and which tenant of it it is.
    pub slot: u16,
    pub tenancy: u32,
    /// Its name in the socket layer.
    pub socket_host: turmoil_net::HostId,
    /// A process runs there: tasks may be spawned.
    pub running: AtomicBool,
    /// It waits in the ready queue.
    pub queued: AtomicBool,
    /// Tasks spawned and not yet started, with their names.
    pub inbox: Mutex<Vec<(&'static str, BoxFuture<'static, ()>)>>,
    /// Accept backlog of its ports.
    pub backlog: AtomicUsize,
    /// How far its wall clock is off.
    pub skew: Skew,
    /// Puts off its tasks, if they are to run in another order than they were woken.
    pub deferral: Option<Deferral>,
}

impl Host {
    /// Selects this host in the socket layer, whose descriptors are numbers of a host.
    pub(super) fn select(&self) {
        turmoil_net::set_current(self.socket_host);
    }
}

impl Wake for Host {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            self.run.wake(self.slot);
        }
    }
}

/// The wall clock of one host.
struct HostClock(Arc<Host>);

impl WallClock for HostClock {
    fn now_ms(&self) -> u64 {
        self.0.skew.read(self.0.run.epoch_ms + self.0.run.now_ms())
    }
}

/// The wall clock of `host`.
pub(super) fn clock(host: Arc<Host>) -> Clock {
    Clock::new(HostClock(host))
}
