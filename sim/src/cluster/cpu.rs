//! The cores of one container, shared by what runs on them: a machine that knows nothing but time.
//!
//! **Rule** (egalitarian processor sharing, as Linux' fair scheduler tends to): `n` jobs and a
//! background load that would keep `b` cores busy get `min(1, cores / (n + b))` of a core each, as
//! one thread runs on one core at a time. `cores` is the container's limit, or what its node has.
//!
//! **Where Linux differs.** CFS bandwidth control throttles in periods of 100 ms: with a limit of
//! 500m on an idle node a thread runs at full speed for 50 ms and then not at all for 50 ms
//! (`cpu.cfs_period_us`, `cpu.cfs_quota_us`). Here the limit is spread evenly, so that the same
//! thread runs at half speed all the time. Rates and means over some periods are the same; a short
//! request that comes early in a period is faster on Linux, one that comes when the quota is gone
//! waits up to 100 ms longer. Neighbours on the node take nothing from a container.
//!
//! **Exact.** Time inside is counted in femtoseconds, in integers. A job's share is tracked as
//! attained service: `attained` is what a job has got that has been there from the beginning, so a
//! job is finished when that reaches its arrival's value plus its work. One event costs O(log n).
//! What is used is what jobs and background attained, to the last unit; rounding only ever loses
//! less than a femtosecond of each job per event.
//!
//! **Late observers.** Whoever asks does it at whole milliseconds, as that is the engine's grain;
//! completions happen here at their exact times in between. A worker that ended a request at
//! 3.17 ms and hears of it at 4 ms would take its next one from the queue 0.83 ms late, and a
//! server of 315 requests/s would serve 250. [`Cpu::add`] therefore takes the time at which a job
//! *would* have begun, and lets it catch up with the capacity that lay idle since.

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, time::Duration, vec::Drain};

/// Femtoseconds in a nanosecond.
const FEMTOS: u128 = 1_000_000;
/// The grain of observation, and how far back capacity can be claimed: 1 ms in femtoseconds.
const GRAIN: u128 = 1_000_000 * FEMTOS;
/// One core in millicores.
const CORE: u128 = 1_000;

/// Something that runs. Ordered by when it will be finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct JobId {
    /// The attained service at which it is finished.
    finished_at: u128,
    /// Counted up; who came first is finished first.
    number: u64,
}

/// A container's cores and what runs on them. All times are of one clock that never goes back.
#[derive(Clone, Debug)]
pub(crate) struct Cpu {
    limit_milli: u128,
    background_milli: u128,
    now: u128,
    attained: u128,
    /// Used so far, in femtoseconds of a millicore.
    used: u128,
    /// Capacity of the last [`GRAIN`] before `now` that nobody used, in the same unit.
    idle: u128,
    jobs: BTreeSet<JobId>,
    finished: Vec<(JobId, Duration)>,
    next_number: u64,
}

impl Cpu {
    /// Cores that nothing runs on, from `now` on. `limit_milli`: 1000 is one core.
    ///
    /// # Panics
    /// When there is nothing to compute on.
    pub(crate) fn new(limit_milli: u64, now: Duration) -> Self {
        assert!(limit_milli > 0, "a container without any core");
        Self {
            limit_milli: limit_milli.into(),
            background_milli: 0,
            now: femtos(now),
            attained: 0,
            used: 0,
            idle: 0,
            jobs: BTreeSet::new(),
            finished: Vec::new(),
            next_number: 0,
        }
    }

    /// A job of so much time on a core of its own begins. `since` is when it would have begun had
    /// its observers been in time: it gets what lay idle from then on (of the last millisecond), at
    /// most one core of it. A job that came just now says `now`.
    pub(crate) fn add(&mut self, now: Duration, since: Duration, work: Duration) -> JobId {
        self.advance(now);
        let late = self.now.saturating_sub(femtos(since)).min(GRAIN);
        let work = femtos(work);
        let caught_up = work.min(late).min(self.idle / CORE);
        self.idle -= caught_up * CORE;
        self.used += caught_up * CORE;
        let id = JobId {
            finished_at: self.attained + (work - caught_up),
            number: self.next_number,
        };
        self.next_number += 1;
        if caught_up == work {
            let at = self.now - late + work;
            self.finished.push((id, duration(at)));
        } else {
            self.jobs.insert(id);
        }
        id
    }

    /// A job is given up. Tells how much it still had to do; `None`: it was finished.
    pub(crate) fn remove(&mut self, now: Duration, id: JobId) -> Option<Duration> {
        self.advance(now);
        let running = self.jobs.remove(&id);
        running.then(|| duration(id.finished_at - self.attained))
    }

    /// What was finished since the last call, and exactly when, in that order.
    pub(crate) fn finished(&mut self, now: Duration) -> Drain<'_, (JobId, Duration)> {
        self.advance(now);
        self.finished.drain(..)
    }

    /// When the next job is finished, as things stand: every change may move it.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.next_finish().map(duration)
    }

    /// The job that is finished next.
    pub(crate) fn next(&self) -> Option<JobId> {
        self.jobs.first().copied()
    }

    /// Time that cores were busy since the beginning, summed over cores: what the kubelet reports
    /// of a container (cAdvisor: `container_cpu_usage_seconds_total`).
    pub(crate) fn used(&mut self, now: Duration) -> Duration {
        self.advance(now);
        duration(self.used / CORE)
    }

    /// Something beside the jobs, start-up say, would keep so many millicores busy from now on.
    pub(crate) fn set_background(&mut self, now: Duration, milli: u64) {
        self.advance(now);
        self.background_milli = milli.into();
    }

    /// Jobs that are not finished.
    #[cfg(test)]
    pub(crate) fn running(&self) -> usize {
        self.jobs.len()
    }

    /// True when some get less than the core that they could use.
    pub(crate) fn is_saturated(&self) -> bool {
        self.demand() > self.limit_milli
    }

    /// What all together could use, in millicores.
    fn demand(&self) -> u128 {
        self.jobs.len() as u128 * CORE + self.background_milli
    }

    fn next_finish(&self) -> Option<u128> {
        let left = self.jobs.first()?.finished_at - self.attained;
        let demand = self.demand();
        let takes = if demand <= self.limit_milli {
            left
        } else {
            (left * demand).div_ceil(self.limit_milli)
        };
        Some(self.now + takes)
    }

    /// Lets everything happen up to `now`, each completion at its own time.
    fn advance(&mut self, now: Duration) {
        let now = femtos(now);
        assert!(now >= self.now, "the clock of a container went back");
        if now == self.now {
            return;
        }
        self.idle = 0;
        while let Some(at) = self.next_finish().filter(|at| *at <= now) {
            self.run(at, now);
            let first = self.jobs.pop_first().expect("it has a time to finish");
            assert_eq!(first.finished_at, self.attained, "a job ends with its work");
            self.finished.push((first, duration(at)));
        }
        self.run(now, now);
    }

    /// Lets the present jobs run until `until`; `end` is how far this advance goes.
    fn run(&mut self, until: u128, end: u128) {
        let demand = self.demand();
        let share = self.limit_milli.min(demand);
        let elapsed = until - self.now;
        let got = if demand <= self.limit_milli {
            elapsed
        } else {
            elapsed * self.limit_milli / demand
        };
        self.attained += got;
        self.used += got * demand;
        let recent = until.saturating_sub(self.now.max(end.saturating_sub(GRAIN)));
        self.idle += (self.limit_milli - share) * recent;
        self.now = until;
    }
}

fn femtos(time: Duration) -> u128 {
    time.as_nanos() * FEMTOS
}

/// In whole nanoseconds, none too early.
fn duration(femtos: u128) -> Duration {
    let nanos = femtos.div_ceil(FEMTOS);
    Duration::from_nanos_u128(nanos)
}
