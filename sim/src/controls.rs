//! What a nemesis can do to a cluster. Every act gives a [`Hold`]; healing it tells what it did.
//!
//! **Names.** A `target` is a pod (`order-1`), a deployment (`order`: all its pods), one of its
//! pods by its place among them at that time (`order/1` is the first by name), a database
//! host (`order-store`), `broker`, `clients` (every load host), a node (`node-1`) or a zone
//! (`zone-a`): what runs there. One side of a link may be `others`: every host but the other
//! side's. A node or zone that is cut off from all others is cut off from the control plane, too.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use squall_reports::history::{Entry, Name, What};

use crate::{
    acts::{Act, Acts, Change, LinkChange, Sides, Way},
    cluster::{Cluster, OTHERS, files::End},
    engine::{HostId, World},
    manifest::Patch,
    objects::Objects,
    range::TimeRange,
    recorder::{Recorder, WORLD},
};

/// What an act did, counted: packets held, connections reset, pods killed, … All zero: nothing.
pub type Effect = BTreeMap<String, u64>;

/// What `kubectl rollout restart` annotates a template with.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// An act that lasts until it is healed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hold(usize);

/// Which packets a partition stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// Both ways.
    Both,
    /// Only what the first side sends to the second.
    OneWay,
}

/// An act that names what the cluster does not have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ControlError {
    /// No such pod, deployment, store, …
    #[error("the cluster has no {wanted} called {name:?}")]
    Unknown {
        /// What was wanted.
        wanted: &'static str,
        /// The name given.
        name: String,
    },
    /// The cluster refused it.
    #[error("{0}")]
    Refused(String),
    /// A number out of its range.
    #[error("{what} is {value}, expected {expected}")]
    OutOfRange {
        /// Which.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What would have done.
        expected: &'static str,
    },
}

/// Strikes and heals, as the world loop lets it.
pub trait Nemesis: Send {
    /// Hears every entry as it happens, from the run's start on. `true`: [`Nemesis::advance`] is to
    /// be called at this very instant, before anything that was just written leaves its host.
    /// Entries that the nemesis itself causes while it advances are heard right afterwards.
    fn hear(&mut self, entry: &Entry) -> bool;

    /// Acts. `now` is virtual time since the run's start.
    fn advance(&mut self, now: Duration, controls: &mut Controls<'_>);

    /// When it wants to act next, if time alone decides that.
    fn next_deadline(&self) -> Option<Duration>;

    /// The safety phase is over: heal everything that still acts and tell its effect.
    fn finish(&mut self, now: Duration, controls: &mut Controls<'_>);
}

/// A nemesis that does nothing.
pub struct Calm;

impl Nemesis for Calm {
    fn hear(&mut self, _entry: &Entry) -> bool {
        false
    }

    fn advance(&mut self, _now: Duration, _controls: &mut Controls<'_>) {}

    fn next_deadline(&self) -> Option<Duration> {
        None
    }

    fn finish(&mut self, _now: Duration, _controls: &mut Controls<'_>) {}
}

/// The levers of a running simulation.
pub struct Controls<'a> {
    pub(crate) world: &'a mut dyn World,
    pub(crate) cluster: &'a mut Cluster,
    pub(crate) acts: &'a mut Acts,
    pub(crate) recorder: &'a Recorder,
}

impl Controls<'_> {
    /// Virtual time since the run's start.
    pub fn now(&self) -> Duration {
        self.recorder.now()
    }

    /// `kubectl scale --replicas=0`: every pod of a Deployment is deleted, as is every later one.
    /// Healed: scaled back.
    ///
    /// # Errors
    /// No such Deployment.
    pub fn stop_deployment(&mut self, deployment: &str) -> Result<Hold, ControlError> {
        let name = self.deployment(deployment)?;
        let pods = self.cluster.pods.named(deployment);
        let running = pods
            .iter()
            .filter(|pod| self.cluster.pods.get(pod).container.is_alive())
            .count();
        let ways = self.ways_to_pods(&pods);
        let change = Change::Stopped(name);
        let act = Act::new(change, &[("pods_stopped", running as u64)]);
        Ok(self.begin(act.watching(&ways, self.world)))
    }

    /// Ends containers at once (SIGKILL): peers see their streams end, connects are refused. Each
    /// starts again after its back-off (CrashLoopBackOff; the first time at once); when the safety
    /// phase is over, at once.
    ///
    /// # Errors
    /// `target` is neither a pod nor a deployment.
    pub fn kill(&mut self, target: &str) -> Result<Hold, ControlError> {
        self.end_processes(target, false)
    }

    /// Cuts the power: peers see nothing at all. Started again as after a kill.
    ///
    /// # Errors
    /// `target` is neither a pod nor a deployment.
    pub fn power_loss(&mut self, target: &str) -> Result<Hold, ControlError> {
        self.end_processes(target, true)
    }

    /// Lets nothing through between two sides until it is healed.
    ///
    /// # Errors
    /// An unknown side.
    pub fn partition(&mut self, from: &str, to: &str, ways: Ways) -> Result<Hold, ControlError> {
        let sides = self.sides(from, to, ways)?;
        Ok(self.change_links(sides, LinkChange::Blocked))
    }

    /// Adds a delay to every packet between two sides, both ways. Whole milliseconds are meant.
    ///
    /// # Errors
    /// An unknown side; an empty range.
    pub fn slow_link(&mut self, a: &str, b: &str, more: TimeRange) -> Result<Hold, ControlError> {
        let [low, high] = [more.low, more.high].map(|time| time.as_millis());
        let [low, high] = [low, high].map(|ms| u64::try_from(ms).unwrap_or(u64::MAX));
        in_range(
            "the longest delay in ms",
            high as f64,
            low as f64,
            f64::MAX,
            "not below the least",
        )?;
        let sides = self.sides(a, b, Ways::Both)?;
        Ok(self.change_links(sides, LinkChange::Slower(low, high - low)))
    }

    /// Loses a share of the packets between two sides; they are sent again after a back-off.
    ///
    /// # Errors
    /// An unknown side; a share that is not in 0 to below 1.
    pub fn lossy_link(&mut self, a: &str, b: &str, share: f64) -> Result<Hold, ControlError> {
        in_range(
            "the share of lost packets",
            share,
            0.0,
            0.999,
            "0 to below 1",
        )?;
        let sides = self.sides(a, b, Ways::Both)?;
        Ok(self.change_links(sides, LinkChange::Lossy(share)))
    }

    /// Ends a service's database process. What it committed stays, unless it lies in the container
    /// itself. Healed: the container is started again.
    ///
    /// # Errors
    /// No such service, or it has no store.
    pub fn stop_store(&mut self, service: &str) -> Result<Hold, ControlError> {
        let name: Name = format!("{service}-store").into();
        match self.cluster.backings.get(&name) {
            Some(_) => Ok(self.stop_backing(&name, End::Container)),
            None => Err(unknown("service with a store", service)),
        }
    }

    /// Ends the broker's process. Its log stays. Healed: started again.
    pub fn stop_broker(&mut self) -> Hold {
        let name = Arc::clone(&self.cluster.broker().name);
        self.stop_backing(&name, End::Container)
    }

    /// Drops what `host` has written to `peer` and not yet sent, and resets every connection
    /// between them. At a moment such as "commit executed" this is exactly a lost reply.
    ///
    /// # Errors
    /// An unknown side.
    pub fn lose_reply(&mut self, host: &str, peer: &str) -> Result<Hold, ControlError> {
        self.reset_connections(peer, host)
    }

    /// Has the broker deliver a share of the events a second time.
    ///
    /// # Errors
    /// A share that is not in 0 to 1.
    pub fn duplicate_deliveries(&mut self, share: f64) -> Result<Hold, ControlError> {
        in_range(
            "the share of repeated deliveries",
            share,
            0.0,
            1.0,
            "0 to 1",
        )?;
        let done = self.cluster.repeats().done();
        Ok(self.begin(Act::new(Change::Repeats { share, done }, &[])))
    }

    /// Has everything that a pod serves take `factor` times as long.
    ///
    /// # Errors
    /// `target` is neither a pod nor a deployment; a factor below 1.
    pub fn slow_pod(&mut self, target: &str, factor: f64) -> Result<Hold, ControlError> {
        in_range("the factor", factor, 1.0, 1e6, "1 to 1 000 000")?;
        let pods = self.pods(target, "pod or deployment")?;
        let slowed = |pod: Name| {
            let before = self.cluster.pods.get(&pod).pace.slowed();
            (pod, before)
        };
        let slowed = pods.into_iter().map(slowed).collect();
        let target = target.into();
        let mut act = Act::new(Change::Slow { target, factor }, &[]);
        act.served = slowed;
        Ok(self.begin(act))
    }

    /// Has a pod answer everything with 503, and do nothing else.
    ///
    /// # Errors
    /// `target` is neither a pod nor a deployment.
    pub fn fail_pod(&mut self, target: &str) -> Result<Hold, ControlError> {
        let pods = self.pods(target, "pod or deployment")?;
        let failed = |pod: Name| {
            let before = self.cluster.pods.get(&pod).failing.failed();
            (pod, before)
        };
        let failed = pods.into_iter().map(failed).collect();
        let mut act = Act::new(Change::Failing(target.into()), &[]);
        act.served = failed;
        Ok(self.begin(act))
    }

    /// Containers deadlock: they accept and never answer, until they are started again. Healed:
    /// those that still hang are killed.
    ///
    /// # Errors
    /// `target` is neither a pod nor a deployment.
    pub fn hang(&mut self, target: &str) -> Result<Hold, ControlError> {
        let pods = self.pods(target, "pod or deployment")?;
        let hung = |pod: Name| {
            let container = &self.cluster.pods.get(&pod).container;
            container.is_alive().then_some((pod, container.start))
        };
        let hung: Vec<_> = pods.into_iter().filter_map(hung).collect();
        let count = hung.len() as u64;
        Ok(self.begin(Act::new(Change::Hung(hung), &[("containers_hung", count)])))
    }

    /// `kubectl delete pod`, with its grace. Its ReplicaSet replaces it at once. A database's pod
    /// ends at once, and is down until this is healed; what it committed stays if it lies on a
    /// claimed volume.
    ///
    /// # Errors
    /// `target` is neither a pod nor a deployment nor a database.
    pub fn delete_pods(&mut self, target: &str) -> Result<Hold, ControlError> {
        if let Some(backing) = self.cluster.backings.get(target) {
            let name = Arc::clone(&backing.name);
            return Ok(self.stop_backing(&name, End::Pod));
        }
        let pods = self.pods(target, "pod, deployment or database")?;
        let now = self.world.now();
        let deleted = |pod: &&Name| self.cluster.pods.delete(pod, now, "deleted");
        let deleted = pods.iter().filter(deleted).count() as u64;
        Ok(self.begin(Act::new(Change::Nothing, &[("pods_deleted", deleted)])))
    }

    /// `kubectl apply` of what `edit` makes of the objects. Rollouts follow from it.
    ///
    /// # Errors
    /// What was made cannot be simulated, or is what was there before.
    pub fn apply(&mut self, edit: impl FnOnce(&mut Objects)) -> Result<Hold, ControlError> {
        let changed = self.cluster.apply(edit, self.world.now());
        let changed = changed.map_err(ControlError::Refused)?;
        Ok(self.begin(Act::new(Change::Nothing, &[("objects_changed", changed)])))
    }

    /// `kubectl apply` of changed manifests. Rollouts follow from it.
    ///
    /// # Errors
    /// The changes do not fit the manifests, or what they make cannot be simulated.
    pub fn apply_patches(&mut self, patches: &[Patch]) -> Result<Hold, ControlError> {
        let changed = self.cluster.apply_patches(patches, self.world.now());
        let changed = changed.map_err(ControlError::Refused)?;
        Ok(self.begin(Act::new(Change::Nothing, &[("objects_changed", changed)])))
    }

    /// `kubectl rollout restart`: a new revision of the same template.
    ///
    /// # Errors
    /// No such Deployment.
    pub fn rollout_restart(&mut self, deployment: &str) -> Result<Hold, ControlError> {
        let name = self.deployment(deployment)?;
        let at = self.now().as_millis().to_string();
        self.apply(|objects| {
            let deployment = objects.deployments.get_mut(&*name);
            let template = &mut deployment.expect("it was found").template;
            template.annotations.insert(RESTARTED_AT.to_owned(), at);
        })
    }

    /// `kubectl rollout undo`, to a revision or (`None`) to the one before.
    ///
    /// # Errors
    /// No such Deployment or revision, or it is paused.
    pub fn rollout_undo(
        &mut self,
        deployment: &str,
        revision: Option<u64>,
    ) -> Result<Hold, ControlError> {
        let name = self.deployment(deployment)?;
        let template = self.cluster.former_template(&name, revision);
        let template = template.map_err(ControlError::Refused)?;
        self.apply(|objects| {
            let deployment = objects.deployments.get_mut(&*name);
            deployment.expect("it was found").template = template;
        })
    }

    /// `kubectl drain`: nothing is scheduled there any more, and pods are evicted as far as their
    /// PodDisruptionBudgets allow. Healed: uncordoned.
    ///
    /// # Errors
    /// No such node.
    pub fn drain(&mut self, node: &str) -> Result<Hold, ControlError> {
        let node = self.node(node)?;
        let evicted = self.cluster.evicted(&node);
        let mut act = Act::new(Change::Drained(node), &[]);
        act.evicted = evicted;
        Ok(self.begin(act))
    }

    /// A machine loses its power: its pods are gone without a word. Kubernetes notices after its
    /// grace. Healed: it is back, and what is still bound to it starts there again.
    ///
    /// # Errors
    /// No such node.
    pub fn node_loss(&mut self, node: &str) -> Result<Hold, ControlError> {
        let node = self.node(node)?;
        let lost = self.cluster.processes_on(&node);
        let counted = [("processes_lost", lost)];
        Ok(self.begin(Act::new(Change::NodeDown(node), &counted)))
    }

    /// Sets the wall clock of a target's hosts wrong.
    ///
    /// # Errors
    /// An unknown target.
    pub fn skew_clock(&mut self, target: &str, by_ms: i64) -> Result<Hold, ControlError> {
        let hosts = self.side(target)?;
        let mut act = Act::new(Change::Skewed(target.into(), by_ms), &[]);
        act.watch_clocks(hosts, self.world);
        Ok(self.begin(act))
    }

    /// Resets every connection between two sides; `a` loses what is on its way from `b`.
    ///
    /// # Errors
    /// An unknown side.
    pub fn reset_connections(&mut self, a: &str, b: &str) -> Result<Hold, ControlError> {
        let ways = self.sides(a, b, Ways::Both)?.ways(self.cluster);
        let act = Act::new(Change::Nothing, &[]).watching(&ways, self.world);
        let (side, peers) = (self.side(a)?, self.side(b)?);
        for host in side {
            for peer in &peers {
                self.world.reset_connections(host, *peer);
            }
        }
        Ok(self.begin(act))
    }

    /// Ends an act and tells what it did. Healing twice gives the same count.
    pub fn heal(&mut self, hold: Hold) -> Effect {
        self.acts.heal(hold.0, self.cluster, self.world)
    }

    /// Writes into the history that the fault at this place of the plan began.
    pub fn fault_began(&mut self, fault: usize, description: String) {
        let what = What::FaultBegan { fault, description };
        self.recorder.record(&WORLD.into(), what);
    }

    /// Writes into the history that the fault at this place of the plan was healed.
    pub fn fault_ended(&mut self, fault: usize, effect: Effect) {
        let what = What::FaultEnded { fault, effect };
        self.recorder.record(&WORLD.into(), what);
    }

    /// Heals whatever still acts, and starts every pod that waits to be started again.
    pub fn heal_everything(&mut self) {
        for number in self.acts.standing() {
            self.acts.heal(number, self.cluster, self.world);
        }
        self.cluster.pods.hurry_all(self.world.now());
    }

    fn begin(&mut self, act: Act) -> Hold {
        Hold(self.acts.begin(act, self.cluster, self.world))
    }

    fn end_processes(&mut self, target: &str, power: bool) -> Result<Hold, ControlError> {
        let pods = self.pods(target, "pod or deployment")?;
        let mut ended = 0;
        for pod in &pods {
            ended += u64::from(self.cluster.pods.kill(pod, power, self.world));
        }
        let name = if power {
            "machines_without_power"
        } else {
            "pods_killed"
        };
        Ok(self.begin(Act::new(Change::Nothing, &[(name, ended)])))
    }

    fn stop_backing(&mut self, name: &Name, end: End) -> Hold {
        let backing = self.cluster.backings.get(name).expect("the caller looked");
        let ended = u64::from(backing.is_up);
        let ways: Vec<Way> = self.ways_to(&[backing.host]);
        let change = Change::Down(Arc::clone(name), end);
        let act = Act::new(change, &[("processes_ended", ended)]);
        self.begin(act.watching(&ways, self.world))
    }

    fn change_links(&mut self, sides: Sides, change: LinkChange) -> Hold {
        let ways = sides.ways(self.cluster);
        let act = Act::new(Change::Links(sides, change), &[]);
        self.begin(act.watching(&ways, self.world))
    }

    fn deployment(&self, name: &str) -> Result<Name, ControlError> {
        match self.cluster.objects.deployments.contains_key(name) {
            true => Ok(name.into()),
            false => Err(unknown("deployment", name)),
        }
    }

    fn node(&self, name: &str) -> Result<Name, ControlError> {
        match self.cluster.has_node(name) {
            true => Ok(name.into()),
            false => Err(unknown("node", name)),
        }
    }

    fn pods(&self, target: &str, wanted: &'static str) -> Result<Vec<Name>, ControlError> {
        let pods = self.cluster.pods.named(target);
        if pods.is_empty() {
            return Err(unknown(wanted, target));
        }
        Ok(pods)
    }

    fn side(&self, name: &str) -> Result<Vec<HostId>, ControlError> {
        let hosts = self.cluster.named(name);
        if hosts.is_empty() {
            return Err(unknown("host", name));
        }
        Ok(hosts)
    }

    fn sides(&self, from: &str, to: &str, ways: Ways) -> Result<Sides, ControlError> {
        for (side, other) in [(from, to), (to, from)] {
            if side != OTHERS || other == OTHERS {
                self.side(side)?;
            }
        }
        Ok(Sides {
            from: from.into(),
            to: to.into(),
            one_way: ways == Ways::OneWay,
        })
    }

    fn ways_to_pods(&self, pods: &[Name]) -> Vec<Way> {
        let hosts: Vec<HostId> = pods
            .iter()
            .map(|pod| self.cluster.pods.get(pod).host)
            .collect();
        self.ways_to(&hosts)
    }

    /// From everybody to these hosts.
    fn ways_to(&self, hosts: &[HostId]) -> Vec<Way> {
        let everybody = self.cluster.everybody();
        let ways = hosts
            .iter()
            .flat_map(|to| everybody.iter().map(move |from| (*from, *to)));
        ways.filter(|(from, to)| from != to).collect()
    }
}

fn unknown(wanted: &'static str, name: &str) -> ControlError {
    ControlError::Unknown {
        wanted,
        name: name.to_owned(),
    }
}

fn in_range(
    what: &'static str,
    value: f64,
    least: f64,
    most: f64,
    expected: &'static str,
) -> Result<(), ControlError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ControlError::OutOfRange {
        what,
        value,
        expected,
    })
}
