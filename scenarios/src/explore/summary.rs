//! `explore.json`: what a campaign gave, for programs and for [`merge`]; and the same in words.

use std::{collections::BTreeSet, fmt::Write as _};

use indexmap::{IndexMap, IndexSet};
use serde::{Deserialize, Serialize};

use super::{
    arena::Arena,
    campaign::{Ended, Finding, Outcome, Tally},
    coverage::HINT,
    repro::build,
};

/// What the file calls itself. A change that an old reader would misread takes a new number.
pub const SCHEMA: &str = "squall.explore/1";

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`SCHEMA`].
    pub schema: String,
    /// The arena.
    pub scenario: String,
    /// The build that explored: another one's runs are others.
    pub build: String,
    /// The campaign's seed.
    pub seed: u64,
    /// Which shards are in it, of how many.
    pub shards: BTreeSet<u32>,
    /// How many shards there are.
    pub of: u32,
    /// Why it ended; of several shards the last one's.
    pub ended: Ended,
    /// What it gave.
    pub tally: Tally,
    /// Places that the code names and no run passed: each is a finding.
    pub never_reached: Vec<String>,
    /// Real time, which differs from campaign to campaign, in seconds.
    pub wall_s: f64,
}

/// Why a file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// It is not JSON, or ends in the middle.
    #[error("not a whole JSON file: {0}")]
    NotJson(serde_json::Error),
    /// It is somebody else's, or a newer squall's.
    #[error("`schema` is {0}, expected \"{SCHEMA}\"")]
    Foreign(String),
    /// A member is not as it has to be.
    #[error("not a readable summary: {0}")]
    Malformed(serde_json::Error),
    /// Two summaries are not parts of one campaign.
    #[error("not parts of one campaign: {0}")]
    Apart(String),
}

// === impl Summary ===

impl Summary {
    /// The summary of one shard.
    pub fn new(
        arena: &Arena,
        seed: u64,
        shard: (u32, u32),
        (tally, ended): (Tally, Ended),
        wall_s: f64,
    ) -> Self {
        let mut summary = Self {
            schema: SCHEMA.to_owned(),
            scenario: arena.name.to_owned(),
            build: build(),
            seed,
            shards: BTreeSet::from([shard.0]),
            of: shard.1,
            ended,
            tally,
            never_reached: Vec::new(),
            wall_s,
        };
        summary.look_for((arena.hints)().into_iter().map(str::to_owned).collect());
        summary
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// [`SummaryError`].
    pub fn read(text: &str) -> Result<Self, SummaryError> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(SummaryError::NotJson)?;
        if value["schema"] != SCHEMA {
            return Err(SummaryError::Foreign(value["schema"].to_string()));
        }
        serde_json::from_value(value).map_err(SummaryError::Malformed)
    }

    /// As a file has it.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("its keys are strings");
        text.push('\n');
        text
    }

    /// This and another shard of the same campaign.
    ///
    /// # Errors
    /// [`SummaryError::Apart`]: another arena, build, seed or number of shards; a shard twice.
    pub fn merged(mut self, other: Self) -> Result<Self, SummaryError> {
        let of = |summary: &Self| {
            let names = (summary.scenario.clone(), summary.build.clone());
            (names, summary.seed, summary.of)
        };
        if of(&self) != of(&other) {
            let text = format!("{:?} and {:?}", of(&self), of(&other));
            return Err(SummaryError::Apart(text));
        }
        if let Some(twice) = self.shards.intersection(&other.shards).next() {
            return Err(SummaryError::Apart(format!("shard {twice} is in both")));
        }
        let never: BTreeSet<_> = other.never_reached.into_iter().collect();
        self.never_reached.retain(|hint| never.contains(hint));
        self.shards.extend(other.shards);
        self.ended = other.ended;
        self.wall_s = self.wall_s.max(other.wall_s);
        self.tally = joined(self.tally, other.tally);
        Ok(self)
    }

    fn look_for(&mut self, hints: Vec<String>) {
        let reached = |hint: &String| self.tally.coverage.contains_key(&format!("{HINT}{hint}"));
        let never = hints.iter().filter(|hint| !reached(hint)).cloned();
        self.never_reached = never.collect();
    }

    /// The summary in words.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let tally = &self.tally;
        let wall_s = self.wall_s.max(0.001);
        #[expect(clippy::cast_precision_loss, reason = "runs are few")]
        let rate = tally.runs as f64 / wall_s;
        writeln!(
            out,
            "{}: {} runs in {:.1} s ({rate:.1} runs a second, {:.0} s of virtual time a second), \
             {} requests; {}",
            self.scenario,
            tally.runs,
            self.wall_s,
            tally.simulated_s / wall_s,
            tally.requests,
            self.ended.words()
        )?;
        let verdicts = tally.verdicts.iter();
        let verdicts: Vec<_> = verdicts
            .map(|(verdict, n)| format!("{n} {verdict}"))
            .collect();
        writeln!(out, "verdicts: {}", verdicts.join(", "))?;
        let faults = tally.faults.iter();
        let faults: Vec<_> = faults
            .map(|(kind, (planned, struck))| format!("{kind} {struck} of {planned}"))
            .collect();
        writeln!(out, "faults with an effect: {}", faults.join(", "))?;
        writeln!(out, "runs without any fault that had one: {}", tally.calm)?;
        for (check, times) in &tally.unknown {
            writeln!(out, "could not tell, {times} times: {check}")?;
        }
        for (check, times) in &tally.vacuous {
            writeln!(out, "judged nothing, {times} times: {check}")?;
        }
        for lost in &tally.lost {
            writeln!(out, "lost: {lost}")?;
        }
        let newest = tally.coverage.values().max().copied().unwrap_or(0);
        writeln!(
            out,
            "coverage: {} reached, the last of it in run {newest}",
            tally.coverage.len()
        )?;
        if !self.never_reached.is_empty() {
            writeln!(out, "never reached: {}", self.never_reached.join(", "))?;
        }
        if !tally.matrix.is_empty() {
            out.push_str(&matrix(&tally.matrix));
        }
        let mut findings = tally.findings.iter().enumerate();
        findings.try_for_each(|(place, finding)| write!(out, "\n{}", words(place + 1, finding)))
    }
}

/// A finding in words.
pub fn words(number: usize, finding: &Finding) -> String {
    let plan = &finding.plan;
    let mut text = format!(
        "finding {number}: {}\n  first in run {} of shard {}, in {} runs; shrunk in {} runs from \
         {} faults and {} journeys to {} and {}\n",
        finding.broken,
        finding.run,
        finding.shard,
        finding.times,
        finding.shrinking,
        finding.original.faults.len(),
        finding.original.journeys(),
        plan.faults.len(),
        plan.journeys(),
    );
    for fault in &plan.faults {
        text.push_str(&format!("  fault: {fault}\n"));
    }
    for users in &plan.users {
        text.push_str(&format!(
            "  users: {} × {}\n",
            users.journeys, users.journey
        ));
    }
    if plan.aftermath > 0 {
        text.push_str(&format!("  users afterwards: {}\n", plan.aftermath));
    }
    text
}

/// The matrix: a row a link and failure, a column a phase.
fn matrix(outcomes: &[Outcome]) -> String {
    let phases: IndexSet<&str> = outcomes.iter().map(|outcome| &*outcome.phase).collect();
    let mut text = "matrix: + passed, F failed, . without effect; phases:\n".to_owned();
    for (number, phase) in phases.iter().enumerate() {
        text.push_str(&format!("  {} {phase}\n", number + 1));
    }
    // A shard has only some of a row's cells.
    let mut rows: IndexMap<String, Vec<char>> = IndexMap::new();
    for outcome in outcomes {
        let name = format!("{} {}", outcome.link, outcome.failure.words());
        let mark = match (&outcome.failed, outcome.exercised) {
            (Some(_), _) => 'F',
            (None, true) => '+',
            (None, false) => '.',
        };
        let row = rows.entry(name).or_insert_with(|| vec![' '; phases.len()]);
        let phase = phases.get_index_of(&*outcome.phase);
        row[phase.expect("every phase was collected")] = mark;
    }
    rows.sort_keys();
    for (name, marks) in rows {
        let marks: Vec<String> = marks.iter().map(char::to_string).collect();
        text.push_str(&format!("  {name:<52} {}\n", marks.join(" ")));
    }
    text
}

fn joined(mut one: Tally, other: Tally) -> Tally {
    let runs = one.runs;
    one.runs += other.runs;
    one.simulated_s += other.simulated_s;
    one.requests += other.requests;
    one.calm += other.calm;
    one.lost.extend(other.lost);
    one.matrix.extend(other.matrix);
    for (verdict, times) in other.verdicts {
        *one.verdicts.entry(verdict).or_default() += times;
    }
    for (check, times) in other.unknown {
        *one.unknown.entry(check).or_default() += times;
    }
    for (check, times) in other.vacuous {
        *one.vacuous.entry(check).or_default() += times;
    }
    for (kind, (planned, struck)) in other.faults {
        let sum = one.faults.entry(kind).or_default();
        *sum = (sum.0 + planned, sum.1 + struck);
    }
    for (reached, run) in other.coverage {
        one.coverage.entry(reached).or_insert(runs + run);
    }
    for finding in other.findings {
        let known = one.findings.iter_mut();
        let mut known = known.filter(|known| known.broken.check == finding.broken.check);
        match known.next() {
            // The smaller one tells more.
            Some(known) => {
                let times = known.times + finding.times;
                if finding.plan.size() < known.plan.size() {
                    *known = finding;
                }
                known.times = times;
            }
            None => one.findings.push(finding),
        }
    }
    one
}

impl Ended {
    fn words(self) -> &'static str {
        match self {
            Self::Runs => "all runs that were asked for",
            Self::Time => "the time is up",
            Self::Idle => "nothing new came any more",
            Self::Findings => "enough was found",
            Self::Matrix => "the whole matrix",
            Self::Interrupted => "interrupted",
        }
    }
}

#[cfg(test)]
mod tests {
    use squall_chaos::matrix::Failure;

    use super::*;

    #[test]
    fn a_matrix_has_its_marks_under_their_phases_whoever_ran_them() {
        let cell = |failure, phase: &str, exercised| Outcome {
            link: "front -> back".to_owned(),
            failure,
            phase: phase.to_owned(),
            exercised,
            failed: None,
        };
        let whole = [
            cell(Failure::Hang, "asked", true),
            cell(Failure::Hang, "done", false),
            cell(Failure::Slow, "asked", false),
            cell(Failure::Slow, "done", true),
        ];
        let text = matrix(&whole);
        assert!(text.contains("  1 asked\n  2 done\n"), "{text}");
        let rows: Vec<&str> = text.lines().filter(|line| line.contains("->")).collect();
        assert!(
            rows[0].contains("hang") && rows[0].ends_with(" + ."),
            "{text}"
        );
        assert!(
            rows[1].contains("slow") && rows[1].ends_with(" . +"),
            "{text}"
        );
        // Two shards, joined.
        let [a, b, c, d] = whole.clone();
        assert_eq!(matrix(&[a, d.clone(), b, c]), text);
        let part = matrix(&[whole[0].clone(), d]);
        assert!(
            part.lines()
                .any(|row| row.contains("slow") && row.ends_with("   +")),
            "{part}"
        );
    }
}
