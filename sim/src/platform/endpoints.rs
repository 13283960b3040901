//! From a pod's readiness to what every proxy knows of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// The conditions of an endpoint (Kubernetes: endpointslice `podToEndpoint`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// It gets new traffic.
    pub ready: bool,
    /// It would answer, even though it may be on its way out.
    pub serving: bool,
    /// Its pod has a deletion timestamp.
    pub terminating: bool,
}

impl Conditions {
    /// `ready` = the pod is ready and is not being deleted.
    pub fn of(pod_ready: bool, terminating: bool) -> Self {
        Self {
            ready: pod_ready && !terminating,
            serving: pod_ready,
            terminating,
        }
    }
}

/// The endpoints of one Service and the changes that are on their way to its proxies.
///
/// How long a change takes is not a constant in Kubernetes (EndpointSlice controller, watches,
/// kube-proxy's `minSyncPeriod` of 1 s; platform §1 and §13): the caller draws it for each change.
/// A pod's changes arrive in the order in which they were made.
#[derive(Clone, Debug, Default)]
pub struct Propagation {
    /// What the control plane says.
    stated: BTreeMap<String, bool>,
    /// What the proxies know.
    known: BTreeSet<String>,
    /// (arrival, pod, number) → ready. The number keeps a pod's changes of one instant in order.
    travelling: BTreeMap<(Duration, String, u64), bool>,
    /// When a pod's latest change arrives.
    latest: BTreeMap<String, Duration>,
    changes: u64,
}

/// What every proxy has learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    /// The pod.
    pub pod: String,
    /// True: it gets new traffic from now on; false: none from now on.
    pub ready: bool,
}

impl Propagation {
    /// No endpoint.
    pub fn new() -> Self {
        Self::default()
    }

    /// The control plane sees at `now` that `pod` is `ready`, or not; the proxies know after
    /// `delay`, but not before they know of the pod's earlier changes. False when nothing changed:
    /// draw a delay only after [`Self::would_change`].
    pub fn change(&mut self, pod: &str, ready: bool, now: Duration, delay: Duration) -> bool {
        if !self.would_change(pod, ready) {
            return false;
        }
        let earliest = self.latest.get(pod).copied().unwrap_or_default();
        let arrival = (now + delay).max(earliest);
        self.changes += 1;
        self.stated.insert(pod.to_owned(), ready);
        self.latest.insert(pod.to_owned(), arrival);
        self.travelling
            .insert((arrival, pod.to_owned(), self.changes), ready);
        true
    }

    /// True when the control plane has said something else of `pod` so far. A pod it has never
    /// spoken of is not ready.
    pub fn would_change(&self, pod: &str, ready: bool) -> bool {
        self.stated.get(pod).copied().unwrap_or(false) != ready
    }

    /// What has arrived by `now`, in order of time, then of names.
    pub fn due(&mut self, now: Duration) -> Vec<Learned> {
        let mut learned = Vec::new();
        while let Some(entry) = self.travelling.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let ((_, pod, _), ready) = entry.remove_entry();
            if ready {
                self.known.insert(pod.clone());
            } else {
                self.known.remove(&pod);
                self.forget_if_gone(&pod, now);
            }
            learned.push(Learned { pod, ready });
        }
        learned
    }

    /// When the next change arrives.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.travelling
            .first_key_value()
            .map(|((arrival, _, _), _)| *arrival)
    }

    /// The pods that get new traffic, as the proxies know, by name.
    pub fn ready(&self) -> &BTreeSet<String> {
        &self.known
    }

    /// Nothing is kept of a pod that is down and has no change under way: pods come and go.
    fn forget_if_gone(&mut self, pod: &str, now: Duration) {
        let settled = self.latest.get(pod).is_none_or(|latest| *latest <= now);
        if settled && self.stated.get(pod) == Some(&false) {
            self.stated.remove(pod);
            self.latest.remove(pod);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Conditions, Learned, Propagation};

    fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    fn learned(pod: &str, ready: bool) -> Learned {
        Learned {
            pod: pod.to_owned(),
            ready,
        }
    }

    /// platform §1: ready = (podReady && !terminating), serving = podReady.
    #[test]
    fn a_terminating_pod_is_serving_but_not_ready() {
        let conditions = Conditions::of(true, true);
        assert!(!conditions.ready && conditions.serving && conditions.terminating);
        assert!(Conditions::of(true, false).ready);
    }

    #[test]
    fn proxies_learn_after_the_delay_and_only_of_changes() {
        let mut endpoints = Propagation::new();
        assert!(
            !endpoints.change("order-1", false, ms(0), ms(500)),
            "it never was ready"
        );
        assert!(endpoints.change("order-1", true, ms(0), ms(500)));
        assert!(!endpoints.change("order-1", true, ms(100), ms(1)));
        assert_eq!(endpoints.due(ms(499)), []);
        assert!(endpoints.ready().is_empty());
        assert_eq!(endpoints.next_deadline(), Some(ms(500)));
        assert_eq!(endpoints.due(ms(500)), [learned("order-1", true)]);
        assert!(endpoints.ready().contains("order-1"));
        assert_eq!(endpoints.next_deadline(), None);
    }

    #[test]
    fn a_later_change_never_overtakes_an_earlier_one_of_the_same_pod() {
        let mut endpoints = Propagation::new();
        endpoints.change("b", true, ms(0), ms(2000));
        endpoints.change("b", false, ms(100), ms(500));
        endpoints.change("a", true, ms(1000), ms(1000));
        let expected = [learned("a", true), learned("b", true), learned("b", false)];
        assert_eq!(endpoints.due(ms(2000)), expected);
        assert!(endpoints.ready().contains("a") && !endpoints.ready().contains("b"));
        assert!(
            endpoints.stated.len() == 1,
            "nothing is kept of a pod that is gone"
        );
    }
}
