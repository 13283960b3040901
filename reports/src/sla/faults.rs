//! Every planned fault struck, healed, and did something.

use std::collections::BTreeMap;

use super::Sla;
use crate::{
    check::{Check, Findings, Verdict},
    history::{History, What},
};

/// Each fault of the plan began once, ended once and counted an effect; else the run tested
/// nothing and this is vacuous. A fault that nobody planned is a failure: calm means calm.
#[derive(Clone, Debug)]
pub struct FaultsActed {
    /// How many faults the plan has.
    pub planned: usize,
    /// Somebody wrote the plan and claims that each acts. A plan that was drawn claims nothing:
    /// what of it did nothing is told, and the run counts as that of the plan without it.
    pub claimed: bool,
}

/// The check's name.
const FAULTS_ACTED: &str = "faults acted";

#[derive(Default)]
struct Life<'a> {
    description: &'a str,
    began: usize,
    ended: usize,
    effect: u64,
}

impl Sla for FaultsActed {
    fn judge(&self, history: &History) -> Check {
        let name = FAULTS_ACTED;
        let bound = match self.claimed {
            true => format!("{} with an effect", self.planned),
            false => format!("none but the {} drawn", self.planned),
        };
        let lives = lives(history);
        let mut unplanned = Findings::default();
        for (fault, life) in lives.iter().filter(|(fault, _)| **fault >= self.planned) {
            unplanned.add(|| format!("fault {fault} was not planned: {}", life.description));
        }
        let mut idle = Findings::default();
        for fault in 0..self.planned {
            match lives.get(&fault) {
                None => idle.add(|| format!("fault {fault} never began")),
                Some(life) => life.find_idle(fault, &mut idle),
            }
        }
        let acted = self.planned.saturating_sub(idle.count());
        let observed = format!("{acted} of {}", self.planned);
        if unplanned.is_empty() && !idle.is_empty() {
            let verdict = match self.claimed {
                true => Verdict::Vacuous,
                false => Verdict::Pass,
            };
            return Check::said(name, verdict, observed, bound, idle);
        }
        Check::judged(name, observed, bound, unplanned)
    }
}

impl Life<'_> {
    fn find_idle(&self, fault: usize, idle: &mut Findings) {
        let Self {
            description,
            began,
            ended,
            effect,
        } = self;
        let why = match (began, ended, effect) {
            (1, 1, 1..) => return,
            (1, 0, _) => "never ended",
            (1, 1, 0) => "had no effect",
            _ => "did not begin and end once",
        };
        idle.add(|| format!("fault {fault} {why}: {description}"));
    }
}

fn lives(history: &History) -> BTreeMap<usize, Life<'_>> {
    let mut lives: BTreeMap<usize, Life<'_>> = BTreeMap::new();
    for entry in &history.entries {
        match &entry.what {
            What::FaultBegan { fault, description } => {
                let life = lives.entry(*fault).or_default();
                life.description = description;
                life.began += 1;
            }
            What::FaultEnded { fault, effect } => {
                let life = lives.entry(*fault).or_default();
                life.ended += 1;
                life.effect = effect
                    .values()
                    .fold(life.effect, |sum, n| sum.saturating_add(*n));
            }
            _ => {}
        }
    }
    lives
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::Hand;

    fn judge(planned: usize, hand: Hand) -> Check {
        let claimed = true;
        FaultsActed { planned, claimed }.judge(&hand.history())
    }

    fn acted(hand: Hand, fault: usize) -> Hand {
        hand.fault_began(fault).fault_ended(fault, 3)
    }

    #[test]
    fn passes_when_each_acted_and_when_calm_was_promised() {
        let check = judge(2, acted(acted(Hand::new(), 1), 0));
        assert_eq!((check.verdict, &*check.observed), (Verdict::Pass, "2 of 2"));
        assert_eq!(judge(0, Hand::new().note("calm")).verdict, Verdict::Pass);
    }

    #[test]
    fn a_drawn_fault_without_effect_is_told() {
        let drawn = FaultsActed {
            planned: 2,
            claimed: false,
        };
        let check = drawn.judge(&acted(Hand::new(), 0).history());
        assert_eq!((check.verdict, &*check.observed), (Verdict::Pass, "1 of 2"));
        assert_eq!(check.evidence, ["fault 1 never began"]);
        let unplanned = acted(Hand::new(), 2).history();
        assert_eq!(drawn.judge(&unplanned).verdict, Verdict::Fail);
    }

    #[test]
    fn is_vacuous_when_one_did_nothing() {
        let cases = [
            (Hand::new(), "fault 1 never began"),
            (
                Hand::new().fault_began(1),
                "fault 1 never ended: fault number 1",
            ),
            (
                Hand::new().fault_began(1).fault_ended(1, 0),
                "fault 1 had no effect: fault number 1",
            ),
        ];
        for (hand, evidence) in cases {
            let check = judge(2, acted(hand, 0));
            assert_eq!(
                (check.verdict, &*check.observed),
                (Verdict::Vacuous, "1 of 2")
            );
            assert_eq!(check.evidence, [evidence]);
        }
    }

    #[test]
    fn fails_when_something_else_struck() {
        let check = judge(0, acted(Hand::new(), 0));
        assert_eq!(check.verdict, Verdict::Fail);
        assert_eq!(check.evidence, ["fault 0 was not planned: fault number 0"]);
    }
}
