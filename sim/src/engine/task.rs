//! Tasks of a host: started through its inbox, and their panics recorded.

use std::{
    any::Any,
    cell::RefCell,
    future::Future,
    panic::{self, AssertUnwindSafe},
    pin::Pin,
    sync::{Arc, Mutex, Once, atomic::Ordering},
    task::{Context, Poll, Wake},
    time::Duration,
};

use squall_kit::{
    BoxFuture,
    spawn::{Spawn, Spawner},
};

use super::{
    shared::{Host, lock},
    world::TaskPanic,
};

/// Where a task runs, of either engine.
pub(super) trait Home {
    /// The host's name.
    fn name(&self) -> &str;
    /// Virtual time.
    fn now(&self) -> Duration;
    /// Where panics are recorded.
    fn panics(&self) -> &Mutex<Vec<TaskPanic>>;
    /// True when a task that is ready, and was put off so often in a row, has to let others run
    /// first.
    fn defers(&self, _in_a_row: u32) -> bool {
        false
    }
}

impl Home for Host {
    fn name(&self) -> &str {
        &self.name
    }

    fn now(&self) -> Duration {
        self.run.now()
    }

    fn panics(&self) -> &Mutex<Vec<TaskPanic>> {
        &self.run.panics
    }

    fn defers(&self, in_a_row: u32) -> bool {
        let deferral = self.deferral.as_ref();
        deferral.is_some_and(|deferral| deferral.defers(in_a_row))
    }
}

/// A future that a host runs: a panic in it ends it alone and is recorded.
pub(super) struct Task<F, H: Home> {
    host: Arc<H>,
    name: &'static str,
    future: Option<F>,
    /// How often in a row it was put off.
    deferred: u32,
}

impl<F, H: Home> Task<F, H> {
    pub(super) fn new(host: Arc<H>, name: &'static str, future: F) -> Self {
        Self {
            host,
            name,
            future: Some(future),
            deferred: 0,
        }
    }

    /// Runs `step` and records its panic, if any; `None` after one.
    fn guard<T>(&mut self, step: impl FnOnce(&mut Option<F>) -> T) -> Option<T> {
        match panic::catch_unwind(AssertUnwindSafe(|| step(&mut self.future))) {
            Ok(value) => Some(value),
            Err(payload) => {
                lock(self.host.panics()).push(TaskPanic {
                    host: self.host.name().to_owned(),
                    task: self.name,
                    message: message(payload.as_ref()),
                    place: PLACE.take(),
                    at: self.host.now(),
                });
                None
            }
        }
    }
}

impl<F: Future<Output = ()> + Unpin, H: Home> Future for Task<F, H> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.host.defers(self.deferred) {
            self.deferred += 1;
            // To the end of the queue of what is ready.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.deferred = 0;
        let polled = self.guard(|future| match future {
            Some(future) => Pin::new(future).poll(context),
            None => Poll::Ready(()),
        });
        if polled == Some(Poll::Pending) {
            return Poll::Pending;
        }
        // What it holds goes now, under the same guard: a panic there counts too.
        self.guard(|future| *future = None);
        Poll::Ready(())
    }
}

impl<F, H: Home> Drop for Task<F, H> {
    fn drop(&mut self) {
        self.guard(|future| *future = None);
    }
}

/// Starts tasks on one host, from anywhere in the run.
struct HostSpawner(Arc<Host>);

impl Spawner for HostSpawner {
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) {
        // A dead host starts nothing; dropping the task tells who waits for its result.
        if self.0.running.load(Ordering::Relaxed) {
            lock(&self.0.inbox).push((name, task));
            self.0.wake_by_ref();
        }
    }
}

/// The task starter of `host`.
pub(super) fn spawner(host: Arc<Host>) -> Spawn {
    Spawn::new(HostSpawner(host))
}

thread_local! {
    /// `file:line` of this thread's latest panic: a caught payload no longer knows it.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Where this thread's latest panic came from, `file:line`; told once. Empty when there was none
/// since an engine was made.
pub fn panic_place() -> String {
    PLACE.take()
}

/// Makes every later panic of this process leave its place for [`Task`]; other hooks still run.
pub(super) fn record_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if let Some(place) = info.location() {
                // A panic inside the panic machinery must not panic again.
                let _ = PLACE.try_with(|slot| {
                    if let Ok(mut slot) = slot.try_borrow_mut() {
                        *slot = format!("{}:{}", place.file(), place.line());
                    }
                });
            }
            previous(info);
        }));
    });
}

/// What a panic said.
fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a text".to_owned()
    }
}
