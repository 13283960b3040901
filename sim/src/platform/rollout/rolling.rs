//! RollingUpdate (Kubernetes: pkg/controller/deployment/rolling.go, deployment_util.go).

use super::step::Step;
use crate::{
    objects::deployment::Strategy,
    platform::fraction::{Rounding, pods},
};

/// How far a rollout may leave the wanted number of pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fenceposts {
    /// So many more.
    pub surge: u32,
    /// So many fewer available.
    pub unavailable: u32,
}

/// `strategy` for so many `replicas`: the surge is rounded up, the unavailable ones down; when both
/// are 0, one may be unavailable. Neither for Recreate. (Kubernetes: `ResolveFenceposts`,
/// `MaxSurge`, `MaxUnavailable`.)
pub fn fenceposts(strategy: &Strategy, replicas: u32) -> Fenceposts {
    let Strategy::RollingUpdate {
        max_surge,
        max_unavailable,
    } = strategy
    else {
        return Fenceposts::default();
    };
    let surge = pods(*max_surge, replicas, Rounding::Up);
    let mut unavailable = pods(*max_unavailable, replicas, Rounding::Down);
    if surge == 0 && unavailable == 0 {
        unavailable = 1;
    }
    Fenceposts {
        surge,
        unavailable: unavailable.min(replicas),
    }
}

impl Step<'_> {
    /// `rolloutRolling`: either the newest set changes or the old ones.
    pub(super) fn roll(&mut self) {
        let newest = self.newest.expect("a rolling update has created it");
        let wanted = self.sets[newest].wanted;
        let to = match wanted > self.replicas {
            true => self.replicas,
            false => self.allowed_for(newest),
        };
        if to != wanted {
            self.scale_to(newest, to);
            return;
        }
        self.reduce_old(newest);
    }

    /// How many pods the newest set may want now (`NewRSNewReplicas`).
    pub(super) fn allowed_for(&self, newest: usize) -> u32 {
        let wanted = self.sets[newest].wanted;
        let most = self.replicas + self.fenceposts.surge;
        let room = most.saturating_sub(self.wanted());
        wanted + room.min(self.replicas.saturating_sub(wanted))
    }

    /// `reconcileOldReplicaSets`: the newest set's unavailable pods never make room for deleting
    /// old ones; unhealthy old ones go first, so that they cannot block the rollout.
    fn reduce_old(&mut self, newest: usize) {
        let least = self.replicas - self.fenceposts.unavailable;
        let unavailable = self.sets[newest]
            .wanted
            .saturating_sub(self.counts_of(newest).available);
        let room = self
            .wanted()
            .saturating_sub(least)
            .saturating_sub(unavailable);
        if room == 0 {
            return;
        }
        self.remove_unhealthy(room);
        let available: u32 = (0..self.sets.len())
            .map(|index| self.counts_of(index).available)
            .sum();
        let mut surplus = available.saturating_sub(least);
        for index in self.active_old() {
            let wanted = self.sets[index].wanted;
            let fewer = wanted.min(surplus);
            surplus -= fewer;
            self.scale_to(index, wanted - fewer);
        }
    }

    /// `cleanupUnhealthyReplicas`: up to `room` pods that are not available, oldest set first. The
    /// ReplicaSet deletes those that are not ready before others.
    fn remove_unhealthy(&mut self, mut room: u32) {
        for index in self.active_old() {
            let wanted = self.sets[index].wanted;
            let unhealthy = wanted.saturating_sub(self.counts_of(index).available);
            let fewer = unhealthy.min(room);
            room -= fewer;
            self.scale_to(index, wanted - fewer);
        }
    }
}
