//! From a pod's readiness to what every proxy knows of it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
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
/// kube-proxy's `minSyncPeriod` of 1 s; platform §1 and §13): the caller draws it for each write.
/// The endpoints of a Service are one object, whose versions a watch delivers in their order: no
/// change overtakes an earlier one, whichever pod it is about. So a proxy knows of the pod that
/// replaces another one before it forgets the other.
#[derive(Clone, Debug, Default)]
pub struct Propagation {
    /// What the control plane says.
    stated: BTreeMap<String, bool>,
    /// What the proxies know.
    known: BTreeSet<String>,
    /// In the order in which they arrive: (arrival, pod, ready).
    travelling: VecDeque<(Duration, String, bool)>,
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
    /// `delay`, but not before they know of all earlier changes. False when nothing changed: draw a
    /// delay only after [`Self::would_change`].
    pub fn change(&mut self, pod: &str, ready: bool, now: Duration, delay: Duration) -> bool {
        if !self.would_change(pod, ready) {
            return false;
        }
        let earliest = self.travelling.back().map(|(arrival, _, _)| *arrival);
        let arrival = (now + delay).max(earliest.unwrap_or_default());
        self.stated.insert(pod.to_owned(), ready);
        self.travelling.push_back((arrival, pod.to_owned(), ready));
        true
    }

    /// True when the control plane has said something else of `pod` so far. A pod it has never
    /// spoken of is not ready.
    pub fn would_change(&self, pod: &str, ready: bool) -> bool {
        self.stated.get(pod).copied().unwrap_or(false) != ready
    }

    /// What has arrived by `now`, in the order in which it was said.
    pub fn due(&mut self, now: Duration) -> Vec<Learned> {
        let mut learned = Vec::new();
        while let Some((_, pod, ready)) = self.travelling.pop_front_if(|(at, _, _)| *at <= now) {
            if ready {
                self.known.insert(pod.clone());
            } else {
                self.known.remove(&pod);
                self.forget_if_gone(&pod);
            }
            learned.push(Learned { pod, ready });
        }
        learned
    }

    /// When the next change arrives.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.travelling.front().map(|(arrival, _, _)| *arrival)
    }

    /// The pods that get new traffic, as the proxies know, by name.
    pub fn ready(&self) -> &BTreeSet<String> {
        &self.known
    }

    /// Nothing is kept of a pod that is down and has no change under way: pods come and go.
    fn forget_if_gone(&mut self, pod: &str) {
        let settled = self.travelling.iter().all(|(_, other, _)| other != pod);
        if settled && self.stated.get(pod) == Some(&false) {
            self.stated.remove(pod);
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
    fn no_change_overtakes_an_earlier_one() {
        let mut endpoints = Propagation::new();
        endpoints.change("b", true, ms(0), ms(2000));
        endpoints.change("b", false, ms(100), ms(500));
        endpoints.change("a", true, ms(1000), ms(900));
        assert_eq!(endpoints.due(ms(1999)), []);
        let expected = [learned("b", true), learned("b", false), learned("a", true)];
        assert_eq!(endpoints.due(ms(2000)), expected);
        assert!(endpoints.ready().contains("a") && !endpoints.ready().contains("b"));
        assert!(
            endpoints.stated.len() == 1,
            "nothing is kept of a pod that is gone"
        );
    }

    #[test]
    fn a_pod_that_replaces_another_is_known_before_the_other_is_forgotten() {
        let mut endpoints = Propagation::new();
        endpoints.change("order-1", true, ms(0), ms(0));
        endpoints.due(ms(0));
        endpoints.change("order-2", true, ms(1000), ms(2000));
        endpoints.change("order-1", false, ms(1000), ms(500));
        for at in 1000..3000 {
            endpoints.due(ms(at));
            assert!(endpoints.ready().contains("order-1"), "at {at} ms");
        }
        endpoints.due(ms(3000));
        assert_eq!(endpoints.ready().iter().collect::<Vec<_>>(), ["order-2"]);
    }
}
