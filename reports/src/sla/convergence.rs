//! Once faults end, everything that is still owed happens soon (invariant 4).

use std::time::Duration;

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{Consumption, History, Name, What},
    requests::seconds,
    window::micros,
};

/// The phase in which everything heals.
const HEAL: &str = "heal";

/// From the entry into phase `heal` to the last effect of an event no more than this passes.
/// (That the effects are all there is for [`ExactlyOnce`](super::ExactlyOnce) to say.)
#[derive(Clone, Debug)]
pub struct Convergence {
    /// These consumer groups; all when empty.
    pub consumers: Vec<Name>,
    /// The time allowed.
    pub within: Duration,
}

impl Sla for Convergence {
    fn judge(&self, history: &History) -> Check {
        let (name, bound) = ("convergence after the heal", format!("≤ {:?}", self.within));
        let healed = history.entries.iter().find_map(|entry| match &entry.what {
            What::Phase { name } if **name == *HEAL => Some(entry.at_us),
            _ => None,
        });
        let Some(healed) = healed else {
            return Check::vacuous(name, "the run never came to phase heal", bound);
        };
        let applied = history
            .entries
            .iter()
            .rev()
            .filter_map(|entry| match &entry.what {
                What::Consumed {
                    consumer,
                    event,
                    kind,
                    outcome: Consumption::Applied,
                    ..
                } if self.consumers.is_empty() || self.consumers.contains(consumer) => {
                    Some((entry, consumer, event, kind))
                }
                _ => None,
            });
        let mut applied = applied.peekable();
        let Some((last, ..)) = applied.peek() else {
            return Check::vacuous(name, "no event took effect in the whole run", bound);
        };
        let took = last.at_us.saturating_sub(healed);
        let mut late = Findings::default();
        let limit = healed.saturating_add(micros(self.within));
        for (entry, consumer, event, kind) in applied.take_while(|(entry, ..)| entry.at_us > limit)
        {
            let (at, host) = (seconds(entry.at_us), &entry.host);
            late.add(|| format!("{kind} {event} took effect in {consumer} on {host} at {at}"));
        }
        Check::judged(name, seconds(took), bound, late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn promise(consumers: Vec<Name>) -> Convergence {
        Convergence {
            consumers,
            within: Duration::from_millis(100),
        }
    }

    fn last_effect_at(ms: u64) -> History {
        Hand::new()
            .at(50)
            .phase("heal")
            .at(ms)
            .on("notice-1")
            .consumed("notice", "a#0", "1", Consumption::Applied)
            .at(900)
            .consumed("notice", "a#0", "1", Consumption::Duplicate)
            .history()
    }

    #[test]
    fn the_last_effect_counts() {
        let check = promise(vec![]).judge(&last_effect_at(150));
        assert_eq!(
            (check.verdict, &*check.observed),
            (Verdict::Pass, "0.100000 s")
        );
        let check = promise(vec!["notice".into()]).judge(&last_effect_at(151));
        assert_eq!(check.verdict, Verdict::Fail);
        let line = "Ordered a#0 took effect in notice on notice-1 at 0.151000 s";
        assert_eq!(check.evidence, [line]);
    }

    #[test]
    fn everything_done_before_the_heal_is_converged_at_once() {
        let history = Hand::new()
            .consumed("notice", "a#0", "1", Consumption::Applied)
            .at(10)
            .phase("heal")
            .history();
        assert_eq!(promise(vec![]).judge(&history).observed, "0.000000 s");
    }

    #[test]
    fn is_vacuous_without_a_heal_or_without_effects() {
        let unhealed = Hand::new()
            .consumed("notice", "a#0", "1", Consumption::Applied)
            .history();
        for history in [
            History::default(),
            unhealed,
            Hand::new().phase("heal").history(),
        ] {
            assert_eq!(promise(vec![]).judge(&history).verdict, Verdict::Vacuous);
        }
        let other = promise(vec!["mypage".into()]).judge(&last_effect_at(60));
        assert_eq!(other.verdict, Verdict::Vacuous);
    }
}
