//! `*.repro.json`: a plan that fails, with all that is needed to see it fail again.

use std::fmt;

use serde::{Deserialize, Serialize};
use squall_chaos::plan::Plan;
use squall_kit::planted::{self, Bug};
use squall_reports::{
    check::Verdict,
    fingerprint::{Difference, first_difference},
    history::{Entry, History},
    report::Report,
    timeline::Timeline,
};

use super::{
    arena::Arena,
    campaign::Finding,
    trial::{self, Broken, PlanError},
};
use crate::{registry::Registry, runner::Run};

/// What the file calls itself. A change that an old reader would misread takes a new number.
pub const SCHEMA: &str = "squall.repro/1";
const SCHEMA_FAMILY: &str = "squall.repro/";
const SCHEMA_VERSION: u64 = 1;
/// Begins the name of a build that could not be read: no other is known to be the same.
const UNKNOWN_BUILD: &str = "unknown: ";

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repro {
    /// [`SCHEMA`].
    pub schema: String,
    /// The arena, `shop/explore`.
    pub scenario: String,
    /// The build that made it: on another one the fingerprint may differ.
    pub build: String,
    /// Seed, users, settings and faults.
    pub plan: Plan,
    /// What failed.
    pub failing: Broken,
    /// Of the whole history.
    pub fingerprint: String,
    /// The history, so that another build can say where it parts.
    pub history: Vec<Entry>,
}

/// Why a file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ReproError {
    /// It ends in the middle.
    #[error("the file ends in the middle, at line {line}: it was cut short or is still written")]
    Truncated {
        /// The line it ends in.
        line: usize,
    },
    /// It is not JSON.
    #[error("not a JSON file: {0}")]
    NotJson(serde_json::Error),
    /// It is JSON of somebody else.
    #[error("not a repro of squall: `schema` is {found}, expected \"{SCHEMA}\"")]
    Foreign {
        /// What `schema` holds.
        found: String,
    },
    /// It was made by a newer squall.
    #[error("`schema` is \"{found}\", this squall reads up to \"{SCHEMA}\": use a newer one")]
    Newer {
        /// What `schema` holds.
        found: String,
    },
    /// A member is not as it has to be.
    #[error("not a readable repro: {0}")]
    Malformed(serde_json::Error),
    /// Nothing is called so here.
    #[error("it is about {0:?}, which this squall does not have")]
    UnknownScenario(String),
    /// Its plan names what is not there.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// What became of a repro when it was run again.
#[derive(Debug)]
pub struct Replayed {
    /// The run.
    pub run: Run,
    /// What became of the check that failed.
    pub judged: Judged,
    /// Others that fail.
    pub others: Vec<Broken>,
    /// The same build made it.
    pub same_build: bool,
    /// Where the histories part; `None`: they are equal.
    pub difference: Option<Difference>,
}

/// What became of a check that failed once.
#[derive(Clone, Debug, PartialEq)]
pub enum Judged {
    /// It still fails: how.
    Fails(Broken),
    /// It passes, and had something to judge.
    Passes,
    /// It says nothing: it found nothing to judge, or there is no check of this name any more.
    /// That is no proof that anything was mended.
    Nothing(String),
}

// === impl Repro ===

impl Repro {
    /// The repro of a finding: the plan is run once more for its history.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn new(arena: &Arena, finding: &Finding) -> Result<Self, PlanError> {
        Self::with_report(arena, finding).map(|(repro, ..)| repro)
    }

    /// As [`new`](Self::new), with what a page shows of that run.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn with_report(
        arena: &Arena,
        finding: &Finding,
    ) -> Result<(Self, Report, Timeline), PlanError> {
        let (run, observed) = trial::run(arena, &finding.plan)?;
        let timeline = Timeline::of(&run.history, &run.report.checks);
        let repro = Self {
            schema: SCHEMA.to_owned(),
            scenario: arena.name.to_owned(),
            build: build(),
            plan: finding.plan.clone(),
            failing: finding.broken.clone(),
            fingerprint: observed.fingerprint,
            history: run.history.entries,
        };
        Ok((repro, run.report, timeline))
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// [`ReproError`]: truncated, foreign, newer or malformed.
    pub fn read(text: &str) -> Result<Self, ReproError> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| match error.classify() {
                serde_json::error::Category::Eof => ReproError::Truncated { line: error.line() },
                _ => ReproError::NotJson(error),
            })?;
        let schema = &value["schema"];
        let found = schema.as_str().unwrap_or_default();
        let version = found.strip_prefix(SCHEMA_FAMILY);
        match version.and_then(|version| version.parse::<u64>().ok()) {
            Some(version) if version > SCHEMA_VERSION => Err(ReproError::Newer {
                found: found.to_owned(),
            }),
            Some(SCHEMA_VERSION) => serde_json::from_value(value).map_err(ReproError::Malformed),
            _ => Err(ReproError::Foreign {
                found: schema.to_string(),
            }),
        }
    }

    /// As a file has it.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string(self).expect("its keys are strings");
        text.push('\n');
        text
    }

    /// Runs it again, in the registry's arena of its name.
    ///
    /// # Errors
    /// [`ReproError::UnknownScenario`], [`ReproError::Plan`].
    pub fn replay(&self, registry: &Registry) -> Result<Replayed, ReproError> {
        let arena = registry.arena(&self.scenario);
        let arena = arena.ok_or_else(|| ReproError::UnknownScenario(self.scenario.clone()))?;
        let (run, observed) = trial::run(&arena, &self.plan)?;
        let before = History {
            entries: self.history.clone(),
        };
        let mut others = observed.failed;
        others.retain(|broken| broken.check != self.failing.check);
        Ok(Replayed {
            judged: judged(&run, &self.failing.check),
            others,
            same_build: self.build == build() && !self.build.starts_with(UNKNOWN_BUILD),
            difference: first_difference(&before, &run.history),
            run,
        })
    }

    /// For a test: panics with what was seen unless everything passes now.
    ///
    /// # Panics
    /// The check still fails or judges nothing, another one fails, or the file or its plan cannot
    /// be used.
    pub fn assert_mended(text: &str, registry: &Registry) {
        let replayed = Self::read(text).and_then(|repro| repro.replay(registry));
        let replayed = replayed.unwrap_or_else(|error| panic!("{error}"));
        match (&replayed.judged, replayed.others.first()) {
            (Judged::Fails(broken), _) | (Judged::Passes, Some(broken)) => panic!("{broken}"),
            (Judged::Nothing(why), _) => panic!("nothing is proved: {why}"),
            (Judged::Passes, None) => {}
        }
    }

    /// A test to paste beside the file.
    pub fn test(&self, file: &str, registry: &Registry) -> String {
        let name: String = self
            .failing
            .check
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_lowercase()
                } else {
                    '_'
                }
            })
            .collect();
        format!(
            "/// Found by `squall explore`: {}.\n#[test]\nfn {name}() {{\n    \
             squall::explore::repro::Repro::assert_mended(\n        \
             include_str!({file:?}),\n        &{},\n    );\n}}\n",
            self.failing.check, registry.path
        )
    }
}

fn judged(run: &Run, name: &str) -> Judged {
    let mut checks = run.report.checks.iter();
    let Some(check) = checks.find(|check| check.name == name) else {
        return Judged::Nothing(format!("no check is called {name:?}"));
    };
    match check.verdict {
        Verdict::Fail => Judged::Fails(Broken::from(check)),
        Verdict::Pass => Judged::Passes,
        Verdict::Vacuous | Verdict::Unknown => {
            Judged::Nothing(format!("{name} is {}: {}", check.verdict, check.observed))
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.check)?;
        write!(f, "  observed {}; promised {}", self.observed, self.bound)?;
        self.evidence
            .iter()
            .try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// What tells this build from others: the hash of the program itself.
pub fn build() -> String {
    let program = std::env::current_exe().and_then(std::fs::read);
    let planted = Bug::ALL.iter().find(|bug| planted::is(**bug));
    let planted = planted.map_or(String::new(), |bug| format!(" with {bug}"));
    match program {
        Ok(bytes) => format!("{:016x}{planted}", xxhash_rust::xxh3::xxh3_64(&bytes)),
        Err(error) => format!("{UNKNOWN_BUILD}{error}"),
    }
}
