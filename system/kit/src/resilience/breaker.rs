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
    admission::Admission,
    bulkhead::Bulkhead,
    choice::BreakerSettings,
    hystrix::Hystrix,
    machine::{Machine, Pass},
    resilience4j::Resilience4j,
    resilience4j_settings::Resilience4jSettings,
    settings::{HystrixSettings, Isolation, ThreadPoolSettings},
};
use crate::{
    Pod, hints,
    signal::{BreakerState, CallOutcome, Signal, Signals},
    spawn::Spawn,
};

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
    around: Around,
    rules: Mutex<Rules>,
}

/// What stands around a call, apart from the rules.
struct Around {
    isolation: Isolation,
    pool: Bulkhead,
    execution_timeout: Option<Duration>,
    fallbacks: Bulkhead,
}

struct Rules {
    machine: Box<dyn Machine>,
    /// A task waits for the machine's next deadline.
    ticking: bool,
    /// Calls that passed so far.
    passed: u64,
}

/// A Hystrix thread pool, for all commands of one group.
pub fn thread_pool(settings: ThreadPoolSettings) -> Bulkhead {
    Bulkhead::new(settings.core_size, settings.queue())
}

impl Breaker {
    /// The breaker called `name` by the rules and settings chosen, with a pool of its own.
    pub fn new(pod: &Pod, name: &str, settings: BreakerSettings) -> Self {
        match settings {
            BreakerSettings::Hystrix { command, pool } => {
                Self::hystrix(pod, name, command, &thread_pool(pool))
            }
            BreakerSettings::Resilience4j(settings) => Self::resilience4j(pod, name, settings),
        }
    }

    /// The breaker called `name` by Hystrix's rules. `pool` is its group's; semaphore isolation
    /// brings one of its own.
    pub fn hystrix(pod: &Pod, name: &str, settings: HystrixSettings, pool: &Bulkhead) -> Self {
        let pool = match settings.isolation {
            Isolation::Thread => pool.clone(),
            Isolation::Semaphore => Bulkhead::new(settings.semaphore_max_concurrent, 0),
        };
        let around = Around {
            isolation: settings.isolation,
            pool,
            execution_timeout: settings.execution_timeout,
            fallbacks: Bulkhead::new(settings.fallback_max_concurrent, 0),
        };
        let machine = Box::new(Hystrix::new(settings, Instant::now()));
        Self::with(pod, name, machine, around)
    }

    /// The breaker called `name` by resilience4j's rules, its time limiter and its semaphore
    /// bulkhead within it (Spring: `CircuitBreaker(TimeLimiter(Bulkhead(call)))`). A call that is
    /// timed out is ended; nothing limits fallbacks.
    pub fn resilience4j(pod: &Pod, name: &str, settings: Resilience4jSettings) -> Self {
        let around = Around {
            isolation: Isolation::Semaphore,
            pool: Bulkhead::new(settings.max_concurrent_calls, 0),
            execution_timeout: Some(settings.timeout),
            fallbacks: Bulkhead::new(usize::MAX, 0),
        };
        let machine = Box::new(Resilience4j::new(settings, Instant::now()));
        Self::with(pod, name, machine, around)
    }

    fn with(pod: &Pod, name: &str, machine: Box<dyn Machine>, around: Around) -> Self {
        pod.signals.tell(Signal::BreakerMade {
            name: name.to_owned(),
        });
        Self(Arc::new(Inner {
            name: name.to_owned(),
            spawn: pod.spawn.clone(),
            signals: pod.signals.clone(),
            around,
            rules: Mutex::new(Rules {
                machine,
                ticking: false,
                passed: 0,
            }),
        }))
    }

    /// The state as of now.
    pub fn state(&self) -> BreakerState {
        self.0.change(|rules, _now| rules.machine.state())
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
        let Some((pass, call)) = self.0.admit() else {
            self.0.tell_call(None, CallOutcome::ShortCircuited);
            return Err(Cause::ShortCircuited);
        };
        let pending = Pending {
            breaker: self.clone(),
            pass: Some(pass),
            call,
        };
        let breaker = self.0.name.clone();
        let admission = Admission { breaker, call };
        let result = self.within_timeout(admission.of(run)).await;
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
            Err(cause) => match self.0.around.fallbacks.try_enter() {
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
        match self.0.around.execution_timeout {
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
        let slot = self.0.around.pool.enter().await.ok_or(Cause::Rejected)?;
        match self.0.around.isolation {
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
    /// Everything that touches the machine goes through here: time passes first, and every change
    /// of state is told at once, in order.
    fn change<T>(&self, act: impl FnOnce(&mut Rules, Instant) -> T) -> T {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let mut before = rules.machine.state();
        while rules.machine.advance(now) {
            let state = rules.machine.state();
            self.tell_transition(before, state);
            before = state;
        }
        let result = act(&mut rules, now);
        self.tell_transition(before, rules.machine.state());
        result
    }

    /// A pass and its number, told after the change of state that it may bring.
    fn admit(self: &Arc<Self>) -> Option<(Pass, u64)> {
        let passed = self.change(|rules, now| {
            let pass = rules.machine.admit(now)?;
            rules.passed += 1;
            Some((pass, rules.passed))
        });
        if let Some((_, call)) = &passed {
            let (name, call) = (self.name.clone(), *call);
            self.signals.tell(Signal::BreakerAdmitted { name, call });
        }
        self.arm();
        passed
    }

    fn tell_transition(&self, from: BreakerState, to: BreakerState) {
        if from == to {
            return;
        }
        self.signals.hint(match to {
            BreakerState::Closed => hints::BREAKER_CLOSED,
            BreakerState::Open => hints::BREAKER_OPENED,
            BreakerState::HalfOpen => hints::BREAKER_HALF_OPENED,
        });
        let name = self.name.clone();
        self.signals.tell(Signal::Breaker { name, from, to });
    }

    fn tell_call(&self, call: Option<u64>, outcome: CallOutcome) {
        match outcome {
            CallOutcome::ShortCircuited => self.signals.hint(hints::CALL_SHORT_CIRCUITED),
            CallOutcome::Rejected => self.signals.hint(hints::BULKHEAD_FULL),
            CallOutcome::Timeout => self.signals.hint(hints::CALL_TIMED_OUT),
            CallOutcome::Success
            | CallOutcome::Failure
            | CallOutcome::BadRequest
            | CallOutcome::Cancelled => {}
        }
        let name = self.name.clone();
        self.signals.tell(Signal::BreakerCall {
            name,
            call,
            outcome,
        });
    }

    /// Starts a task that changes the state on time, when no call would, unless there is one.
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
        breaker.change(|_rules, _now| ());
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

/// A call that has passed. Dropped before its end (its caller went) it counts nowhere, but its pass
/// comes back, so that a lost probe cannot leave the breaker half open for ever.
struct Pending {
    breaker: Breaker,
    pass: Option<Pass>,
    call: u64,
}

impl Pending {
    fn end(mut self, outcome: CallOutcome) {
        self.record(outcome);
        self.breaker.0.arm();
    }

    fn record(&mut self, outcome: CallOutcome) {
        let Some(pass) = self.pass.take() else { return };
        let inner = &self.breaker.0;
        inner.tell_call(Some(self.call), outcome);
        inner.change(|rules, now| rules.machine.record(now, pass, outcome));
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // Starts no task: the pod itself may be coming down. The next call's end does.
        self.record(CallOutcome::Cancelled);
    }
}
