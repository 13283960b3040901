//! What a number of requests can say of a promise: exact binomial bounds (Clopper and Pearson), of
//! which the rule of three (no failure in n: at most 3/n) is the short form.

use std::fmt;

use crate::{check::Verdict, slo::Objective};

/// How sure a bound is.
const CONFIDENCE: f64 = 0.95;
/// Halvings of an interval: more than a double can tell apart.
const HALVINGS: u32 = 200;

/// How a promise was kept, as far as the requests made can tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept {
    /// What is promised.
    pub promised: Objective,
    /// Good requests.
    pub good: u64,
    /// All requests.
    pub total: u64,
    /// The good share is at least this, with 95 % confidence.
    pub at_least: f64,
    /// The good share is at most this, with 95 % confidence.
    pub at_most: f64,
    /// Pass: surely kept. Fail: surely broken. Unknown: too few requests to tell. Vacuous: none.
    pub verdict: Verdict,
}

impl Kept {
    /// Judges a promise by the requests made, of which `good` were good.
    pub fn judge(promised: Objective, good: u64, total: u64) -> Self {
        let good = good.min(total);
        let failed = total - good;
        let at_least = 1.0 - failure_at_most(failed, total);
        let at_most = 1.0 - failure_at_least(failed, total);
        let verdict = if total == 0 {
            Verdict::Vacuous
        } else if at_least >= promised.share() {
            Verdict::Pass
        } else if at_most < promised.share() {
            Verdict::Fail
        } else {
            Verdict::Unknown
        };
        Self {
            promised,
            good,
            total,
            at_least,
            at_most,
            verdict,
        }
    }
}

/// `99.98000 % of 5000, surely within 99.90509–99.99898 %; too few requests to tell`.
impl fmt::Display for Kept {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.total == 0 {
            return write!(out, "no request");
        }
        let percent = |share: f64| share * 100.0;
        let share = self.good as f64 / self.total as f64;
        write!(
            out,
            "{:.5} % of {}, surely within {:.5}–{:.5} %",
            percent(share),
            self.total,
            percent(self.at_least),
            percent(self.at_most)
        )?;
        match self.verdict {
            Verdict::Unknown => write!(out, "; too few requests to tell"),
            Verdict::Pass | Verdict::Fail | Verdict::Vacuous => Ok(()),
        }
    }
}

/// With 95 % confidence no more than this share fails, when `failed` of `total` did.
pub fn failure_at_most(failed: u64, total: u64) -> f64 {
    if failed >= total {
        return 1.0;
    }
    // The share at which so few failures become unlikely.
    halved(|share| at_most_so_many(failed, total, share) > 1.0 - CONFIDENCE)
}

/// With 95 % confidence no less than this share fails, when `failed` of `total` did.
pub fn failure_at_least(failed: u64, total: u64) -> f64 {
    match failed.checked_sub(1) {
        None => 0.0,
        // The share up to which so many failures are unlikely.
        Some(fewer) => halved(|share| at_most_so_many(fewer, total, share) > CONFIDENCE),
    }
}

/// Where a condition that holds for small shares ceases to hold.
fn halved(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The probability of at most `most` failures of `total`, each with this probability, `most` below
/// `total`: the regularised incomplete beta function.
fn at_most_so_many(most: u64, total: u64, share: f64) -> f64 {
    incomplete_beta((total - most) as f64, most as f64 + 1.0, 1.0 - share, share)
}

/// I_x(a, b) with `y` = 1 − x, by its continued fraction (Abramowitz and Stegun 26.5.8).
fn incomplete_beta(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 || y <= 0.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        // It converges fast on the other side.
        return 1.0 - incomplete_beta(b, a, y, x);
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * ln_of(y, x);
    front.exp() / a * continued_fraction(a, b, x)
}

/// ln y, where y = 1 − x: exact also where x is far smaller than the last place of 1.
fn ln_of(y: f64, x: f64) -> f64 {
    if x < 0.5 { (-x).ln_1p() } else { y.ln() }
}

/// Lentz's method. The terms needed grow with the root of the larger parameter.
fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    const MOST_TERMS: u32 = 100_000;
    let apart = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / apart(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for term in 1..MOST_TERMS {
        let m = f64::from(term);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / apart(1.0 + even * d);
        c = apart(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / apart(1.0 + odd * d);
        c = apart(1.0 + odd / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-14 {
            break;
        }
    }
    fraction
}

/// ln Γ(x) for x ≥ 1: Stirling's series, after shifting small arguments up.
fn ln_gamma(x: f64) -> f64 {
    let mut shift = 0.0;
    let mut x = x;
    while x < 15.0 {
        shift += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square / 1260.0));
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - shift
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nines(percent: f64) -> Objective {
        Objective::percent(percent).expect("a share")
    }

    fn assert_near(value: f64, expected: f64) {
        assert!(
            (value - expected).abs() <= 1e-6 * expected,
            "{value}, expected {expected}"
        );
    }

    #[test]
    fn platform_9_without_a_failure_it_is_the_rule_of_three() {
        for total in [100u64, 5_000, 300_000, 100_000_000] {
            let exact = -(0.05f64.ln() / total as f64).exp_m1();
            assert_near(failure_at_most(0, total), exact);
            assert!((exact * total as f64 - 3.0).abs() < 0.05);
            assert_eq!(failure_at_least(0, total).to_bits(), 0);
        }
    }

    /// Found by adding up the terms of the binomial distribution.
    #[test]
    fn bounds_of_few_failures_are_what_the_sums_give() {
        assert_near(failure_at_most(1, 10), 0.394_163_302);
        assert_near(failure_at_least(1, 10), 0.005_116_197);
        assert_near(failure_at_most(5, 10), 0.777_558_899);
        assert_near(failure_at_least(5, 10), 0.222_441_101);
        assert_near(failure_at_most(10, 10), 1.0);
        assert_near(failure_at_least(10, 10), 0.741_134_449);
    }

    #[test]
    fn platform_9_five_nines_need_three_hundred_thousand_requests() {
        let promised = nines(99.999);
        let verdict = |good, total| Kept::judge(promised, good, total).verdict;
        assert_eq!(verdict(299_572, 299_572), Verdict::Pass);
        assert_eq!(verdict(299_571, 299_571), Verdict::Unknown);
        assert_eq!(verdict(0, 0), Verdict::Vacuous);
        assert_eq!(verdict(9_990, 10_000), Verdict::Fail);
        // As promised on average: nobody can tell.
        assert_eq!(verdict(9_999_900, 10_000_000), Verdict::Unknown);
        assert_eq!(verdict(9_999_950, 10_000_000), Verdict::Pass);
        assert_eq!(verdict(9_999_850, 10_000_000), Verdict::Fail);
    }

    #[test]
    fn platform_9_five_thousand_hits_show_99_94_percent_at_best() {
        let kept = Kept::judge(nines(99.999), 5_000, 5_000);
        assert_eq!(
            kept.to_string(),
            "100.00000 % of 5000, surely within 99.94010–100.00000 %; too few requests to tell"
        );
        assert_eq!(Kept::judge(nines(60.0), 0, 0).to_string(), "no request");
    }

    #[test]
    fn bounds_enclose_what_was_seen_and_close_in_with_more_requests() {
        let mut last = 1.0;
        for total in [10u64, 100, 1_000, 100_000, 10_000_000] {
            let failed = total / 10;
            let (low, high) = (
                failure_at_least(failed, total),
                failure_at_most(failed, total),
            );
            assert!(low < 0.1 && 0.1 < high, "{low}–{high} of {total}");
            assert!(high - low < last, "{total}");
            last = high - low;
        }
    }
}
