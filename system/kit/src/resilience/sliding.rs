//! The counts a resilience4j breaker decides by: the last n calls, or the last n seconds
//! (resilience4j: `FixedSizeSlidingWindowMetrics`, `SlidingTimeWindowMetrics`).

use std::collections::VecDeque;

/// Calls of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All recorded.
    pub total: u32,
    /// Of these, the failed ones.
    pub failed: u32,
    /// Of these, the slow ones, failed or not.
    pub slow: u32,
}

/// A sliding window of calls.
#[derive(Clone, Debug)]
pub struct SlidingWindow {
    size: u32,
    seconds: bool,
    /// What was counted and in which second; one call an entry in a window of calls, one second
    /// with calls an entry in a window of seconds. Never more than `size` entries.
    entries: VecDeque<(u64, Counts)>,
    sum: Counts,
}

impl SlidingWindow {
    /// The last `size` calls (`COUNT_BASED`).
    pub fn of_calls(size: u32) -> Self {
        Self::new(size, false)
    }

    /// The current second and those before it, `size` in all (`TIME_BASED`).
    pub fn of_seconds(size: u32) -> Self {
        Self::new(size, true)
    }

    fn new(size: u32, seconds: bool) -> Self {
        Self {
            size,
            seconds,
            entries: VecDeque::new(),
            sum: Counts::default(),
        }
    }

    /// Counts one call that ended in `second`, and gives the counts of the window as of then.
    pub fn record(&mut self, second: u64, failed: bool, slow: bool) -> Counts {
        let call = Counts {
            total: 1,
            failed: u32::from(failed),
            slow: u32::from(slow),
        };
        match self.entries.back_mut() {
            Some((last, counts)) if self.seconds && *last == second => counts.add(call),
            _ => self.entries.push_back((second, call)),
        }
        self.sum.add(call);
        while let Some(&(at, counts)) = self.entries.front() {
            let outdated = if self.seconds {
                at + u64::from(self.size) <= second
            } else {
                self.entries.len() > self.size as usize
            };
            if !outdated {
                break;
            }
            self.entries.pop_front();
            self.sum.subtract(counts);
        }
        self.sum
    }
}

impl Counts {
    /// Failed calls in percent; 0 of none.
    pub fn failure_rate(self) -> f64 {
        percent(self.failed, self.total)
    }

    /// Slow calls in percent; 0 of none.
    pub fn slow_rate(self) -> f64 {
        percent(self.slow, self.total)
    }

    fn add(&mut self, other: Self) {
        self.total += other.total;
        self.failed += other.failed;
        self.slow += other.slow;
    }

    fn subtract(&mut self, other: Self) {
        self.total -= other.total;
        self.failed -= other.failed;
        self.slow -= other.slow;
    }
}

fn percent(part: u32, whole: u32) -> f64 {
    f64::from(part) * 100.0 / f64::from(whole.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_of_calls_forgets_the_oldest_call() {
        let mut window = SlidingWindow::of_calls(3);
        window.record(0, true, true);
        window.record(0, true, false);
        window.record(9, false, true);
        let counts = window.record(9, false, false);
        assert_eq!((counts.total, counts.failed, counts.slow), (3, 1, 1));
    }

    #[test]
    fn platform_6_a_window_of_seconds_includes_the_current_one() {
        let mut window = SlidingWindow::of_seconds(2);
        for second in [10, 10, 11] {
            window.record(second, true, false);
        }
        assert_eq!(window.record(11, false, false).total, 4);
        assert_eq!(window.record(12, false, false).failed, 1, "second 10 left");
        assert_eq!(window.record(60, false, false).total, 1);
    }

    #[test]
    fn rates_are_exact_percents() {
        let counts = Counts {
            total: 3,
            failed: 1,
            slow: 3,
        };
        assert!((counts.failure_rate() - 100.0 / 3.0).abs() < 1e-12);
        assert!((counts.slow_rate() - 100.0).abs() < f64::EPSILON);
        assert_eq!(Counts::default().failure_rate().to_bits(), 0);
    }
}
