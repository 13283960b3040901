//! The world loop: lets virtual time pass, and between polls advances the cluster, the users and
//! the nemesis.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use squall_kit::rng::Rng;
use squall_reports::history::{Name, What};

use crate::{
    acts::Acts,
    cluster::{Cluster, ceil_ms, spec::ClusterSpec},
    controls::{Controls, Nemesis},
    engine::{
        Engine, EngineError, HostId, Interleaving, Link, Settings, Stopped, TurmoilEngine, World,
    },
    inspection::Inspection,
    load::{Load, crowd::Crowd},
    recorder::{Recorder, WORLD},
    simulation::{EngineKind, Outcome},
};

/// Everything must be up before the run starts, within this time.
const BRING_UP: Duration = Duration::from_secs(600);
/// How often the system is asked whether it is quiet.
const QUIET_EVERY: Duration = Duration::from_secs(1);
/// How often in a row it must be.
const QUIET_TIMES: u32 = 2;
/// Turns of the world loop at one instant; a run takes a handful, even when it is interrupted
/// often.
const TURNS_PER_INSTANT: u32 = 1_000_000;
/// More acts of the nemesis than this in one instant of time are a livelock of its own.
const ACTS_PER_INSTANT: u32 = 10_000;
/// Turns of the loop that an answer of an embedded adapter may take.
const TURNS_PER_ANSWER: u32 = 1_000;

/// A run under way.
pub(crate) struct Run {
    world: Box<dyn World>,
    cluster: Cluster,
    crowd: Crowd,
    acts: Acts,
    recorder: Recorder,
    sampler: Sampler,
    /// The host of the run's own tasks.
    own: HostId,
    /// The world's time when the run started.
    started: Duration,
    loading: bool,
    name: Name,
    broken: Vec<String>,
}

/// The run cannot go on; why is in `broken`.
struct Broken;

// === impl Run ===

impl Run {
    pub(crate) fn new(
        spec: &ClusterSpec,
        loads: &[Load],
        seed: u64,
        kind: EngineKind,
        interleaving: Interleaving,
    ) -> Result<Self, EngineError> {
        let settings = Settings {
            interleaving,
            ..settings(spec, seed)
        };
        let epoch_ms = settings.epoch_ms;
        let mut world: Box<dyn World> = match kind {
            EngineKind::Events => Box::new(Engine::new(settings)?),
            EngineKind::Turmoil => Box::new(TurmoilEngine::new(settings)?),
        };
        let own = world.add_host(WORLD);
        let (clock, interrupter) = (world.clock(own), world.interrupter());
        let now = move || Duration::from_millis(clock.now_ms().saturating_sub(epoch_ms));
        let recorder = Recorder::new(now, move || interrupter.interrupt());
        let cluster = Cluster::new(spec, seed, &recorder, &mut *world);
        let crowd = Crowd::new(loads, cluster.load_hosts.clone(), &recorder, seed);
        Ok(Self {
            world,
            cluster,
            crowd,
            acts: Acts::default(),
            recorder,
            sampler: Sampler::new(seed),
            own,
            started: Duration::ZERO,
            loading: false,
            name: WORLD.into(),
            broken: Vec::new(),
        })
    }

    /// The whole run.
    pub(crate) fn through(
        mut self,
        nemesis: Box<dyn Nemesis>,
        duration: Duration,
        settle: Duration,
    ) -> Outcome {
        let mut unsettled = Some("the run broke".to_owned());
        if let Ok(kept) = self.phases(nemesis, duration, settle) {
            unsettled = kept;
        }
        if self.crowd.counts().issued() == 0 {
            self.breaks("the workload issued nothing".to_owned());
        }
        let simulated = self.now();
        // The nemesis must not outlive the run: it may hold on to anything.
        drop(self.recorder.take_nemesis());
        Outcome {
            history: self.recorder.take_history(),
            simulated,
            broken: self.broken,
            unsettled,
        }
    }

    fn phases(
        &mut self,
        nemesis: Box<dyn Nemesis>,
        duration: Duration,
        settle: Duration,
    ) -> Result<Option<String>, Broken> {
        self.bring_up()?;
        self.started = self.world.now();
        self.recorder.start(nemesis);
        self.enter("load");
        self.loading = true;
        self.drive(self.started + duration)?;
        self.crowd.end();
        self.drive(self.world.now())?;
        self.loading = false;
        self.enter("heal");
        self.heal();
        self.enter("settle");
        let unsettled = self.settle(settle)?;
        self.enter("inspect");
        self.inspect()?;
        Ok(unsettled)
    }

    /// Time since the run's start.
    fn now(&self) -> Duration {
        self.world.now().saturating_sub(self.started)
    }

    fn enter(&self, phase: &str) {
        let name = phase.into();
        self.recorder.record(&self.name, What::Phase { name });
    }

    fn bring_up(&mut self) -> Result<(), Broken> {
        let latest = self.world.now() + BRING_UP;
        while !self.cluster.is_ready() {
            if self.world.now() >= latest {
                self.breaks(format!("after {BRING_UP:?} not everything was up"));
                return Err(Broken);
            }
            self.drive(self.world.now() + Duration::from_millis(10))?;
        }
        Ok(())
    }

    /// Lets everything happen up to and including `until`, in the world's time.
    fn drive(&mut self, until: Duration) -> Result<(), Broken> {
        let mut acted = (self.world.now(), 0);
        let mut turns = (self.world.now(), 0_u32);
        loop {
            self.advance(&mut acted)?;
            // A deadline that is never met would turn this loop for ever, at one instant.
            if turns.0 != self.world.now() {
                turns = (self.world.now(), 0);
            }
            turns.1 += 1;
            if turns.1 > TURNS_PER_INSTANT {
                self.breaks(format!("the world stands still at {:?}", self.now()));
                return Err(Broken);
            }
            let done = self.world.now() >= until;
            let next = self.next_deadline().map_or(until, |next| next.min(until));
            let next = next.max(self.world.now());
            let stopped = self.world.run_until(next);
            self.notice_panics()?;
            match stopped {
                Ok(Stopped::Deadline) if done => return Ok(()),
                Ok(_) => {}
                Err(error) => {
                    self.breaks(error.to_string());
                    return Err(Broken);
                }
            }
        }
    }

    /// Does what is due now. `acted` counts the nemesis's turns within one instant.
    fn advance(&mut self, acted: &mut (Duration, u32)) -> Result<(), Broken> {
        if acted.0 != self.world.now() {
            *acted = (self.world.now(), 0);
        }
        while self.recorder.take_wanted() || self.nemesis_is_due() {
            acted.1 += 1;
            if acted.1 > ACTS_PER_INSTANT {
                self.breaks("the nemesis never stops acting".to_owned());
                return Err(Broken);
            }
            let now = self.now();
            self.lend_nemesis(|nemesis, controls| nemesis.advance(now, controls));
        }
        self.cluster.advance(&mut *self.world);
        if self.cluster.take_grown() {
            self.acts.adapt(&mut self.cluster, &mut *self.world);
        }
        for host in self.cluster.pods.take_left() {
            self.acts.forget(host, &*self.world);
            self.world.remove_host(host);
        }
        if self.loading {
            let now = self.now();
            self.crowd.advance(now, &mut *self.world);
            if self.sampler.next <= now {
                self.sampler.advance();
                let requests = self.crowd.counts().in_flight();
                self.recorder
                    .record(&self.name, What::InFlight { requests });
            }
        }
        Ok(())
    }

    /// In the world's time.
    fn next_deadline(&self) -> Option<Duration> {
        let mut run_deadlines = Vec::new();
        if self.loading {
            run_deadlines.extend(self.recorder.nemesis_deadline());
            run_deadlines.extend(self.crowd.next_deadline());
            run_deadlines.push(self.sampler.next);
        }
        let run_deadline = run_deadlines.into_iter().min();
        let run_deadline = run_deadline.map(|at| ceil_ms(at) + self.started);
        run_deadline
            .into_iter()
            .chain(self.cluster.next_deadline())
            .min()
    }

    fn nemesis_is_due(&self) -> bool {
        let deadline = self.recorder.nemesis_deadline();
        self.loading && deadline.is_some_and(|at| at <= self.now())
    }

    fn lend_nemesis(&mut self, act: impl FnOnce(&mut dyn Nemesis, &mut Controls<'_>)) {
        let Some(mut nemesis) = self.recorder.take_nemesis() else {
            return;
        };
        let mut controls = Controls {
            world: &mut *self.world,
            cluster: &mut self.cluster,
            acts: &mut self.acts,
            recorder: &self.recorder,
        };
        act(&mut *nemesis, &mut controls);
        self.recorder.return_nemesis(nemesis);
    }

    fn heal(&mut self) {
        let now = self.now();
        self.lend_nemesis(|nemesis, controls| {
            nemesis.finish(now, controls);
            controls.heal_everything();
        });
        // From here on nobody strikes.
        drop(self.recorder.take_nemesis());
        self.recorder.take_wanted();
    }

    /// Waits until the system is quiet. What kept it from being so, if time ran out.
    fn settle(&mut self, most: Duration) -> Result<Option<String>, Broken> {
        let latest = self.world.now() + most;
        let mut quiet = 0;
        loop {
            let busy = self.busy()?;
            quiet = if busy.is_none() { quiet + 1 } else { 0 };
            if quiet >= QUIET_TIMES {
                return Ok(None);
            }
            if self.world.now() >= latest {
                let busy = busy.unwrap_or_else(|| "it was quiet too late".to_owned());
                let text = format!("not settled after {most:?}: {busy}");
                self.recorder
                    .record(&self.name, What::Note { text: text.clone() });
                return Ok(Some(text));
            }
            self.drive(latest.min(self.world.now() + QUIET_EVERY))?;
        }
    }

    /// Why the system is not quiet, if it is not.
    fn busy(&mut self) -> Result<Option<String>, Broken> {
        if !self.cluster.is_ready() {
            return Ok(Some("not everything is up".to_owned()));
        }
        let inspection = Inspection::of(&self.cluster);
        self.ask(async move { inspection.busy().await })
    }

    fn inspect(&mut self) -> Result<(), Broken> {
        let inspection = Inspection::of(&self.cluster);
        match inspection.dump() {
            Ok(found) => {
                for (host, what) in found {
                    self.recorder.record(&host, what);
                }
                Ok(())
            }
            Err(error) => {
                self.breaks(error);
                Err(Broken)
            }
        }
    }

    /// Runs a future of the run's own.
    fn ask<T: 'static>(
        &mut self,
        question: impl Future<Output = T> + 'static,
    ) -> Result<T, Broken> {
        let answer = Arc::new(Mutex::new(None));
        let place = Arc::clone(&answer);
        let asking = async move {
            let said = question.await;
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(said);
        };
        self.world.start(self.own, "inspection", Box::pin(asking));
        for _ in 0..TURNS_PER_ANSWER {
            self.drive(self.world.now())?;
            let said = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(said) = said {
                return Ok(said);
            }
            self.drive(self.world.now() + Duration::from_millis(1))?;
        }
        self.breaks("the stores and the log do not answer".to_owned());
        Err(Broken)
    }

    /// A panic is the run's verdict: what comes after it proves nothing.
    fn notice_panics(&mut self) -> Result<(), Broken> {
        let panics = self.world.take_panics();
        for panic in &panics {
            let what = What::Panicked {
                task: panic.task.into(),
                message: panic.message.clone(),
                place: panic.place.clone(),
            };
            self.recorder.record(&panic.host.as_str().into(), what);
            self.broken.push(format!(
                "{} panicked in {} at {}: {}",
                panic.host, panic.task, panic.place, panic.message
            ));
        }
        if panics.is_empty() {
            Ok(())
        } else {
            Err(Broken)
        }
    }

    fn breaks(&mut self, why: String) {
        let text = format!("the run is broken: {why}");
        self.recorder.record(&self.name, What::Note { text });
        self.broken.push(why);
    }
}

// === impl Sampler ===

/// When requests under way are counted: once a second, at a moment drawn anew for each, so that no
/// rhythm of the load can hide from it or please it.
struct Sampler {
    next: Duration,
    second: u64,
    rng: Rng,
}

impl Sampler {
    fn new(seed: u64) -> Self {
        let rng = Rng::stream(seed, "in-flight");
        Self {
            next: Duration::from_millis(rng.below(1000)),
            second: 0,
            rng,
        }
    }

    fn advance(&mut self) {
        self.second += 1;
        let within = Duration::from_millis(self.rng.below(1000));
        self.next = Duration::from_secs(self.second) + within;
    }
}

fn settings(spec: &ClusterSpec, seed: u64) -> Settings {
    let network = spec.model.network;
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let mut link = Link::healthy(
        ms(network.latency_ms.low),
        ms(network.latency_ms.high) - ms(network.latency_ms.low),
    );
    link.loss = network.loss;
    Settings {
        link,
        ..Settings::new(seed, spec.hosts())
    }
}
