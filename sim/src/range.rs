//! Ranges of time that single values are drawn from.

use std::time::Duration;

use squall_kit::rng::Rng;

/// A range of durations, both ends included; values are drawn uniformly, in whole microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// The least.
    pub low: Duration,
    /// The greatest.
    pub high: Duration,
}

impl TimeRange {
    /// No time at all.
    pub const ZERO: Self = Self::ms(0, 0);

    /// From `low` to `high` milliseconds.
    pub const fn ms(low: u64, high: u64) -> Self {
        Self {
            low: Duration::from_millis(low),
            high: Duration::from_millis(high),
        }
    }

    /// True when the least is not above the greatest.
    pub fn is_ordered(&self) -> bool {
        self.low <= self.high
    }

    /// One value. A range of one value draws nothing, so that a fixed time shifts no stream.
    pub fn draw(&self, rng: &Rng) -> Duration {
        if self.low == self.high {
            return self.low;
        }
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(rng.between(micros(self.low), micros(self.high)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use squall_kit::rng::Rng;

    use super::TimeRange;

    #[test]
    fn values_lie_in_the_range_and_a_fixed_one_draws_nothing() {
        let rng = Rng::stream(1, "range");
        let range = TimeRange::ms(400, 620);
        assert!((0..100).all(|_| (range.low..=range.high).contains(&range.draw(&rng))));
        let other = Rng::stream(1, "range");
        assert_eq!(TimeRange::ms(5, 5).draw(&other), Duration::from_millis(5));
        assert_eq!(other.bits(), Rng::stream(1, "range").bits());
    }
}
