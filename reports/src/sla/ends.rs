//! What a process begins it ends, as long as it lives.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{History, Name, PodPhase, What},
    requests::seconds,
    window::{end_us, micros},
};

/// Every process that passes one place passes another one soon after, as often; unless it is killed
/// in between. One that ends after a stop signal has nothing left that it began. The places are
/// hints.
#[derive(Clone, Debug)]
pub struct Ends {
    /// What is begun and ended, for people.
    pub work: Name,
    /// The place where it begins.
    pub begins: Name,
    /// The place where it ends.
    pub ends: Name,
    /// How long it takes at most.
    pub within: Duration,
}

/// What a process is at.
#[derive(Default)]
struct Process {
    /// When each piece was begun.
    open: VecDeque<u64>,
    /// It was asked to stop.
    draining: bool,
}

impl Sla for Ends {
    fn judge(&self, history: &History) -> Check {
        let name = format!("every {} ends", self.work);
        let bound = format!("within {:?}, while its process lives", self.within);
        let mut processes: BTreeMap<&Name, Process> = BTreeMap::new();
        let mut wrong = Findings::default();
        let (mut begun, mut ended) = (0, 0);
        for entry in &history.entries {
            let (at, host) = (entry.at_us, &entry.host);
            match &entry.what {
                What::Hint { name } if *name == self.begins => {
                    begun += 1;
                    processes.entry(host).or_default().open.push_back(at);
                }
                What::Hint { name } if *name == self.ends => {
                    ended += 1;
                    let process = processes.entry(host).or_default();
                    self.judge_late(host, process, at, &mut wrong);
                    process.open.pop_front();
                }
                What::Pod { phase, .. } => {
                    let process = processes.entry(host).or_default();
                    self.judge_late(host, process, at, &mut wrong);
                    if *phase == PodPhase::Ended && process.draining {
                        for from in &process.open {
                            let (from, at) = (seconds(*from), seconds(at));
                            wrong.add(|| {
                                format!("{host} ended at {at}, {} of {from} open", self.work)
                            });
                        }
                    }
                    process.enter(*phase);
                }
                _ => {}
            }
        }
        for (host, process) in &mut processes {
            self.judge_late(host, process, end_us(history), &mut wrong);
        }
        if begun == 0 {
            return Check::vacuous(name, "none was begun", bound);
        }
        let observed = format!("{ended} of {begun} ended");
        Check::judged(name, observed, bound, wrong)
    }
}

impl Ends {
    /// Pieces that are open for too long; each is named once.
    fn judge_late(&self, host: &Name, process: &mut Process, at: u64, wrong: &mut Findings) {
        let latest = at.saturating_sub(micros(self.within));
        while let Some(from) = process.open.pop_front_if(|from| *from < latest) {
            wrong.add(|| format!("{} of {} on {host} never ended", self.work, seconds(from)));
        }
    }
}

impl Process {
    fn enter(&mut self, phase: PodPhase) {
        match phase {
            PodPhase::Draining => self.draining = true,
            PodPhase::Starting | PodPhase::Ended | PodPhase::Killed => *self = Self::default(),
            PodPhase::Ready | PodPhase::Unready => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Verdict, hand::Hand};

    /// Each letter comes a second after the one before: `b`egins, `e`nds, is asked to `s`top, `x`
    /// ends as a process, is `k`illed, `.` nothing.
    fn judge(letters: &str) -> Check {
        let hand = (1..).zip(letters.chars());
        let hand = hand.fold(Hand::new().on("order-1"), |hand, (second, letter)| {
            let hand = hand.at(second * 1_000);
            match letter {
                'b' => hand.add(What::Hint {
                    name: "begun".into(),
                }),
                'e' => hand.add(What::Hint {
                    name: "ended".into(),
                }),
                's' => hand.pod(PodPhase::Draining, ""),
                'x' => hand.pod(PodPhase::Ended, ""),
                'k' => hand.pod(PodPhase::Killed, ""),
                _ => hand.note("tick"),
            }
        });
        let promise = Ends {
            work: "command".into(),
            begins: "begun".into(),
            ends: "ended".into(),
            within: Duration::from_secs(3),
        };
        promise.judge(&hand.history())
    }

    #[test]
    fn passes_when_all_end_or_their_process_is_killed() {
        for good in ["be", "bbee", "b..e", "bk....", "bbekb..e", "bsex", "b.."] {
            let check = judge(good);
            assert_eq!(check.verdict, Verdict::Pass, "{good}: {check:?}");
        }
    }

    #[test]
    fn names_what_is_left_by_the_living_and_by_those_who_were_to_finish() {
        for bad in ["b....", "b....e", "bsx", "bbe....", "b....k"] {
            let check = judge(bad);
            assert_eq!(
                (check.verdict, check.evidence.len()),
                (Verdict::Fail, 1),
                "{bad}"
            );
        }
    }

    #[test]
    fn is_vacuous_when_nothing_was_begun() {
        assert_eq!(judge("..k").verdict, Verdict::Vacuous);
    }
}
