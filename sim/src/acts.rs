//! What acts on a cluster at the moment, and what it did. Acts may overlap: the state of a link, a
//! pod, a clock is always what all standing acts together make of it.

use std::collections::{BTreeMap, BTreeSet};

use squall_reports::history::Name;

use crate::{
    cluster::{Cluster, OTHERS, files::End},
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
    /// Requests that pods had served slowly, or failed, before.
    pub(crate) served: BTreeMap<Name, u64>,
    /// Pods that drains of the same machine had evicted before.
    pub(crate) evicted: u64,
    /// How often hosts had read a wrong clock before.
    clocks: BTreeMap<HostId, u64>,
    healed: Option<Effect>,
}

/// What an act changes while it stands.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// Nothing that lasts.
    Nothing,
    /// A Deployment is scaled to nothing.
    Stopped(Name),
    /// Links between two sides are different; those of later pods, too.
    Links(Sides, LinkChange),
    /// A database or the broker is down: its container or its pod ended.
    Down(Name, End),
    /// Deliveries come again.
    Repeats {
        /// Their share.
        share: f64,
        /// Counted before.
        done: u64,
    },
    /// Pods are slow; later ones, too.
    Slow {
        /// A pod or a Deployment.
        target: Name,
        /// How much.
        factor: f64,
    },
    /// Pods answer everything with 503; later ones, too.
    Failing(Name),
    /// Containers hang that were started for this time or before; whoever heals it kills them.
    Hung(Vec<(Name, u64)>),
    /// Clocks are wrong; those of later pods, too.
    Skewed(Name, i64),
    /// A machine takes no pods, and evicts those it has.
    Drained(Name),
    /// A machine is without power.
    NodeDown(Name),
}

/// Two sides of a network, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sides {
    pub(crate) from: Name,
    pub(crate) to: Name,
    /// Only what `from` sends to `to`.
    pub(crate) one_way: bool,
}

impl Sides {
    /// Every direction between their hosts, as these are now.
    pub(crate) fn ways(&self, cluster: &Cluster) -> Vec<Way> {
        let (side, peers) = cluster.sides(&self.from, &self.to);
        let pairs = side
            .iter()
            .flat_map(|host| peers.iter().map(move |peer| (*host, *peer)));
        let pairs = pairs.filter(|(host, peer)| host != peer);
        if self.one_way {
            return pairs.collect();
        }
        pairs
            .flat_map(|(host, peer)| [(host, peer), (peer, host)])
            .collect()
    }
}

impl Change {
    /// The machines that it cuts off from the control plane, by name: those that nobody else can
    /// reach any more, or that can reach nobody.
    fn cuts_off(&self) -> Option<Name> {
        let Self::Links(sides, LinkChange::Blocked) = self else {
            return None;
        };
        match (&*sides.from, &*sides.to) {
            (_, OTHERS) => Some(Name::clone(&sides.from)),
            (OTHERS, _) => Some(Name::clone(&sides.to)),
            _ => None,
        }
    }
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
            served: BTreeMap::new(),
            evicted: 0,
            clocks: BTreeMap::new(),
            healed: None,
        }
    }

    /// Counts what happens to this traffic from now on.
    pub(crate) fn watching(mut self, ways: &[Way], world: &dyn World) -> Self {
        let before = ways.iter().map(|way| (*way, world.effects(way.0, way.1)));
        self.before = before.collect();
        self
    }

    /// Counts how often these hosts, as far as they are new, read their clocks from now on.
    pub(crate) fn watch_clocks(&mut self, hosts: Vec<HostId>, world: &dyn World) {
        for host in hosts {
            let before = world.skewed_reads(host);
            self.clocks.entry(host).or_insert(before);
        }
    }

    /// Counts what faults did to this traffic since the act began.
    fn traffic(
        &self,
        (from, to): Way,
        before: &Effects,
        world: &dyn World,
        count: &mut dyn FnMut(&str, u64),
    ) {
        let done = world.effects(from, to).since(before);
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

    fn served_before(&self, pod: &Name) -> u64 {
        self.served.get(pod).copied().unwrap_or_default()
    }

    /// This host is about to go: what happened to its traffic is counted now.
    fn forget(&mut self, host: HostId, world: &dyn World) {
        let concerned = |way: &Way| way.0 == host || way.1 == host;
        let (going, staying) = std::mem::take(&mut self.before)
            .into_iter()
            .partition(|(way, _)| concerned(way));
        self.before = staying;
        let going: Vec<(Way, Effects)> = going;
        let mut counted = std::mem::take(&mut self.counted);
        for (way, before) in going {
            self.traffic(way, &before, world, &mut |name, n| {
                add(&mut counted, name, n)
            });
        }
        if let Some(before) = self.clocks.remove(&host) {
            let reads = world.skewed_reads(host) - before;
            add(&mut counted, SKEWED_READS, reads);
        }
        self.counted = counted;
    }

    /// What it has done.
    fn effect(&self, cluster: &mut Cluster, world: &dyn World) -> Effect {
        let mut effect = self.counted.clone();
        let mut count = |name: &str, n: u64| add(&mut effect, name, n);
        for (way, before) in &self.before {
            self.traffic(*way, before, world, &mut count);
        }
        match &self.change {
            Change::Repeats { done, .. } => {
                count("deliveries_repeated", cluster.repeats().done() - done);
            }
            Change::Slow { target, .. } => {
                let slowed =
                    |pod: &Name| cluster.pods.get(pod).pace.slowed() - self.served_before(pod);
                let pods = cluster.pods.named(target);
                count("requests_slowed", pods.iter().map(slowed).sum());
            }
            Change::Drained(node) => count("pods_evicted", cluster.evicted(node) - self.evicted),
            Change::Failing(target) => {
                let failed =
                    |pod: &Name| cluster.pods.get(pod).failing.failed() - self.served_before(pod);
                let pods = cluster.pods.named(target);
                count("requests_failed", pods.iter().map(failed).sum());
            }
            Change::Skewed(..) => {
                let reads = self.clocks.iter();
                let reads = reads.map(|(host, before)| world.skewed_reads(*host) - before);
                count(SKEWED_READS, reads.sum());
            }
            _ => {}
        }
        effect
    }
}

/// A wrong clock that nobody reads does nothing.
const SKEWED_READS: &str = "reads_of_wrong_clocks";

fn add(effect: &mut Effect, name: &str, n: u64) {
    if n > 0 {
        *effect.entry(name.to_owned()).or_default() += n;
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

    /// A pod came: what acts on its Deployment acts on it.
    pub(crate) fn adapt(&mut self, cluster: &mut Cluster, world: &mut dyn World) {
        for number in self.standing() {
            let act = &mut self.acts[number];
            if let Change::Links(sides, _) = &act.change {
                let ways = sides.ways(cluster);
                let known: BTreeSet<Way> = act.before.iter().map(|(way, _)| *way).collect();
                let new = ways.into_iter().filter(|way| !known.contains(way));
                let new: Vec<_> = new.map(|way| (way, world.effects(way.0, way.1))).collect();
                act.before.extend(new);
            }
            if let Change::Skewed(target, _) = &act.change {
                let hosts = cluster.named(target);
                act.watch_clocks(hosts, world);
            }
            let change = act.change.clone();
            match change {
                Change::Links(..)
                | Change::Slow { .. }
                | Change::Failing(_)
                | Change::Skewed(..) => {
                    self.apply(&change, cluster, world);
                }
                _ => {}
            }
        }
    }

    /// A host is about to go for good.
    pub(crate) fn forget(&mut self, host: HostId, world: &dyn World) {
        for act in &mut self.acts {
            act.forget(host, world);
        }
        self.calm_links
            .retain(|way, _| way.0 != host && way.1 != host);
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
            Change::Stopped(name) => {
                let stopped = |c: &Change| matches!(c, Change::Stopped(n) if n == name);
                cluster.hold_at_zero(name, standing.iter().any(stopped), world.now());
            }
            Change::Links(sides, _) => {
                self.set_links(&sides.ways(cluster), &standing, cluster, world);
                let cut_off: Vec<Name> = standing.iter().filter_map(Change::cuts_off).collect();
                cluster.set_cut_off(&cut_off, world);
            }
            Change::Down(name, end) => {
                let down = standing
                    .iter()
                    .any(|c| matches!(c, Change::Down(n, _) if n == name));
                let backing = cluster
                    .backings
                    .get_mut(name)
                    .expect("checked when it began");
                if down {
                    backing.kill(*end, world);
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
            Change::Slow { .. } | Change::Failing(_) | Change::Skewed(..) => {
                set_each(change, &standing, cluster, world);
            }
            Change::Hung(containers) => {
                let hung = |c: &Change| matches!(c, Change::Hung(those) if those == containers);
                let standing = standing.iter().any(hung);
                for (pod, start) in containers {
                    cluster.hang(pod, *start, standing, world);
                }
            }
            Change::Drained(node) => {
                let drained = |c: &Change| matches!(c, Change::Drained(n) if n == node);
                cluster.set_drained(node, standing.iter().any(drained), world.now());
            }
            Change::NodeDown(node) => {
                let down = |c: &Change| matches!(c, Change::NodeDown(n) if n == node);
                cluster.set_node_power(node, !standing.iter().any(down), world);
            }
        }
    }

    fn set_links(
        &mut self,
        ways: &[Way],
        standing: &[Change],
        cluster: &Cluster,
        world: &mut dyn World,
    ) {
        let standing: Vec<(BTreeSet<Way>, LinkChange)> = standing
            .iter()
            .filter_map(|change| match change {
                Change::Links(sides, suffers) => {
                    Some((sides.ways(cluster).into_iter().collect(), *suffers))
                }
                _ => None,
            })
            .collect();
        for way in ways {
            let calm = self.calm_links.entry(*way);
            let mut link = *calm.or_insert_with(|| world.link(way.0, way.1));
            for (_, suffers) in standing.iter().filter(|(ways, _)| ways.contains(way)) {
                suffers.add_to(&mut link);
            }
            world.set_link(way.0, way.1, link);
        }
    }
}

/// Brings each pod or clock of a target to what the standing acts make of it.
fn set_each(change: &Change, standing: &[Change], cluster: &Cluster, world: &mut dyn World) {
    match change {
        Change::Slow { target, .. } => {
            for pod in cluster.pods.named(target) {
                let factors = standing.iter().filter_map(|c| match c {
                    Change::Slow { target, factor }
                        if cluster.pods.named(target).contains(&pod) =>
                    {
                        Some(*factor)
                    }
                    _ => None,
                });
                cluster.pods.get(&pod).pace.set(factors.product());
            }
        }
        Change::Failing(target) => {
            for pod in cluster.pods.named(target) {
                let failing = |c: &Change| match c {
                    Change::Failing(target) => cluster.pods.named(target).contains(&pod),
                    _ => false,
                };
                let on = standing.iter().any(failing);
                cluster.pods.get(&pod).failing.set(on);
            }
        }
        Change::Skewed(target, _) => {
            for host in cluster.named(target) {
                let skews = standing.iter().filter_map(|c| match c {
                    Change::Skewed(t, by_ms) if cluster.named(t).contains(&host) => Some(*by_ms),
                    _ => None,
                });
                world.set_skew(host, skews.sum());
            }
        }
        _ => unreachable!("all others act on a whole"),
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
