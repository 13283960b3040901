//! A rollout comes to its end.

use std::time::Duration;

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{History, Name, RolloutState, What},
    requests::seconds,
    window::micros,
};

/// Every rollout of a deployment that begins is complete within this time: each pod is of its
/// revision and available. Vacuous without a rollout.
#[derive(Clone, Debug)]
pub struct RolloutCompletes {
    /// The deployment.
    pub deployment: Name,
    /// From its beginning.
    pub within: Duration,
}

impl Sla for RolloutCompletes {
    fn judge(&self, history: &History) -> Check {
        let name = format!("rollouts of {} complete", self.deployment);
        let bound = format!("within {}", seconds(micros(self.within)));
        let mut under_way: Option<(u64, u64)> = None;
        let mut late = Findings::default();
        let (mut begun, mut longest) = (0_usize, 0);
        for entry in &history.entries {
            let What::Rollout {
                deployment,
                revision,
                state,
            } = &entry.what
            else {
                continue;
            };
            if *deployment != self.deployment {
                continue;
            }
            match (state, under_way) {
                (RolloutState::Progressing, before) => {
                    begun += 1;
                    if let Some((former, _)) = before {
                        late.add(|| format!("revision {former} gave way to {revision}"));
                    }
                    under_way = Some((*revision, entry.at_us));
                }
                (RolloutState::Complete, Some((_, since))) => {
                    let took = entry.at_us.saturating_sub(since);
                    longest = longest.max(took);
                    if took > micros(self.within) {
                        late.add(|| format!("revision {revision} took {}", seconds(took)));
                    }
                    under_way = None;
                }
                (RolloutState::Complete | RolloutState::DeadlineExceeded, _) => {}
            }
        }
        if begun == 0 {
            return Check::vacuous(name, "no rollout", bound);
        }
        if let Some((revision, since)) = under_way {
            let since = seconds(since);
            late.add(|| format!("revision {revision}, begun at {since}, never completed"));
        }
        let observed = format!("{begun} begun, the longest took {}", seconds(longest));
        Check::judged(name, observed, bound, late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn judge(states: &[(u64, u64, RolloutState)]) -> Verdict {
        let hand = states
            .iter()
            .fold(Hand::new(), |hand, &(ms, revision, state)| {
                hand.at(ms).add(What::Rollout {
                    deployment: "order".into(),
                    revision,
                    state,
                })
            });
        let promise = RolloutCompletes {
            deployment: "order".into(),
            within: Duration::from_secs(40),
        };
        promise.judge(&hand.history()).verdict
    }

    #[test]
    fn it_has_to_complete_in_time() {
        use RolloutState::{Complete, DeadlineExceeded, Progressing};
        let begun = (10_000, 2, Progressing);
        assert_eq!(judge(&[begun, (50_000, 2, Complete)]), Verdict::Pass);
        assert_eq!(judge(&[begun, (50_001, 2, Complete)]), Verdict::Fail);
        assert_eq!(judge(&[begun]), Verdict::Fail);
        assert_eq!(
            judge(&[begun, (20_000, 2, DeadlineExceeded)]),
            Verdict::Fail
        );
        let overtaken = [begun, (20_000, 3, Progressing), (30_000, 3, Complete)];
        assert_eq!(judge(&overtaken), Verdict::Fail);
        assert_eq!(judge(&[(0, 1, Complete)]), Verdict::Vacuous);
    }
}
