//! The machines of a cluster: where pods are, and whether a machine is heard of.

use std::collections::{BTreeMap, BTreeSet};

use super::pods::Pods;
use crate::{
    engine::World,
    model::{ClusterModel, NodeModel},
    objects::container::PodTemplate,
};

/// All machines, by name.
pub(crate) struct Machines {
    nodes: BTreeMap<String, NodeModel>,
    dark: BTreeSet<String>,
    drained: BTreeSet<String>,
}

// === impl Machines ===

impl Machines {
    pub(crate) fn new(model: &ClusterModel) -> Self {
        let nodes = model
            .nodes
            .iter()
            .map(|node| (node.name.clone(), node.clone()));
        Self {
            nodes: nodes.collect(),
            dark: BTreeSet::new(),
            drained: BTreeSet::new(),
        }
    }

    /// True when there is such a machine.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.nodes.contains_key(name)
    }

    /// True when the control plane does not hear of it.
    pub(crate) fn is_silent(&self, name: &str) -> bool {
        self.dark.contains(name)
    }

    /// Where a new pod goes; `None`: nowhere.
    pub(crate) fn place(
        &mut self,
        workload: &str,
        _template: &PodTemplate,
        pods: &Pods,
    ) -> Option<NodeModel> {
        let on = |node: &str| {
            let there: Vec<_> = pods.all().filter(|pod| *pod.node == *node).collect();
            let kin = there.iter().filter(|pod| *pod.workload.name == *workload);
            (kin.count(), there.len())
        };
        let able = self
            .nodes
            .values()
            .filter(|node| !self.drained.contains(&node.name) && !self.dark.contains(&node.name));
        able.min_by_key(|node| (on(&node.name), node.name.clone()))
            .cloned()
    }

    pub(crate) fn set_drained(&mut self, name: &str, drained: bool) {
        if drained {
            self.drained.insert(name.to_owned());
        } else {
            self.drained.remove(name);
        }
    }

    pub(crate) fn set_power(
        &mut self,
        name: &str,
        on: bool,
        _pods: &mut Pods,
        _world: &mut dyn World,
    ) {
        if on {
            self.dark.remove(name);
        } else {
            self.dark.insert(name.to_owned());
        }
    }
}
