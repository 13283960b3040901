//! A running cluster: what was applied, and the loops that make it so. Synchronous: the world loop
//! advances it between polls.
//!
//! **Where to start reading:** [`spec`], then `deployments` (what pods there are), `pods` (what a
//! kubelet does to them), `services` (who hears of it).

pub mod spec;

mod absent;
pub(crate) mod admission;
mod container;
mod cpu;
mod deployments;
pub(crate) mod directory;
pub(crate) mod files;
pub(crate) mod hosts;
mod listening;
mod local;
mod machines;
mod pod;
pub(crate) mod pods;
mod pool;
mod probing;
mod processor;
mod scaling;
mod services;
pub(crate) mod sidecar;
mod timed;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use squall_kit::rng::Rng;
use squall_reports::history::Name;

use self::{
    deployments::Deployments,
    directory::Directory,
    files::Files,
    hosts::{BROKER_HOST, Backing, Content, NewStore},
    machines::Machines,
    pods::Pods,
    scaling::{Phases, Scaling},
    services::Services,
    spec::ClusterSpec,
};
use crate::{
    engine::{HostId, World},
    load::crowd::LoadHost,
    manifest::{ManifestError, Manifests, Patch},
    model::Model,
    objects::Objects,
    recorder::Recorder,
};

/// Hosts that users run on. A few are enough for thousands of users.
const LOAD_HOSTS: u32 = 4;
/// What all of them together are called.
const CLIENTS: &str = "clients";
/// A Deployment's database is the StatefulSet of its name with this behind it.
const STORE: &str = "-store";
/// In a partition: every host that is not on its other side.
pub(crate) const OTHERS: &str = "others";

/// A running system.
pub(crate) struct Cluster {
    /// The manifests as they are after every patch, what they say, and the model beside them.
    manifests: Manifests,
    stated: Objects,
    model: Model,
    /// What was applied.
    pub(crate) objects: Objects,
    pub(crate) pods: Pods,
    /// Databases by their hosts' names, and the broker.
    pub(crate) backings: BTreeMap<Name, Backing>,
    /// Hosts that users run on.
    pub(crate) load_hosts: Vec<LoadHost>,
    deployments: Deployments,
    services: Services,
    machines: Machines,
    scaling: Scaling,
    directory: Directory,
    /// Pods came since somebody asked.
    grown: bool,
}

impl Cluster {
    /// Adds every host; databases and broker are started, pods as soon as it is advanced.
    pub(crate) fn new(
        spec: &ClusterSpec,
        seed: u64,
        recorder: &Recorder,
        world: &mut dyn World,
    ) -> Self {
        let directory = Directory::default();
        let model = &spec.model;
        let mut backings = vec![Backing::broker(
            model.broker,
            seed,
            &directory,
            recorder,
            world,
        )];
        for (name, store) in &model.stores {
            let set = spec.objects.stateful_sets.get(name);
            let template = &set.expect("the spec was checked").template;
            let new = NewStore {
                name,
                service: name.strip_suffix(STORE).unwrap_or(name),
                model: store,
                files: Files::at(&store.data, &template.container.mounts, &template.volumes),
            };
            backings.push(Backing::store(&new, seed, &directory, recorder, world));
        }
        for backing in &mut backings {
            backing.start(world);
        }
        let load_hosts = (1..=LOAD_HOSTS).map(|number| load_host(number, &directory, world));
        let load_hosts = load_hosts.collect();
        let backings = backings.into_iter().map(|b| (Arc::clone(&b.name), b));
        // Nobody starts a load in step with the control plane.
        let within = |name: &str, period_s: u64| {
            let rng = Rng::stream(seed, &format!("phase/{name}"));
            Duration::from_millis(rng.below(period_s.max(1) * 1000))
        };
        let phases = Phases {
            metrics: within("metrics", model.cluster.metrics_resolution_s),
            autoscaler: within("autoscaler", model.cluster.autoscaler_period_s),
        };
        let delay = model.cluster.endpoint_propagation_ms;
        let backings: BTreeMap<Name, Backing> = backings.collect();
        let machines = Machines::new(&model.cluster, backings.keys());
        let mut cluster = Self {
            manifests: spec.manifests.clone(),
            stated: spec.objects.clone(),
            model: spec.model.clone(),
            objects: Objects::default(),
            pods: Pods::new(
                seed,
                &model.cluster,
                directory.clone(),
                recorder.clone(),
                world,
            ),
            backings,
            load_hosts,
            deployments: Deployments::new(spec, recorder.clone()),
            machines,
            scaling: Scaling::new(&model.cluster, phases, recorder.clone()),
            services: Services::new(seed, delay, directory.clone(), recorder.clone()),
            directory,
            grown: false,
        };
        cluster.set_objects(spec.objects.clone(), world.now());
        cluster
    }

    /// Does what is due.
    pub(crate) fn advance(&mut self, world: &mut dyn World) {
        // Each loop may give another one something to do at this same instant.
        for _ in 0..LOOPS_PER_INSTANT {
            let now = world.now();
            self.pods.advance(&self.objects, world);
            let mut changed =
                self.machines
                    .advance(now, &self.objects, &self.deployments, &mut self.pods);
            changed |= self.pods.take_changed();
            if changed {
                self.services.follow(&self.pods, now);
            }
            self.services.advance(now);
            let acted = self
                .deployments
                .advance(changed, &self.machines, &mut self.pods, world);
            self.grown |= acted;
            let scaled = self.scaling.advance(
                now,
                &self.objects,
                &self.pods,
                &self.machines,
                &mut self.deployments,
            );
            if !changed && !acted && !scaled {
                return;
            }
        }
        panic!("the control loops never come to rest at {:?}", world.now());
    }

    /// When something is due next, in the world's time.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let deadlines = [
            self.pods.next_deadline(),
            self.services.next_deadline(),
            self.deployments.next_deadline(),
            self.scaling.next_deadline(&self.objects),
            self.machines.next_deadline(),
        ];
        deadlines.into_iter().flatten().min().map(ceil_ms)
    }

    /// True when everything that is meant to run serves, and everybody knows.
    pub(crate) fn is_ready(&self) -> bool {
        self.backings.values().all(Backing::is_ready)
            && self.deployments.are_complete()
            && self.pods.are_ready()
            && self.services.next_deadline().is_none()
    }

    /// Applies what `edit` makes of the objects; how many it changed.
    ///
    /// # Errors
    /// Nothing changed, or a Deployment came or went: which ones there are is fixed.
    pub(crate) fn apply(
        &mut self,
        edit: impl FnOnce(&mut Objects),
        now: Duration,
    ) -> Result<u64, String> {
        let mut objects = self.objects.clone();
        edit(&mut objects);
        let changed = changes(&self.objects, &objects);
        if changed == 0 {
            return Err("what is applied is what is there already".to_owned());
        }
        if !objects
            .deployments
            .keys()
            .eq(self.objects.deployments.keys())
        {
            return Err("a Deployment cannot come or go during a run".to_owned());
        }
        self.set_objects(objects, now);
        Ok(changed)
    }

    /// Applies changed manifests: of the objects, only those that the patches change; how many.
    ///
    /// # Errors
    /// As [`Cluster::apply`], and what is wrong with the patches.
    pub(crate) fn apply_patches(
        &mut self,
        patches: &[Patch],
        now: Duration,
    ) -> Result<u64, String> {
        let told = |error: ManifestError| error.to_string();
        let manifests = self.manifests.apply(patches).map_err(told)?;
        let stated = manifests.objects(&self.model).map_err(told)?;
        let before = std::mem::replace(&mut self.stated, stated.clone());
        self.manifests = manifests;
        self.apply(|objects| merge(objects, &before, &stated), now)
    }

    fn set_objects(&mut self, objects: Objects, now: Duration) {
        self.services.apply(&objects);
        self.deployments.apply(&objects, now);
        self.objects = objects;
        self.services.follow(&self.pods, now);
    }

    /// Scales a Deployment to nothing for a while, or back.
    pub(crate) fn hold_at_zero(&mut self, deployment: &str, held: bool, now: Duration) {
        self.deployments.hold_at_zero(deployment, held, now);
    }

    /// The template of a former revision of a Deployment, or of the one before.
    ///
    /// # Errors
    /// There is none, or the Deployment is paused.
    pub(crate) fn former_template(
        &self,
        deployment: &str,
        revision: Option<u64>,
    ) -> Result<crate::objects::container::PodTemplate, String> {
        self.deployments.former_template(deployment, revision)
    }

    /// A container deadlocks; or (`hung` is false) is killed if it still hangs.
    pub(crate) fn hang(&mut self, pod: &str, start: u64, hung: bool, world: &mut dyn World) {
        let still = self
            .pods
            .find(pod)
            .is_some_and(|slot| slot.container.is_alive() && slot.container.start == start);
        match (still, hung) {
            (true, true) => self.pods.get(pod).hang.hang(),
            (true, false) => {
                self.pods.kill(pod, false, world);
            }
            (false, _) => {}
        }
    }

    /// True when there is such a machine.
    pub(crate) fn has_node(&self, name: &str) -> bool {
        self.machines.has(name)
    }

    /// A machine takes no more pods, and gives up those it has; or takes some again.
    pub(crate) fn set_drained(&mut self, node: &str, drained: bool, now: Duration) {
        self.machines.set_drained(node, drained, &self.pods, now);
    }

    /// Pods that drains of a machine have evicted so far.
    pub(crate) fn evicted(&self, node: &str) -> u64 {
        self.machines.evicted(node)
    }

    /// A machine is with or without power.
    pub(crate) fn set_node_power(&mut self, node: &str, on: bool, world: &mut dyn World) {
        self.machines
            .set_power(node, on, &mut self.pods, &mut self.backings, world);
    }

    /// The machines that these names mean, and no others, cannot reach the control plane.
    pub(crate) fn set_cut_off(&mut self, names: &[Name], world: &mut dyn World) {
        let nodes = names.iter().flat_map(|name| self.machines.named(name));
        let nodes = nodes.collect();
        self.machines.set_cut_off(nodes, &mut self.pods, world);
    }

    /// True once after pods came.
    pub(crate) fn take_grown(&mut self) -> bool {
        std::mem::take(&mut self.grown)
    }

    /// What runs on a machine, by name: how many.
    pub(crate) fn processes_on(&self, node: &str) -> u64 {
        let pods = self.pods.on(node);
        let alive = pods
            .iter()
            .filter(|pod| self.pods.get(pod).container.is_alive());
        let nodes = [node.to_owned()].into();
        let backings = self.machines.backings_on(&nodes);
        let up = backings.filter(|name| self.backings[*name].is_up);
        (alive.count() + up.count()) as u64
    }

    /// The hosts on both sides of a link; [`OTHERS`] are those that the other side does not name.
    pub(crate) fn sides(&self, from: &str, to: &str) -> (Vec<HostId>, Vec<HostId>) {
        let but = |those: &[HostId]| -> Vec<HostId> {
            let all = self.everybody().into_iter();
            all.filter(|host| !those.contains(host)).collect()
        };
        let (mut side, mut peers) = (self.named(from), self.named(to));
        if from == OTHERS {
            side = but(&peers);
        } else if to == OTHERS {
            peers = but(&side);
        }
        (side, peers)
    }

    /// The hosts that a target names; empty when there are none.
    pub(crate) fn named(&self, target: &str) -> Vec<HostId> {
        if target == CLIENTS {
            return self.load_hosts.iter().map(|host| host.id).collect();
        }
        let pods = self.pods.named(target);
        if !pods.is_empty() || self.objects.deployments.contains_key(target) {
            return pods.iter().map(|name| self.pods.get(name).host).collect();
        }
        let nodes = self.machines.named(target);
        if nodes.is_empty() {
            return self.directory.host(target).into_iter().collect();
        }
        let pods = self.pods.all().filter(|pod| nodes.contains(&*pod.node));
        let pods = pods.map(|pod| pod.host);
        let backings = self.machines.backings_on(&nodes);
        pods.chain(backings.map(|name| self.backings[name].host))
            .collect()
    }

    /// Every host.
    pub(crate) fn everybody(&self) -> Vec<HostId> {
        self.directory.hosts()
    }

    /// The broker's host.
    pub(crate) fn broker(&mut self) -> &mut Backing {
        self.backings
            .get_mut(BROKER_HOST)
            .expect("every cluster has a broker")
    }

    /// How the broker repeats deliveries.
    pub(crate) fn repeats(&mut self) -> &timed::Repeats {
        match &self.broker().content {
            Content::Broker(broker) => &broker.repeats,
            Content::Store(_) => unreachable!("the broker's host has a log"),
        }
    }
}

/// Turns of the control loops at one instant; a handful is what they take.
const LOOPS_PER_INSTANT: u32 = 10_000;

/// How many objects differ.
fn changes(before: &Objects, after: &Objects) -> u64 {
    fn differing<V: PartialEq>(a: &BTreeMap<String, V>, b: &BTreeMap<String, V>) -> u64 {
        let gone = a.keys().filter(|name| !b.contains_key(*name)).count();
        let new = b.iter().filter(|(name, value)| a.get(*name) != Some(value));
        (gone + new.count()) as u64
    }
    differing(&before.deployments, &after.deployments)
        + differing(&before.stateful_sets, &after.stateful_sets)
        + differing(&before.services, &after.services)
        + differing(&before.autoscalers, &after.autoscalers)
        + differing(&before.disruption_budgets, &after.disruption_budgets)
        + differing(&before.config_maps, &after.config_maps)
        + differing(&before.secrets, &after.secrets)
        + differing(&before.destination_rules, &after.destination_rules)
        + differing(&before.virtual_services, &after.virtual_services)
}

/// Changes in `objects` what is different in `after` from `before`.
fn merge(objects: &mut Objects, before: &Objects, after: &Objects) {
    fn each<V: Clone + PartialEq>(
        live: &mut BTreeMap<String, V>,
        before: &BTreeMap<String, V>,
        after: &BTreeMap<String, V>,
    ) {
        live.retain(|name, _| after.contains_key(name) || !before.contains_key(name));
        for (name, value) in after {
            if before.get(name) != Some(value) {
                live.insert(name.clone(), value.clone());
            }
        }
    }
    each(
        &mut objects.deployments,
        &before.deployments,
        &after.deployments,
    );
    each(
        &mut objects.stateful_sets,
        &before.stateful_sets,
        &after.stateful_sets,
    );
    each(&mut objects.services, &before.services, &after.services);
    each(
        &mut objects.autoscalers,
        &before.autoscalers,
        &after.autoscalers,
    );
    let (live, then, now) = (objects, before, after);
    each(
        &mut live.disruption_budgets,
        &then.disruption_budgets,
        &now.disruption_budgets,
    );
    each(&mut live.config_maps, &then.config_maps, &now.config_maps);
    each(&mut live.secrets, &then.secrets, &now.secrets);
    each(
        &mut live.destination_rules,
        &then.destination_rules,
        &now.destination_rules,
    );
    each(
        &mut live.virtual_services,
        &then.virtual_services,
        &now.virtual_services,
    );
}

fn load_host(number: u32, directory: &Directory, world: &mut dyn World) -> LoadHost {
    let name: Name = format!("{CLIENTS}-{number}").into();
    let id = world.add_host(&name);
    directory.add_host(&name, id);
    LoadHost {
        name,
        id,
        net: world.net(id, Arc::new(directory.clone())),
        spawn: world.spawn(id),
    }
}

/// The engine's grain is 1 ms: what is due within one happens at its end.
pub(crate) fn ceil_ms(at: Duration) -> Duration {
    let ms = at.as_nanos().div_ceil(1_000_000);
    Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
}
