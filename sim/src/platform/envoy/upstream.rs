//! A service as one sidecar sees it (Envoy: a cluster): its hosts, who of them is out, and the
//! connections to them.

use std::{collections::BTreeSet, time::Duration};

use squall_kit::rng::Rng;
use squall_reports::history::Name;

use super::{
    balancer::{Balancer, Candidate, is_panicking},
    outlier::{Detector, Finding},
    pool::{Pool, Step},
};
use crate::objects::mesh::{ConnectionPool, DestinationRule, LoadBalancer};

/// One service, seen from one sidecar.
#[derive(Clone, Debug)]
pub struct Upstream {
    hosts: BTreeSet<Name>,
    load_balancer: LoadBalancer,
    balancer: Balancer,
    detector: Detector,
    /// Its connections.
    pub pool: Pool,
}

impl Upstream {
    /// Without hosts so far. Sweeps of its detector are counted from `now`.
    pub fn new(now: Duration, rule: Option<&DestinationRule>, rng: &Rng) -> Self {
        Self {
            hosts: BTreeSet::new(),
            load_balancer: load_balancer(rule),
            balancer: Balancer::new(rng),
            detector: Detector::new(now, rule.and_then(|rule| rule.outlier_detection)),
            pool: Pool::new(limits(rule)),
        }
    }

    /// What holds now. Ready pods that are new join, others leave; a rule that has changed is in
    /// force from here on. A changed outlier detection forgets what it knew, as Envoy does when it
    /// makes a cluster anew.
    pub fn observe(
        &mut self,
        now: Duration,
        ready: &[Name],
        rule: Option<&DestinationRule>,
    ) -> Vec<Step> {
        self.load_balancer = load_balancer(rule);
        self.pool.set_limits(limits(rule));
        let detection = rule.and_then(|rule| rule.outlier_detection);
        if self.detector.settings() != detection.as_ref() {
            self.detector = Detector::new(now, detection);
            self.detector.set_hosts(self.hosts.iter());
        }
        if self.hosts.len() == ready.len() && ready.iter().all(|pod| self.hosts.contains(pod)) {
            return Vec::new();
        }
        self.hosts = ready.iter().cloned().collect();
        self.detector.set_hosts(self.hosts.iter());
        self.pool.set_hosts(&self.hosts)
    }

    /// Picks a host for a try; `None`: there is none, UH. Those in `tried` only if need be.
    pub fn pick(&mut self, tried: &BTreeSet<Name>, rng: &Rng) -> Option<Name> {
        let healthy = self.hosts.len() - self.detector.ejected();
        let everybody = is_panicking(self.detector.settings(), healthy, self.hosts.len());
        let hosts = self.hosts.iter();
        let hosts = hosts.filter(|host| everybody || !self.detector.is_ejected(host));
        let candidates: Vec<Candidate<'_>> = hosts
            .map(|name| Candidate {
                name,
                active: self.pool.active_at(name),
            })
            .collect();
        let picked = self
            .balancer
            .pick(self.load_balancer, &candidates, tried, rng)?;
        Some(candidates[picked].name.clone())
    }

    /// A try on this host ended with this status; see [`Detector::charge`].
    pub fn charge(&mut self, now: Duration, host: &str, status: u16) -> Vec<Finding> {
        self.detector.charge(now, host, status)
    }

    /// Does the sweeps that are due.
    pub fn advance(&mut self, now: Duration) -> Vec<Finding> {
        self.detector.advance(now)
    }

    /// When a sweep matters next.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.detector.next_deadline()
    }
}

/// Istio's default is least request. (Documents of 2019 say round robin; when it changed is not
/// established.)
fn load_balancer(rule: Option<&DestinationRule>) -> LoadBalancer {
    rule.map_or(LoadBalancer::LeastRequest, |rule| rule.load_balancer)
}

fn limits(rule: Option<&DestinationRule>) -> ConnectionPool {
    rule.map_or_else(ConnectionPool::default, |rule| rule.connection_pool)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use squall_kit::rng::Rng;
    use squall_reports::history::Name;

    use super::Upstream;
    use crate::objects::mesh::{ConnectionPool, DestinationRule, LoadBalancer, OutlierDetection};

    fn rule(min_health_percent: u32) -> DestinationRule {
        DestinationRule {
            name: "pay".to_owned(),
            host: "pay".to_owned(),
            connection_pool: ConnectionPool::default(),
            outlier_detection: Some(OutlierDetection {
                max_ejection_percent: 100,
                min_health_percent,
                ..OutlierDetection::default()
            }),
            load_balancer: LoadBalancer::RoundRobin,
        }
    }

    fn fail(upstream: &mut Upstream, host: &str) {
        for _ in 0..5 {
            upstream.charge(Duration::ZERO, host, 503);
        }
    }

    #[test]
    fn platform_5_uh_only_when_all_are_out_and_panic_is_off() {
        let rng = Rng::stream(1, "x");
        let ready: Vec<Name> = vec!["pay-1".into(), "pay-2".into()];
        for (min_health_percent, all_out_gives) in [(0, None), (50, Some(()))] {
            let rule = rule(min_health_percent);
            let mut upstream = Upstream::new(Duration::ZERO, Some(&rule), &rng);
            let pick = |upstream: &mut Upstream| upstream.pick(&BTreeSet::new(), &rng);
            assert_eq!(pick(&mut upstream), None, "no ready pod");
            upstream.observe(Duration::ZERO, &ready, Some(&rule));
            fail(&mut upstream, "pay-1");
            for _ in 0..10 {
                assert_eq!(pick(&mut upstream).as_deref(), Some("pay-2"));
            }
            fail(&mut upstream, "pay-2");
            assert_eq!(pick(&mut upstream).map(|_| ()), all_out_gives);
        }
    }

    #[test]
    fn a_changed_detection_starts_afresh_and_other_changes_do_not() {
        let rng = Rng::stream(1, "x");
        let ready: Vec<Name> = vec!["pay-1".into(), "pay-2".into()];
        let mut rule = rule(0);
        let mut upstream = Upstream::new(Duration::ZERO, Some(&rule), &rng);
        upstream.observe(Duration::ZERO, &ready, Some(&rule));
        fail(&mut upstream, "pay-1");
        rule.load_balancer = LoadBalancer::Random;
        upstream.observe(Duration::ZERO, &ready, Some(&rule));
        assert!(upstream.next_deadline().is_some(), "still out");
        upstream.observe(Duration::ZERO, &ready, None);
        assert_eq!(upstream.next_deadline(), None);
    }
}
