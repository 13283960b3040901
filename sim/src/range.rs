//! Ranges of time that single values are drawn from.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
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

impl<'de> Deserialize<'de> for TimeRange {
    /// Milliseconds: one number, or `[low, high]`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "milliseconds: a number or [low, high]")]
        enum Written {
            One(f64),
            Two(f64, f64),
        }
        let (low, high) = match Written::deserialize(deserializer)? {
            Written::One(value) => (value, value),
            Written::Two(low, high) => (low, high),
        };
        let duration = |ms: f64| {
            Duration::try_from_secs_f64(ms / 1000.0)
                .map_err(|_| de::Error::custom(format_args!("{ms} ms is no duration")))
        };
        let range = Self {
            low: duration(low)?,
            high: duration(high)?,
        };
        if range.is_ordered() {
            return Ok(range);
        }
        let text = format!("[{low}, {high}] is empty: the lower bound is the greater one");
        Err(de::Error::custom(text))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use squall_kit::rng::Rng;

    use super::TimeRange;

    #[test]
    fn it_is_read_as_a_number_or_a_pair_of_milliseconds() {
        let read = |text| serde_json::from_str::<TimeRange>(text);
        assert_eq!(read("2").ok(), Some(TimeRange::ms(2, 2)));
        assert_eq!(
            read("[0.5, 2]").ok(),
            Some(TimeRange {
                low: Duration::from_micros(500),
                high: Duration::from_millis(2)
            })
        );
        assert!(read("[2, 1]").is_err() && read("-1").is_err() && read("\"2\"").is_err());
    }

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
