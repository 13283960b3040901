//! Which host gets a request (Envoy: load_balancers.rst, load_balancer_impl.cc; platform: §4).

use std::collections::BTreeSet;

use squall_kit::rng::Rng;
use squall_reports::history::Name;

use crate::objects::mesh::{LoadBalancer, OutlierDetection};

/// Hosts that a least-request balancer compares (Envoy: `choice_count`).
const CHOICES: u32 = 2;
/// How often a retry looks for a host it has not tried (Istio: `host_selection_retry_max_attempts`
/// 5), after the first look.
const SELECTION_TRIES: u32 = 5;
/// Below this share of healthy hosts a balancer ignores health (Envoy: `healthy_panic_threshold`).
const PANIC_PERCENT: u32 = 50;

/// A host that may be picked.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its name.
    pub name: &'a Name,
    /// Requests that were handed to it and have no answer yet. Those that wait for a connection do
    /// not count (Envoy: `rq_active`).
    pub active: u32,
}

/// Picks hosts, request by request. All hosts weigh the same.
#[derive(Clone, Debug)]
pub struct Balancer {
    /// Where round robin stands.
    turn: u64,
}

impl Balancer {
    /// Round robin starts at a place drawn from `rng`, so that many sidecars do not go in step
    /// (Envoy: `seed_` of `EdfLoadBalancerBase`).
    pub fn new(rng: &Rng) -> Self {
        Self {
            turn: rng.below(1 << 32),
        }
    }

    /// Picks one of `hosts`, by its place; `None` when there is none. A host in `tried` is picked
    /// only when six looks found no other one (Istio: the `previous_hosts` predicate; Envoy:
    /// `LoadBalancerBase::chooseHost`).
    pub fn pick(
        &mut self,
        rule: LoadBalancer,
        hosts: &[Candidate<'_>],
        tried: &BTreeSet<Name>,
        rng: &Rng,
    ) -> Option<usize> {
        let mut picked = self.look(rule, hosts, rng)?;
        for _ in 0..SELECTION_TRIES {
            if !tried.contains(hosts[picked].name) {
                break;
            }
            picked = self.look(rule, hosts, rng)?;
        }
        Some(picked)
    }

    fn look(&mut self, rule: LoadBalancer, hosts: &[Candidate<'_>], rng: &Rng) -> Option<usize> {
        if hosts.len() < 2 {
            return (!hosts.is_empty()).then_some(0);
        }
        Some(match rule {
            LoadBalancer::Random => draw(hosts.len(), rng),
            LoadBalancer::RoundRobin => {
                let turn = self.turn % hosts.len() as u64;
                self.turn = self.turn.wrapping_add(1);
                place(turn)
            }
            LoadBalancer::LeastRequest => least_request(hosts, rng),
        })
    }
}

/// Both choices are drawn from all hosts, so they may be the same; the first wins a tie (Envoy:
/// `LeastRequestLoadBalancer::unweightedHostPickNChoices`).
fn least_request(hosts: &[Candidate<'_>], rng: &Rng) -> usize {
    let mut best = draw(hosts.len(), rng);
    for _ in 1..CHOICES {
        let other = draw(hosts.len(), rng);
        if hosts[other].active < hosts[best].active {
            best = other;
        }
    }
    best
}

fn draw(count: usize, rng: &Rng) -> usize {
    place(rng.below(count as u64))
}

fn place(number: u64) -> usize {
    usize::try_from(number).expect("below a length")
}

/// True when so few hosts are healthy that requests go to all of them, ejected or not. The
/// threshold is 50 % of the hosts, and `minHealthPercent` once there is an `outlierDetection`: 0
/// there means never (Istio: cluster_traffic_policy.go).
pub fn is_panicking(detection: Option<&OutlierDetection>, healthy: usize, hosts: usize) -> bool {
    let percent = detection.map_or(PANIC_PERCENT, |detection| detection.min_health_percent);
    100 * healthy < percent.min(100) as usize * hosts
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, VecDeque};

    use squall_kit::rng::Rng;
    use squall_reports::history::Name;

    use super::{Balancer, Candidate, is_panicking};
    use crate::objects::mesh::{LoadBalancer, OutlierDetection};

    fn names(count: usize) -> Vec<Name> {
        (1..=count).map(|n| format!("pay-{n}").into()).collect()
    }

    fn candidates<'a>(names: &'a [Name], active: &[u32]) -> Vec<Candidate<'a>> {
        let hosts = names.iter().zip(active);
        hosts
            .map(|(name, active)| Candidate {
                name,
                active: *active,
            })
            .collect()
    }

    /// Share of the requests that the slow one of three hosts gets: a request comes every tick and
    /// takes 2 ticks, on the slow host ten times as long.
    fn slow_share(rule: LoadBalancer) -> f64 {
        let (names, rng) = (names(3), Rng::stream(1, "sidecar/order-1"));
        let mut balancer = Balancer::new(&rng);
        let (mut active, mut slow) = ([0; 3], 0);
        let mut ends: VecDeque<(u32, usize)> = VecDeque::new();
        let requests = 30_000;
        for tick in 0..requests {
            ends.retain(|(end, host)| {
                if *end <= tick {
                    active[*host] -= 1;
                }
                *end > tick
            });
            let hosts = candidates(&names, &active);
            let host = balancer.pick(rule, &hosts, &BTreeSet::new(), &rng).unwrap();
            active[host] += 1;
            slow += u32::from(host == 0);
            ends.push_back((tick + if host == 0 { 20 } else { 2 }, host));
        }
        f64::from(slow) / f64::from(requests)
    }

    #[test]
    fn platform_4_least_request_spares_the_slow_pod_and_random_does_not() {
        let least = slow_share(LoadBalancer::LeastRequest);
        let random = slow_share(LoadBalancer::Random);
        assert!(least < 0.2, "well under a third: {least}");
        assert!((random - 1.0 / 3.0).abs() < 0.01, "a third: {random}");
    }

    #[test]
    fn round_robin_goes_around() {
        let (names, rng) = (names(3), Rng::stream(1, "x"));
        let mut balancer = Balancer::new(&rng);
        let hosts = candidates(&names, &[0; 3]);
        let mut pick = || {
            let rule = LoadBalancer::RoundRobin;
            balancer.pick(rule, &hosts, &BTreeSet::new(), &rng).unwrap()
        };
        let first = pick();
        for n in 1..9 {
            assert_eq!(pick(), (first + n) % 3);
        }
    }

    #[test]
    fn a_retry_avoids_hosts_it_has_tried_as_long_as_it_can() {
        let (names, rng) = (names(3), Rng::stream(1, "x"));
        let mut balancer = Balancer::new(&rng);
        let hosts = candidates(&names, &[0; 3]);
        let tried = BTreeSet::from([names[0].clone(), names[1].clone()]);
        let mut pick = |rule| balancer.pick(rule, &hosts, &tried, &rng).unwrap();
        for _ in 0..100 {
            assert_eq!(pick(LoadBalancer::RoundRobin), 2);
        }
        // Six random looks miss one host of three in (2/3)^6 = 8.8 % of the cases.
        let missed = (0..10_000)
            .filter(|_| pick(LoadBalancer::Random) != 2)
            .count();
        assert!((780..=980).contains(&missed), "{missed}");
        let all: BTreeSet<Name> = names.iter().cloned().collect();
        let rule = LoadBalancer::LeastRequest;
        assert!(balancer.pick(rule, &hosts, &all, &rng).is_some());
    }

    #[test]
    fn without_hosts_there_is_nothing_to_pick() {
        let rng = Rng::stream(1, "x");
        let mut balancer = Balancer::new(&rng);
        let pick = balancer.pick(LoadBalancer::LeastRequest, &[], &BTreeSet::new(), &rng);
        assert_eq!(pick, None);
    }

    #[test]
    fn platform_4_panic_is_off_once_there_is_outlier_detection() {
        let some = OutlierDetection::default();
        let half = OutlierDetection {
            min_health_percent: 50,
            ..some
        };
        assert!(!is_panicking(Some(&some), 0, 3), "all ejected stays UH");
        assert!(is_panicking(Some(&half), 1, 3));
        assert!(!is_panicking(Some(&half), 2, 4), "exactly 50 % is enough");
        assert!(is_panicking(None, 1, 3), "Envoy's own default");
    }
}
