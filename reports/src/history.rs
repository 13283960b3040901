//! What happened in one run, in order, with virtual time: the input of every figure and verdict.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A shared name (host, user, event kind): histories repeat few names very often.
pub type Name = Arc<str>;

/// What a request's sender can know of its effect (Jepsen's three outcomes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It took effect.
    Ok,
    /// Surely no effect: never sent, a 4xx, or a refusal marked as such.
    Fail,
    /// Everything else.
    Unknown,
}

/// The life of a pod, a store or a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PodPhase {
    /// Its process was started.
    Starting,
    /// It listens and gets traffic.
    Ready,
    /// It runs and gets no new traffic.
    Unready,
    /// It was asked to stop and finishes what it has.
    Draining,
    /// It ended by itself or after a stop.
    Ended,
    /// It was killed.
    Killed,
}

/// States of a circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// Calls are short-circuited.
    Open,
    /// Probe calls pass.
    HalfOpen,
}

/// How a rollout stands (Kubernetes: the `Progressing` condition).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutState {
    /// A new revision is being rolled out.
    Progressing,
    /// Every pod is of this revision and available.
    Complete,
    /// `ProgressDeadlineExceeded`. The controller keeps trying.
    DeadlineExceeded,
}

/// What a sidecar did of its own accord.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SidecarAct {
    /// It gave an answer of its own, or passed one on that broke off.
    Answered {
        /// Envoy's response flags as its access log has them, mostly one: UH, UF, UO, UC, UT, NR,
        /// FI; with DI if a fault delayed it, with URX if it was tried as often as it may be:
        /// `UF,URX`.
        flag: Name,
        /// The status given.
        status: u16,
    },
    /// A fault delayed a request.
    Delayed {
        /// By how much.
        ms: u64,
    },
    /// It tried again.
    Retried {
        /// Why: the flag or the status of the try before.
        reason: Name,
    },
    /// It passed an answer on that it would have asked for again.
    NotRetried {
        /// Why not: `URX` for the route's number of attempts, `UO` for `maxRetries`.
        flag: Name,
    },
    /// It ejected a pod.
    Ejected {
        /// The pod.
        pod: Name,
    },
    /// It did not eject a pod that deserved it: `maxEjectionPercent`.
    EjectionOverflow {
        /// The pod.
        pod: Name,
    },
    /// It took a pod back.
    Readmitted {
        /// The pod.
        pod: Name,
    },
}

/// How a call through a breaker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// It succeeded.
    Success,
    /// It failed.
    Failure,
    /// The breaker's own timeout ended it.
    Timeout,
    /// No slot in the bulkhead.
    Rejected,
    /// The breaker was open.
    ShortCircuited,
    /// A refusal that says nothing about the callee's health.
    BadRequest,
    /// Its caller went before it had a result.
    Cancelled,
}

/// One call that a breaker let pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// The breaker.
    pub breaker: Name,
    /// The call's number at this breaker of this process, from 1.
    pub call: u64,
}

/// What became of a delivered event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consumption {
    /// Its effect was committed with its id.
    Applied,
    /// Its id was already there: dropped by the inbox.
    Duplicate,
    /// No policy of this consumer wants it.
    Ignored,
    /// The domain refused; recorded and acknowledged.
    Rejected,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// A user sent a request.
    Requested {
        /// Unique in the run.
        request: u64,
        /// Who.
        user: Name,
        /// As part of which journey.
        journey: Name,
        /// GET, POST, …
        method: Name,
        /// The service dialled, `gateway:8080`.
        target: Name,
        /// The path's pattern as the scenario writes it, `/orders/{order}`.
        route: Name,
        /// The path with query.
        path: String,
        /// When the schedule wanted it sent, in µs; open loop may send later.
        intended_us: u64,
    },
    /// The request above ended.
    Answered {
        /// The request.
        request: u64,
        /// What its sender can know.
        outcome: Outcome,
        /// The answer's status; `None` when there was none.
        status: Option<u16>,
        /// Bytes of the body: of an answer siege counts the body alone.
        bytes: u64,
        /// The `type` of a problem+json answer.
        problem: Option<Name>,
        /// The answer's `Location`: names what a POST created.
        location: Option<String>,
        /// The `status` of the resource that a GET showed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shown: Option<Name>,
        /// What went wrong, when there was no answer.
        error: Option<String>,
    },
    /// A request was still under way when the load's time was up: siege counts it nowhere.
    Cancelled {
        /// The request.
        request: u64,
    },
    /// A load that is a run of siege begins. Its users are called after it, `<load>-<number>`.
    SiegeBegan {
        /// The load.
        load: Name,
    },
    /// The last of its users has stopped.
    SiegeEnded {
        /// The load.
        load: Name,
        /// Too many requests had failed.
        gave_up: bool,
    },
    /// A user finished a journey, gave it up, or was cut off in it by the load's end.
    JourneyEnded {
        /// Who.
        user: Name,
        /// Which.
        journey: Name,
        /// True when every step went as the scenario says it may.
        completed: bool,
        /// The step that did not, and why.
        reason: Option<String>,
        /// When the load's end cut it off: how long it had been under way, in µs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cut_after_us: Option<u64>,
    },
    /// Requests under way, counted independently of their times, at a sampling instant.
    InFlight {
        /// How many.
        requests: u64,
    },
    /// A pod, store or broker changed its phase.
    Pod {
        /// The deployment it belongs to.
        deployment: Name,
        /// Its new phase.
        phase: PodPhase,
        /// Why, in words.
        reason: String,
    },
    /// A probe's verdict on a container changed. Single tries are not written down.
    Probe {
        /// `startup`, `readiness` or `liveness`.
        probe: Name,
        /// True: it counts as a success now.
        success: bool,
        /// What the last try gave.
        reason: String,
    },
    /// Every proxy knows now that a pod gets new traffic, or no more. The host is the pod.
    Endpoint {
        /// The service.
        service: Name,
        /// True: it gets traffic.
        ready: bool,
    },
    /// A workload is meant to have another number of pods. The host is `world`.
    Scaled {
        /// The deployment.
        deployment: Name,
        /// Before.
        from: u32,
        /// After.
        to: u32,
        /// Who wanted it and why, in words.
        reason: String,
    },
    /// An autoscaler looked. The host is `world`.
    Measured {
        /// The deployment.
        deployment: Name,
        /// CPU used, in percent of what was requested; `None`: no metric yet.
        utilization_percent: Option<u32>,
        /// Pods that are meant to run.
        replicas: u32,
    },
    /// A deployment's rollout went on. The host is `world`.
    Rollout {
        /// The deployment.
        deployment: Name,
        /// The revision it goes to.
        revision: u64,
        /// How it stands.
        state: RolloutState,
    },
    /// A sidecar answered a request itself, or ejected or readmitted a host. The host is its pod.
    Sidecar {
        /// The service called.
        upstream: Name,
        /// What it did.
        did: SidecarAct,
    },
    /// A fault of the plan began.
    FaultBegan {
        /// Its place in the plan.
        fault: usize,
        /// What it does, in words.
        description: String,
    },
    /// A fault of the plan was healed.
    FaultEnded {
        /// Its place in the plan.
        fault: usize,
        /// What it did: packets held, connections refused, pods killed, …
        effect: BTreeMap<String, u64>,
    },
    /// The run entered a phase: `load`, `heal`, `settle`, `inspect`.
    Phase {
        /// Its name.
        name: Name,
    },
    /// A pod handed a request to the network.
    CallSent {
        /// The callee, `pay:8080`.
        target: Name,
        /// GET, POST, …
        method: Name,
        /// Path with query.
        path: String,
        /// Its idempotency key.
        key: Option<String>,
        /// The pass that a breaker gave for it, if it was made through one.
        admission: Option<Admission>,
    },
    /// The call above ended; or, without one above, it found no connection and was never sent.
    CallEnded {
        /// The callee.
        target: Name,
        /// GET, POST, …
        method: Name,
        /// Path with query.
        path: String,
        /// The answer's status; `None` when there was none.
        status: Option<u16>,
        /// What went wrong, when there was no answer.
        error: Option<String>,
        /// The `type` of a problem+json answer.
        problem: Option<Name>,
        /// Its idempotency key.
        key: Option<String>,
    },
    /// A breaker was made, closed and with empty counts: a process begins.
    BreakerMade {
        /// Its name.
        breaker: Name,
        /// How long before this entry's time, in µs: what happens before the run's start is
        /// written at 0, and a breaker's buckets begin when it is made.
        before_us: u64,
    },
    /// A breaker let a call pass.
    BreakerAdmitted {
        /// The breaker.
        breaker: Name,
        /// The call's number at this breaker of this process, from 1.
        call: u64,
    },
    /// A breaker changed state.
    Breaker {
        /// Its name.
        breaker: Name,
        /// Before.
        from: BreakerState,
        /// After.
        to: BreakerState,
    },
    /// A call through a breaker ended.
    BreakerCall {
        /// The breaker.
        breaker: Name,
        /// The call's number; `None`: it did not pass.
        call: Option<u64>,
        /// How.
        outcome: CallOutcome,
    },
    /// A store executed a commit; its reply has not been sent yet.
    Committed {
        /// The commit's id.
        commit: String,
        /// True when it had been executed before.
        replayed: bool,
        /// Ids of the events it put into the outbox; none when it was replayed.
        events: Vec<String>,
    },
    /// The relay handed an event to the broker, which confirmed.
    Published {
        /// The event's id.
        event: String,
        /// Its kind.
        kind: Name,
        /// Its key.
        key: String,
        /// Where it lies.
        partition: u32,
        /// Its place there.
        offset: u64,
    },
    /// A consumer handled an event.
    Consumed {
        /// The consumer group.
        consumer: Name,
        /// The event's id.
        event: String,
        /// Its kind.
        kind: Name,
        /// Its key.
        key: String,
        /// With what result.
        outcome: Consumption,
        /// Why it was rejected.
        reason: Option<String>,
    },
    /// A consumer's partitions changed.
    Rebalanced {
        /// The consumer group.
        consumer: Name,
        /// The partitions this member now has.
        partitions: Vec<u32>,
    },
    /// The code passed a place that names itself.
    Hint {
        /// The place.
        name: Name,
    },
    /// A panic in a task: this run's verdict.
    Panicked {
        /// The task.
        task: Name,
        /// The panic's message.
        message: String,
        /// Source file and line.
        place: String,
    },
    /// Anything a person would log.
    Note {
        /// The text.
        text: String,
    },
    /// At the end: a record as a store holds it. The host is the store's service.
    Stored {
        /// The collection.
        collection: Name,
        /// Its id there.
        id: u64,
        /// Its body.
        body: Value,
    },
    /// At the end: an event as the broker's log holds it.
    Logged {
        /// The partition.
        partition: u32,
        /// The place there.
        offset: u64,
        /// The event's id.
        event: String,
        /// Its kind.
        kind: Name,
        /// Its key.
        key: String,
        /// The context that stated it.
        source: Name,
        /// The fact itself.
        body: Value,
    },
}

/// One entry of a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Virtual time since the run's start, in µs.
    pub at_us: u64,
    /// The host it happened on: a pod, a store, `broker`, a load host, or `world`.
    pub host: Name,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened in one run, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// In order of time; entries of one instant in the order they happened.
    pub entries: Vec<Entry>,
}
