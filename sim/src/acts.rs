//! What acts on a cluster at the moment, and what it did. Acts may overlap: the state of a link, a
//! pod, a clock is always what all standing acts together make of it.

use std::collections::{BTreeMap, BTreeSet};

use squall_reports::history::Name;

use crate::{
    cluster::Cluster,
    controls::Effect,
    engine::{Effects, HostId, Link, World},
};

/// One direction between two hosts.
pub(crate) type Way = (HostId, HostId);

/// Everything that was ever done in a run.
#[derive(Default)]
pub(crate) struct Acts {
    acts: Vec<Act>,
    /// Links as they were before any act.
    calm_links: BTreeMap<Way, Link>,
}

/// One act.
pub(crate) struct Act {
    pub(crate) change: Change,
    /// What is counted at the moment of the act.
    pub(crate) counted: Effect,
    /// Traffic that it touches, and what faults had done to it before.
    pub(crate) before: Vec<(Way, Effects)>,
    healed: Option<Effect>,
}

/// What an act changes while it stands.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// Nothing that lasts.
    Nothing,
    /// A deployment is not meant to run.
    Stopped(Vec<Name>),
    /// Links are different.
    Links(Vec<Way>, LinkChange),
    /// A database or the broker is down.
    Down(Name),
    /// Deliveries come again.
    Repeats {
        /// Their share.
        share: f64,
        /// Counted before.
        done: u64,
    },
    /// Pods are slow.
    Slow {
        /// Which, with the requests that were slowed before.
        pods: Vec<(Name, u64)>,
        /// How much.
        factor: f64,
    },
    /// Clocks are wrong.
    Skewed(Vec<HostId>, i64),
}

/// What a link suffers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LinkChange {
    /// Nothing gets through.
    Blocked,
    /// So much later, in milliseconds: at least, and up to so much more.
    Slower(u64, u64),
    /// This share is lost.
    Lossy(f64),
}

impl Act {
    /// An act that begins.
    pub(crate) fn new(change: Change, counted: &[(&str, u64)]) -> Self {
        let counted = counted.iter().map(|(name, n)| ((*name).to_owned(), *n));
        Self {
            change,
            counted: counted.collect(),
            before: Vec::new(),
            healed: None,
        }
    }

    /// Counts what happens to this traffic from now on.
    pub(crate) fn watching(mut self, ways: &[Way], world: &dyn World) -> Self {
        let before = ways.iter().map(|way| (*way, world.effects(way.0, way.1)));
        self.before = before.collect();
        self
    }

    /// What it has done.
    fn effect(&self, cluster: &mut Cluster, world: &dyn World) -> Effect {
        let mut effect = self.counted.clone();
        let mut count = |name: &str, n: u64| {
            if n > 0 {
                *effect.entry(name.to_owned()).or_default() += n;
            }
        };
        for ((from, to), before) in &self.before {
            let done = world.effects(*from, *to).since(before);
            if let Change::Links(_, LinkChange::Slower(..)) = self.change {
                count("packets_slowed", done.sent);
            }
            count("packets_held", done.held);
            count("packets_delayed", done.delayed);
            count("packets_dropped", done.dropped);
            count("connects_refused", done.refused);
            count("connects_timed_out", done.timed_out);
            count("connects_given_up", done.given_up);
            count("connections_reset", done.reset);
        }
        match &self.change {
            Change::Repeats { done, .. } => {
                count("deliveries_repeated", cluster.repeats().done() - done);
            }
            Change::Slow { pods, .. } => {
                for (pod, before) in pods {
                    count(
                        "requests_slowed",
                        cluster.pods.get(pod).pace.slowed() - before,
                    );
                }
            }
            _ => {}
        }
        effect
    }
}

// === impl Acts ===

impl Acts {
    /// An act begins; its number.
    pub(crate) fn begin(
        &mut self,
        act: Act,
        cluster: &mut Cluster,
        world: &mut dyn World,
    ) -> usize {
        let change = act.change.clone();
        self.acts.push(act);
        self.apply(&change, cluster, world);
        self.acts.len() - 1
    }

    /// An act ends; what it did. Asked again it gives the same.
    pub(crate) fn heal(
        &mut self,
        number: usize,
        cluster: &mut Cluster,
        world: &mut dyn World,
    ) -> Effect {
        let act = self
            .acts
            .get_mut(number)
            .expect("numbers of acts come from `begin`");
        if let Some(effect) = &act.healed {
            return effect.clone();
        }
        let effect = act.effect(cluster, world);
        act.healed = Some(effect.clone());
        let change = act.change.clone();
        self.apply(&change, cluster, world);
        effect
    }

    /// Numbers of the acts that stand.
    pub(crate) fn standing(&self) -> Vec<usize> {
        let acts = (0..).zip(&self.acts);
        acts.filter(|(_, act)| act.healed.is_none())
            .map(|(n, _)| n)
            .collect()
    }

    /// Brings everything that `change` touches to what the standing acts make of it.
    fn apply(&mut self, change: &Change, cluster: &mut Cluster, world: &mut dyn World) {
        let standing = |acts: &[Act]| -> Vec<Change> {
            let acts = acts.iter().filter(|act| act.healed.is_none());
            acts.map(|act| act.change.clone()).collect()
        };
        let standing = standing(&self.acts);
        match change {
            Change::Nothing => {}
            Change::Stopped(pods) => stop_or_start(pods, &standing, cluster, world),
            Change::Links(ways, _) => self.set_links(ways, &standing, world),
            Change::Down(name) => {
                let down = standing
                    .iter()
                    .any(|c| matches!(c, Change::Down(n) if n == name));
                let backing = cluster
                    .backings
                    .get_mut(name)
                    .expect("checked when it began");
                if down {
                    backing.kill(world);
                } else {
                    backing.start(world);
                }
            }
            Change::Repeats { .. } => {
                let shares = standing.iter().filter_map(|c| match c {
                    Change::Repeats { share, .. } => Some(*share),
                    _ => None,
                });
                cluster.repeats().set(shares.fold(0.0, f64::max));
            }
            Change::Slow { pods, .. } => {
                for (pod, _) in pods {
                    let factors = standing.iter().filter_map(|c| match c {
                        Change::Slow { pods, factor } if pods.iter().any(|(p, _)| p == pod) => {
                            Some(*factor)
                        }
                        _ => None,
                    });
                    cluster.pods.get(pod).pace.set(factors.product());
                }
            }
            Change::Skewed(hosts, _) => {
                for host in hosts {
                    let skews = standing.iter().filter_map(|c| match c {
                        Change::Skewed(hosts, by_ms) if hosts.contains(host) => Some(*by_ms),
                        _ => None,
                    });
                    world.set_skew(*host, skews.sum());
                }
            }
        }
    }

    fn set_links(&mut self, ways: &[Way], standing: &[Change], world: &mut dyn World) {
        for way in ways {
            let calm = self.calm_links.entry(*way);
            let mut link = *calm.or_insert_with(|| world.link(way.0, way.1));
            for change in standing {
                match change {
                    Change::Links(ways, suffers) if ways.contains(way) => suffers.add_to(&mut link),
                    _ => {}
                }
            }
            world.set_link(way.0, way.1, link);
        }
    }
}

impl LinkChange {
    fn add_to(self, link: &mut Link) {
        match self {
            Self::Blocked => link.blocked = true,
            Self::Slower(least, more) => {
                link.latency_ms += least;
                link.jitter_ms += more;
            }
            Self::Lossy(share) => link.loss = 1.0 - (1.0 - link.loss) * (1.0 - share),
        }
    }
}

fn stop_or_start(pods: &[Name], standing: &[Change], cluster: &mut Cluster, world: &mut dyn World) {
    let stopped: BTreeSet<&Name> = standing
        .iter()
        .filter_map(|change| match change {
            Change::Stopped(pods) => Some(pods),
            _ => None,
        })
        .flatten()
        .collect();
    for pod in pods {
        if stopped.contains(pod) {
            cluster.pods.stop(pod, world.now());
        } else {
            cluster.pods.want(pod, world.now());
        }
    }
}
