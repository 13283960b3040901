//! What an autoscaler makes of a load, and how long it keeps what it made.

use std::time::Duration;

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{History, Name, What},
    requests::seconds,
    window::micros,
};

/// A deployment is scaled up to this many replicas, never to more, and back. Vacuous when it is
/// never scaled.
#[derive(Clone, Debug)]
pub struct Scales {
    /// The deployment.
    pub deployment: Name,
    /// The most it is scaled to.
    pub to: u32,
    /// What it is scaled to at last.
    pub back_to: u32,
}

/// A deployment is not scaled down within this time of its autoscaler's last measuring more than
/// its target (Kubernetes: `--horizontal-pod-autoscaler-downscale-stabilization`, 300 s). Vacuous
/// when it is never scaled down after such a measurement.
#[derive(Clone, Debug)]
pub struct ScalesDownLate {
    /// The deployment.
    pub deployment: Name,
    /// The target, in percent of the requested CPU.
    pub target_percent: u32,
    /// The window.
    pub window: Duration,
}

impl Sla for Scales {
    fn judge(&self, history: &History) -> Check {
        let name = format!("{} is scaled up and back", self.deployment);
        let bound = format!("to {} and back to {}", self.to, self.back_to);
        let steps: Vec<(u64, u32)> = scalings(history, &self.deployment)
            .map(|(at, _, to)| (at, to))
            .collect();
        let (Some(most), Some((_, last))) =
            (steps.iter().map(|(_, to)| *to).max(), steps.last().copied())
        else {
            return Check::vacuous(name, "never scaled", bound);
        };
        let observed: Vec<String> = steps
            .iter()
            .map(|(at, to)| format!("{to} at {}", seconds(*at)))
            .collect();
        let mut wrong = Findings::default();
        if most != self.to {
            wrong.add(|| format!("at most {most}"));
        }
        if last != self.back_to {
            wrong.add(|| format!("{last} at last"));
        }
        Check::judged(name, observed.join(", "), bound, wrong)
    }
}

impl Sla for ScalesDownLate {
    fn judge(&self, history: &History) -> Check {
        let name = format!("{} is scaled down late", self.deployment);
        let window = seconds(micros(self.window));
        let bound = format!(
            "{window} after the last measurement above {} %",
            self.target_percent
        );
        let (mut early, mut soonest) = (Findings::default(), None);
        for (at, from, to) in scalings(history, &self.deployment) {
            let Some(high) = self.last_high(history, at).filter(|_| to < from) else {
                continue;
            };
            let after = at - high;
            soonest = Some(soonest.map_or(after, |soonest: u64| soonest.min(after)));
            if after < micros(self.window) {
                let (at, after) = (seconds(at), seconds(after));
                early.add(|| format!("from {from} to {to} at {at}, {after} after"));
            }
        }
        match soonest {
            None => Check::vacuous(name, "never scaled down", bound),
            Some(us) => Check::judged(name, format!("{} after", seconds(us)), bound, early),
        }
    }
}

impl ScalesDownLate {
    /// When its autoscaler last measured more than its target, before `at`.
    fn last_high(&self, history: &History, at: u64) -> Option<u64> {
        let high = history.entries.iter().rfind(|entry| {
            entry.at_us < at
                && matches!(&entry.what, What::Measured { deployment, utilization_percent, .. }
                    if *deployment == self.deployment
                        && utilization_percent.is_some_and(|has| has > self.target_percent))
        });
        high.map(|entry| entry.at_us)
    }
}

/// (when, from, to), in order.
fn scalings<'a>(history: &'a History, of: &'a Name) -> impl Iterator<Item = (u64, u32, u32)> + 'a {
    history
        .entries
        .iter()
        .filter_map(move |entry| match &entry.what {
            What::Scaled {
                deployment,
                from,
                to,
                ..
            } if deployment == of => Some((entry.at_us, *from, *to)),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn scaled(hand: Hand, ms: u64, from: u32, to: u32) -> Hand {
        hand.at(ms).add(What::Scaled {
            deployment: "order".into(),
            from,
            to,
            reason: "a story".to_owned(),
        })
    }

    fn measured(hand: Hand, ms: u64, percent: u32) -> Hand {
        hand.at(ms).add(What::Measured {
            deployment: "order".into(),
            utilization_percent: Some(percent),
            replicas: 1,
        })
    }

    #[test]
    fn it_has_to_come_to_the_top_and_back() {
        let promise = Scales {
            deployment: "order".into(),
            to: 3,
            back_to: 1,
        };
        let judge = |steps: &[(u32, u32)]| {
            let steps = (1..).zip(steps);
            let hand = steps.fold(Hand::new(), |hand, (second, (from, to))| {
                scaled(hand, second * 1_000, *from, *to)
            });
            promise.judge(&hand.history()).verdict
        };
        assert_eq!(judge(&[(1, 3), (3, 1)]), Verdict::Pass);
        assert_eq!(judge(&[(1, 2), (2, 3), (3, 1)]), Verdict::Pass);
        assert_eq!(judge(&[(1, 3)]), Verdict::Fail);
        assert_eq!(judge(&[(1, 2), (2, 1)]), Verdict::Fail);
        assert_eq!(judge(&[(1, 4), (4, 1)]), Verdict::Fail);
        assert_eq!(judge(&[]), Verdict::Vacuous);
    }

    #[test]
    fn it_waits_from_the_last_high_measurement_on() {
        let promise = ScalesDownLate {
            deployment: "order".into(),
            target_percent: 50,
            window: Duration::from_secs(300),
        };
        let judge = |down_ms: u64| {
            let hand = measured(Hand::new(), 15_000, 200);
            let hand = measured(scaled(hand, 15_000, 1, 3), 30_000, 51);
            let hand = measured(hand, 45_000, 50);
            let hand = scaled(hand, down_ms, 3, 1).note("end");
            promise.judge(&hand.history()).verdict
        };
        assert_eq!(judge(330_000), Verdict::Pass);
        assert_eq!(judge(329_999), Verdict::Fail);
        let never_high = scaled(measured(Hand::new(), 0, 50), 1_000, 3, 1);
        assert_eq!(
            promise.judge(&never_high.history()).verdict,
            Verdict::Vacuous
        );
        let up = scaled(measured(Hand::new(), 0, 200), 1_000, 1, 3);
        assert_eq!(promise.judge(&up.history()).verdict, Verdict::Vacuous);
    }
}
