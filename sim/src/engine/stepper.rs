//! The event-driven engine: no ticks. While anything moves, the clock stands; when nothing does,
//! tokio's paused clock jumps to the next timer.

use std::{
    pin::Pin,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use squall_kit::{clock::Clock, net::Net, spawn::Spawn};
use tokio::{
    runtime::Runtime,
    task::LocalSet,
    time::{Instant, Sleep},
};
use turmoil_net::KernelConfig;

use super::{
    connection::address,
    effects::Effects,
    interrupt::Interrupter,
    link::Link,
    runtime::{Claim, new_runtime},
    settings::Settings,
    shared::{self, Host, Run, lock},
    skew::Skew,
    socket::{self, RECEIVE_BUFFER},
    task::{self, Task},
    wire::Wire,
    world::{EngineError, HostId, Main, Resolver, Stopped, TaskPanic, World},
};

/// One run of the event-driven engine. It stays on the thread that made it.
pub struct Engine {
    slots: Vec<Slot>,
    wire: Option<Wire>,
    timer: Option<Pin<Box<Sleep>>>,
    runtime: Option<Rc<Runtime>>,
    run: Arc<Run>,
    start: Instant,
    settings: Settings,
    /// Every task that had yielded to the driver has been woken since anything last moved.
    settled: bool,
    /// Last, so that the thread is free only when all else is gone.
    _claim: Claim,
}

/// A place for a host. The socket layer cannot add hosts later, so all exist from the start.
struct Slot {
    socket_host: turmoil_net::HostId,
    tenancy: u32,
    host: Option<Tenant>,
}

/// The host that has a slot.
struct Tenant {
    host: Arc<Host>,
    waker: Waker,
    /// `None` while no process runs.
    tasks: Option<LocalSet>,
    /// Polls in the instant `polled_at_ms`.
    polls: u64,
    polled_at_ms: u64,
}

impl Engine {
    /// Starts a run.
    ///
    /// # Errors
    /// [`EngineError::NotUnstable`], [`EngineError::Nested`], [`EngineError::Runtime`].
    ///
    /// # Panics
    /// When the settings ask for more than 4096 slots.
    pub fn new(settings: Settings) -> Result<Self, EngineError> {
        let count = settings.slots;
        assert!(
            count <= 4096,
            "{count} slots, but at most 4096 are possible"
        );
        let claim = Claim::take()?;
        task::record_places();
        let blocking_thread = Arc::new(AtomicBool::new(false));
        let runtime = new_runtime(settings.seed, &blocking_thread)?;
        let mut net = turmoil_net::Net::with_config(
            KernelConfig::default()
                .recv_buf_cap(RECEIVE_BUFFER)
                // The engine has its own backlog; this one must never be met.
                .default_backlog(usize::MAX / 2)
                // It counts egress passes, which mean nothing here. The wire models loss.
                .retx_threshold(u32::MAX),
        );
        let slots = (0..count).map(|slot| Slot {
            socket_host: net.add_host(address(u16::try_from(slot).unwrap_or(u16::MAX))),
            tenancy: 0,
            host: None,
        });
        let slots = slots.collect();
        let run = Arc::new(new_run(&settings, blocking_thread));
        let mut wire = Wire::new(run.clone(), net.enter(), settings.seed, settings.link);
        wire.names = vec![String::new(); count];
        wire.shuffle = settings.interleaving.of_wire();
        let (start, timer) = {
            let _context = runtime.enter();
            (Instant::now(), Box::pin(tokio::time::sleep(Duration::ZERO)))
        };
        Ok(Self {
            slots,
            wire: Some(wire),
            timer: Some(timer),
            runtime: Some(Rc::new(runtime)),
            run,
            start,
            settings,
            settled: false,
            _claim: claim,
        })
    }

    fn tenant(&self, host: HostId) -> &Tenant {
        let slot = &self.slots[usize::from(host.slot)];
        assert_eq!(slot.tenancy, host.tenancy, "{host:?} was removed");
        slot.host.as_ref().expect("a living id has its host")
    }

    fn tenant_mut(&mut self, host: HostId) -> &mut Tenant {
        let slot = &mut self.slots[usize::from(host.slot)];
        assert_eq!(slot.tenancy, host.tenancy, "{host:?} was removed");
        slot.host.as_mut().expect("a living id has its host")
    }

    fn wire(&mut self) -> &mut Wire {
        self.wire.as_mut().expect("only drop takes the wire")
    }

    /// Drops every task of a host, inside the runtime's time and the host's sockets.
    fn drop_tasks(&mut self, host: HostId) {
        let tenant = self.tenant_mut(host);
        tenant.host.running.store(false, Ordering::Relaxed);
        let (tasks, host) = (tenant.tasks.take(), tenant.host.clone());
        let _context = self.runtime.as_ref().map(|runtime| runtime.enter());
        host.select();
        drop(tasks);
        // Taken out first: what is dropped may try to spawn.
        let inbox = std::mem::take(&mut *lock(&host.inbox));
        drop(inbox);
    }

    /// One step of the run: everything that can happen before the clock has to move.
    fn step(
        &mut self,
        context: &mut Context<'_>,
        deadline: Duration,
    ) -> Poll<Result<Stopped, EngineError>> {
        let now = self.start.elapsed();
        let now_ms = u64::try_from(now.as_millis()).expect("a run of less than 500 million years");
        self.run.now_ms.store(now_ms, Ordering::Relaxed);
        match self.settle(now_ms) {
            Ok(Stopped::Interrupted) => return self.come_back(context, Stopped::Interrupted),
            Ok(Stopped::Deadline) if now >= deadline => {
                return self.come_back(context, Stopped::Deadline);
            }
            Ok(Stopped::Deadline) => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
        let next = self.wire().next_due_ms().map(Duration::from_millis);
        let wake = next.map_or(deadline, |next| next.min(deadline));
        let at = self.start + wake;
        let timer = self.timer.as_mut().expect("only drop takes the timer");
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        if timer.as_mut().poll(context).is_ready() {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Leaves `run_until`, but not before the tasks that yielded to the driver have been woken:
    /// tokio forgets them when its `block_on` returns.
    fn come_back(
        &mut self,
        context: &mut Context<'_>,
        stopped: Stopped,
    ) -> Poll<Result<Stopped, EngineError>> {
        if self.settled {
            self.settled = false;
            return Poll::Ready(Ok(stopped));
        }
        self.settled = true;
        if stopped == Stopped::Interrupted {
            self.run.interrupter.interrupt();
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Delivers, runs hosts and sends, until nothing moves at this instant, or a task interrupts.
    fn settle(&mut self, now_ms: u64) -> Result<Stopped, EngineError> {
        loop {
            if self.run.interrupter.take() {
                return Ok(Stopped::Interrupted);
            }
            if self.run.blocking_thread.load(Ordering::Relaxed) {
                let at = self.run.now();
                return Err(EngineError::BlockingThread { at });
            }
            let next = lock(&self.run.ready).pop_front();
            if let Some(slot) = next {
                self.settled = false;
                self.poll_host(slot, now_ms)?;
                continue;
            }
            let wire = self.wire.as_mut().expect("only drop takes the wire");
            if wire.next_due_ms().is_some_and(|due_ms| due_ms <= now_ms) {
                wire.deliver_due();
            } else if self.run.dirty.load(Ordering::Relaxed) {
                wire.egress();
            } else {
                return Ok(Stopped::Deadline);
            }
        }
    }

    /// Runs what is ready on one host.
    fn poll_host(&mut self, slot: u16, now_ms: u64) -> Result<(), EngineError> {
        let limit = self.settings.polls_per_instant;
        let Some(tenant) = self.slots[usize::from(slot)].host.as_mut() else {
            return Ok(());
        };
        tenant.host.queued.store(false, Ordering::Relaxed);
        let Some(tasks) = tenant.tasks.as_mut() else {
            return Ok(());
        };
        for (name, task) in std::mem::take(&mut *lock(&tenant.host.inbox)) {
            tasks.spawn_local(Task::new(tenant.host.clone(), name, task));
        }
        if tenant.polled_at_ms != now_ms {
            tenant.polled_at_ms = now_ms;
            tenant.polls = 0;
        }
        tenant.polls += 1;
        if tenant.polls > limit {
            return Err(EngineError::Livelock {
                host: tenant.host.name.clone(),
                polls: tenant.polls,
                at: Duration::from_millis(now_ms),
            });
        }
        tenant.host.select();
        // Ready only means that every task of the process has ended.
        let _ = Pin::new(tasks).poll(&mut Context::from_waker(&tenant.waker));
        Ok(())
    }
}

impl World for Engine {
    fn now(&self) -> Duration {
        self.run.now()
    }

    fn add_host(&mut self, name: &str) -> HostId {
        let free = self.slots.iter().position(|slot| slot.host.is_none());
        let index = free.unwrap_or_else(|| {
            let count = self.slots.len();
            panic!("no slot left for {name}: all {count} of the settings are taken")
        });
        let slot = &mut self.slots[index];
        let number = u16::try_from(index).expect("at most 4096 slots");
        let host = Arc::new(Host {
            run: self.run.clone(),
            name: name.to_owned(),
            slot: number,
            tenancy: slot.tenancy,
            socket_host: slot.socket_host,
            running: AtomicBool::new(false),
            queued: AtomicBool::new(false),
            inbox: Mutex::default(),
            backlog: AtomicUsize::new(self.settings.backlog),
            skew: Skew::default(),
            deferral: self.settings.interleaving.of_host(name),
        });
        slot.host = Some(Tenant {
            waker: Waker::from(host.clone()),
            host,
            tasks: None,
            polls: 0,
            polled_at_ms: 0,
        });
        let tenancy = slot.tenancy;
        name.clone_into(&mut self.wire().names[index]);
        HostId {
            slot: number,
            tenancy,
        }
    }

    fn has_room(&self) -> bool {
        self.slots.iter().any(|slot| slot.host.is_none())
    }

    fn remove_host(&mut self, host: HostId) {
        self.kill(host);
        self.wire().vacate(host.slot);
        let slot = &mut self.slots[usize::from(host.slot)];
        slot.host = None;
        slot.tenancy += 1;
    }

    fn start(&mut self, host: HostId, task: &'static str, main: Main) {
        self.wire().lighten(host.slot);
        let tenant = self.tenant_mut(host);
        tenant.host.running.store(true, Ordering::Relaxed);
        let task = Task::new(tenant.host.clone(), task, main);
        let tasks = tenant.tasks.get_or_insert_with(new_tasks);
        // A set that was never polled wakes nobody.
        tasks.spawn_local(task);
        tenant.waker.wake_by_ref();
    }

    fn kill(&mut self, host: HostId) {
        let _ = self.tenant(host);
        self.wire().discard_unsent(host.slot);
        self.drop_tasks(host);
    }

    fn power_loss(&mut self, host: HostId) {
        let _ = self.tenant(host);
        self.wire().darken(host.slot);
        self.drop_tasks(host);
    }

    fn net(&self, host: HostId, resolver: Arc<dyn Resolver>) -> Net {
        socket::net(self.tenant(host).host.clone(), resolver)
    }

    fn spawn(&self, host: HostId) -> Spawn {
        task::spawner(self.tenant(host).host.clone())
    }

    fn clock(&self, host: HostId) -> Clock {
        shared::clock(self.tenant(host).host.clone())
    }

    fn set_skew(&mut self, host: HostId, skew_ms: i64) {
        self.tenant(host).host.skew.set(skew_ms);
    }

    fn skewed_reads(&self, host: HostId) -> u64 {
        self.tenant(host).host.skew.reads()
    }

    fn set_backlog(&mut self, host: HostId, backlog: usize) {
        let host = &self.tenant(host).host;
        host.backlog.store(backlog, Ordering::Relaxed);
    }

    fn run_until(&mut self, deadline: Duration) -> Result<Stopped, EngineError> {
        let runtime = self.runtime.clone().expect("only drop takes the runtime");
        let run = self.run.clone();
        let _back = Back(&run);
        runtime.block_on(std::future::poll_fn(|context| {
            self.run.stepping.store(true, Ordering::Relaxed);
            lock(&self.run.root).get_or_insert_with(|| context.waker().clone());
            let step = self.step(context, deadline);
            self.run.stepping.store(false, Ordering::Relaxed);
            step
        }))
    }

    fn interrupter(&self) -> Interrupter {
        self.run.interrupter.clone()
    }

    fn take_panics(&mut self) -> Vec<TaskPanic> {
        std::mem::take(&mut *lock(&self.run.panics))
    }

    fn set_link(&mut self, from: HostId, to: HostId, link: Link) {
        let (_, _) = (self.tenant(from), self.tenant(to));
        self.wire().set_link(from.slot, to.slot, link);
    }

    fn link(&self, from: HostId, to: HostId) -> Link {
        let lanes = self.wire.as_ref().map(|wire| &wire.lanes);
        let lane = lanes.and_then(|lanes| lanes.get(&(from.slot, to.slot)));
        lane.map_or(self.settings.link, |lane| lane.link)
    }

    fn reset_connections(&mut self, a: HostId, b: HostId) {
        let (_, _) = (self.tenant(a), self.tenant(b));
        self.wire().reset_between(a.slot, b.slot);
    }

    fn effects(&self, from: HostId, to: HostId) -> Effects {
        let lanes = self.wire.as_ref().map(|wire| &wire.lanes);
        let lane = lanes.and_then(|lanes| lanes.get(&(from.slot, to.slot)));
        lane.map_or_else(Effects::default, |lane| lane.effects)
    }

    fn fingerprint(&self) -> u64 {
        self.wire.as_ref().map_or(0, |wire| wire.trace.value())
    }
}

/// The order matters, also while unwinding: tasks and all else that holds sockets, then the
/// runtime, then the socket layer. A socket dropped after its layer would abort the process.
impl Drop for Engine {
    fn drop(&mut self) {
        for index in 0..self.slots.len() {
            let slot = &self.slots[index];
            if slot.host.is_some() {
                let slot_number = u16::try_from(index).expect("at most 4096 slots");
                let tenancy = slot.tenancy;
                self.drop_tasks(HostId {
                    slot: slot_number,
                    tenancy,
                });
            }
        }
        for slot in &mut self.slots {
            slot.host = None;
        }
        self.run.end();
        self.timer = None;
        self.runtime = None;
        self.wire = None;
    }
}

/// Forgets the waker of one `block_on` when it is over, also while unwinding.
struct Back<'a>(&'a Run);

impl Drop for Back<'_> {
    fn drop(&mut self) {
        self.0.stepping.store(false, Ordering::Relaxed);
        lock(&self.0.root).take();
    }
}

/// The tasks of one process.
fn new_tasks() -> LocalSet {
    #[cfg_attr(not(tokio_unstable), expect(unused_mut, reason = "see below"))]
    let mut tasks = LocalSet::new();
    // Our tasks catch their own panics. One that did not come through `Spawn` must not be lost.
    #[cfg(tokio_unstable)]
    tasks.unhandled_panic(tokio::runtime::UnhandledPanic::ShutdownRuntime);
    tasks
}

fn new_run(settings: &Settings, blocking_thread: Arc<AtomicBool>) -> Run {
    Run {
        alive: AtomicBool::new(true),
        now_ms: AtomicU64::new(0),
        epoch_ms: settings.epoch_ms,
        dirty: AtomicBool::new(false),
        ready: Mutex::default(),
        root: Mutex::default(),
        stepping: AtomicBool::new(false),
        interrupter: Interrupter::default(),
        blocking_thread,
        panics: Mutex::default(),
        scratch: Mutex::new(vec![0; RECEIVE_BUFFER]),
        connections: Mutex::default(),
        dials: Mutex::default(),
        next_ports: Mutex::default(),
        ports: Mutex::default(),
        real_ports: Mutex::default(),
        requests: Mutex::default(),
    }
}
