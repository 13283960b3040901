//! Objectives, error budgets and burn rates (the SRE workbook's arithmetic; the windows are sloth's
//! `google-30d`).

use std::time::Duration;

use crate::service_level::Share;

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

    /// How many times faster than allowed the budget is spent.
    pub fn burn_rate(self, error_share: f64) -> f64 {
        error_share / self.error_budget()
    }
}

/// The share of a period's budget that a burn rate spends within a window.
pub fn budget_used(burn_rate: f64, window: Duration, period: Duration) -> f64 {
    burn_rate * window.as_secs_f64() / period.as_secs_f64()
}

/// An alert on how fast the budget is spent: somebody gets up, or somebody looks tomorrow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BurnAlert {
    /// The share of the period's budget spent within `long` that is too much.
    budget: f64,
    /// The window that shows that it matters.
    long: Duration,
    /// The window that shows that it goes on.
    short: Duration,
}

/// The alerts that get somebody up; any of them does.
pub const PAGES: [BurnAlert; 2] = [
    alert(0.02, HOUR_S, 5 * MINUTE_S),
    alert(0.05, 6 * HOUR_S, 30 * MINUTE_S),
];
/// The alerts that somebody looks at tomorrow.
pub const TICKETS: [BurnAlert; 2] = [
    alert(0.10, DAY_S, 2 * HOUR_S),
    alert(0.10, 3 * DAY_S, 6 * HOUR_S),
];

/// The pieces that time is cut into for alerts: their shortest window.
pub const PIECE: Duration = Duration::from_secs(5 * MINUTE_S);

/// The period whose budget the alerts watch.
const PERIOD: Duration = Duration::from_secs(30 * DAY_S);
const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 60 * MINUTE_S;
const DAY_S: u64 = 24 * HOUR_S;

impl BurnAlert {
    /// The burn rate at which it fires.
    fn burn_rate(&self) -> f64 {
        self.budget * PERIOD.as_secs_f64() / self.long.as_secs_f64()
    }

    /// Whether it fires at these error shares: both windows must exceed.
    fn fires(&self, objective: Objective, long_errors: f64, short_errors: f64) -> bool {
        let exceeds = |errors| objective.burn_rate(errors) > self.burn_rate();
        exceeds(long_errors) && exceeds(short_errors)
    }
}

const fn alert(budget: f64, long_s: u64, short_s: u64) -> BurnAlert {
    BurnAlert {
        budget,
        long: Duration::from_secs(long_s),
        short: Duration::from_secs(short_s),
    }
}

/// How often some of these alerts would have begun to fire over pieces of time ([`PIECE`]), one
/// after the other, of which these shares were bad. Before the first piece nothing was.
pub fn fired(alerts: &[BurnAlert], objective: Objective, pieces: &[Share]) -> usize {
    let mut until = vec![Share::default()];
    for piece in pieces {
        let last = until[until.len() - 1];
        until.push(Share {
            some: last.some + piece.some,
            of: last.of + piece.of,
        });
    }
    let errors = |now: usize, window: Duration| {
        let pieces = usize::try_from(window.as_secs() / PIECE.as_secs()).unwrap_or(usize::MAX);
        let (now, then) = (until[now], until[now.saturating_sub(pieces)]);
        let (some, of) = (now.some - then.some, now.of - then.of);
        Share { some, of }.value()
    };
    let fires = |now: usize| {
        let at = |alert: &BurnAlert| {
            alert.fires(objective, errors(now, alert.long), errors(now, alert.short))
        };
        alerts.iter().any(at)
    };
    (1..until.len())
        .filter(|now| fires(*now) && !fires(now - 1))
        .count()
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
        let minutes = |percent| nines(percent).error_budget() * 31_557_600.0 / 60.0;
        assert_near(minutes(99.0), 5_259.6);
        assert_near(minutes(99.9), 525.96);
        assert_near(minutes(99.99), 52.596);
        assert_near(minutes(99.999), 5.2596);
    }

    #[test]
    fn platform_9_burn_rates_of_the_google_30d_windows() {
        let alerts = PAGES.iter().chain(&TICKETS);
        for (alert, expected) in alerts.zip([14.4, 6.0, 3.0, 1.0]) {
            assert_near(alert.burn_rate(), expected);
        }
    }

    #[test]
    fn platform_9_budget() {
        let burn = nines(99.9).burn_rate(0.0144);
        assert_near(burn, 14.4);
        let hour = Duration::from_secs(HOUR_S);
        assert_near(budget_used(burn, hour, PERIOD), 0.02);
        assert_eq!(Objective::percent(100.0), None);
    }

    #[test]
    fn platform_9_both_windows_must_exceed() {
        let [page, ..] = PAGES;
        let objective = nines(99.9);
        assert!(page.fires(objective, 0.02, 0.02));
        assert!(!page.fires(objective, 0.02, 0.001), "it is over");
        assert!(!page.fires(objective, 0.001, 0.02), "it has just begun");
        assert!(!page.fires(objective, 0.014, 0.014), "slow enough");
    }

    #[test]
    fn an_outage_pages_once_and_two_far_apart_page_twice() {
        // An hour is twelve pieces, each with 100 requests; of an hour's 1 200, 18 are too many.
        let mut pieces = vec![Share { some: 0, of: 100 }; 40];
        let objective = nines(99.9);
        let pages = |pieces: &[Share]| fired(&PAGES[..1], objective, pieces);
        pieces[20].some = 17;
        assert_eq!(pages(&pieces), 0);
        pieces[21].some = 20;
        pieces[22].some = 20;
        assert_eq!(pages(&pieces), 1, "that it goes on is no second page");
        pieces[39].some = 100;
        assert_eq!(pages(&pieces), 2);
        assert_eq!(fired(&TICKETS, objective, &pieces), 1);
        assert_eq!(fired(&TICKETS, objective, &[]), 0);
    }
}
