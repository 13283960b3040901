//! The cores of one container start, as its tasks use them and as the kubelet reads them.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

use super::cpu::{Cpu, JobId};
use crate::recorder::Recorder;

/// One container's cores. Clones are the same; they may be asked from outside the container.
///
/// Nobody drives it: of the tasks that wait, the one whose job is finished next has the timer, and
/// wakes the others whose turn it is. A request alone costs one timer and one wake, as a plain
/// sleep would.
#[derive(Clone)]
pub(crate) struct Processor(Arc<Shared>);

struct Shared {
    recorder: Recorder,
    state: Mutex<State>,
}

struct State {
    cpu: Cpu,
    waits: BTreeMap<JobId, Wait>,
    /// Who was told last to watch the time.
    leader: Option<JobId>,
}

/// Where a task stands.
enum Wait {
    Running(Waker),
    /// Since this time.
    Finished(Duration),
}

// === impl Processor ===

impl Processor {
    /// The cores of a container that starts now. `limit_milli`: 1000 is one core; without a limit,
    /// what the node has. `recorder` knows the time.
    ///
    /// # Panics
    /// When `limit_milli` is 0.
    pub(crate) fn new(limit_milli: u64, recorder: Recorder) -> Self {
        let state = State {
            cpu: Cpu::new(limit_milli, recorder.world_now()),
            waits: BTreeMap::new(),
            leader: None,
        };
        Self(Arc::new(Shared {
            recorder,
            state: Mutex::new(state),
        }))
    }

    /// Time that the cores were busy since the container's start, summed over cores: what the
    /// kubelet reports (cAdvisor: `container_cpu_usage_seconds_total`).
    pub(crate) fn used(&self) -> Duration {
        let now = self.now();
        self.state().cpu.used(now)
    }

    /// Start-up would keep so many millicores busy from now on; 0 when it is over.
    pub(crate) fn set_background(&self, milli: u64) {
        let now = self.now();
        let mut state = self.state();
        state.cpu.set_background(now, milli);
        // The next completion may be earlier than its task believes.
        state.wake_leader();
    }

    /// Requests that are on the cores.
    #[cfg(test)]
    pub(crate) fn running(&self) -> usize {
        self.state().cpu.running()
    }

    /// The time of the engine, wherever it is asked.
    pub(crate) fn now(&self) -> Duration {
        self.0.recorder.world_now()
    }

    /// Computes for `work`, and tells when exactly that was done: at or before the present. See
    /// [`Cpu::add`] for `since`. Dropping the future takes the work off the cores; one that is kept
    /// and not polled may keep others waiting, as it may have the watch.
    pub(crate) async fn compute(&self, since: Duration, work: Duration) -> Duration {
        if work.is_zero() {
            return since;
        }
        let mut job: Option<Job<'_>> = None;
        let mut timer = pin!(sleep(Duration::ZERO));
        let mut armed = None;
        poll_fn(|context| {
            let id = match &job {
                Some(job) => job.id,
                None => {
                    let id = self.begin(since, work, context);
                    job.insert(Job {
                        processor: self,
                        id,
                    })
                    .id
                }
            };
            self.poll(id, timer.as_mut(), &mut armed, context)
        })
        .await
    }

    fn begin(&self, since: Duration, work: Duration, context: &Context<'_>) -> JobId {
        let now = self.now();
        let mut state = self.state();
        let id = state.cpu.add(now, since, work);
        let waker = context.waker().clone();
        state.waits.insert(id, Wait::Running(waker));
        id
    }

    /// `armed` is when the timer fires, once it was set.
    fn poll(
        &self,
        id: JobId,
        mut timer: Pin<&mut Sleep>,
        armed: &mut Option<Duration>,
        context: &mut Context<'_>,
    ) -> Poll<Duration> {
        loop {
            let now = self.now();
            let due = {
                let mut state = self.state();
                state.settle(now, id);
                match state.waits.get_mut(&id) {
                    Some(Wait::Finished(at)) => {
                        let at = *at;
                        state.waits.remove(&id);
                        return Poll::Ready(at);
                    }
                    Some(Wait::Running(waker)) => waker.clone_from(context.waker()),
                    None => unreachable!("a wait ends with its job, and nobody asks after that"),
                }
                let next = state.cpu.next_deadline();
                next.filter(|_| state.leader == Some(id)).map(whole_ms)
            };
            let Some(due) = due else {
                return Poll::Pending;
            };
            if *armed != Some(due) {
                timer.as_mut().reset(Instant::now() + (due - now));
                *armed = Some(due);
            }
            if timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            // It fired: either time has moved meanwhile, or it is set anew.
            *armed = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    /// Tells whom the present concerns: those who are finished, and whose turn it is to watch the
    /// time. `own` is asking and need not be woken.
    fn settle(&mut self, now: Duration, own: JobId) {
        for (id, at) in self.cpu.finished(now) {
            // Whoever was given up in this very instant waits no more.
            let Some(wait) = self.waits.get_mut(&id) else {
                continue;
            };
            let former = std::mem::replace(wait, Wait::Finished(at));
            if let Wait::Running(waker) = former
                && id != own
            {
                waker.wake();
            }
        }
        let next = self.cpu.next();
        if self.leader != next {
            self.leader = next;
            if next != Some(own) {
                self.wake_leader();
            }
        }
    }

    fn wake_leader(&self) {
        let wait = self.leader.and_then(|leader| self.waits.get(&leader));
        if let Some(Wait::Running(waker)) = wait {
            waker.wake_by_ref();
        }
    }
}

/// A job on the cores; off them with its task.
struct Job<'a> {
    processor: &'a Processor,
    id: JobId,
}

impl Drop for Job<'_> {
    fn drop(&mut self) {
        let mut state = self.processor.state();
        if state.waits.remove(&self.id).is_none() {
            return;
        }
        // Its task was dropped before it heard of its end: the caller hung up, or the process died.
        let now = self.processor.now();
        let hurried = state.cpu.is_saturated();
        state.cpu.remove(now, self.id);
        state.settle(now, self.id);
        if hurried {
            // The next completion is earlier than its task believes.
            state.wake_leader();
        }
    }
}

/// The first whole millisecond that is not before `time`: the grain of the engine's clock.
pub(crate) fn whole_ms(time: Duration) -> Duration {
    let ms = time.as_nanos().div_ceil(1_000_000);
    Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
}
