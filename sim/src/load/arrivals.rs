//! When an open load's journeys begin.

use std::time::Duration;

use squall_kit::rng::Rng;

use super::Spacing;

/// An endless schedule. Virtual time costs the generator nothing, so it is kept exactly.
pub(crate) struct Arrivals {
    begins: Duration,
    rate_per_s: f64,
    spacing: Spacing,
    rng: Rng,
    count: u64,
    after_begin_s: f64,
}

impl Arrivals {
    /// The first arrival is at `begins` (constant) or one random distance later (Poisson).
    pub(crate) fn new(begins: Duration, rate_per_s: f64, spacing: Spacing, rng: Rng) -> Self {
        assert!(rate_per_s > 0.0, "a load's rate was checked before the run");
        let mut arrivals = Self {
            begins,
            rate_per_s,
            spacing,
            rng,
            count: 0,
            after_begin_s: 0.0,
        };
        if spacing == Spacing::Poisson {
            arrivals.after_begin_s = arrivals.rng.exponential(1.0 / rate_per_s);
        }
        arrivals
    }

    /// When the next one is.
    pub(crate) fn next(&self) -> Duration {
        self.begins + Duration::from_secs_f64(self.after_begin_s)
    }

    /// Journeys begun so far.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Takes the next one off the schedule.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn pop(&mut self) -> Duration {
        let at = self.next();
        self.count += 1;
        self.after_begin_s = match self.spacing {
            // A product, not a sum: errors do not add up.
            Spacing::Constant => self.count as f64 / self.rate_per_s,
            Spacing::Poisson => self.after_begin_s + self.rng.exponential(1.0 / self.rate_per_s),
        };
        at
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use squall_kit::rng::Rng;

    use super::{Arrivals, Spacing};

    fn times(spacing: Spacing, count: usize) -> Vec<Duration> {
        let rng = Rng::stream(3, "arrivals");
        let mut arrivals = Arrivals::new(Duration::from_secs(10), 4.0, spacing, rng);
        (0..count).map(|_| arrivals.pop()).collect()
    }

    #[test]
    fn constant_arrivals_are_exact() {
        let at: Vec<u128> = times(Spacing::Constant, 5)
            .iter()
            .map(Duration::as_millis)
            .collect();
        assert_eq!(at, [10_000, 10_250, 10_500, 10_750, 11_000]);
        assert_eq!(
            times(Spacing::Constant, 40_001)[40_000],
            Duration::from_secs(10_010)
        );
    }

    #[test]
    fn poisson_arrivals_keep_the_rate_and_vary() {
        let at = times(Spacing::Poisson, 10_000);
        let mean_s = (at[9_999] - Duration::from_secs(10)).as_secs_f64() / 10_000.0;
        // The mean's standard deviation is 1 %.
        assert!((0.24..0.26).contains(&mean_s), "{mean_s}");
        let gaps: Vec<f64> = at.windows(2).map(|w| (w[1] - w[0]).as_secs_f64()).collect();
        let longer = gaps.iter().filter(|gap| **gap > 0.25).count();
        // e^-1 of them are longer than the mean.
        assert!((3_500..3_860).contains(&longer), "{longer}");
    }
}
