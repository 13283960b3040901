//! `results.json`: what one invocation of squall found, for programs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    check::{RunVerdict, Verdict},
    documented::Comparison,
    siege::Siege,
    statistics::{Latencies, RequestCounts},
};

/// What the file calls itself. A change that an old reader would misread takes a new number.
pub const SCHEMA: &str = "squall.results/1";

const SCHEMA_FAMILY: &str = "squall.results/";
const SCHEMA_VERSION: u64 = 1;

/// The file. Everything but `wall` is the same for the same seed and build.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`SCHEMA`].
    pub schema: String,
    /// One for every scenario and seed, in the order of the catalogue.
    pub runs: Vec<RunResult>,
    /// Real time, which differs from run to run.
    pub wall: Wall,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// `shop/pay-outage`.
    pub scenario: String,
    /// `shop`.
    pub system: String,
    /// Its seed.
    pub seed: u64,
    /// The worst of its checks, or a panic.
    pub verdict: RunVerdict,
    /// Virtual time from start to end, in seconds.
    pub simulated_s: f64,
    /// Of its whole history.
    pub fingerprint: String,
    /// Users' requests.
    pub requests: RequestCounts,
    /// Siege's lines.
    pub siege: Siege,
    /// Since the intended sending (no coordinated omission), in ms.
    pub latency_ms: Latencies,
    /// What was promised.
    pub checks: Vec<CheckResult>,
    /// What struck, in the order of the plan.
    pub faults: Vec<FaultResult>,
    /// The documented figures that this scenario repeats, beside its own.
    pub documented: Option<Comparison>,
}

/// One judgement. Its evidence is in the report for people and in the JUnit file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// What was asked.
    pub name: String,
    /// The answer.
    pub verdict: Verdict,
    /// What was seen.
    pub observed: String,
    /// What was promised.
    pub bound: String,
}

/// One fault of the plan that began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultResult {
    /// What it did, in words.
    pub fault: String,
    /// When it began, in seconds of virtual time.
    pub from_s: f64,
    /// When it was healed; `None` when it never was.
    pub to_s: Option<f64>,
    /// What it did, counted.
    pub effect: BTreeMap<String, u64>,
}

/// Real time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Wall {
    /// Of everything, in seconds.
    pub total_s: f64,
    /// Of each scenario, all its seeds together, in seconds.
    pub by_scenario_s: BTreeMap<String, f64>,
}

/// Why a file could not be read as results.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
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
    #[error("not a file of squall results: `schema` is {found}, expected \"{SCHEMA}\"")]
    Foreign {
        /// What it calls itself.
        found: String,
    },
    /// It is of a later squall.
    #[error("results of a newer squall: `schema` is \"{found}\", this one reads \"{SCHEMA}\"")]
    Newer {
        /// What it calls itself.
        found: String,
    },
    /// It calls itself results but has another shape.
    #[error("damaged results: {place}: {cause}")]
    Damaged {
        /// Where.
        place: String,
        /// What is wrong there.
        cause: serde_json::Error,
    },
}

impl Results {
    /// The results of these runs.
    pub fn new(runs: Vec<RunResult>, wall: Wall) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            runs,
            wall,
        }
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("results have string keys only") + "\n"
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// Says whether the text is cut short, no JSON, of another program, of a newer squall, or
    /// damaged, and where.
    pub fn read(text: &str) -> Result<Self, ResultsError> {
        let file: Value = serde_json::from_str(text).map_err(|error| match error.is_eof() {
            true => ResultsError::Truncated { line: error.line() },
            false => ResultsError::NotJson(error),
        })?;
        recognise(file.get("schema"))?;
        Self::deserialize(&file)
            .map_err(|cause| damaged_run(&file).unwrap_or_else(|| damaged("file".into(), cause)))
    }

    /// The worst verdict of all runs; nothing run is vacuous.
    pub fn verdict(&self) -> RunVerdict {
        self.runs
            .iter()
            .map(|run| run.verdict)
            .max()
            .unwrap_or(RunVerdict::Vacuous)
    }
}

fn recognise(schema: Option<&Value>) -> Result<(), ResultsError> {
    let text = schema.and_then(Value::as_str).unwrap_or_default();
    match text.strip_prefix(SCHEMA_FAMILY).map(str::parse::<u64>) {
        Some(Ok(SCHEMA_VERSION)) => Ok(()),
        Some(Ok(version)) if version > SCHEMA_VERSION => Err(ResultsError::Newer {
            found: text.to_owned(),
        }),
        _ => {
            let found = schema.map_or("missing".to_owned(), ToString::to_string);
            Err(ResultsError::Foreign { found })
        }
    }
}

/// The first run that cannot be read, by its place.
fn damaged_run(file: &Value) -> Option<ResultsError> {
    let runs = file.get("runs")?.as_array()?;
    runs.iter().enumerate().find_map(|(place, run)| {
        let cause = RunResult::deserialize(run).err()?;
        Some(damaged(format!("runs[{place}]"), cause))
    })
}

fn damaged(place: String, cause: serde_json::Error) -> ResultsError {
    ResultsError::Damaged { place, cause }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::by_hand;

    fn results() -> Results {
        let wall = Wall {
            total_s: 0.25,
            by_scenario_s: [("shop/calm".to_owned(), 0.25)].into(),
        };
        Results::new(
            by_hand::reports()
                .into_iter()
                .map(|report| report.result)
                .collect(),
            wall,
        )
    }

    #[test]
    fn results_json() {
        insta::assert_snapshot!(results().to_json());
    }

    #[test]
    fn is_read_back_as_written() {
        assert_eq!(
            Results::read(&results().to_json()).expect("just written"),
            results()
        );
        assert_eq!(results().verdict(), RunVerdict::Panic);
        assert_eq!(
            Results::new(vec![], Wall::default()).verdict(),
            RunVerdict::Vacuous
        );
    }

    #[test]
    fn only_wall_may_differ() {
        let mut slower = results();
        slower.wall.total_s = 9.0;
        let (fast, slow) = (results().to_json(), slower.to_json());
        let before_wall = |text: &str| text.split("\"wall\"").next().map(str::to_owned);
        assert_ne!(fast, slow);
        assert_eq!(before_wall(&fast), before_wall(&slow));
    }

    #[test]
    fn says_what_is_wrong_with_a_file() {
        let whole = results().to_json();
        let cut = &whole[..whole.len() / 2];
        let newer = whole.replace(SCHEMA, "squall.results/2");
        let damaged = whole.replacen("\"seed\": 1", "\"seed\": \"one\"", 1);
        let headless = "{\"schema\": \"squall.results/1\"}";
        let cases = [
            (cut, "the file ends in the middle, at line "),
            ("", "the file ends in the middle, at line 1"),
            (
                "scenario,seed",
                "not a JSON file: expected value at line 1 column 1",
            ),
            (
                "[]",
                "not a file of squall results: `schema` is missing, expected \"squall.res",
            ),
            (
                "{\"schema\": 3}",
                "not a file of squall results: `schema` is 3, expected",
            ),
            (
                "{\"schema\": \"k6/1\"}",
                "not a file of squall results: `schema` is \"k6/1\", exp",
            ),
            (
                &newer,
                "results of a newer squall: `schema` is \"squall.results/2\", this one rea",
            ),
            (
                &damaged,
                "damaged results: runs[0]: invalid type: string \"one\", expected u64",
            ),
            (headless, "damaged results: file: missing field `runs`"),
        ];
        for (text, message) in cases {
            let error = Results::read(text).expect_err(message).to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
