//! Stories about machines: drained, without power, cut off.

use std::{collections::BTreeMap, time::Duration};

use squall_reports::history::{PodPhase, What};
use squall_sim::{
    cluster::spec::ClusterSpec,
    controls::{Controls, Effect, Hold, Nemesis, Ways},
    model::NodeModel,
    objects::deployment::{DisruptionBudget, IntOrPercent},
    range::TimeRange,
};

use crate::{
    story::{Told, ms, run, visitor},
    town::{DeploymentSpec, PLAIN, StoreSpec, cluster},
};

/// Two machines, each in its own zone.
fn on_two_nodes(deployment: DeploymentSpec) -> ClusterSpec {
    let mut spec = cluster(&[deployment]);
    let node = |(name, zone): (&str, &str)| NodeModel {
        name: name.to_owned(),
        zone: zone.to_owned(),
        cores: 8.0,
    };
    spec.model.cluster.nodes = [("node-1", "zone-a"), ("node-2", "zone-b")]
        .map(node)
        .into();
    let who = spec
        .objects
        .deployments
        .get_mut("who")
        .expect("it is there");
    who.template.spread_over_nodes = true;
    spec
}

/// Does one thing for a while.
struct For<A> {
    act: A,
    from: Duration,
    until: Duration,
    hold: Option<Hold>,
    effect: Option<Effect>,
}

impl<A: Fn(&mut Controls<'_>) -> Hold + Send> Nemesis for For<A> {
    fn hear(&mut self, _entry: &squall_reports::history::Entry) -> bool {
        false
    }

    fn advance(&mut self, now: Duration, controls: &mut Controls<'_>) {
        if self.effect.is_none() && self.hold.is_none() && now >= self.from {
            controls.fault_began(0, "the act".to_owned());
            self.hold = Some((self.act)(controls));
        }
        if now >= self.until
            && let Some(hold) = self.hold.take()
        {
            let effect = controls.heal(hold);
            controls.fault_ended(0, effect.clone());
            self.effect = Some(effect);
        }
    }

    fn next_deadline(&self) -> Option<Duration> {
        match (&self.hold, &self.effect) {
            (_, Some(_)) => None,
            (None, None) => Some(self.from),
            (Some(_), None) => Some(self.until),
        }
    }

    fn finish(&mut self, now: Duration, controls: &mut Controls<'_>) {
        self.until = now;
        self.advance(now, controls);
    }
}

/// A visitor while `act` holds, between two seconds of the run.
fn told(
    spec: ClusterSpec,
    (from, until, end): (u64, u64, u64),
    act: impl Fn(&mut Controls<'_>) -> Hold + Send + 'static,
) -> Told {
    let nemesis = For {
        act,
        from: Duration::from_secs(from),
        until: Duration::from_secs(until),
        hold: None,
        effect: None,
    };
    let told = Told(run(spec, &[visitor(end)], Box::new(nemesis), end, 1));
    assert_eq!(told.0.broken, Vec::<String>::new());
    assert_eq!(told.0.unsettled, None);
    told
}

fn effect(told: &Told) -> BTreeMap<String, u64> {
    let ended = told.entries().find_map(|(_, _, what)| match what {
        What::FaultEnded { effect, .. } => Some(effect.clone()),
        _ => None,
    });
    ended.expect("the act was healed")
}

/// When pods entered a phase after the run's start: (second, pod).
fn entered(told: &Told, wanted: PodPhase) -> Vec<(u64, String)> {
    let entries = told.entries().filter(|(at, ..)| *at > Duration::ZERO);
    let of_phase = entries.filter_map(|(at, host, what)| match what {
        What::Pod { phase, .. } if *phase == wanted => Some((at.as_secs(), host.to_owned())),
        _ => None,
    });
    of_phase.collect()
}

fn budget(spec: &mut ClusterSpec, min_available: u32) {
    let budget = DisruptionBudget {
        name: "who".to_owned(),
        selector: [("app".to_owned(), "who".to_owned())].into(),
        min_available: Some(IntOrPercent::Int(min_available)),
        max_unavailable: None,
    };
    spec.objects
        .disruption_budgets
        .insert("who".to_owned(), budget);
}

const FOUR: DeploymentSpec = DeploymentSpec {
    replicas: 4,
    pre_stop: Some(ms(1_000)),
    ..PLAIN
};
const TWO: DeploymentSpec = DeploymentSpec {
    replicas: 2,
    ..PLAIN
};

#[test]
fn a_drain_evicts_as_many_at_one_time_as_the_budget_allows_and_interrupts_nobody() {
    let mut spec = on_two_nodes(FOUR);
    budget(&mut spec, 3);
    let told = told(spec, (5, 30, 40), |controls| {
        controls.drain("node-2").unwrap()
    });
    let evicted = entered(&told, PodPhase::Draining);
    let times: Vec<u64> = evicted.iter().map(|(at, _)| *at).collect();
    assert_eq!(
        times,
        [5, 10],
        "the second waits for the first one's replacement: {evicted:?}"
    );
    assert_eq!(effect(&told)["pods_evicted"], 2);
    assert_eq!(told.ok_and_not(ms(0), ms(40_000)).1, 0);
}

#[test]
fn a_budget_without_room_keeps_every_pod_on_a_drained_node() {
    let mut spec = on_two_nodes(TWO);
    budget(&mut spec, 2);
    let told = told(spec, (5, 30, 40), |controls| {
        controls.drain("node-1").unwrap()
    });
    assert_eq!(entered(&told, PodPhase::Draining), []);
    assert_eq!(
        effect(&told),
        BTreeMap::new(),
        "a drain that evicts nobody did nothing"
    );
}

/// platform §9, §11: 40 s of grace and 300 s of toleration, found out at looks 5 s apart.
#[test]
fn a_lost_node_costs_its_share_of_requests_until_it_is_noticed_and_its_pods_after_five_minutes() {
    let mut spec = on_two_nodes(TWO);
    spec.model.cluster.endpoint_propagation_ms = TimeRange::ms(1_000, 1_000);
    let told = told(spec, (7, 400, 420), |c| c.node_loss("node-2").unwrap());
    let (_, lost) = told.ok_and_not(ms(7_000), ms(60_000));
    assert!(lost > 5, "{lost} lost");
    assert_eq!(
        told.ok_and_not(ms(60_000), ms(420_000)).1,
        0,
        "the others serve"
    );
    let unready = entered(&told, PodPhase::Unready);
    let [(noticed, pod)] = unready.as_slice() else {
        panic!("{unready:?}");
    };
    assert!((37..=57).contains(noticed), "noticed at {noticed}");
    let started = entered(&told, PodPhase::Starting);
    let [(replaced, new), ..] = started.as_slice() else {
        panic!("nothing was started");
    };
    assert_eq!((*replaced, new.as_str()), (noticed + 300, "who-3"));
    assert_ne!(pod, "who-3");
    assert!(effect(&told)["processes_lost"] >= 1);
}

#[test]
fn what_is_still_bound_to_a_node_starts_there_again() {
    let told = told(on_two_nodes(TWO), (5, 25, 40), |controls| {
        controls.node_loss("node-2").unwrap()
    });
    let [(5, lost)] = &entered(&told, PodPhase::Killed)[..] else {
        panic!("{:?}", entered(&told, PodPhase::Killed));
    };
    assert_eq!(entered(&told, PodPhase::Starting), [(25, lost.clone())]);
    assert_eq!(entered(&told, PodPhase::Draining), [], "nobody was evicted");
    assert_eq!(told.ok_and_not(ms(30_000), ms(40_000)).1, 0);
}

#[test]
fn a_database_waits_for_its_node() {
    let stored = DeploymentSpec {
        store: Some(StoreSpec {
            commit: TimeRange::ms(1, 1),
            read: TimeRange::ms(1, 1),
            unfinished: &[],
        }),
        ..PLAIN
    };
    // Placed by name: the broker, then this database.
    let told = told(on_two_nodes(stored), (5, 400, 420), |controls| {
        controls.node_loss("node-2").unwrap()
    });
    let life: Vec<_> = told
        .life("who-store")
        .iter()
        .map(|(at, p, _)| (at.as_secs(), *p))
        .collect();
    let after = [
        (5, PodPhase::Killed),
        (400, PodPhase::Starting),
        (400, PodPhase::Ready),
    ];
    assert_eq!(life[2..], after);
}

#[test]
fn a_zone_that_is_cut_off_keeps_running_unheard_and_is_taken_back() {
    let mut spec = on_two_nodes(TWO);
    spec.model.cluster.endpoint_propagation_ms = TimeRange::ms(1_000, 1_000);
    let told = told(spec, (5, 120, 150), |controls| {
        controls.partition("zone-b", "others", Ways::Both).unwrap()
    });
    assert!(told.ok_and_not(ms(5_000), ms(60_000)).1 > 5);
    assert_eq!(told.ok_and_not(ms(60_000), ms(150_000)).1, 0);
    assert_eq!(entered(&told, PodPhase::Killed), []);
    let unready = entered(&told, PodPhase::Unready);
    let ready = entered(&told, PodPhase::Ready);
    assert_eq!(
        ready,
        [(120, unready[0].1.clone())],
        "as soon as it is heard"
    );
    assert!(told.served()[&unready[0].1] > 100);
}

#[test]
fn pods_of_a_zone_that_stays_cut_off_are_replaced_and_end_when_they_hear_of_it() {
    let told = told(on_two_nodes(TWO), (5, 400, 420), |controls| {
        controls.partition("others", "zone-b", Ways::Both).unwrap()
    });
    let started = entered(&told, PodPhase::Starting);
    assert!(
        matches!(&started[..], [(335..=355, new)] if new == "who-3"),
        "{started:?}"
    );
    let draining = entered(&told, PodPhase::Draining);
    assert!(matches!(draining[..], [(400, _)]), "{draining:?}");
}
