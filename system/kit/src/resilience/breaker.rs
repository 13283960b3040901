//! The circuit breaker as services use it: rules in a [`Machine`], isolation, timeout and fallback
//! around it.
//!
//! The order is Hystrix's (`AbstractCommand`): breaker, then bulkhead, then the call within its
//! timeout, then the fallback.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::time::{Instant, sleep_until, timeout};

use super::{
    bulkhead::Bulkhead,
    hystrix::Hystrix,
    settings::{HystrixSettings, Isolation, ThreadPoolSettings},
};
use crate::{
    Pod,
    net::call::{Answer, CallError},
    signal::{BreakerState, CallOutcome, Signal, Signals},
    spawn::Spawn,
};

/// A breaker's rules, without clock, tasks or I/O. Hystrix is one, resilience4j can be another.
pub trait Machine: Send {
    /// As of the last call of any method below.
    fn state(&self) -> BreakerState;

    /// Lets time pass. The other methods are told times that this one was told before.
    fn advance(&mut self, now: Instant);

    /// When the state may next change by time alone.
    fn next_deadline(&self) -> Option<Instant>;

    /// A call asks to pass; `None` short-circuits it. Every pass is recorded once.
    fn admit(&mut self, now: Instant) -> Option<Pass>;

    /// A call that passed has ended.
    fn record(&mut self, now: Instant, pass: Pass, outcome: CallOutcome);
}

/// The right to make one call.
#[derive(Debug, PartialEq, Eq)]
pub struct Pass {
    /// The breaker is half open, and this call decides.
    pub probe: bool,
}

/// What a result says of the callee's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It did its work.
    Success,
    /// It did not.
    Failure,
    /// It was asked nonsense and said so (`HystrixBadRequestException`): no fallback, not counted.
    BadRequest,
}

/// Why a call through a breaker has no good result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause<R> {
    /// The breaker is open. Nothing was sent.
    #[error("the circuit is open")]
    ShortCircuited,
    /// Too many calls are under way. Nothing was sent.
    #[error("too many calls at once")]
    Rejected,
    /// No result in time. The call may go on, and may take effect.
    #[error("no result within the timeout")]
    TimedOut,
    /// The call's task was ended from outside before it had a result.
    #[error("the call was ended")]
    Ended,
    /// It failed, with this result.
    #[error("the call failed")]
    Failed(R),
}

impl<R> Cause<R> {
    /// True when the callee was surely never asked. [`Cause::Failed`] depends on its result.
    pub fn is_before_sending(&self) -> bool {
        matches!(self, Self::ShortCircuited | Self::Rejected)
    }
}

/// One breaker. Clones share it.
#[derive(Clone)]
pub struct Breaker(Arc<Inner>);

struct Inner {
    name: String,
    spawn: Spawn,
    signals: Signals,
    isolation: Isolation,
    pool: Bulkhead,
    execution_timeout: Option<Duration>,
    fallbacks: Bulkhead,
    rules: Mutex<Rules>,
}

struct Rules {
    machine: Box<dyn Machine>,
    /// A task waits for the machine's next deadline.
    ticking: bool,
}

/// A Hystrix thread pool, for all commands of one group.
pub fn thread_pool(settings: ThreadPoolSettings) -> Bulkhead {
    Bulkhead::new(settings.core_size, settings.queue())
}

impl Breaker {
    /// The breaker called `name` by Hystrix's rules. `pool` is its group's; semaphore isolation
    /// brings one of its own.
    pub fn hystrix(pod: &Pod, name: &str, settings: HystrixSettings, pool: &Bulkhead) -> Self {
        let pool = match settings.isolation {
            Isolation::Thread => pool.clone(),
            Isolation::Semaphore => Bulkhead::new(settings.semaphore_max_concurrent, 0),
        };
        let machine = Box::new(Hystrix::new(settings, Instant::now()));
        Self(Arc::new(Inner {
            name: name.to_owned(),
            spawn: pod.spawn.clone(),
            signals: pod.signals.clone(),
            isolation: settings.isolation,
            pool,
            execution_timeout: settings.execution_timeout,
            fallbacks: Bulkhead::new(settings.fallback_max_concurrent, 0),
            rules: Mutex::new(Rules {
                machine,
                ticking: false,
            }),
        }))
    }

    /// The state as of now.
    pub fn state(&self) -> BreakerState {
        self.0.change(|machine, _now| machine.state())
    }

    /// Makes one call, if the breaker lets it. `run` needs a timeout of its own: under thread
    /// isolation it holds its thread until it ends, also when its caller has long timed out.
    ///
    /// # Errors
    /// [`Cause`]. A result judged [`Verdict::BadRequest`] is no error.
    pub async fn call<R: Send + 'static>(
        &self,
        run: impl Future<Output = R> + Send + 'static,
        judge: impl FnOnce(&R) -> Verdict,
    ) -> Result<R, Cause<R>> {
        let Some(pass) = self.0.change(|machine, now| machine.admit(now)) else {
            self.0.tell_call(CallOutcome::ShortCircuited);
            return Err(Cause::ShortCircuited);
        };
        let pending = Pending {
            breaker: self.clone(),
            pass: Some(pass),
        };
        let result = self.within_timeout(run).await;
        let (outcome, result) = match result {
            Ok(value) => match judge(&value) {
                Verdict::Success => (CallOutcome::Success, Ok(value)),
                Verdict::BadRequest => (CallOutcome::BadRequest, Ok(value)),
                Verdict::Failure => (CallOutcome::Failure, Err(Cause::Failed(value))),
            },
            Err(Cause::Rejected) => (CallOutcome::Rejected, Err(Cause::Rejected)),
            Err(Cause::TimedOut) => (CallOutcome::Timeout, Err(Cause::TimedOut)),
            Err(cause) => (CallOutcome::Failure, Err(cause)),
        };
        pending.end(outcome);
        result
    }

    /// As [`call`](Self::call), with `fallback` answering in place of any [`Cause`]. Fallbacks have
    /// a limit of their own and need no slot of the pool.
    ///
    /// # Errors
    /// The cause, when too many fallbacks run at once.
    pub async fn call_or<R: Send + 'static, F: Future<Output = R>>(
        &self,
        run: impl Future<Output = R> + Send + 'static,
        judge: impl FnOnce(&R) -> Verdict,
        fallback: impl FnOnce(Cause<R>) -> F,
    ) -> Result<R, Cause<R>> {
        match self.call(run, judge).await {
            Ok(value) => Ok(value),
            Err(cause) => match self.0.fallbacks.try_enter() {
                Some(_slot) => Ok(fallback(cause).await),
                None => Err(cause),
            },
        }
    }

    async fn within_timeout<R: Send + 'static>(
        &self,
        run: impl Future<Output = R> + Send + 'static,
    ) -> Result<R, Cause<R>> {
        let running = self.isolated(run);
        match self.0.execution_timeout {
            None => running.await,
            Some(limit) => timeout(limit, running)
                .await
                .unwrap_or(Err(Cause::TimedOut)),
        }
    }

    async fn isolated<R: Send + 'static>(
        &self,
        run: impl Future<Output = R> + Send + 'static,
    ) -> Result<R, Cause<R>> {
        let slot = self.0.pool.enter().await.ok_or(Cause::Rejected)?;
        match self.0.isolation {
            Isolation::Semaphore => {
                let result = run.await;
                drop(slot);
                Ok(result)
            }
            Isolation::Thread => {
                let thread = self.0.spawn.result("breaker call", async move {
                    let result = run.await;
                    drop(slot);
                    result
                });
                thread.await.ok_or(Cause::Ended)
            }
        }
    }
}

impl Inner {
    /// Everything that touches the machine goes through here: time passes first, and a change of
    /// state is told at once, in order.
    fn change<T>(&self, act: impl FnOnce(&mut dyn Machine, Instant) -> T) -> T {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let before = rules.machine.state();
        rules.machine.advance(now);
        let between = rules.machine.state();
        self.tell_transition(before, between);
        let result = act(&mut *rules.machine, now);
        self.tell_transition(between, rules.machine.state());
        result
    }

    fn tell_transition(&self, from: BreakerState, to: BreakerState) {
        if from != to {
            let name = self.name.clone();
            self.signals.tell(Signal::Breaker { name, from, to });
        }
    }

    fn tell_call(&self, outcome: CallOutcome) {
        let name = self.name.clone();
        self.signals.tell(Signal::BreakerCall { name, outcome });
    }

    /// Starts a task that opens the breaker on time, when no call would, unless there is one.
    fn arm(self: &Arc<Self>) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(deadline) = rules.machine.next_deadline() else {
            return;
        };
        if std::mem::replace(&mut rules.ticking, true) {
            return;
        }
        self.spawn
            .task("breaker", tick(Arc::downgrade(self), deadline));
    }
}

/// Wakes at the machine's deadlines as long as it has any: not in calm weather.
async fn tick(breaker: Weak<Inner>, mut deadline: Instant) {
    loop {
        sleep_until(deadline).await;
        let Some(breaker) = breaker.upgrade() else {
            return;
        };
        breaker.change(|_machine, _now| ());
        let mut rules = breaker.rules.lock().unwrap_or_else(PoisonError::into_inner);
        match rules.machine.next_deadline() {
            Some(next) => deadline = next,
            None => {
                rules.ticking = false;
                return;
            }
        }
    }
}

/// A call that has passed. Dropped before its end (its caller hung up) it counts as a failure, so
/// that a lost probe cannot leave the breaker half open for ever.
struct Pending {
    breaker: Breaker,
    pass: Option<Pass>,
}

impl Pending {
    fn end(mut self, outcome: CallOutcome) {
        self.record(outcome);
        self.breaker.0.arm();
    }

    fn record(&mut self, outcome: CallOutcome) {
        let Some(pass) = self.pass.take() else { return };
        let inner = &self.breaker.0;
        inner.tell_call(outcome);
        inner.change(|machine, now| machine.record(now, pass, outcome));
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // Starts no task: the pod itself may be coming down. The next call's end does.
        self.record(CallOutcome::Failure);
    }
}

/// What an HTTP call's result says of its callee: 5xx and no answer are failures, a 4xx is the
/// caller's own fault (a Feign client whose `ErrorDecoder` maps it to a bad request).
pub fn judge_http(result: &Result<Answer, CallError>) -> Verdict {
    match result {
        Ok(answer) if answer.status.is_client_error() => Verdict::BadRequest,
        Ok(answer) if answer.status.is_server_error() => Verdict::Failure,
        Ok(_) => Verdict::Success,
        Err(_) => Verdict::Failure,
    }
}
