//! Carries out a plan of faults on a simulation's controls.

use std::time::Duration;

use squall_reports::history::Entry;
use squall_sim::{
    controls::{ControlError, Controls, Effect, Hold, Nemesis, Ways},
    range::TimeRange,
};

use crate::fault::{Direction, Fault, Kind, Start};

/// Strikes as a plan says, heals as it says, and has every effect counted.
pub struct FaultNemesis {
    faults: Vec<Planned>,
    /// Moments before then are not counted.
    counts_from: Duration,
    /// From then on nothing begins, and everything is healed.
    calm_from: Option<Duration>,
}

struct Planned {
    fault: Fault,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Its start has not come; so many occurrences of its moment have.
    Waiting { occurrences: u32 },
    /// Its moment is now.
    Due,
    /// It acts; `until` when it has a length.
    Acting { hold: Hold, until: Option<Duration> },
    /// It is healed.
    Over,
}

impl FaultNemesis {
    /// A nemesis for this plan. A fault's place in it is its number in the history.
    pub fn new(plan: &[Fault]) -> Self {
        let faults = plan.iter().cloned();
        Self {
            faults: faults
                .map(|fault| Planned {
                    fault,
                    state: State::Waiting { occurrences: 0 },
                })
                .collect(),
            counts_from: Duration::ZERO,
            calm_from: None,
        }
    }

    /// The same, but what happens before `from` is no occurrence of a moment, and at `calm_from`
    /// everything is healed and nothing begins any more. Virtual times since the run's start.
    #[must_use]
    pub fn between(mut self, from: Duration, calm_from: Duration) -> Self {
        self.counts_from = from;
        self.calm_from = Some(calm_from);
        self
    }
}

impl Nemesis for FaultNemesis {
    fn hear(&mut self, entry: &Entry) -> bool {
        if Duration::from_micros(entry.at_us) < self.counts_from {
            return false;
        }
        let mut due = false;
        for planned in &mut self.faults {
            let State::Waiting { occurrences } = &mut planned.state else {
                continue;
            };
            let Start::At(moment, wanted) = &planned.fault.start else {
                continue;
            };
            if moment.is_shown_by(entry) {
                *occurrences += 1;
                if *occurrences == *wanted {
                    planned.state = State::Due;
                    due = true;
                }
            }
        }
        due
    }

    fn advance(&mut self, now: Duration, controls: &mut Controls<'_>) {
        if self.calm_from.is_some_and(|calm_from| calm_from <= now) {
            self.calm_from = None;
            self.finish(now, controls);
            controls.heal_everything();
            return;
        }
        // Heal first: of two faults on one link that touch, the later one must stand.
        for (number, planned) in self.faults.iter_mut().enumerate() {
            if let State::Acting {
                hold,
                until: Some(until),
            } = planned.state
                && until <= now
            {
                planned.heal(number, hold, controls);
            }
        }
        for (number, planned) in self.faults.iter_mut().enumerate() {
            if planned.is_due(now) {
                planned.strike(number, now, controls);
            }
        }
    }

    fn next_deadline(&self) -> Option<Duration> {
        let deadlines = self
            .faults
            .iter()
            .filter_map(|planned| match planned.state {
                State::Waiting { .. } => match planned.fault.start {
                    Start::AtMs(at_ms) => Some(Duration::from_millis(at_ms)),
                    Start::At(..) => None,
                },
                State::Due => Some(Duration::ZERO),
                State::Acting { until, .. } => until,
                State::Over => None,
            });
        deadlines.chain(self.calm_from).min()
    }

    fn finish(&mut self, _now: Duration, controls: &mut Controls<'_>) {
        for (number, planned) in self.faults.iter_mut().enumerate() {
            match planned.state {
                State::Acting { hold, .. } => planned.heal(number, hold, controls),
                // Too late to strike: the history shows no beginning, and the verdict says so.
                _ => planned.state = State::Over,
            }
        }
    }
}

impl Planned {
    fn is_due(&self, now: Duration) -> bool {
        match (self.state, &self.fault.start) {
            (State::Due, _) => true,
            (State::Waiting { .. }, Start::AtMs(at_ms)) => Duration::from_millis(*at_ms) <= now,
            _ => false,
        }
    }

    fn strike(&mut self, number: usize, now: Duration, controls: &mut Controls<'_>) {
        let kind = &self.fault.kind;
        controls.fault_began(number, kind.to_string());
        match apply(kind, controls) {
            Ok(hold) if kind.is_over_at_once() => self.heal(number, hold, controls),
            Ok(hold) => {
                let until = self
                    .fault
                    .length_ms
                    .map(|ms| now + Duration::from_millis(ms));
                self.state = State::Acting { hold, until };
            }
            // A plan that names what is not there has no effect, and is judged vacuous for it.
            Err(error) => {
                controls.fault_ended(number, Effect::from([(error.to_string(), 0)]));
                self.state = State::Over;
            }
        }
    }

    fn heal(&mut self, number: usize, hold: Hold, controls: &mut Controls<'_>) {
        let effect = controls.heal(hold);
        controls.fault_ended(number, effect);
        self.state = State::Over;
    }
}

fn apply(kind: &Kind, controls: &mut Controls<'_>) -> Result<Hold, ControlError> {
    match kind {
        Kind::Stop { deployment } => controls.stop_deployment(deployment),
        Kind::Kill { target } => controls.kill(target),
        Kind::PowerLoss { target } => controls.power_loss(target),
        Kind::Partition {
            from,
            to,
            direction,
        } => {
            let ways = match direction {
                Direction::Both => Ways::Both,
                Direction::OneWay => Ways::OneWay,
            };
            controls.partition(from, to, ways)
        }
        Kind::SlowLink {
            from,
            to,
            delay_ms: (low, high),
        } => controls.slow_link(from, to, TimeRange::ms(*low, *high)),
        Kind::LossyLink {
            from,
            to,
            probability,
        } => controls.lossy_link(from, to, *probability),
        Kind::StoreOutage { service } => controls.stop_store(service),
        Kind::BrokerOutage => Ok(controls.stop_broker()),
        Kind::LostReply { host, peer } => controls.lose_reply(host, peer),
        Kind::DuplicateDeliveries { probability } => controls.duplicate_deliveries(*probability),
        Kind::SlowPod { target, factor } => controls.slow_pod(target, *factor),
        Kind::Failing { target } => controls.fail_pod(target),
        Kind::Hang { target } => controls.hang(target),
        Kind::DeletePods { target } => controls.delete_pods(target),
        Kind::Apply { patches } => controls.apply_patches(patches),
        Kind::RolloutRestart { deployment } => controls.rollout_restart(deployment),
        Kind::RolloutUndo { deployment } => controls.rollout_undo(deployment, None),
        Kind::Drain { node } => controls.drain(node),
        Kind::NodeLoss { node } => controls.node_loss(node),
        Kind::ClockSkew { target, skew_ms } => controls.skew_clock(target, *skew_ms),
    }
}
