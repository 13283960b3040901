//! The counts a Hystrix breaker decides by: a window of completed buckets (Hystrix:
//! `HealthCountsStream`, `BucketedRollingCounterStream`).

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// Calls, and how many of them failed, timed out or were rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HealthCounts {
    /// All that count: short-circuited calls and bad requests do not.
    pub total: u64,
    /// Failures, timeouts and rejections.
    pub errors: u64,
}

impl HealthCounts {
    /// Whole percents, rounded down: `(int)((double) errors / total * 100)`.
    pub fn error_percentage(self) -> u64 {
        (self.errors * 100).checked_div(self.total).unwrap_or(0)
    }

    fn add(&mut self, other: Self) {
        self.total += other.total;
        self.errors += other.errors;
    }

    fn subtract(&mut self, other: Self) {
        self.total -= other.total;
        self.errors -= other.errors;
    }
}

/// A rolling window that moves in whole buckets. The bucket that is being filled is not in it.
#[derive(Clone, Debug)]
pub struct HealthWindow {
    bucket: Duration,
    next_boundary: Instant,
    completed: VecDeque<HealthCounts>,
    filling: HealthCounts,
    sum: HealthCounts,
}

impl HealthWindow {
    /// `buckets` empty buckets, each `bucket` long, the next of which begins now.
    ///
    /// # Panics
    /// When there are no buckets, or they have no length.
    pub fn new(now: Instant, buckets: usize, bucket: Duration) -> Self {
        assert!(buckets > 0 && !bucket.is_zero(), "a window has a length");
        Self {
            bucket,
            next_boundary: now + bucket,
            completed: std::iter::repeat_n(HealthCounts::default(), buckets).collect(),
            filling: HealthCounts::default(),
            sum: HealthCounts::default(),
        }
    }

    /// Counts one call into the bucket that is being filled. Call [`tick`](Self::tick) before.
    pub fn count(&mut self, is_error: bool) {
        let errors = u64::from(is_error);
        self.filling.add(HealthCounts { total: 1, errors });
    }

    /// Completes the next bucket, if its end is not after `now`, and gives that end and the counts
    /// of the window as of then. Call it until it gives `None`.
    pub fn tick(&mut self, now: Instant) -> Option<(Instant, HealthCounts)> {
        if self.next_boundary > now {
            return None;
        }
        if self.is_empty() {
            // Empty buckets change nothing: go to the one that `now` lies in.
            let past = (now - self.next_boundary).as_nanos() % self.bucket.as_nanos();
            let past = Duration::from_nanos(u64::try_from(past).unwrap_or(0));
            self.next_boundary = now - past;
        }
        let boundary = self.next_boundary;
        let filled = std::mem::take(&mut self.filling);
        self.sum.add(filled);
        self.completed.push_back(filled);
        let oldest = self.completed.pop_front().unwrap_or_default();
        self.sum.subtract(oldest);
        self.next_boundary = boundary + self.bucket;
        Some((boundary, self.sum))
    }

    /// When the bucket that is being filled ends.
    pub fn next_boundary(&self) -> Instant {
        self.next_boundary
    }

    /// True when any error is in the window or on its way into it.
    pub fn has_errors(&self) -> bool {
        self.sum.errors + self.filling.errors > 0
    }

    fn is_empty(&self) -> bool {
        self.sum.total + self.filling.total == 0
    }
}
