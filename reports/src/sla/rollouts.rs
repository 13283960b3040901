//! A deployment's rollouts go as documented.

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{History, Name, RolloutState, What},
    requests::seconds,
};

/// From the start of the load on, a deployment's rollouts come to exactly these revisions and
/// states, in this order.
#[derive(Clone, Debug)]
pub struct Rollouts {
    /// The deployment.
    pub of: Name,
    /// (revision, state).
    pub expected: Vec<(u64, RolloutState)>,
}

impl Sla for Rollouts {
    fn judge(&self, history: &History) -> Check {
        let name = format!("rollouts of {}", self.of);
        let bound = told(&self.expected);
        let entries = history.entries.iter();
        let run = entries
            .skip_while(|entry| !matches!(&entry.what, What::Phase { name } if &**name == "load"));
        let seen = run.filter_map(|entry| match &entry.what {
            What::Rollout {
                deployment,
                revision,
                state,
            } if *deployment == self.of => Some((entry.at_us, (*revision, *state))),
            _ => None,
        });
        let seen: Vec<(u64, (u64, RolloutState))> = seen.collect();
        let states: Vec<_> = seen.iter().map(|(_, state)| *state).collect();
        if seen.is_empty() {
            return Check::vacuous(name, "nothing was rolled out", bound);
        }
        let mut wrong = Findings::default();
        if states != self.expected {
            for (at_us, (revision, state)) in seen {
                wrong.add(|| format!("revision {revision} {state:?} at {}", seconds(at_us)));
            }
        }
        Check::judged(name, told(&states), bound, wrong)
    }
}

fn told(states: &[(u64, RolloutState)]) -> String {
    let each = states.iter();
    let each: Vec<String> = each
        .map(|(revision, state)| format!("{revision} {state:?}"))
        .collect();
    each.join(", ")
}

#[cfg(test)]
mod tests {
    use RolloutState::{Complete, DeadlineExceeded, Progressing};

    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn judge(expected: &[(u64, RolloutState)]) -> Check {
        let hand = Hand::new().rollout("order", 1, Complete).phase("load");
        let hand = hand.rollout("pay", 2, Progressing);
        let hand = hand
            .rollout("order", 2, Progressing)
            .rollout("order", 2, DeadlineExceeded);
        let promise = Rollouts {
            of: "order".into(),
            expected: expected.to_vec(),
        };
        promise.judge(&hand.history())
    }

    #[test]
    fn exactly_the_expected_states_pass() {
        let check = judge(&[(2, Progressing), (2, DeadlineExceeded)]);
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
        assert_eq!(judge(&[(2, Progressing)]).verdict, Verdict::Fail);
        let check = judge(&[(2, Progressing), (2, Complete)]);
        assert_eq!(check.verdict, Verdict::Fail);
        assert_eq!(check.observed, "2 Progressing, 2 DeadlineExceeded");
    }

    #[test]
    fn without_a_rollout_it_is_vacuous() {
        let promise = Rollouts {
            of: "gateway".into(),
            expected: Vec::new(),
        };
        let hand = Hand::new().phase("load").rollout("order", 2, Complete);
        assert_eq!(promise.judge(&hand.history()).verdict, Verdict::Vacuous);
    }
}
