//! What a load counts, and its report.

use std::{collections::BTreeMap, fmt};

use squall_kit::net::call::{Answer, CallError};
use squall_reports::{
    siege::{Siege, Sums},
    statistics::Latencies,
};

/// Errors are told apart up to so many; further kinds count together.
const KINDS: usize = 20;

/// Counts as requests end. Times are kept one by one, 16 bytes a request.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    sums: Sums,
    statuses: BTreeMap<u16, u64>,
    errors: BTreeMap<String, u64>,
    response_us: Vec<u64>,
    service_us: Vec<u64>,
}

/// What a load gave.
#[derive(Clone, Debug)]
pub struct Report {
    /// Siege's block; its times are those since the actual sending.
    pub siege: Siege,
    /// Times of all answers since the intended sending.
    pub response: Latencies,
    /// The same since the actual sending.
    pub service: Latencies,
    /// How often each status was answered.
    pub statuses: BTreeMap<u16, u64>,
    /// Why requests had no answer.
    pub errors: BTreeMap<String, u64>,
    /// It ended early, for the failures.
    pub gave_up: bool,
}

/// When something was done, in µs since the load's start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) intended_us: u64,
    pub(super) sent_us: u64,
    pub(super) ended_us: u64,
}

impl Tally {
    pub(super) fn count(&mut self, times: Times, result: &Result<Answer, CallError>) {
        match result {
            Ok(answer) => {
                let status = answer.status.as_u16();
                // Of an answer siege counts the body alone.
                let bytes = u64::try_from(answer.body.len()).unwrap_or(u64::MAX);
                self.sums
                    .answered(status, bytes, times.sent_us, times.ended_us);
                *self.statuses.entry(status).or_default() += 1;
                self.response_us
                    .push(times.ended_us.saturating_sub(times.intended_us));
                self.service_us
                    .push(times.ended_us.saturating_sub(times.sent_us));
            }
            Err(error) => self.fail(&error.to_string()),
        }
    }

    pub(super) fn fail(&mut self, why: &str) {
        self.sums.unanswered();
        let known = self.errors.contains_key(why) || self.errors.len() < KINDS;
        let kind = if known { why } else { "other errors" };
        *self.errors.entry(kind.to_owned()).or_default() += 1;
    }

    pub(super) fn failed(&self) -> u64 {
        self.sums.failed()
    }

    pub(super) fn report(mut self, elapsed_us: u64, gave_up: bool) -> Report {
        self.sums.lasted(0, elapsed_us);
        Report {
            siege: self.sums.siege(),
            response: Latencies::of(self.response_us.into_iter()),
            service: Latencies::of(self.service_us.into_iter()),
            statuses: self.statuses,
            errors: self.errors,
            gave_up,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.siege)?;
        let heads = ["p50", "p90", "p99", "p99.9", "max"];
        write!(out, "{:<28}", "Milliseconds")?;
        heads
            .iter()
            .try_for_each(|head| write!(out, "{head:>11}"))?;
        for (name, times) in [
            ("since it was to be sent", &self.response),
            ("since it was sent", &self.service),
        ] {
            write!(out, "\n  {name:<26}")?;
            let Latencies {
                p50,
                p90,
                p99,
                p999,
                max,
            } = times;
            [p50, p90, p99, p999, max]
                .iter()
                .try_for_each(|ms| write!(out, "{ms:>11.2}"))?;
        }
        writeln!(out)?;
        for (status, count) in &self.statuses {
            writeln!(out, "Answers {status}: {count}")?;
        }
        for (error, count) in &self.errors {
            writeln!(out, "{error}: {count}")?;
        }
        Ok(())
    }
}
