//! Draining a node: `kubectl drain`.

use std::{collections::BTreeSet, time::Duration};

/// How long a refused eviction waits for the next try (Kubernetes: kubectl pkg/drain `evictPods`).
pub const RETRY: Duration = Duration::from_secs(5);

/// A drain that goes on. Cordon the node first ([`super::node::Nodes::set_cordoned`]): the pods'
/// replacements must not come back to it.
///
/// It asks for all pods at once and again every 5 s for those that a budget keeps; there is no
/// end to that but the last pod's (kubectl without `--timeout`).
#[derive(Clone, Debug)]
pub struct Drain {
    waiting: BTreeSet<String>,
    next_try: Duration,
}

impl Drain {
    /// Of a node with these `pods` on it, from `now` on.
    pub fn begin(pods: impl IntoIterator<Item = String>, now: Duration) -> Self {
        Self {
            waiting: pods.into_iter().collect(),
            next_try: now,
        }
    }

    /// Tries at `now`, by name, what `evict` says: it deletes the pod and gives true
    /// ([`super::disruption::evict`]), or gives false for later.
    pub fn due(&mut self, now: Duration, mut evict: impl FnMut(&str) -> bool) {
        if now >= self.next_try {
            self.waiting.retain(|pod| !evict(pod));
            self.next_try = now + RETRY;
        }
    }

    /// A pod went away for another reason.
    pub fn gone(&mut self, pod: &str) {
        self.waiting.remove(pod);
    }

    /// When it tries next; `None` when it has nothing left to evict.
    pub fn next_deadline(&self) -> Option<Duration> {
        (!self.waiting.is_empty()).then_some(self.next_try)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Drain;

    #[test]
    fn a_refused_eviction_is_tried_again_after_five_seconds() {
        let s = Duration::from_secs;
        let mut drain = Drain::begin(["b".to_owned(), "a".to_owned()], s(3));
        let mut asked = Vec::new();
        while let Some(now) = drain.next_deadline() {
            drain.due(now, |pod| {
                asked.push((now.as_secs(), pod.to_owned()));
                pod == "a" || now > s(8)
            });
        }
        let expected = [(3, "a"), (3, "b"), (8, "b"), (13, "b")];
        assert_eq!(asked, expected.map(|(at, pod)| (at, pod.to_owned())));
        let mut overtaken = Drain::begin(["a".to_owned()], s(0));
        overtaken.gone("a");
        assert_eq!(overtaken.next_deadline(), None);
    }
}
