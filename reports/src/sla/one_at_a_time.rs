//! Of all pods of a deployment, one does a piece of work (a relay with its lease).

use std::collections::BTreeMap;

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{History, Name, What},
    requests::seconds,
};

/// As long as no pod of a deployment begins, only one of them works again and again. Any other may
/// end what it was at, once: a lease can be lost in the middle of a batch, and the answer that
/// grants it can come after it has lapsed.
///
/// The places are hints, told by the code as it passes them.
#[derive(Clone, Debug)]
pub struct OneAtATime {
    /// The work, for people.
    pub work: Name,
    /// The place that a pod passes as it begins.
    pub begins: Name,
    /// The place that it passes with every piece.
    pub works: Name,
}

/// The pods of one deployment, and how many pieces each has worked on since one of them last began.
#[derive(Default)]
struct Team<'a>(BTreeMap<&'a Name, u32>);

impl Sla for OneAtATime {
    fn judge(&self, history: &History) -> Check {
        let name = format!("one {} at a time", self.work);
        let bound = "no two at a second piece since one last began";
        let mut wrong = Findings::default();
        let mut deployments: BTreeMap<&Name, &Name> = BTreeMap::new();
        let mut teams: BTreeMap<&Name, Team<'_>> = BTreeMap::new();
        let (mut begun, mut pieces) = (0, 0);
        for entry in &history.entries {
            let host = &entry.host;
            match &entry.what {
                What::Pod { deployment, .. } => {
                    deployments.insert(host, deployment);
                }
                What::Hint { name } if *name == self.begins => {
                    begun += 1;
                    let team = teams.entry(deployments.get(host).unwrap_or(&host));
                    team.or_default().0.clear();
                }
                What::Hint { name } if *name == self.works => {
                    pieces += 1;
                    let team = teams.entry(deployments.get(host).unwrap_or(&host));
                    if let Some(other) = team.or_default().work(host) {
                        let at = seconds(entry.at_us);
                        wrong.add(|| format!("{host} works at {at}, as does {other}"));
                    }
                }
                _ => {}
            }
        }
        if pieces == 0 {
            return Check::vacuous(name, "nobody worked", bound);
        }
        let observed = format!("{pieces} pieces of work, begun {begun} times");
        Check::judged(name, observed, bound, wrong)
    }
}

impl<'a> Team<'a> {
    /// One more piece. Gives who else works again and again, if this pod does.
    fn work(&mut self, host: &'a Name) -> Option<&'a Name> {
        let pieces = self.0.entry(host).or_default();
        *pieces += 1;
        if *pieces < 2 {
            return None;
        }
        let mut others = self.0.iter().filter(|(other, _)| **other != host);
        others
            .find(|(_, pieces)| **pieces > 1)
            .map(|(other, _)| *other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Verdict, hand::Hand, history::PodPhase};

    /// Each letter is one hint: capitals begin, small letters work; `a` and `b` are pods of one
    /// deployment, `c` is one of another.
    fn judge(places: &str) -> Check {
        let pods = ["order-1", "order-2", "pay-1"];
        let hand = pods.iter().fold(Hand::new(), |hand, pod| {
            hand.on(pod).pod(PodPhase::Ready, "")
        });
        let hand = places.chars().fold(hand, |hand, letter| {
            let pod = match letter.to_ascii_lowercase() {
                'a' => pods[0],
                'b' => pods[1],
                _ => pods[2],
            };
            let name = match letter.is_ascii_uppercase() {
                true => "taken".into(),
                false => "read".into(),
            };
            hand.on(pod).add(What::Hint { name })
        });
        let promise = OneAtATime {
            work: "relay".into(),
            begins: "taken".into(),
            works: "read".into(),
        };
        promise.judge(&hand.history())
    }

    #[test]
    fn passes_while_one_works_or_ends_what_it_was_at() {
        // In the last one the later lease was told earlier.
        for good in [
            "Aaaa", "AaaBbb", "AaaBabb", "AaBbAaBb", "AaCcaacc", "BAbbbabb",
        ] {
            assert_eq!(judge(good).verdict, Verdict::Pass, "{good}");
        }
    }

    #[test]
    fn names_two_who_work_again_and_again() {
        for bad in ["ABabab", "AaCcBbbaa", "ABbbaa"] {
            let check = judge(bad);
            assert_eq!(check.verdict, Verdict::Fail, "{bad}");
            assert_eq!(check.evidence.len(), 1, "{check:?}");
        }
    }

    #[test]
    fn is_vacuous_when_nobody_worked() {
        assert_eq!(judge("AB").verdict, Verdict::Vacuous);
    }
}
