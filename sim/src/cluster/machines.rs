//! The machines of a cluster: which pod goes where, whose kubelet is heard, who is evicted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use squall_reports::history::Name;

use super::{
    deployments::{Deployments, view},
    hosts::Backing,
    pods::Pods,
};
use crate::{
    engine::World,
    model::{ClusterModel, NodeModel},
    objects::{Objects, container::PodTemplate, selects},
    platform::{
        disruption::{Guarded, evict},
        drain::Drain,
        node::{NodeEvent, NodeSettings, Nodes, Placement, Spread},
        replica_set::PodView,
    },
};

/// A machine's kubelet, as the control plane meets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kubelet {
    /// It runs and is heard.
    #[default]
    Heard,
    /// It runs, and nobody hears it: what it does and sees stays with it.
    CutOff,
    /// It has no power, and neither has anything else on its machine.
    Dark,
}

/// All machines, by name.
///
/// Databases and the broker are pods of StatefulSets. They have a place like all pods, and lose
/// power with it. Kubernetes does not start them anywhere else until the lost machine is back or
/// somebody deletes their pods by force, and nobody does here: their volumes stay with their
/// machines. A drain leaves them where they are (`kubectl drain --pod-selector`).
pub(crate) struct Machines {
    models: BTreeMap<String, NodeModel>,
    nodes: Nodes,
    dark: BTreeSet<String>,
    cut_off: BTreeSet<String>,
    drains: BTreeMap<String, Drain>,
    /// Pods evicted so far by drains, by machine.
    evicted: BTreeMap<String, u64>,
    /// Databases and the broker: where they are.
    backings: BTreeMap<Name, String>,
    /// What the control plane thinks of a machine has changed.
    changed: bool,
}

// === impl Machines ===

impl Machines {
    /// With these databases and the broker on them.
    pub(crate) fn new<'a>(model: &ClusterModel, backings: impl Iterator<Item = &'a Name>) -> Self {
        let settings = NodeSettings {
            monitor_grace: Duration::from_secs(model.node_monitor_grace_s),
            toleration: Duration::from_secs(model.unreachable_toleration_s),
            ..NodeSettings::default()
        };
        let models = model.nodes.iter();
        let mut machines = Self {
            models: models
                .map(|node| (node.name.clone(), node.clone()))
                .collect(),
            nodes: Nodes::new(settings, &model.nodes),
            dark: BTreeSet::new(),
            cut_off: BTreeSet::new(),
            drains: BTreeMap::new(),
            evicted: BTreeMap::new(),
            backings: BTreeMap::new(),
            changed: false,
        };
        for name in backings {
            machines.place_backing(name);
        }
        machines
    }

    /// True when there is such a machine.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.models.contains_key(name)
    }

    /// The machines that a name means: one, or all of a zone.
    pub(crate) fn named(&self, name: &str) -> BTreeSet<String> {
        let named = self
            .models
            .values()
            .filter(|n| n.name == name || n.zone == name);
        named.map(|node| node.name.clone()).collect()
    }

    /// Databases and the broker on these machines.
    pub(crate) fn backings_on<'a>(
        &'a self,
        nodes: &'a BTreeSet<String>,
    ) -> impl Iterator<Item = &'a Name> {
        let there = self
            .backings
            .iter()
            .filter(|(_, node)| nodes.contains(*node));
        there.map(|(name, _)| name)
    }

    /// True when the control plane has given up hearing of it.
    pub(crate) fn is_silent(&self, name: &str) -> bool {
        !self.nodes.is_ready(name)
    }

    /// Whether its kubelet is heard.
    pub(crate) fn kubelet(&self, name: &str) -> Kubelet {
        match (self.dark.contains(name), self.cut_off.contains(name)) {
            (true, _) => Kubelet::Dark,
            (false, true) => Kubelet::CutOff,
            (false, false) => Kubelet::Heard,
        }
    }

    /// Where a new pod goes; `None`: nowhere.
    pub(crate) fn place(
        &self,
        workload: &str,
        template: &PodTemplate,
        pods: &Pods,
    ) -> Option<NodeModel> {
        let staying = pods.all().filter(|pod| pod.is_staying());
        let pods = staying.map(|pod| Placement {
            workload: &pod.workload.name,
            node: Some(&pod.node),
        });
        let placed: Vec<_> = pods.chain(self.placed_backings()).collect();
        let spread = Spread {
            nodes: template.spread_over_nodes,
            zones: template.spread_over_zones,
        };
        let node = self.nodes.place(workload, spread, &placed)?;
        self.models.get(node).cloned()
    }

    /// Puts a database or the broker somewhere, before anything else is there.
    fn place_backing(&mut self, name: &Name) {
        let placed: Vec<_> = self.placed_backings().collect();
        let node = self.nodes.place(name, Spread::default(), &placed);
        let node = node.expect("every cluster has a node, and all are ready at the start");
        self.backings.insert(Arc::clone(name), node.to_owned());
    }

    fn placed_backings(&self) -> impl Iterator<Item = Placement<'_>> {
        self.backings.iter().map(|(name, node)| Placement {
            workload: name,
            node: Some(node),
        })
    }

    /// Notices what is due: machines that stay silent, evictions to be tried. True: the control
    /// plane has to look at pods again.
    pub(crate) fn advance(
        &mut self,
        now: Duration,
        objects: &Objects,
        deployments: &Deployments,
        pods: &mut Pods,
    ) -> bool {
        for event in self.nodes.due(now) {
            self.changed = true;
            match event {
                NodeEvent::NotReady { node } => pods.give_up_hearing(&node, now),
                NodeEvent::Evict { node } => {
                    for pod in pods.on(&node) {
                        pods.delete(&pod, now, "evicted: its node is unreachable");
                    }
                }
            }
        }
        let mut drains = std::mem::take(&mut self.drains);
        for (node, drain) in &mut drains {
            let mut evictions = 0;
            drain.due(now, |pod| {
                let gone = self.evict(pod, objects, deployments, pods, now);
                evictions += u64::from(gone == Eviction::Done);
                gone != Eviction::Refused
            });
            *self.evicted.entry(node.clone()).or_default() += evictions;
        }
        self.drains = drains;
        std::mem::take(&mut self.changed)
    }

    /// When something is due next.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let drains = self.drains.values().filter_map(Drain::next_deadline);
        drains.chain(self.nodes.next_deadline()).min()
    }

    fn evict(
        &self,
        pod: &str,
        objects: &Objects,
        deployments: &Deployments,
        pods: &mut Pods,
        now: Duration,
    ) -> Eviction {
        let Some(slot) = pods.find(pod).filter(|slot| slot.is_staying()) else {
            return Eviction::Gone;
        };
        let labels = &slot.template.labels;
        let budgets: Vec<_> = objects.disruption_budgets.values().collect();
        let selecting = budgets.iter().filter(|b| selects(&b.selector, labels));
        let guarded: Vec<(_, Vec<PodView>, u32)> = selecting
            .map(|budget| {
                let of_budget = || {
                    let all = pods.all();
                    all.filter(|pod| selects(&budget.selector, &pod.template.labels))
                };
                let owners: BTreeSet<&Name> = of_budget().map(|pod| &pod.workload.name).collect();
                let scale = owners.iter().map(|owner| deployments.replicas(owner)).sum();
                (
                    *budget,
                    of_budget().map(|pod| view(pod, self)).collect(),
                    scale,
                )
            })
            .collect();
        let guarded: Vec<_> = guarded
            .iter()
            .map(|(budget, pods, scale)| Guarded {
                budget,
                pods,
                scale: *scale,
            })
            .collect();
        // What an eviction refuses it refuses for now, or for as long as the manifests are so.
        if evict(&view(slot, self), &guarded).is_err() {
            return Eviction::Refused;
        }
        pods.delete(pod, now, "evicted: its node is drained");
        Eviction::Done
    }

    /// Pods that drains of this machine have evicted so far.
    pub(crate) fn evicted(&self, node: &str) -> u64 {
        self.evicted.get(node).copied().unwrap_or_default()
    }

    /// `kubectl drain` (cordons it, too) or `uncordon`.
    pub(crate) fn set_drained(&mut self, node: &str, drained: bool, pods: &Pods, now: Duration) {
        if drained == self.drains.contains_key(node) {
            return;
        }
        self.nodes.set_cordoned(node, drained);
        self.changed = true;
        if drained {
            let there = pods
                .on(node)
                .iter()
                .map(|pod| pod.to_string())
                .collect::<Vec<_>>();
            self.drains
                .insert(node.to_owned(), Drain::begin(there, now));
        } else {
            self.drains.remove(node);
        }
    }

    /// A machine and everything on it is with or without power.
    pub(crate) fn set_power(
        &mut self,
        node: &str,
        on: bool,
        pods: &mut Pods,
        backings: &mut BTreeMap<Name, Backing>,
        world: &mut dyn World,
    ) {
        let changes = if on {
            self.dark.remove(node)
        } else {
            self.dark.insert(node.to_owned())
        };
        if !changes {
            return;
        }
        let there = self.backings.iter().filter(|(_, n)| *n == node);
        for (name, _) in there {
            let backing = backings
                .get_mut(name)
                .expect("only what is there is placed");
            backing.set_power(on, world);
        }
        self.tell_kubelets(node, pods, world);
    }

    /// These machines, and no others, cannot reach the control plane.
    pub(crate) fn set_cut_off(
        &mut self,
        nodes: BTreeSet<String>,
        pods: &mut Pods,
        world: &mut dyn World,
    ) {
        let before = std::mem::replace(&mut self.cut_off, nodes);
        let changed: Vec<_> = before
            .symmetric_difference(&self.cut_off)
            .cloned()
            .collect();
        for node in changed {
            self.tell_kubelets(&node, pods, world);
        }
    }

    fn tell_kubelets(&mut self, node: &str, pods: &mut Pods, world: &mut dyn World) {
        let kubelet = self.kubelet(node);
        match kubelet {
            Kubelet::Heard => self.nodes.heard(node),
            Kubelet::CutOff | Kubelet::Dark => self.nodes.lost(node, world.now()),
        }
        self.changed = true;
        pods.set_kubelet(node, kubelet, world);
    }
}

/// What came of asking for an eviction.
#[derive(PartialEq, Eq)]
enum Eviction {
    Done,
    Gone,
    Refused,
}
