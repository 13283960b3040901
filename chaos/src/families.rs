//! The families of faults that plans are drawn from: what each strikes, when, and for how long.

use proptest::{
    collection::vec,
    prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof},
    sample::select,
    strategy::Union,
};

use crate::{
    fault::{Direction, Fault, Kind, Moment, Start, Text},
    generation::log_uniform,
    topology::{BROKER, Link, Topology, Traffic},
};

/// Of a moment that came often in the calm run only the first so many are waited for.
const MOST_OCCURRENCES: u32 = 40;

/// How much of each family of faults there is: none, or anything from little to nearly all.
pub(crate) fn weights() -> BoxedStrategy<Vec<u32>> {
    let weight = prop_oneof![4 => Just(0_u32), 1 => Just(1), 1 => Just(4), 1 => Just(16)];
    vec(weight, FAMILIES.len()).boxed()
}

/// A family of faults over a topology; `None` where it has nothing to strike.
type Family = fn(&Topology) -> Option<BoxedStrategy<Fault>>;

/// Every family, and how much it is to be preferred: a crash in the middle of something finds more
/// than most. Their order is part of a seed's meaning.
const FAMILIES: [(Family, u32); 19] = [
    (kills, 4),
    (power_losses, 1),
    (stops, 1),
    (partitions, 1),
    (slow_links, 1),
    (late_requests, 2),
    (lossy_links, 1),
    (store_outages, 2),
    (broker_outages, 1),
    (lost_replies, 2),
    (lost_commit_replies, 2),
    (duplicates, 1),
    (slow_pods, 1),
    (failing_pods, 2),
    (hangs, 1),
    (deleted_pods, 3),
    (rollouts, 1),
    (machines, 1),
    (skewed_clocks, 1),
];

/// A fault of one of the families, as they are weighed; none weighed: of any.
pub(crate) fn fault(topology: &Topology, weights: &[u32]) -> BoxedStrategy<Fault> {
    let weighed = |weights: &[u32]| -> Vec<(u32, BoxedStrategy<Fault>)> {
        let chosen = FAMILIES.iter().zip(weights);
        chosen
            .filter(|(_, weight)| **weight > 0)
            .filter_map(|((family, preferred), weight)| {
                Some((preferred * weight, family(topology)?))
            })
            .collect()
    };
    let chosen = weighed(weights);
    match chosen.is_empty() {
        true => Union::new_weighted(weighed(&[1; FAMILIES.len()])).boxed(),
        false => Union::new_weighted(chosen).boxed(),
    }
}

/// Any fault.
pub(crate) fn any_fault(topology: &Topology) -> BoxedStrategy<Fault> {
    fault(topology, &[])
}

// === When ===

/// At any time, at any moment, or at a moment of what the fault strikes or of its neighbours: what
/// is under way there just then.
fn start(topology: &Topology, kind: &Kind) -> BoxedStrategy<Start> {
    let (own, near) = topology.moments_near(&kind.strikes());
    let weighed = [(2, &own), (1, &near), (1, &topology.moments)];
    let moments = weighed.map(|(weight, moments)| Some((weight, occurrences(moments)?)));
    let mut starts = vec![(2, at_any_time())];
    starts.extend(moments.into_iter().flatten());
    Union::new_weighted(starts).boxed()
}

fn at_any_time() -> BoxedStrategy<Start> {
    (500_u64..40_000).prop_map(Start::AtMs).boxed()
}

/// The n-th occurrence of one of these moments, early ones more often.
fn occurrences(moments: &[(Moment, u32)]) -> Option<BoxedStrategy<Start>> {
    if moments.is_empty() {
        return None;
    }
    let of = |(moment, count): (Moment, u32)| {
        let nth = log_uniform(1, u64::from(count.clamp(1, MOST_OCCURRENCES)));
        nth.prop_map(move |nth| Start::At(moment.clone(), u32::try_from(nth).unwrap_or(1)))
    };
    Some(select(moments.to_vec()).prop_flat_map(of).boxed())
}

/// From a few round trips to longer than any timeout.
fn length() -> BoxedStrategy<Option<u64>> {
    log_uniform(256, 30_000).prop_map(Some).boxed()
}

fn lasting(topology: &Topology, kind: BoxedStrategy<Kind>) -> BoxedStrategy<Fault> {
    for_a_time(begun(topology, kind))
}

fn for_a_time(begun: BoxedStrategy<Fault>) -> BoxedStrategy<Fault> {
    let fault = (begun, length()).prop_map(|(begun, length_ms)| Fault { length_ms, ..begun });
    fault.boxed()
}

/// Over at once, or ended by the platform in its own time.
fn sudden(topology: &Topology, kind: BoxedStrategy<Kind>) -> BoxedStrategy<Fault> {
    begun(topology, kind)
}

fn begun(topology: &Topology, kind: BoxedStrategy<Kind>) -> BoxedStrategy<Fault> {
    let topology = topology.clone();
    let begun = kind.prop_flat_map(move |kind| {
        start(&topology, &kind).prop_map(move |start| momentary(kind.clone(), start))
    });
    begun.boxed()
}

fn momentary(kind: Kind, start: Start) -> Fault {
    Fault {
        kind,
        start,
        length_ms: None,
    }
}

// === What ===

fn one_of(names: &[Text]) -> Option<BoxedStrategy<Text>> {
    (!names.is_empty()).then(|| select(names.to_vec()).boxed())
}

/// All pods of a deployment, or one.
fn pods(topology: &Topology) -> Option<BoxedStrategy<Text>> {
    let one = one_of(&topology.deployments)?;
    let first = one.clone().prop_map(|name| format!("{name}/1").into());
    Some(prop_oneof![1 => one, 1 => first].boxed())
}

/// Any link; of a deployment that calls sometimes only its first pod's, so that the others go on.
fn links(topology: &Topology) -> Option<BoxedStrategy<Link>> {
    if topology.links.is_empty() {
        return None;
    }
    let deployments = topology.deployments.clone();
    let drawn = (select(topology.links.clone()), any::<bool>());
    let link = drawn.prop_map(move |(link, first)| match &link.from {
        from if first && deployments.contains(from) => Link {
            from: format!("{from}/1").into(),
            ..link
        },
        _ => link,
    });
    Some(link.boxed())
}

/// Links over which one is called. A caller that keeps something itself may be left half done by
/// what its callee does: such links count thrice.
fn calls(topology: &Topology) -> impl Iterator<Item = Link> {
    let calls = topology.links.iter();
    let calls = calls.filter(|link| link.traffic == Traffic::Calls);
    calls.flat_map(|link| {
        let times = if topology.stores.contains(&link.from) {
            3
        } else {
            1
        };
        std::iter::repeat_n(link.clone(), times)
    })
}

fn kills(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let kind = pods(topology)?.prop_map(|target| Kind::Kill { target });
    Some(sudden(topology, kind.boxed()))
}

fn power_losses(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let kind = pods(topology)?.prop_map(|target| Kind::PowerLoss { target });
    Some(sudden(topology, kind.boxed()))
}

fn stops(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let kind = one_of(&topology.deployments)?.prop_map(|deployment| Kind::Stop { deployment });
    Some(lasting(topology, kind.boxed()))
}

fn partitions(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let parts = (links(topology)?, 0..4_u8);
    let kind = parts.prop_map(|(link, way)| {
        let (from, to, direction) = match way {
            0 => (link.from, link.to, Direction::OneWay),
            1 => (link.to, link.from, Direction::OneWay),
            _ => (link.from, link.to, Direction::Both),
        };
        Kind::Partition {
            from,
            to,
            direction,
        }
    });
    Some(lasting(topology, kind.boxed()))
}

fn slow_links(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let parts = (
        links(topology)?,
        log_uniform(1, 4_000),
        log_uniform(1, 4_000),
    );
    let kind = parts.prop_map(|(link, low, more)| Kind::SlowLink {
        from: link.from,
        to: link.to,
        delay_ms: (low, low + more),
    });
    Some(lasting(topology, kind.boxed()))
}

fn lossy_links(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let parts = (links(topology)?, 1..=60_u32);
    let kind = parts.prop_map(|(link, percent)| Kind::LossyLink {
        from: link.from,
        to: link.to,
        probability: f64::from(percent) / 100.0,
    });
    Some(lasting(topology, kind.boxed()))
}

fn store_outages(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let kind = one_of(&topology.stores)?.prop_map(|service| Kind::StoreOutage { service });
    Some(lasting(topology, kind.boxed()))
}

fn broker_outages(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    Some(lasting(topology, Just(Kind::BrokerOutage).boxed()))
}

/// A request is held up on its way until its caller has long given up, and comes all the same.
fn late_requests(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let held = |link: Link| {
        let delays = (log_uniform(512, 8_191), log_uniform(1, 4_000));
        let kind = delays.prop_map(move |(low, more)| Kind::SlowLink {
            from: link.from.clone(),
            to: link.to.clone(),
            delay_ms: (low, low + more),
        });
        kind.boxed()
    };
    let calls = calls(topology).collect();
    Some(for_a_time(while_under_way(topology, calls, held)?))
}

/// What a callee has just done its caller never hears of: struck where the callee's code says that
/// it is between two effects, or where a call is under way.
fn lost_replies(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let events = topology.links.iter();
    let events = events.filter(|link| link.traffic == Traffic::Events);
    let links = calls(topology).chain(events.cloned()).collect();
    let lost = |link: Link| {
        let kind = Kind::LostReply {
            host: link.to,
            peer: link.from,
        };
        Just(kind).boxed()
    };
    while_under_way(topology, links, lost)
}

/// A fault of one of these links, at a moment at which something may be on its way over it.
fn while_under_way(
    topology: &Topology,
    links: Vec<Link>,
    kind: fn(Link) -> BoxedStrategy<Kind>,
) -> Option<BoxedStrategy<Fault>> {
    if links.is_empty() {
        return None;
    }
    let moments = topology.moments.clone();
    let of = move |link: Link| {
        let near = moments.iter().filter(|(moment, _)| is_near(moment, &link));
        let start = occurrences(&near.cloned().collect::<Vec<_>>());
        let start = start.unwrap_or_else(at_any_time);
        (kind(link), start).prop_map(|(kind, start)| momentary(kind, start))
    };
    Some(select(links).prop_flat_map(of).boxed())
}

/// Moments at which a request or a reply may be on its way over this link.
fn is_near(moment: &Moment, link: &Link) -> bool {
    match moment {
        Moment::Hint { host, .. } => host == &link.to,
        Moment::Committed { host, .. } => *host == format!("{}-store", link.to),
        Moment::CallSent { host, target } => host == &link.from && target == &link.to,
        Moment::Published { .. } => link.to == BROKER,
        _ => false,
    }
}

/// A commit took effect, and its service never hears of it.
fn lost_commit_replies(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let commits = topology.moments.iter();
    let commits: Vec<_> = commits
        .filter(|(moment, _)| matches!(moment, Moment::Committed { .. }))
        .cloned()
        .collect();
    let lost = |start: Start| {
        let Start::At(Moment::Committed { host, .. }, _) = &start else {
            unreachable!("only commits were chosen");
        };
        let service = host.strip_suffix("-store").unwrap_or(host).to_owned();
        let kind = Kind::LostReply {
            host: host.clone(),
            peer: service.into(),
        };
        momentary(kind, start)
    };
    Some(occurrences(&commits)?.prop_map(lost).boxed())
}

fn duplicates(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let kind = (1..=10_u32).prop_map(|tenths| Kind::DuplicateDeliveries {
        probability: f64::from(tenths) / 10.0,
    });
    Some(lasting(topology, kind.boxed()))
}

fn slow_pods(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let parts = (pods(topology)?, log_uniform(2, 100));
    let kind = parts.prop_map(|(target, factor)| Kind::SlowPod {
        target,
        factor: f64::from(u32::try_from(factor).unwrap_or(2)),
    });
    Some(lasting(topology, kind.boxed()))
}

/// Pods that are called, from when they are: what nobody asks cannot answer wrongly.
fn failing_pods(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let deployments = &topology.deployments;
    let called = |link: &Link| deployments.contains(&link.to);
    let failing = |link: Link| {
        let first = format!("{}/1", link.to);
        let target = select(vec![link.to, first.into()]);
        target.prop_map(|target| Kind::Failing { target }).boxed()
    };
    let calls = calls(topology).filter(called).collect();
    Some(for_a_time(while_under_way(topology, calls, failing)?))
}

fn hangs(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let kind = pods(topology)?.prop_map(|target| Kind::Hang { target });
    Some(lasting(topology, kind.boxed()))
}

fn deleted_pods(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let kind = pods(topology)?.prop_map(|target| Kind::DeletePods { target });
    Some(sudden(topology, kind.boxed()))
}

fn rollouts(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let deployments = one_of(&topology.deployments)?;
    let kind = deployments.prop_map(|deployment| Kind::RolloutRestart { deployment });
    Some(sudden(topology, kind.boxed()))
}

fn machines(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let parts = (one_of(&topology.nodes)?, any::<bool>());
    let kind = parts.prop_map(|(node, drain)| match drain {
        true => Kind::Drain { node },
        false => Kind::NodeLoss { node },
    });
    Some(lasting(topology, kind.boxed()))
}

fn skewed_clocks(topology: &Topology) -> Option<BoxedStrategy<Fault>> {
    let parts = (pods(topology)?, log_uniform(1, 86_400_000), any::<bool>());
    let kind = parts.prop_map(|(target, by_ms, back)| {
        let by_ms = i64::try_from(by_ms).unwrap_or(i64::MAX);
        Kind::ClockSkew {
            target,
            skew_ms: if back { -by_ms } else { by_ms },
        }
    });
    Some(lasting(topology, kind.boxed()))
}
