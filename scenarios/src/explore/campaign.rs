//! A campaign: plans are drawn, run, judged; those that reach something new are kept and mutated;
//! those that fail are shrunk.
//!
//! Runs are made in rounds of a fixed size, and what a round taught is taken in in the order of its
//! runs: the same seed gives the same campaign, however many jobs share it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use squall_chaos::{
    generation,
    matrix::{self, Cell},
    mutation,
    plan::Plan,
    shrinking::Shrinker,
    space::Space,
};
use squall_reports::check::RunVerdict;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    trial::{Broken, Observed},
    workers::{Made, Workers},
};

/// Runs of one round. A round's plans are drawn before any of it is run.
const ROUND: u64 = 32;
/// Most plans that are kept for mutation; the oldest go first.
const CORPUS: usize = 512;

/// How many of them are the latest.
const LATEST: u64 = 24;

/// When a campaign ends, and how it searches.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Every plan follows from it.
    pub seed: u64,
    /// Which part of a campaign this is, from 1, and of how many: each has plans of its own.
    pub shard: (u32, u32),
    /// Most runs; those for shrinking are counted apart.
    pub runs: Option<u64>,
    /// Most time; looked at between rounds.
    pub time: Option<Duration>,
    /// So many runs in a row that reach nothing new end it.
    pub idle: u64,
    /// So many different findings end it.
    pub findings: usize,
    /// Most runs to shrink one finding.
    pub shrinking: u64,
    /// Make each run twice, and hold one history against the other.
    pub twice: bool,
}

/// Why a campaign ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// All runs that were asked for.
    Runs,
    /// The time is up.
    Time,
    /// Nothing new came for a while.
    Idle,
    /// Enough was found.
    Findings,
    /// Every cell of the matrix was run.
    Matrix,
    /// Ctrl-C.
    Interrupted,
}

/// What failed, and the smallest plan that shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The first check that failed.
    pub broken: Broken,
    /// The shard of the campaign that found it, from 1.
    pub shard: u32,
    /// The run of that shard that showed it first, from 1.
    pub run: u64,
    /// How many runs showed it.
    pub times: u64,
    /// The plan that showed it first.
    pub original: Plan,
    /// The smallest one found.
    pub plan: Plan,
    /// The smallest one's fingerprint.
    pub fingerprint: String,
    /// Runs that shrinking took.
    pub shrinking: u64,
}

/// What a campaign gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Runs made.
    pub runs: u64,
    /// Runs by verdict.
    pub verdicts: BTreeMap<RunVerdict, u64>,
    /// Runs that could not be made: how their processes died.
    pub lost: Vec<String>,
    /// Names of checks that could not tell, and how often.
    pub unknown: BTreeMap<String, u64>,
    /// Names of checks that found nothing to judge, and how often.
    pub vacuous: BTreeMap<String, u64>,
    /// Faults planned and those that had an effect, by kind.
    pub faults: BTreeMap<String, (u64, u64)>,
    /// Runs in which no fault had an effect.
    pub calm: u64,
    /// What was reached, and the run that reached it first.
    pub coverage: BTreeMap<String, u64>,
    /// Different findings.
    pub findings: Vec<Finding>,
    /// Virtual time of all runs, in seconds.
    pub simulated_s: f64,
    /// Requests of users in all runs.
    pub requests: u64,
    /// The matrix's cells with what became of each; empty unless it was asked for.
    pub matrix: Vec<Outcome>,
}

/// What became of a cell of the matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// `order -> pay`.
    pub link: String,
    /// How it failed.
    pub failure: matrix::Failure,
    /// When.
    pub phase: String,
    /// The fault had an effect.
    pub exercised: bool,
    /// The check that failed, if any.
    pub failed: Option<String>,
}

/// A campaign under way.
pub struct Campaign<'a> {
    arena: &'a str,
    space: &'a Space,
    workers: &'a Workers,
    limits: Limits,
    stop: &'a AtomicBool,
    corpus: Vec<Plan>,
    tally: Tally,
    last_news: u64,
}

/// Who watches a campaign.
pub trait Watch {
    /// A run was made.
    fn ran(&mut self, plan: &Plan, made: &Made);
    /// A round is over.
    fn round(&mut self, tally: &Tally);
    /// A failing plan gets smaller.
    fn shrinking(&mut self, broken: &Broken, plan: &Plan, runs: u64);
    /// A finding is ready.
    fn found(&mut self, finding: &Finding);
    /// Real time since the beginning.
    fn elapsed(&self) -> Duration;
}

// === impl Campaign ===

impl<'a> Campaign<'a> {
    /// A campaign in the arena of this name.
    pub fn new(
        arena: &'a str,
        space: &'a Space,
        workers: &'a Workers,
        limits: Limits,
        stop: &'a AtomicBool,
    ) -> Self {
        Self {
            arena,
            space,
            workers,
            limits,
            stop,
            corpus: Vec::new(),
            tally: Tally::default(),
            last_news: 0,
        }
    }

    /// Searches until a limit is reached.
    pub fn search(mut self, watch: &mut dyn Watch) -> (Tally, Ended) {
        loop {
            if let Some(ended) = self.ended(watch.elapsed()) {
                return (self.tally, ended);
            }
            let left = self
                .limits
                .runs
                .map_or(ROUND, |runs| runs - self.tally.runs);
            let numbers = self.tally.runs + 1..=self.tally.runs + left.min(ROUND);
            let plans: Vec<Plan> = numbers.map(|run| self.plan(run)).collect();
            let made = self.run(&plans, |made| self.completes(made), watch);
            for (plan, made) in plans.iter().zip(made) {
                if let Some(made) = made {
                    self.take_in(plan, made, watch);
                }
                if self.tally.findings.len() >= self.limits.findings {
                    break;
                }
            }
            watch.round(&self.tally);
        }
    }

    /// Goes through the matrix, cell by cell.
    pub fn go_through(mut self, cells: &[Cell], watch: &mut dyn Watch) -> (Tally, Ended) {
        for part in cells.chunks(usize::try_from(ROUND).unwrap_or(1)) {
            let plan = |cell: &Cell| cell.plan(self.space, self.limits.seed);
            let plans: Vec<Plan> = part.iter().map(plan).collect();
            let made = self.run(&plans, |_| false, watch);
            for ((cell, plan), made) in part.iter().zip(&plans).zip(made) {
                let Some(made) = made else { continue };
                self.tally.matrix.push(outcome(cell, &made));
                self.take_in(plan, made, watch);
            }
            watch.round(&self.tally);
            if self.stop.load(Ordering::Relaxed) {
                return (self.tally, Ended::Interrupted);
            }
        }
        (self.tally, Ended::Matrix)
    }

    fn ended(&self, elapsed: Duration) -> Option<Ended> {
        let limits = &self.limits;
        let runs = self.tally.runs;
        let reached = [
            (self.stop.load(Ordering::Relaxed), Ended::Interrupted),
            (
                self.tally.findings.len() >= limits.findings,
                Ended::Findings,
            ),
            (limits.runs.is_some_and(|most| runs >= most), Ended::Runs),
            (limits.time.is_some_and(|most| elapsed >= most), Ended::Time),
            (runs - self.last_news >= limits.idle, Ended::Idle),
        ];
        reached
            .into_iter()
            .find(|(yes, _)| *yes)
            .map(|(_, ended)| ended)
    }

    /// The plan of a run: drawn anew, or from one that reached something.
    fn plan(&self, run: u64) -> Plan {
        let (shard, _) = self.limits.shard;
        let seed = |what: &str| {
            xxh3_64_with_seed(format!("{what}/{shard}/{run}").as_bytes(), self.limits.seed)
        };
        let parents = self.corpus.len() as u64;
        if parents == 0 || seed("anew").is_multiple_of(2) {
            return generation::draw(self.space, seed("plan"));
        }
        // What came last was the hardest to reach: every other parent is one of those.
        let latest = if seed("latest").is_multiple_of(2) {
            LATEST.min(parents)
        } else {
            parents
        };
        let back = seed("parent") % latest;
        let parent = usize::try_from(parents - 1 - back).unwrap_or(0);
        mutation::mutate(self.space, &self.corpus[parent], seed("plan"))
    }

    /// With this one enough is found.
    fn completes(&self, made: &Made) -> bool {
        let Made::Run(observed) = made else {
            return false;
        };
        let findings = &self.tally.findings;
        let is_new = |broken: &Broken| findings.iter().all(|f| f.broken.check != broken.check);
        observed.failed.first().is_some_and(is_new) && findings.len() + 1 >= self.limits.findings
    }

    fn run(
        &self,
        plans: &[Plan],
        enough: impl Fn(&Made) -> bool + Copy + Sync,
        watch: &mut dyn Watch,
    ) -> Vec<Option<Made>> {
        let run = || self.workers.run(self.arena, plans, self.stop, enough);
        let mut made = run();
        if self.limits.twice {
            let again = run();
            for (made, again) in made.iter_mut().zip(&again) {
                if let (Some(Made::Run(made)), Some(Made::Run(again))) = (made, again) {
                    made.hold_against(again);
                }
            }
        }
        for (plan, made) in plans.iter().zip(&made) {
            if let Some(made) = made {
                watch.ran(plan, made);
            }
        }
        made
    }

    fn take_in(&mut self, plan: &Plan, made: Made, watch: &mut dyn Watch) {
        self.tally.runs += 1;
        let run = self.tally.runs;
        let observed = match made {
            Made::Run(observed) => *observed,
            Made::Lost(why) => return self.tally.lost.push(format!("run {run}: {why}")),
        };
        let failed = observed.failed.first().cloned();
        let tally = &mut self.tally;
        *tally.verdicts.entry(observed.verdict).or_default() += 1;
        tally.simulated_s += observed.simulated_s;
        tally.requests += observed.requests;
        for check in &observed.unknown {
            *tally.unknown.entry(check.clone()).or_default() += 1;
        }
        for check in &observed.vacuous {
            *tally.vacuous.entry(check.clone()).or_default() += 1;
        }
        for (fault, struck) in plan.faults.iter().zip(&observed.struck) {
            let kind = fault.kind.name().to_owned();
            let (planned, acted) = tally.faults.entry(kind).or_default();
            *planned += 1;
            *acted += u64::from(*struck);
        }
        tally.calm += u64::from(!observed.struck.contains(&true));
        if self.is_news(run, &observed.coverage) && failed.is_none() {
            self.corpus.push(plan.clone());
            if self.corpus.len() > CORPUS {
                self.corpus.remove(0);
            }
        }
        if let Some(broken) = failed {
            self.found(run, plan, (broken, observed.fingerprint), watch);
        }
    }

    fn is_news(&mut self, run: u64, coverage: &BTreeSet<String>) -> bool {
        let known = self.tally.coverage.len();
        for reached in coverage {
            self.tally.coverage.entry(reached.clone()).or_insert(run);
        }
        let news = self.tally.coverage.len() > known;
        if news {
            self.last_news = run;
        }
        news
    }

    fn found(
        &mut self,
        run: u64,
        plan: &Plan,
        (broken, fingerprint): (Broken, String),
        watch: &mut dyn Watch,
    ) {
        let findings = &mut self.tally.findings;
        let known = findings.iter_mut().find(|f| f.broken.check == broken.check);
        if let Some(known) = known {
            known.times += 1;
            return;
        }
        let finding = Finding {
            broken,
            shard: self.limits.shard.0,
            run,
            times: 1,
            original: plan.clone(),
            plan: plan.clone(),
            fingerprint,
            shrinking: 0,
        };
        let finding = self.shrink(finding, watch);
        watch.found(&finding);
        self.tally.findings.push(finding);
    }

    fn shrink(&self, mut finding: Finding, watch: &mut dyn Watch) -> Finding {
        let mut shrinker = Shrinker::new(finding.plan.clone());
        while finding.shrinking < self.limits.shrinking && !self.stop.load(Ordering::Relaxed) {
            let left = self.limits.shrinking - finding.shrinking;
            let most = usize::try_from(left).unwrap_or(usize::MAX);
            let candidates = shrinker.next(self.workers.jobs().min(most));
            if candidates.is_empty() {
                break;
            }
            let made = self
                .workers
                .run(self.arena, &candidates, self.stop, |_| false);
            // One after the other, whoever ran them: the result does not depend on the jobs.
            let smaller = candidates.into_iter().zip(made).find_map(|(plan, made)| {
                finding.shrinking += 1;
                let (broken, observed) = still_fails(made?, &finding.broken.check)?;
                Some((plan, broken, observed))
            });
            if let Some((plan, broken, observed)) = smaller {
                watch.shrinking(&broken, &plan, finding.shrinking);
                finding.broken = broken;
                finding.plan = plan.clone();
                finding.fingerprint = observed.fingerprint;
                shrinker.accept(plan);
            }
        }
        finding
    }
}

/// The same check failing, if it does.
fn still_fails(made: Made, check: &str) -> Option<(Broken, Observed)> {
    let Made::Run(observed) = made else {
        return None;
    };
    let broken = observed.failed.iter().find(|b| b.check == check).cloned();
    Some((broken?, *observed))
}

fn outcome(cell: &Cell, made: &Made) -> Outcome {
    let (exercised, failed) = match made {
        Made::Run(observed) => (
            observed.struck.iter().all(|struck| *struck),
            observed.failed.first().map(|broken| broken.check.clone()),
        ),
        Made::Lost(why) => (false, Some(why.clone())),
    };
    Outcome {
        link: format!("{} -> {}", cell.link.from, cell.link.to),
        failure: cell.failure,
        phase: cell.phase.to_string(),
        exercised,
        failed,
    }
}
