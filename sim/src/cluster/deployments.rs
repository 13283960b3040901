//! Deployments and their ReplicaSets: which pods there are.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use squall_reports::history::{Name, RolloutState, What};

use super::{
    STORE,
    machines::Machines,
    pod::{PodSlot, Workload},
    pods::{NewPod, Pods},
    spec::ClusterSpec,
};
use crate::{
    engine::World,
    objects::{Objects, container::PodTemplate, deployment::Deployment},
    platform::{
        replica_set::{Correction, Counts, Phase, PodView, correct},
        rollout::{DeploymentController, Undo},
    },
    recorder::{Recorder, WORLD},
};

/// Syncs of one Deployment at one instant; a handful is what they take.
const SYNCS_PER_INSTANT: u32 = 1_000;

/// All Deployments.
pub(crate) struct Deployments {
    loops: BTreeMap<String, DeploymentLoop>,
    recorder: Recorder,
}

/// One Deployment: its controller, and what it works on.
struct DeploymentLoop {
    applied: Deployment,
    workload: Workload,
    controller: DeploymentController,
    /// `spec.replicas` as it is now: an autoscaler moves it.
    replicas: u32,
    /// Scaled to nothing for as long as this is true.
    held: bool,
    /// Templates of its ReplicaSets, shared by their pods.
    templates: BTreeMap<String, Arc<PodTemplate>>,
    /// The number of its latest pod.
    pods: u32,
    /// What was last written down: revision and state.
    told: (u64, RolloutState),
    /// When it has to look again, whatever happens.
    due: Option<Duration>,
}

// === impl Deployments ===

impl Deployments {
    /// One loop for each Deployment of the spec, nothing done so far.
    pub(crate) fn new(spec: &ClusterSpec, recorder: Recorder) -> Self {
        let loops = spec.deployments().map(|deployment| {
            let name = &deployment.name;
            let store = format!("{name}{STORE}");
            let workload = Workload {
                name: name.as_str().into(),
                program: spec.programs[name],
                model: Arc::new(spec.model.programs[name].clone()),
                store: spec
                    .model
                    .stores
                    .contains_key(&store)
                    .then(|| store.as_str().into()),
            };
            (name.clone(), DeploymentLoop::new(deployment, workload))
        });
        Self {
            loops: loops.collect(),
            recorder,
        }
    }

    /// Takes over what was applied. A changed `spec.replicas` counts; an unchanged one leaves what
    /// an autoscaler made of it.
    pub(crate) fn apply(&mut self, objects: &Objects, now: Duration) {
        for (name, deployment) in &objects.deployments {
            let Some(one) = self.loops.get_mut(name) else {
                continue;
            };
            if one.applied.replicas != deployment.replicas {
                one.replicas = deployment.replicas;
            }
            one.applied = deployment.clone();
            one.due = Some(now);
        }
    }

    /// Does what is due; `changed`: pods became ready, or unready, or went. True: pods came or
    /// were deleted.
    pub(crate) fn advance(
        &mut self,
        changed: bool,
        machines: &Machines,
        pods: &mut Pods,
        world: &mut dyn World,
    ) -> bool {
        let now = world.now();
        let mut acted = false;
        for one in self.loops.values_mut() {
            if changed || one.due.is_some_and(|due| due <= now) {
                acted |= one.reconcile(machines, pods, world, &self.recorder);
            }
        }
        acted
    }

    /// When something is due next.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.loops.values().filter_map(|one| one.due).min()
    }

    /// True when every Deployment has all the pods it wants, of its newest revision, available.
    pub(crate) fn are_complete(&self) -> bool {
        self.loops
            .values()
            .all(|one| one.controller.status().is_complete(one.wanted()))
    }

    /// Scales a Deployment to nothing for a while, or back.
    pub(crate) fn hold_at_zero(&mut self, name: &str, held: bool, now: Duration) {
        let one = self.get_mut(name);
        let before = one.wanted();
        one.held = held;
        one.due = Some(now);
        let after = one.wanted();
        self.tell_scaled(name, before, after, "kubectl scale");
    }

    /// The live `spec.replicas`.
    pub(crate) fn replicas(&self, name: &str) -> u32 {
        self.loops.get(name).map_or(0, DeploymentLoop::wanted)
    }

    /// What an autoscaler does.
    pub(crate) fn scale(&mut self, name: &str, replicas: u32, reason: &str, now: Duration) {
        let one = self.get_mut(name);
        let before = std::mem::replace(&mut one.replicas, replicas);
        one.due = Some(now);
        self.tell_scaled(name, before, replicas, reason);
    }

    /// What `kubectl rollout undo` puts into the Deployment.
    ///
    /// # Errors
    /// Why there is nothing to go back to.
    pub(crate) fn former_template(
        &self,
        name: &str,
        revision: Option<u64>,
    ) -> Result<PodTemplate, String> {
        let one = self.loops.get(name).ok_or("no such Deployment")?;
        match one.controller.undo(&one.applied, revision) {
            Ok(Undo::RolledBack { template, .. }) => Ok(*template),
            Ok(Undo::Skipped { revision }) => Err(format!("{name} is at revision {revision}")),
            Err(error) => Err(error.to_string()),
        }
    }

    fn tell_scaled(&self, deployment: &str, from: u32, to: u32, reason: &str) {
        let what = What::Scaled {
            deployment: deployment.into(),
            from,
            to,
            reason: reason.to_owned(),
        };
        self.recorder.record(&WORLD.into(), what);
    }

    fn get_mut(&mut self, name: &str) -> &mut DeploymentLoop {
        self.loops
            .get_mut(name)
            .expect("the caller looked the Deployment up")
    }
}

// === impl DeploymentLoop ===

impl DeploymentLoop {
    fn new(deployment: &Deployment, workload: Workload) -> Self {
        Self {
            applied: deployment.clone(),
            workload,
            controller: DeploymentController::new(&deployment.name),
            replicas: deployment.replicas,
            held: false,
            templates: BTreeMap::new(),
            pods: 0,
            told: (0, RolloutState::Complete),
            due: Some(Duration::ZERO),
        }
    }

    fn wanted(&self) -> u32 {
        if self.held { 0 } else { self.replicas }
    }

    /// Syncs until there is nothing more to do. True: pods came or were deleted.
    fn reconcile(
        &mut self,
        machines: &Machines,
        pods: &mut Pods,
        world: &mut dyn World,
        recorder: &Recorder,
    ) -> bool {
        let now = world.now();
        let mut acted = false;
        for _ in 0..SYNCS_PER_INSTANT {
            let counts = self.counts(machines, pods, now);
            let wanted = self.wanted();
            let actions = self.controller.sync(now, &self.applied, wanted, &counts);
            let corrected = self.correct_all(machines, pods, world);
            acted |= corrected;
            if actions.is_empty() && !corrected {
                self.tell(recorder);
                self.due = self.next_look(machines, pods, now);
                return acted;
            }
        }
        panic!("the Deployment {} never comes to rest", self.applied.name);
    }

    fn counts(&self, machines: &Machines, pods: &Pods, now: Duration) -> BTreeMap<String, Counts> {
        let sets = self.controller.replica_sets().iter();
        let counts = sets.map(|set| {
            let views = self.views(&set.name, machines, pods);
            let counts = Counts::of(&views, self.applied.min_ready, now);
            (set.name.clone(), counts)
        });
        counts.collect()
    }

    /// Every ReplicaSet gets the pods it wants. True: pods came or were deleted.
    fn correct_all(&mut self, machines: &Machines, pods: &mut Pods, world: &mut dyn World) -> bool {
        let now = world.now();
        let siblings: Vec<PodView> = self.own(pods).map(|pod| view(pod, machines)).collect();
        let sets: Vec<(String, u32)> = self
            .controller
            .replica_sets()
            .iter()
            .map(|set| (set.name.clone(), set.wanted))
            .collect();
        let mut acted = false;
        for (set, wanted) in sets {
            let views = self.views(&set, machines, pods);
            match correct(wanted, &views, &siblings, now) {
                Correction::Nothing => {}
                Correction::Create(count) => {
                    for _ in 0..count {
                        acted |= self.create(&set, machines, pods, world);
                    }
                }
                Correction::Delete(names) => {
                    for name in names {
                        acted |= pods.delete(&name, now, "its ReplicaSet has too many");
                    }
                }
            }
        }
        acted
    }

    /// A new pod. False: no machine has room for it, or the engine has none; it stays pending until
    /// there is some.
    fn create(
        &mut self,
        set: &str,
        machines: &Machines,
        pods: &mut Pods,
        world: &mut dyn World,
    ) -> bool {
        if !world.has_room() {
            return false;
        }
        let template = self.template(set);
        let Some(node) = machines.place(&self.workload.name, &template, pods) else {
            return false;
        };
        self.pods += 1;
        let new = NewPod {
            name: format!("{}-{}", self.workload.name, self.pods).into(),
            workload: &self.workload,
            template: &template,
            set: set.into(),
            node: &node,
            kubelet: machines.kubelet(&node.name),
        };
        pods.create(new, world);
        true
    }

    fn template(&mut self, set: &str) -> Arc<PodTemplate> {
        if let Some(template) = self.templates.get(set) {
            return Arc::clone(template);
        }
        let sets = self.controller.replica_sets();
        let made = sets.iter().find(|one| one.name == set);
        let template = Arc::new(made.expect("it wants pods").template.clone());
        self.templates.insert(set.to_owned(), Arc::clone(&template));
        template
    }

    fn own<'a>(&'a self, pods: &'a Pods) -> impl Iterator<Item = &'a PodSlot> {
        pods.all()
            .filter(|pod| pod.workload.name == self.workload.name)
    }

    fn views(&self, set: &str, machines: &Machines, pods: &Pods) -> Vec<PodView> {
        let own = self.own(pods).filter(|pod| *pod.set == *set);
        own.map(|pod| view(pod, machines)).collect()
    }

    fn next_look(&self, machines: &Machines, pods: &Pods, now: Duration) -> Option<Duration> {
        let all: Vec<PodView> = self.own(pods).map(|pod| view(pod, machines)).collect();
        let available = Counts::next_deadline(&all, self.applied.min_ready, now);
        let deadline = self.controller.next_deadline(&self.applied);
        // What is due at this very instant was done in it.
        let later = Duration::from_millis(1);
        let due = available.into_iter().chain(deadline).min();
        due.map(|due| due.max(now + later))
    }

    fn tell(&mut self, recorder: &Recorder) {
        let now = (self.controller.revision(), self.controller.state());
        if now == self.told {
            return;
        }
        self.told = now;
        let (revision, state) = now;
        let what = What::Rollout {
            deployment: Name::clone(&self.workload.name),
            revision,
            state,
        };
        recorder.record(&WORLD.into(), what);
    }
}

/// What the control plane sees of a pod.
pub(crate) fn view(pod: &PodSlot, machines: &Machines) -> PodView {
    let phase = if machines.is_silent(&pod.node) {
        Phase::Unknown
    } else if pod.container.start == 0 {
        Phase::Pending
    } else {
        Phase::Running
    };
    PodView {
        name: pod.name.to_string(),
        node: Some(pod.node.to_string()),
        phase,
        ready_since: pod.ready.then_some(pod.ready_since),
        restarts: u32::try_from(pod.container.restarts()).unwrap_or(u32::MAX),
        created: pod.created,
        terminating: !pod.is_staying(),
        deletion_cost: 0,
    }
}
