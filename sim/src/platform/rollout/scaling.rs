//! Scaling a Deployment (Kubernetes: pkg/controller/deployment/sync.go `scale`).

use std::cmp::Reverse;

use super::{ReplicaSet, step::Step};
use crate::objects::deployment::Strategy;

impl Step<'_> {
    /// True when a set with pods was last scaled for another number of replicas
    /// (`isScalingEvent`). Such a sync scales and rolls nothing.
    pub(super) fn is_scaling_event(&self) -> bool {
        let mut active = self.sets.iter().filter(|set| set.wanted > 0);
        active.any(|set| set.desired != self.replicas)
    }

    /// One set with pods, or none: that one, or the newest, gets all. A newest set that has all
    /// its pods available: the others go. Else, during a rolling update, all sets share the change
    /// in proportion to their sizes, so that scaling neither hastens nor hides the rollout.
    pub(super) fn scale(&mut self, strategy: &Strategy) {
        if let Some(only) = self.active_or_latest() {
            self.scale_to(only, self.replicas);
            return;
        }
        if self.sets.is_empty() {
            return;
        }
        if self.is_saturated() {
            for index in self.active_old() {
                self.scale_to(index, 0);
            }
            return;
        }
        if matches!(strategy, Strategy::RollingUpdate { .. }) {
            self.scale_in_proportion();
        }
    }

    /// `FindActiveOrLatest`; `None` when several sets want pods, or there is no set.
    fn active_or_latest(&self) -> Option<usize> {
        let mut active = (0..self.sets.len()).filter(|index| self.sets[*index].wanted > 0);
        match (active.next(), active.next()) {
            (None, _) => self.newest.or(self.sets.len().checked_sub(1)),
            (only, None) => only,
            _ => None,
        }
    }

    /// `IsSaturated`.
    fn is_saturated(&self) -> bool {
        self.newest.is_some_and(|newest| {
            let set = &self.sets[newest];
            set.wanted == self.replicas
                && set.desired == self.replicas
                && self.counts_of(newest).available == self.replicas
        })
    }

    fn scale_in_proportion(&mut self) {
        let allowed = match self.replicas {
            0 => 0,
            replicas => i64::from(replicas + self.fenceposts.surge),
        };
        let to_add = allowed - i64::from(self.wanted());
        let mut order: Vec<usize> = (0..self.sets.len())
            .filter(|index| self.sets[*index].wanted > 0)
            .collect();
        // The largest first; of equals the newer one grows, the older one shrinks.
        if to_add > 0 {
            order.sort_by_key(|index| (Reverse(self.sets[*index].wanted), Reverse(*index)));
        } else {
            order.sort_by_key(|index| (Reverse(self.sets[*index].wanted), *index));
        }
        let mut added = 0;
        let mut sizes = Vec::new();
        for index in order {
            let share = self.proportion(&self.sets[index], to_add, added);
            added += share;
            sizes.push((index, i64::from(self.sets[index].wanted) + share));
        }
        if let Some((_, largest)) = sizes.first_mut() {
            *largest += to_add - added;
        }
        for (index, size) in sizes {
            let size = u32::try_from(size.max(0)).expect("a set stays within the Deployment");
            self.scale_to(index, size);
        }
    }

    /// `GetProportion` and `getReplicaSetFraction`: what the set would get for its share of the
    /// size before, but never more than what is left.
    fn proportion(&self, set: &ReplicaSet, to_add: i64, added: i64) -> i64 {
        if to_add == 0 || to_add == added {
            return 0;
        }
        let wanted = i64::from(set.wanted);
        let fraction = if self.replicas == 0 {
            -wanted
        } else {
            let size = wanted * i64::from(self.replicas + self.fenceposts.surge);
            let before = i64::from(set.most).max(1);
            // Rounded half up; all are positive.
            (2 * size + before) / (2 * before) - wanted
        };
        let left = to_add - added;
        if to_add > 0 {
            fraction.min(left)
        } else {
            fraction.max(left)
        }
    }
}
