//! All pods, as their kubelets run them: containers started, probed, terminated, killed, and
//! started again.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use squall_kit::{
    config::Config,
    net::{Net, memory::Memory},
    stop::Stop,
};
use squall_reports::history::{Name, PodPhase, What};
use tokio::time::sleep;

use super::{
    admission::{Failing, Hang, Pace},
    container::{Container, Due},
    directory::Directory,
    listening::Watched,
    local::Local,
    machines::Kubelet,
    pod::{PodSlot, Streams, Workload, environment},
    probing::{Prober, Report},
    processor::Processor,
};
use crate::{
    engine::{HostId, World},
    model::{ClusterModel, NodeModel},
    objects::{Objects, container::PodTemplate},
    platform::{probe::ProbeSettings, restart::BackOffSettings},
    recorder::Recorder,
};

/// From a program's end to its process's.
const LINGER: Duration = Duration::from_millis(10);
/// How often a container that cannot be configured is tried again (kubelet: its sync period is a
/// minute, but a changed ConfigMap is noticed sooner; not established, so a round figure).
const CONFIG_RETRY: Duration = Duration::from_secs(10);

/// All pods, by name.
pub(crate) struct Pods {
    pods: BTreeMap<Name, PodSlot>,
    directory: Directory,
    recorder: Recorder,
    exits: Exits,
    prober: Prober,
    probing: ProbeSettings,
    back_off: BackOffSettings,
    /// How long a machine that lost its power takes to be back.
    reboot: Duration,
    seed: u64,
    /// Somebody became ready, or unready, or went.
    changed: bool,
    /// Hosts of pods that are gone.
    left: Vec<HostId>,
    /// Nothing is due before this time.
    due: Option<Duration>,
}

/// A process ended by itself.
struct Exit {
    pod: Name,
    start: u64,
    error: Option<String>,
}

type Exits = Arc<Mutex<Vec<Exit>>>;

/// What a new pod is.
pub(crate) struct NewPod<'a> {
    pub(crate) name: Name,
    pub(crate) workload: &'a Workload,
    pub(crate) template: &'a Arc<PodTemplate>,
    pub(crate) set: Name,
    pub(crate) node: &'a NodeModel,
    pub(crate) kubelet: Kubelet,
}

// === impl Pods ===

impl Pods {
    pub(crate) fn new(
        seed: u64,
        model: &ClusterModel,
        directory: Directory,
        recorder: Recorder,
        world: &mut dyn World,
    ) -> Self {
        let prober = Prober::new(world);
        Self {
            pods: BTreeMap::new(),
            directory,
            recorder,
            exits: Exits::default(),
            prober,
            probing: ProbeSettings {
                eager_readiness: model.eager_readiness,
                phase: Duration::from_millis(model.kubelet_probe_phase_ms),
            },
            back_off: BackOffSettings {
                requeue: Duration::from_millis(model.restart_requeue_ms),
                ..BackOffSettings::default()
            },
            reboot: Duration::from_secs(model.reboot_s),
            seed,
            changed: true,
            left: Vec::new(),
            due: Some(Duration::ZERO),
        }
    }

    /// A pod that was scheduled: its container is to be started at once.
    pub(crate) fn create(&mut self, new: NewPod<'_>, world: &mut dyn World) {
        let now = world.now();
        let host = world.add_host(&new.name);
        self.directory.add_host(&new.name, host);
        let slot = PodSlot {
            name: Arc::clone(&new.name),
            workload: new.workload.clone(),
            template: Arc::clone(new.template),
            set: new.set,
            host,
            node: new.node.name.as_str().into(),
            node_cores: new.node.cores,
            kubelet: new.kubelet,
            doomed: None,
            created: now,
            container: Container::new(now, new.template, self.probing, self.back_off),
            started: now,
            ready: false,
            ready_since: now,
            pace: Pace::normal(),
            failing: Failing::default(),
            alive: Arc::default(),
            processor: None,
            hang: Hang::default(),
            machine: Memory::default(),
            listening: Arc::default(),
            streams: Streams::new(self.seed, &new.name),
        };
        let former = self.pods.insert(Arc::clone(&new.name), slot);
        assert!(former.is_none(), "two pods are called {}", new.name);
        self.touch(now);
    }

    /// `kubectl delete pod`: preStop, SIGTERM, grace, SIGKILL; it gets no new traffic from now on,
    /// as far as that is known. False: it was deleted before.
    pub(crate) fn delete(&mut self, name: &str, now: Duration, reason: &str) -> bool {
        let pod = self.slot(name);
        if !pod.is_staying() {
            return false;
        }
        if pod.kubelet != Kubelet::Heard {
            // Its kubelet hears of it when it is heard again.
            pod.doomed = Some(reason.to_owned());
            self.changed = true;
            return true;
        }
        let template = Arc::clone(&pod.template);
        pod.container.delete(now, &template);
        if pod.container.is_alive() {
            self.record(name, PodPhase::Draining, reason);
        }
        self.changed = true;
        self.touch(now);
        true
    }

    /// Ends a pod's container at once (SIGKILL); `power` takes its machine along. True: it ran.
    pub(crate) fn kill(&mut self, name: &str, power: bool, world: &mut dyn World) -> bool {
        let pod = self.get(name);
        if !pod.container.is_alive() {
            return false;
        }
        if power {
            let host = pod.host;
            pod.alive.store(false, Ordering::Relaxed);
            world.power_loss(host);
            self.ended(name, world.now(), PodPhase::Killed, "power loss");
            let back = world.now() + self.reboot;
            self.slot(name).container.not_before(back);
        } else {
            self.finish(name, world, PodPhase::Killed, "killed");
        }
        true
    }

    /// The pods on a machine.
    pub(crate) fn on(&self, node: &str) -> Vec<Name> {
        let there = self.pods.values().filter(|pod| *pod.node == *node);
        there.map(|pod| Arc::clone(&pod.name)).collect()
    }

    /// The kubelet of a machine is heard, or not, or has no power any more.
    pub(crate) fn set_kubelet(&mut self, node: &str, kubelet: Kubelet, world: &mut dyn World) {
        for name in self.on(node) {
            let pod = self.slot(&name);
            if std::mem::replace(&mut pod.kubelet, kubelet) == Kubelet::Dark {
                // Its machine starts what it had.
                pod.container.hurry(world.now());
            }
            if kubelet == Kubelet::Dark && pod.container.is_alive() {
                pod.alive.store(false, Ordering::Relaxed);
                world.power_loss(pod.host);
                self.ended(&name, world.now(), PodPhase::Killed, "its node lost power");
            }
            if kubelet == Kubelet::Heard {
                self.report_status(&name, world.now());
            }
        }
        self.touch(world.now());
    }

    /// A kubelet is heard again: it hears of deletions, and tells how its pods are.
    fn report_status(&mut self, name: &str, now: Duration) {
        match self.slot(name).doomed.take() {
            Some(reason) => {
                self.delete(name, now, &reason);
            }
            None => self.judge(name, now),
        }
    }

    /// The control plane takes a machine for lost: its pods are not ready (Kubernetes:
    /// nodelifecycle `MarkPodsNotReady`), whatever they are.
    pub(crate) fn give_up_hearing(&mut self, node: &str, now: Duration) {
        for name in self.on(node) {
            let pod = self.slot(&name);
            if std::mem::take(&mut pod.ready) {
                pod.ready_since = now;
                self.changed = true;
                self.record(&name, PodPhase::Unready, "its node is not ready");
            }
        }
    }

    /// Every container that waits to be started again is started now.
    pub(crate) fn hurry_all(&mut self, now: Duration) {
        for pod in self.pods.values_mut() {
            pod.container.hurry(now);
        }
        self.touch(now);
    }

    /// The pods that a target names: one, all of a Deployment, or (`order/2`) one of a Deployment
    /// by its place among those it has now, from 1, in the order of their names.
    pub(crate) fn named(&self, target: &str) -> Vec<Name> {
        if let Some((deployment, place)) = target.split_once('/') {
            let all = self.named(deployment);
            let place = place.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
            return place
                .and_then(|place| all.get(place).cloned())
                .into_iter()
                .collect();
        }
        let pods = self.pods.values();
        let named = pods.filter(|p| *p.name == *target || *p.workload.name == *target);
        named.map(|p| Arc::clone(&p.name)).collect()
    }

    /// One pod.
    pub(crate) fn get(&self, name: &str) -> &PodSlot {
        self.pods
            .get(name)
            .expect("names of pods come from `named`")
    }

    /// One pod, if it is still there.
    pub(crate) fn find(&self, name: &str) -> Option<&PodSlot> {
        self.pods.get(name)
    }

    /// All pods, in the order of their names.
    pub(crate) fn all(&self) -> impl Iterator<Item = &PodSlot> {
        self.pods.values()
    }

    /// True when every pod that is meant to stay is ready, and its program listens.
    pub(crate) fn are_ready(&self) -> bool {
        self.pods
            .values()
            .all(|pod| pod.is_staying() && pod.ready && pod.listening.load(Ordering::Relaxed))
    }

    /// When something is due next.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.due
    }

    /// True once after somebody became ready, or unready, or went.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Hosts of pods that are gone; whoever asks gives them back. Pods that are pending for want of
    /// room are looked at again.
    pub(crate) fn take_left(&mut self) -> Vec<HostId> {
        self.changed |= !self.left.is_empty();
        std::mem::take(&mut self.left)
    }

    /// Does what is due, and notices who ended.
    pub(crate) fn advance(&mut self, objects: &Objects, world: &mut dyn World) {
        let now = world.now();
        self.notice_exits(world);
        for report in self.prober.reports() {
            self.notice_report(report, now);
        }
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        let mut acting: Vec<Name> = Vec::new();
        let mut deadlines: Vec<Duration> = Vec::new();
        for pod in self.pods.values().filter(|pod| pod.can_act()) {
            let deadline = pod.container.next_deadline();
            if deadline.is_some_and(|at| at <= now) || pod.container.is_gone() {
                acting.push(Arc::clone(&pod.name));
            } else {
                deadlines.extend(deadline);
            }
        }
        // What one pod does moves no other pod's deadline.
        for name in acting {
            self.advance_one(&name, objects, world);
            let still = self.pods.get(&name).filter(|pod| pod.can_act());
            deadlines.extend(still.and_then(|pod| pod.container.next_deadline()));
        }
        self.due = deadlines.into_iter().min();
    }

    fn advance_one(&mut self, name: &Name, objects: &Objects, world: &mut dyn World) {
        let now = world.now();
        if !self.get(name).can_act() {
            return;
        }
        while let Some(due) = self.slot(name).container.due(now) {
            match due {
                Due::Start => self.start(name, objects, world),
                Due::Kill => self.finish(name, world, PodPhase::Killed, "its grace was over"),
            }
        }
        self.try_probes(name, now);
        self.judge(name, now);
        if self.get(name).container.is_gone() {
            self.remove(name);
        }
    }

    fn remove(&mut self, name: &str) {
        let pod = self.pods.remove(name).expect("the caller looked");
        self.directory.remove_host(name);
        self.left.push(pod.host);
        self.changed = true;
    }

    /// Begins the tries that are due.
    fn try_probes(&mut self, name: &Name, now: Duration) {
        for attempt in self.slot(name).container.probes.due(now) {
            let probes = &self.get(name).container.probes;
            let probe = probes.probe(attempt.kind);
            let probe = probe.expect("only probes that are there are due");
            self.prober
                .begin(name, attempt, probe, &self.get(name).machine);
        }
    }

    fn notice_report(&mut self, report: Report, now: Duration) {
        let Some(pod) = self.pods.get_mut(&report.pod) else {
            return;
        };
        let probes = &mut pod.container.probes;
        let verdict = probes.report(report.attempt, now, report.tried);
        if let Some(next) = pod.container.next_deadline() {
            self.touch(next);
        }
        if let Some(verdict) = verdict {
            let what = What::Probe {
                probe: verdict.kind.name().into(),
                success: verdict.success,
                reason: report.reason,
            };
            self.recorder.record(&report.pod, what);
            self.judge(&report.pod, now);
        }
    }

    /// Draws the consequences of what the probes say.
    fn judge(&mut self, name: &str, now: Duration) {
        let pod = self.slot(name);
        if let Some(kill) = pod.container.probes.wants_kill() {
            let template = Arc::clone(&pod.template);
            if pod.container.terminate(now, &template, kill.grace) {
                let reason = format!("its {} probe failed", kill.kind.name());
                self.record(name, PodPhase::Draining, &reason);
                self.touch(now);
            }
        }
        let pod = self.slot(name);
        let ready = pod.container.is_ready();
        if ready == pod.ready || pod.kubelet != Kubelet::Heard {
            return;
        }
        pod.ready = ready;
        pod.ready_since = now;
        self.changed = true;
        let pod = self.get(name);
        if ready {
            self.record(name, PodPhase::Ready, "ready");
        } else if pod.container.is_staying() {
            self.record(name, PodPhase::Unready, "not ready");
        }
    }

    fn notice_exits(&mut self, world: &mut dyn World) {
        let exits = std::mem::take(&mut *self.exits.lock().unwrap_or_else(PoisonError::into_inner));
        for exit in exits {
            let Some(pod) = self.pods.get(&exit.pod) else {
                continue;
            };
            if pod.container.start != exit.start || !pod.container.is_alive() {
                continue;
            }
            let asked = pod.container.stop().is_some_and(Stop::is_raised);
            let reason = match (exit.error, asked) {
                (Some(error), _) => error,
                (None, true) => "stopped".to_owned(),
                (None, false) => "ended by itself, unasked".to_owned(),
            };
            self.finish(&exit.pod, world, PodPhase::Ended, &reason);
        }
    }

    /// Clears away what is left of a container.
    fn finish(&mut self, name: &str, world: &mut dyn World, phase: PodPhase, reason: &str) {
        let pod = self.get(name);
        pod.alive.store(false, Ordering::Relaxed);
        world.kill(pod.host);
        self.ended(name, world.now(), phase, reason);
    }

    fn ended(&mut self, name: &str, now: Duration, phase: PodPhase, reason: &str) {
        let pod = self.slot(name);
        pod.container.end(now);
        pod.listening.store(false, Ordering::Relaxed);
        self.record(name, phase, reason);
        self.touch(now);
        self.judge(name, now);
    }

    fn start(&mut self, name: &str, objects: &Objects, world: &mut dyn World) {
        let now = world.now();
        let recorder = self.recorder.clone();
        let pod = self.slot(name);
        let config = match environment(&pod.template, objects) {
            Ok(config) => config,
            Err(why) => {
                pod.container.postpone(now + CONFIG_RETRY);
                let text = format!("CreateContainerConfigError: {why}");
                let host = Arc::clone(&pod.name);
                self.recorder.record(&host, What::Note { text });
                return;
            }
        };
        let (start, stop) = pod.container.begin(now);
        pod.started = now;
        pod.alive = Arc::new(AtomicBool::new(true));
        pod.machine = Memory::default();
        pod.listening = Arc::default();
        pod.hang = Hang::default();
        pod.processor = Some(Processor::new(pod.cores_milli(), recorder));
        let reason = match start {
            1 => "first start".to_owned(),
            _ => format!("restart {}", start - 1),
        };
        self.run(name, config, start, stop, world);
        self.record(name, PodPhase::Starting, &reason);
    }

    /// Hands the container's process to the engine.
    fn run(&self, name: &str, config: Config, start: u64, stop: Stop, world: &mut dyn World) {
        let pod = self.get(name);
        let startup = pod.workload.model.startup_ms.draw(&pod.streams.startup);
        let net = self.net(pod, &stop, world);
        let given = pod.given(
            config,
            net,
            stop.clone(),
            &self.directory,
            &self.recorder,
            world,
        );
        world.set_backlog(pod.host, pod.workload.model.backlog as usize);
        let program = pod.workload.program;
        let (exits, pod_name) = (Arc::clone(&self.exits), Arc::clone(&pod.name));
        let interrupter = world.interrupter();
        let processor = pod.processor.clone();
        let processor = processor.expect("a container that starts has its cores");
        processor.set_background((pod.workload.model.startup_cores * 1000.0) as u64);
        let main = async move {
            let asked = tokio::select! {
                biased;
                () = stop.raised() => true,
                () = sleep(startup) => false,
            };
            processor.set_background(0);
            let ended = if asked { Ok(()) } else { program(given).await };
            // What it wrote last is the kernel's to deliver, and must have left before the host is
            // cleared of this process.
            sleep(LINGER).await;
            exits
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(Exit {
                    pod: pod_name,
                    start,
                    error: ended.err().map(|error| error.to_string()),
                });
            interrupter.interrupt();
        };
        world.start(pod.host, "main", Box::pin(main));
    }

    /// The pod's network, which hears its machine and notices when it listens.
    fn net(&self, pod: &PodSlot, stop: &Stop, world: &dyn World) -> Net {
        let net = world.net(pod.host, Arc::new(self.directory.clone()));
        let net = Local::net(net, pod.machine.clone());
        let (listening, stop) = (Arc::clone(&pod.listening), stop.clone());
        let ports = pod.template.container.ports.clone();
        Watched::net(net, move |bound| {
            if !stop.is_raised() && ports.iter().any(|(_, port)| *port == bound) {
                listening.store(true, Ordering::Relaxed);
            }
        })
    }

    fn record(&self, name: &str, phase: PodPhase, reason: &str) {
        let pod = self.get(name);
        let what = What::Pod {
            deployment: Arc::clone(&pod.workload.name),
            phase,
            reason: reason.to_owned(),
        };
        self.recorder.record(&pod.name, what);
    }

    fn slot(&mut self, name: &str) -> &mut PodSlot {
        self.pods
            .get_mut(name)
            .expect("names of pods come from `named`")
    }

    /// Something may be due at `at`.
    fn touch(&mut self, at: Duration) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }
}
