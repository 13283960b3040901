//! Objectives, error budgets and burn rates (the SRE workbook's arithmetic; the windows are sloth's
//! `google-30d`).

use std::time::Duration;

/// What share of requests, or of time, must be good: from 0, excluded, to 1, excluded.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Objective(f64);

impl Objective {
    /// A share in percent, such as 99.999. `None`: it leaves no error budget, or nothing else.
    pub fn percent(percent: f64) -> Option<Self> {
        (percent > 0.0 && percent < 100.0).then_some(Self(percent / 100.0))
    }

    /// The share that must be good.
    pub fn share(self) -> f64 {
        self.0
    }

    /// The share that may be bad.
    pub fn error_budget(self) -> f64 {
        1.0 - self.0
    }

    /// The time within a period that may be bad.
    pub fn bad_time(self, period: Duration) -> Duration {
        period.mul_f64(self.error_budget())
    }

    /// How many times faster than allowed the budget is spent.
    pub fn burn_rate(self, error_share: f64) -> f64 {
        error_share / self.error_budget()
    }
}

/// The share of a period's budget that a burn rate spends within a window.
pub fn budget_used(burn_rate: f64, window: Duration, period: Duration) -> f64 {
    burn_rate * window.as_secs_f64() / period.as_secs_f64()
}

/// When a period's whole budget is spent at this burn rate; `None`: never.
pub fn time_to_exhaustion(burn_rate: f64, period: Duration) -> Option<Duration> {
    let seconds = period.as_secs_f64() / burn_rate;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Somebody gets up.
    Page,
    /// Somebody looks tomorrow.
    Ticket,
}

/// An alert on how fast the budget is spent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BurnAlert {
    /// Who is told.
    pub severity: Severity,
    /// The share of the period's budget spent within `long` that is too much.
    pub budget: f64,
    /// The window that shows that it matters.
    pub long: Duration,
    /// The window that shows that it goes on.
    pub short: Duration,
}

/// The period that [`BURN_ALERTS`] are for.
pub const PERIOD: Duration = Duration::from_secs(30 * DAY_S);

/// sloth's `google-30d`, the fastest burn first.
pub const BURN_ALERTS: [BurnAlert; 4] = [
    alert(Severity::Page, 0.02, HOUR_S, 5 * MINUTE_S),
    alert(Severity::Page, 0.05, 6 * HOUR_S, 30 * MINUTE_S),
    alert(Severity::Ticket, 0.10, DAY_S, 2 * HOUR_S),
    alert(Severity::Ticket, 0.10, 3 * DAY_S, 6 * HOUR_S),
];

const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 60 * MINUTE_S;
const DAY_S: u64 = 24 * HOUR_S;

impl BurnAlert {
    /// The burn rate at which it fires.
    pub fn burn_rate(&self) -> f64 {
        self.budget * PERIOD.as_secs_f64() / self.long.as_secs_f64()
    }

    /// Whether it fires at these error shares: both windows must exceed.
    pub fn fires(&self, objective: Objective, long_errors: f64, short_errors: f64) -> bool {
        let exceeds = |errors| objective.burn_rate(errors) > self.burn_rate();
        exceeds(long_errors) && exceeds(short_errors)
    }
}

const fn alert(severity: Severity, budget: f64, long_s: u64, short_s: u64) -> BurnAlert {
    BurnAlert {
        severity,
        budget,
        long: Duration::from_secs(long_s),
        short: Duration::from_secs(short_s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nines(percent: f64) -> Objective {
        Objective::percent(percent).expect("a share")
    }

    fn assert_near(value: f64, expected: f64) {
        assert!(
            (value / expected - 1.0).abs() < 1e-6,
            "{value}, expected {expected}"
        );
    }

    #[test]
    fn platform_9_nines_in_minutes_a_year() {
        let year = Duration::from_secs(31_557_600);
        let minutes = |percent| nines(percent).bad_time(year).as_secs_f64() / 60.0;
        assert_near(minutes(99.0), 5_259.6);
        assert_near(minutes(99.9), 525.96);
        assert_near(minutes(99.99), 52.596);
        assert_near(minutes(99.999), 5.2596);
        let of_30_days = nines(99.999).bad_time(PERIOD).as_secs_f64();
        assert_near(of_30_days, 25.92);
    }

    #[test]
    fn platform_9_burn_rates_of_the_google_30d_windows() {
        let rates = BURN_ALERTS.map(|alert| alert.burn_rate());
        for (rate, expected) in rates.into_iter().zip([14.4, 6.0, 3.0, 1.0]) {
            assert_near(rate, expected);
        }
    }

    #[test]
    fn platform_9_budget_and_exhaustion() {
        let burn = nines(99.9).burn_rate(0.0144);
        assert_near(burn, 14.4);
        let hour = Duration::from_secs(HOUR_S);
        assert_near(budget_used(burn, hour, PERIOD), 0.02);
        let left = time_to_exhaustion(burn, PERIOD).expect("it burns");
        assert_near(left.as_secs_f64() / HOUR_S as f64, 50.0);
        assert_eq!(time_to_exhaustion(0.0, PERIOD), None);
        assert_eq!(Objective::percent(100.0), None);
    }

    #[test]
    fn platform_9_both_windows_must_exceed() {
        let [page, ..] = BURN_ALERTS;
        let objective = nines(99.9);
        assert!(page.fires(objective, 0.02, 0.02));
        assert!(!page.fires(objective, 0.02, 0.001), "it is over");
        assert!(!page.fires(objective, 0.001, 0.02), "it has just begun");
        assert!(!page.fires(objective, 0.014, 0.014), "slow enough");
    }
}
