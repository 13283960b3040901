//! A judgement of one run: what was asked, what was seen, and the verdict of the whole.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::history::{History, What};

/// How many lines of evidence a check keeps; the rest are counted.
pub const EVIDENCE_LINES: usize = 8;

/// What a check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// What was promised was seen.
    Pass,
    /// Nothing was judged: a run with such a check is not green.
    Vacuous,
    /// The history cannot tell.
    Unknown,
    /// What was promised was broken.
    Fail,
}

/// One judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was asked, unique in its run.
    pub name: String,
    /// The answer.
    pub verdict: Verdict,
    /// What was seen.
    pub observed: String,
    /// What was promised.
    pub bound: String,
    /// At most [`EVIDENCE_LINES`] lines (and one that counts the rest) that name the offenders.
    pub evidence: Vec<String>,
}

/// The verdict of a whole run, in the order in which the worst wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunVerdict {
    /// Every check passed.
    Pass,
    /// Some check judged nothing, or there was no check at all.
    Vacuous,
    /// Some check could not tell.
    Unknown,
    /// Some check failed.
    Fail,
    /// The same seed gave two histories.
    NotDeterministic,
    /// A task panicked.
    Panic,
}

impl Check {
    /// A judgement by its offenders: passes when there is none.
    pub fn judged(
        name: impl Into<String>,
        observed: impl Into<String>,
        bound: impl Into<String>,
        findings: Findings,
    ) -> Self {
        let verdict = if findings.is_empty() {
            Verdict::Pass
        } else {
            Verdict::Fail
        };
        Self::said(name, verdict, observed, bound, findings)
    }

    /// A check that found nothing to judge; `why` says what was missing.
    pub fn vacuous(
        name: impl Into<String>,
        why: impl Into<String>,
        bound: impl Into<String>,
    ) -> Self {
        Self::said(name, Verdict::Vacuous, why, bound, Findings::default())
    }

    /// A judgement whose verdict is already known.
    pub fn said(
        name: impl Into<String>,
        verdict: Verdict,
        observed: impl Into<String>,
        bound: impl Into<String>,
        findings: Findings,
    ) -> Self {
        Self {
            name: name.into(),
            verdict,
            observed: observed.into(),
            bound: bound.into(),
            evidence: findings.into_lines(),
        }
    }

    /// The same judgement under another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

impl RunVerdict {
    /// The worst of a history and its checks; without any check nothing was judged.
    pub fn of(history: &History, checks: &[Check]) -> Self {
        if history
            .entries
            .iter()
            .any(|entry| matches!(entry.what, What::Panicked { .. }))
        {
            return Self::Panic;
        }
        checks
            .iter()
            .map(|check| Self::from(check.verdict))
            .max()
            .unwrap_or(Self::Vacuous)
    }
}

impl From<Verdict> for RunVerdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Pass,
            Verdict::Vacuous => Self::Vacuous,
            Verdict::Unknown => Self::Unknown,
            Verdict::Fail => Self::Fail,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        RunVerdict::from(*self).fmt(out)
    }
}

impl fmt::Display for RunVerdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Pass => "pass",
            Self::Vacuous => "VACUOUS",
            Self::Unknown => "UNKNOWN",
            Self::Fail => "FAIL",
            Self::NotDeterministic => "DIFFERS",
            Self::Panic => "PANIC",
        })
    }
}

/// Offenders as they are found: the first few in words, all of them counted.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    lines: Vec<String>,
    count: usize,
}

impl Findings {
    /// Adds one; `line` is called only while there is room.
    pub fn add(&mut self, line: impl FnOnce() -> String) {
        if self.count < EVIDENCE_LINES {
            self.lines.push(line());
        }
        self.count += 1;
    }

    /// True when nothing was found.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many were found.
    pub fn count(&self) -> usize {
        self.count
    }

    fn into_lines(mut self) -> Vec<String> {
        if self.count > self.lines.len() {
            self.lines
                .push(format!("… and {} more", self.count - self.lines.len()));
        }
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::Hand;

    fn check(verdict: Verdict) -> Check {
        Check::said("c", verdict, "seen", "promised", Findings::default())
    }

    #[test]
    fn the_worst_check_is_the_verdict_of_the_run() {
        let quiet = Hand::new().history();
        let of = |verdicts: &[Verdict]| {
            RunVerdict::of(
                &quiet,
                &verdicts.iter().map(|v| check(*v)).collect::<Vec<_>>(),
            )
        };
        assert_eq!(of(&[Verdict::Pass, Verdict::Pass]), RunVerdict::Pass);
        assert_eq!(of(&[Verdict::Pass, Verdict::Vacuous]), RunVerdict::Vacuous);
        assert_eq!(
            of(&[Verdict::Unknown, Verdict::Vacuous]),
            RunVerdict::Unknown
        );
        assert_eq!(of(&[Verdict::Fail, Verdict::Unknown]), RunVerdict::Fail);
        assert_eq!(of(&[]), RunVerdict::Vacuous);
    }

    #[test]
    fn a_panic_is_worse_than_any_check() {
        let panicked = Hand::new().panicked("pay-1", "broken").history();
        assert_eq!(
            RunVerdict::of(&panicked, &[check(Verdict::Fail)]),
            RunVerdict::Panic
        );
    }

    #[test]
    fn evidence_is_bounded_and_counted() {
        let mut findings = Findings::default();
        (0..20).for_each(|n| findings.add(|| format!("offender {n}")));
        let check = Check::judged("c", "seen", "promised", findings);
        assert_eq!(check.verdict, Verdict::Fail);
        assert_eq!(check.evidence.len(), EVIDENCE_LINES + 1);
        assert_eq!(
            check.evidence.last().map(String::as_str),
            Some("… and 12 more")
        );
    }
}
