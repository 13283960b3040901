//! What happens on a day: drawn from the year's seed, by a pure function.
//!
//! How often, and who says so:
//!
//! * A pod crashes [`CRASHES`] times a year. Gray, "Why do computers stop and what can be done
//!   about it?" (Tandem TR 85.7, 1985): a conventional, well-managed transaction processing system
//!   fails about once in two weeks. No public figure for the crashes of a container was found.
//! * A machine goes down [`NODE_LOSSES`] times a year. Dean, "Designs, Lessons and Advice from
//!   Building Large Distributed Systems" (LADIS 2009): servers crash at least twice a year. It is
//!   back within [`NODE_BACK_MS`]; Ford et al., "Availability in Globally Distributed Storage
//!   Systems" (OSDI 2010): nine of ten such outages end within 15 minutes. (The tenth is left out.)
//! * A zone is cut off [`ZONE_PARTITIONS`] times a year for [`ZONE_CUT_MS`]. Dean, "The Joys of
//!   Real Hardware" (in the same talk): of eight network maintenances in a cluster's year four
//!   might cause random losses of connectivity for about 30 minutes. A zone is taken for such a
//!   cluster, and the loss for complete: the worst reading.
//! * New versions come as often as the documents say: order less than once a month, the others once
//!   a week.
//!
//! Each happens at most once a day, with its daily probability, at any time of the day but its
//! first ten minutes and last hour.

use squall_chaos::fault::{Direction, Fault, Kind, Start};
use squall_kit::rng::Rng;

use super::DAYS_A_YEAR;

/// Of each pod, a year.
pub const CRASHES: f64 = 26.0;
/// Of each machine, a year.
pub const NODE_LOSSES: f64 = 2.0;
/// Until a lost machine is back, in ms: any time between.
pub const NODE_BACK_MS: (u64, u64) = (60_000, 900_000);
/// Of each zone, a year.
pub const ZONE_PARTITIONS: f64 = 4.0;
/// For so long, in ms.
pub const ZONE_CUT_MS: u64 = 30 * MINUTE_MS;

const MINUTE_MS: u64 = 60_000;
const FIRST_MS: u64 = 10 * MINUTE_MS;
const LAST_MS: u64 = 23 * 60 * MINUTE_MS;
/// Until a crash counts as healed in the history: its container is back long before.
const CRASH_MS: u64 = 2 * MINUTE_MS;

/// To what a year happens.
#[derive(Clone, Copy, Debug)]
pub struct Happenings {
    /// The Deployments.
    pub deployments: &'static [Deployed],
    /// Machines, by name.
    pub nodes: &'static [&'static str],
    /// Zones, by name.
    pub zones: &'static [&'static str],
}

/// A Deployment in a year.
#[derive(Clone, Copy, Debug)]
pub struct Deployed {
    /// Its name.
    pub name: &'static str,
    /// Its pods, each of which may crash.
    pub pods: u32,
    /// New versions a year.
    pub versions: f64,
}

// === impl Happenings ===

impl Happenings {
    /// The events of a day, counted from 1, of the year with this seed, in their order.
    pub fn of_day(&self, seed: u64, day: u32) -> Vec<Fault> {
        let mut events = Vec::new();
        let mut draw =
            |what: &str, times_a_year: f64, fault: &dyn Fn(&Rng) -> (Kind, Option<u64>)| {
                let rng = Rng::stream(seed, &format!("year/{day}/{what}"));
                if rng.chance(times_a_year / DAYS_A_YEAR) {
                    let start = Start::AtMs(rng.between(FIRST_MS, LAST_MS));
                    let (kind, length_ms) = fault(&rng);
                    events.push(Fault {
                        kind,
                        start,
                        length_ms,
                    });
                }
            };
        for deployed in self.deployments {
            let deployment = deployed.name;
            draw(&format!("version/{deployment}"), deployed.versions, &|_| {
                let deployment = deployment.into();
                (Kind::RolloutRestart { deployment }, None)
            });
            for pod in 1..=deployed.pods {
                let target = format!("{deployment}/{pod}");
                draw(&format!("crash/{target}"), CRASHES, &|_| {
                    let target = target.clone().into();
                    (Kind::Kill { target }, Some(CRASH_MS))
                });
            }
        }
        for &node in self.nodes {
            draw(&format!("loss/{node}"), NODE_LOSSES, &|rng| {
                let (least, most) = NODE_BACK_MS;
                (
                    Kind::NodeLoss { node: node.into() },
                    Some(rng.between(least, most)),
                )
            });
        }
        for &zone in self.zones {
            draw(&format!("cut/{zone}"), ZONE_PARTITIONS, &|_| {
                let cut = Kind::Partition {
                    from: zone.into(),
                    to: "others".into(),
                    direction: Direction::Both,
                };
                (cut, Some(ZONE_CUT_MS))
            });
        }
        events.sort_by_key(|event| match event.start {
            Start::AtMs(at_ms) => at_ms,
            Start::At(..) => 0,
        });
        events
    }
}

#[cfg(test)]
mod tests {
    use super::{Deployed, Happenings};

    const SHOP: Happenings = Happenings {
        deployments: &[
            Deployed {
                name: "order",
                pods: 3,
                versions: 12.0,
            },
            Deployed {
                name: "notice",
                pods: 1,
                versions: 52.0,
            },
        ],
        nodes: &["node-1", "node-2"],
        zones: &["zone-a"],
    };

    /// How often something whose name begins so happens in 40 years.
    fn times(wanted: &str) -> f64 {
        let days = (1..=14_610).flat_map(|day| SHOP.of_day(7, day));
        let happened = days.filter(|event| event.kind.to_string().starts_with(wanted));
        happened.count() as f64 / 40.0
    }

    #[test]
    fn a_year_has_as_many_events_as_its_rates_say() {
        // Within four standard deviations of a Poisson count over 40 years.
        for (what, rate) in [
            ("rollout restart of order", 12.0),
            ("rollout restart of notice", 52.0),
            ("kill order/2", 26.0),
            ("kill", 4.0 * 26.0),
            ("loss of node-1", 2.0),
            ("partition zone-a <-> others", 4.0),
        ] {
            let (seen, deviation) = (times(what), f64::sqrt(rate / 40.0));
            assert!(
                (seen - rate).abs() < 4.0 * deviation,
                "{what}: {seen} a year"
            );
        }
    }

    #[test]
    fn a_day_is_the_same_for_the_same_seed_and_in_order() {
        let days: Vec<_> = (1..=400).map(|day| SHOP.of_day(1, day)).collect();
        let again: Vec<_> = (1..=400).map(|day| SHOP.of_day(1, day)).collect();
        assert_eq!(days, again);
        assert_ne!(
            days,
            (1..=400).map(|day| SHOP.of_day(2, day)).collect::<Vec<_>>()
        );
    }
}
