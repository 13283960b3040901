//! Recreate (Kubernetes: pkg/controller/deployment/recreate.go).

use super::step::Step;

impl Step<'_> {
    /// First every old set goes to none; when their pods are gone, the newest gets all.
    pub(super) fn recreate(&mut self) {
        let old = self.active_old();
        if !old.is_empty() {
            for index in old {
                self.scale_to(index, 0);
            }
            return;
        }
        if !self.old_pods_are_gone() {
            return;
        }
        if let Some(newest) = self.newest {
            self.scale_to(newest, self.replicas);
        }
    }

    /// True when no process of an old pod is left, terminating ones included (`oldPodsRunning`).
    pub(super) fn old_pods_are_gone(&self) -> bool {
        (0..self.sets.len())
            .filter(|index| Some(*index) != self.newest)
            .all(|index| {
                let counts = self.counts_of(index);
                self.sets[index].wanted == 0 && counts.pods == 0 && counts.terminating == 0
            })
    }
}
