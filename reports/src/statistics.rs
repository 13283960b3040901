//! The figures of a run: how many, how fast, how much at a time.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::{
    check::{Check, Findings, Verdict},
    history::{History, Name, Outcome, What},
    requests::{Request, requests},
    window::end_us,
};

/// Little's law is judged from this many samples of the requests in flight on.
pub const ENOUGH_SAMPLES: usize = 30;
/// … and from this mean number of requests in flight on: below it, one request more or less is
/// more than any tolerance.
pub const ENOUGH_IN_FLIGHT: f64 = 5.0;
/// … and its two sides may differ by this share, by four standard errors of the sampled mean, and
/// by one request (samples in step with a constant arrival rate see its fraction never or always).
pub const LITTLE_TOLERANCE: f64 = 0.01;

/// The figures of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// How many requests there were and how they ended.
    pub requests: RequestCounts,
    /// How many the end of the load cut off.
    pub cancelled: u64,
    /// Times since the intended sending (wrk2: response time).
    pub response: Latencies,
    /// Times since the actual sending (wrk2: service time).
    pub service: Latencies,
    /// The mean number of requests in flight over the run, from their times.
    pub in_flight: f64,
}

/// How requests ended. Cancelled ones, and ones that never ended, are among the issued only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// Sent.
    pub issued: u64,
    /// Took effect.
    pub ok: u64,
    /// Surely had no effect.
    pub failed: u64,
    /// Nobody knows.
    pub unknown: u64,
}

/// Percentiles of the times of all ended requests, in ms, to three significant digits; all 0 when
/// there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latencies {
    /// Half were faster.
    pub p50: f64,
    /// 90 %.
    pub p90: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    pub p999: f64,
    /// The slowest, exactly.
    pub max: f64,
}

/// The figures of a history.
pub fn statistics(history: &History) -> Statistics {
    let requests = requests(history);
    let mut statistics = Statistics::default();
    let counts = &mut statistics.requests;
    for request in &requests {
        counts.issued += 1;
        match request.answer().map(|answer| answer.outcome) {
            Some(Outcome::Ok) => counts.ok += 1,
            Some(Outcome::Fail) => counts.failed += 1,
            Some(Outcome::Unknown) => counts.unknown += 1,
            None if request.is_cancelled() => statistics.cancelled += 1,
            None => {}
        }
    }
    statistics.response = Latencies::of(requests.iter().filter_map(Request::response_us));
    statistics.service = Latencies::of(requests.iter().filter_map(Request::service_us));
    statistics.in_flight = in_flight(&requests, 0, end_us(history).saturating_sub(1));
    statistics
}

/// Little's law: the sampled mean number of requests in flight is the rate times the mean time,
/// both between the first and the last sample, requests crossing these edges counted for their part
/// within. `None` when there are too few samples, or too few requests in flight, to judge it.
pub fn littles_law(history: &History) -> Option<Check> {
    let samples = Samples::of(history)?;
    let expected = in_flight(&requests(history), samples.from_us, samples.to_us);
    if samples.fewest < ENOUGH_SAMPLES || expected < ENOUGH_IN_FLIGHT {
        return None;
    }
    let tolerance = LITTLE_TOLERANCE * expected + 4.0 * samples.error + 1.0;
    let kept = (samples.mean - expected).abs() <= tolerance;
    let verdict = if kept { Verdict::Pass } else { Verdict::Fail };
    let observed = format!(
        "{:.2} in flight over {} samples; rate × time = {expected:.2} ± {tolerance:.2}",
        samples.mean, samples.fewest
    );
    // Without a figure of the run: a promise is the same in every run.
    let bound = "as many in flight as rate × time says";
    Some(Check::said(
        "Little's law",
        verdict,
        observed,
        bound,
        Findings::default(),
    ))
}

impl Latencies {
    /// The percentiles of times in µs.
    pub fn of(times_us: impl Iterator<Item = u64>) -> Self {
        let mut max = 0;
        let histogram = histogram(times_us.inspect(|time| max = max.max(*time)));
        let ms = |us: u64| us as f64 / 1_000.0;
        // A histogram answers with the upper end of a bucket, which may lie above the slowest.
        let at = |quantile: f64| ms(histogram.value_at_quantile(quantile).min(max));
        Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: ms(max),
        }
    }
}

/// Times in µs, to three significant digits.
pub(crate) fn histogram(times_us: impl Iterator<Item = u64>) -> Histogram<u64> {
    let mut histogram = Histogram::new(3).expect("three digits are allowed");
    histogram.auto(true);
    for time in times_us {
        histogram
            .record(time)
            .expect("an automatic histogram grows to any u64");
    }
    histogram
}

/// What independent samples say of the requests in flight, all load hosts together.
struct Samples {
    from_us: u64,
    to_us: u64,
    /// Samples of the host that has fewest.
    fewest: usize,
    mean: f64,
    /// Standard error of the mean.
    error: f64,
}

impl Samples {
    fn of(history: &History) -> Option<Self> {
        let mut hosts: BTreeMap<&Name, Vec<(u64, f64)>> = BTreeMap::new();
        for entry in &history.entries {
            if let What::InFlight { requests } = entry.what {
                hosts
                    .entry(&entry.host)
                    .or_default()
                    .push((entry.at_us, requests as f64));
            }
        }
        let mut samples = Self {
            from_us: 0,
            to_us: u64::MAX,
            fewest: usize::MAX,
            mean: 0.0,
            error: 0.0,
        };
        for of_host in hosts.values() {
            let ((from_us, _), (to_us, _)) = (of_host.first()?, of_host.last()?);
            samples.from_us = samples.from_us.max(*from_us);
            samples.to_us = samples.to_us.min(*to_us);
        }
        if samples.from_us >= samples.to_us {
            return None;
        }
        let mut variance = 0.0;
        for of_host in hosts.values_mut() {
            of_host.retain(|(at, _)| (samples.from_us..=samples.to_us).contains(at));
            let count = of_host.len() as f64;
            let mean = of_host.iter().map(|(_, n)| n).sum::<f64>() / count;
            let squares = of_host.iter().map(|(_, n)| (n - mean).powi(2)).sum::<f64>();
            samples.fewest = samples.fewest.min(of_host.len());
            samples.mean += mean;
            variance += squares / count / count;
        }
        samples.error = variance.sqrt();
        (!hosts.is_empty()).then_some(samples)
    }
}

/// The mean number of requests in flight between two instants, from the requests' own times.
fn in_flight(requests: &[Request<'_>], from_us: u64, to_us: u64) -> f64 {
    let within = |request: &Request<'_>| {
        let end = request.ended_us().unwrap_or(to_us).min(to_us);
        u128::from(end.saturating_sub(request.sent_us.max(from_us)))
    };
    let busy: u128 = requests.iter().map(within).sum();
    let window = to_us.saturating_sub(from_us);
    if window == 0 {
        0.0
    } else {
        busy as f64 / window as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hand::{Hand, histories};

    #[test]
    fn counts_ends() {
        let hand = Hand::new().each(0..5, |hand, _| hand.get("/orders"));
        let hand = hand
            .at(10)
            .answered(1, 200)
            .answered(2, 404)
            .answered(3, 504)
            .cancelled(4);
        let figures = statistics(&hand.history());
        let counts = RequestCounts {
            issued: 5,
            ok: 1,
            failed: 1,
            unknown: 1,
        };
        assert_eq!((figures.requests, figures.cancelled), (counts, 1));
        assert_eq!(figures.in_flight, 5.0);
    }

    #[test]
    fn a_sender_that_falls_behind_shows_in_the_response_time_only() {
        let hand = Hand::new().at(900).late_request("GET", "/orders", 0);
        let figures = statistics(&hand.at(1_000).answered(1, 200).history());
        assert_eq!(
            (figures.response.max, figures.service.max),
            (1_000.0, 100.0)
        );
        assert_eq!(figures.in_flight, 0.1);
    }

    #[test]
    fn percentiles_have_three_digits() {
        let latencies = Latencies::of((1..=1_000).map(|ms| ms * 1_000));
        for (seen, exact) in [(latencies.p50, 500.0), (latencies.p99, 990.0)] {
            assert!(
                (seen - exact).abs() <= exact / 1_000.0,
                "{seen} for {exact}"
            );
        }
        assert_eq!(latencies.max, 1_000.0);
        assert_eq!(Latencies::of([].into_iter()), Latencies::default());
    }

    /// Ten requests always in flight for 20 s, sampled 200 times as `sampled`.
    fn busy(sampled: u64) -> History {
        let hand = Hand::new().each(0..10, |hand, _| hand.get("/orders"));
        let hand = hand.each(0..200, |hand, n| hand.at(n * 100));
        let hand = (0..200).fold(hand, |hand, n| hand.at(n * 100).in_flight(sampled));
        hand.at(20_000)
            .each(1..11, |hand, n| hand.answered(n, 200))
            .history()
    }

    #[test]
    fn littles_law_holds_or_is_broken() {
        let check = littles_law(&busy(10)).expect("enough samples");
        assert_eq!(check.verdict, Verdict::Pass);
        let check = littles_law(&busy(12)).expect("enough samples");
        assert_eq!(check.verdict, Verdict::Fail);
        let seen = "12.00 in flight over 200 samples; rate × time = 10.00 ± 1.10";
        assert_eq!(check.observed, seen);
    }

    #[test]
    fn littles_law_adds_up_load_hosts_that_sample_on_their_own() {
        let mut history = busy(5);
        let twins = history.entries.clone().into_iter().filter_map(|mut entry| {
            let sample = matches!(entry.what, What::InFlight { .. });
            (entry.host, entry.at_us) = ("load-2".into(), entry.at_us + 7);
            sample.then_some(entry)
        });
        history.entries.extend(twins.collect::<Vec<_>>());
        history.entries.sort_by_key(|entry| entry.at_us);
        assert_eq!(
            littles_law(&history).map(|check| check.verdict),
            Some(Verdict::Pass)
        );
    }

    #[test]
    fn littles_law_is_not_judged_on_too_little() {
        assert_eq!(littles_law(&History::default()), None);
        let mut few = busy(10);
        few.entries.retain(|entry| {
            !matches!(entry.what, What::InFlight { .. }) || entry.at_us < 2_900_000
        });
        assert_eq!(littles_law(&few), None);
        let idle = (0..200).fold(Hand::new(), |hand, n| hand.at(n).in_flight(0));
        assert_eq!(littles_law(&idle.history()), None);
    }

    proptest! {
        #[test]
        fn ends_are_no_more_than_beginnings(history in histories()) {
            let figures = statistics(&history);
            let RequestCounts { issued, ok, failed, unknown } = figures.requests;
            prop_assert!(ok + failed + unknown + figures.cancelled <= issued);
            prop_assert!((0.0..=issued as f64).contains(&figures.in_flight));
        }

        #[test]
        fn percentiles_rise(times in prop::collection::vec(0..u64::from(u32::MAX), 0..50)) {
            let Latencies { p50, p90, p99, p999, max } = Latencies::of(times.iter().copied());
            prop_assert!([p50, p90, p99, p999, max].is_sorted());
            prop_assert_eq!(max, times.iter().max().map_or(0.0, |max| *max as f64 / 1_000.0));
        }
    }
}
