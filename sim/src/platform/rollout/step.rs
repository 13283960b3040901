//! What one sync works on.

use std::collections::BTreeMap;

use super::{Action, Fenceposts, ReplicaSet};
use crate::{objects::container::PodTemplate, platform::replica_set::Counts};

pub(super) struct Step<'a> {
    /// Oldest first.
    pub(super) sets: &'a mut Vec<ReplicaSet>,
    /// Which of them has the Deployment's template.
    pub(super) newest: Option<usize>,
    pub(super) counts: &'a BTreeMap<String, Counts>,
    /// The Deployment's replicas.
    pub(super) replicas: u32,
    pub(super) fenceposts: Fenceposts,
    pub(super) actions: Vec<Action>,
}

impl Step<'_> {
    pub(super) fn counts_of(&self, index: usize) -> Counts {
        let counts = self.counts.get(&self.sets[index].name);
        counts.copied().unwrap_or_default()
    }

    /// All pods that the sets want.
    pub(super) fn wanted(&self) -> u32 {
        self.sets.iter().map(|set| set.wanted).sum()
    }

    /// The sets of other templates that want pods, oldest first.
    pub(super) fn active_old(&self) -> Vec<usize> {
        let all = 0..self.sets.len();
        all.filter(|index| Some(*index) != self.newest && self.sets[*index].wanted > 0)
            .collect()
    }

    /// Creates the newest set, with as many pods as the strategy allows at once.
    pub(super) fn create(&mut self, name: String, template: PodTemplate) {
        assert!(self.newest.is_none(), "a template has one set");
        let revision = self.sets.iter().map(|set| set.revision).max().unwrap_or(0) + 1;
        self.sets.push(ReplicaSet {
            name: name.clone(),
            revision,
            template,
            wanted: 0,
            desired: self.replicas,
            most: self.replicas + self.fenceposts.surge,
        });
        let newest = self.sets.len() - 1;
        self.newest = Some(newest);
        let to = self.allowed_for(newest);
        self.sets[newest].wanted = to;
        self.actions.push(Action::Created { set: name, to });
    }

    /// Lets a set want `to` pods. Kubernetes: `scaleReplicaSet`, which also writes the annotations.
    pub(super) fn scale_to(&mut self, index: usize, to: u32) {
        let set = &mut self.sets[index];
        set.desired = self.replicas;
        set.most = self.replicas + self.fenceposts.surge;
        if set.wanted != to {
            let from = std::mem::replace(&mut set.wanted, to);
            self.actions.push(Action::Scaled {
                set: set.name.clone(),
                from,
                to,
            });
        }
    }

    /// Drops the oldest revisions beyond `limit` old ones, unless they have pods.
    /// Kubernetes: `cleanupDeployment`.
    pub(super) fn forget(&mut self, limit: usize) {
        let old = (0..self.sets.len()).filter(|index| Some(*index) != self.newest);
        let mut old: Vec<usize> = old.collect();
        old.sort_by_key(|index| self.sets[*index].revision);
        let surplus = old.len().saturating_sub(limit);
        let forgotten: Vec<String> = old
            .into_iter()
            .take(surplus)
            .filter(|index| self.sets[*index].wanted == 0 && self.counts_of(*index).pods == 0)
            .map(|index| self.sets[index].name.clone())
            .collect();
        self.sets.retain(|set| !forgotten.contains(&set.name));
        let forgotten = forgotten.into_iter().map(|set| Action::Forgotten { set });
        self.actions.extend(forgotten);
    }
}
