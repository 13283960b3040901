//! Users' requests over time: how many, how they ended, how long they took.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::Bins;
use crate::{
    history::Outcome,
    requests::Request,
    statistics::{Latencies, histogram},
};

/// The heat map's rows begin so within a decade, each nearly a fifth above the one before (the
/// preferred numbers of IEC 60063, E12).
const STEPS: [u64; 12] = [10, 12, 15, 18, 22, 27, 33, 39, 47, 56, 68, 82];

/// Requests by the bin in which they were sent, as a window counts them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Traffic {
    /// Took effect.
    pub ok: Vec<u64>,
    /// Surely had no effect.
    pub failed: Vec<u64>,
    /// Nobody knows.
    pub unknown: Vec<u64>,
    /// Cut off by the end of the load, or never ended.
    pub unanswered: Vec<u64>,
    /// Times since the intended sending, in ms; `None` where nothing was answered.
    pub latency_ms: Vec<Option<Latencies>>,
    /// How many took how long.
    pub heat: Heat,
}

/// How many requests of a bin took how long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Heat {
    /// Where rows begin, in µs; a row ends where the next begins.
    pub from_us: Vec<u64>,
    /// Bin, row, requests: those that have any.
    pub cells: Vec<(usize, usize, u64)>,
}

impl Traffic {
    /// Of these requests.
    pub fn of(requests: &[Request<'_>], bins: Bins) -> Self {
        let empty = || vec![0; bins.count];
        let mut traffic = Self {
            ok: empty(),
            failed: empty(),
            unknown: empty(),
            unanswered: empty(),
            latency_ms: Vec::new(),
            heat: Heat::default(),
        };
        let mut times: Vec<Vec<u64>> = vec![Vec::new(); bins.count];
        for request in requests {
            let bin = bins.place(request.sent_us);
            let counts = match request.answer().map(|answer| answer.outcome) {
                Some(Outcome::Ok) => &mut traffic.ok,
                Some(Outcome::Fail) => &mut traffic.failed,
                Some(Outcome::Unknown) => &mut traffic.unknown,
                None => &mut traffic.unanswered,
            };
            counts[bin] += 1;
            times[bin].extend(request.response_us());
        }
        let of_bin =
            |times: &Vec<u64>| (!times.is_empty()).then(|| Latencies::of(times.iter().copied()));
        traffic.latency_ms = times.iter().map(of_bin).collect();
        traffic.heat = Heat::of(&times);
        traffic
    }
}

impl Heat {
    fn of(times: &[Vec<u64>]) -> Self {
        let slowest = times.iter().flatten().copied().max().unwrap_or_default();
        let fastest = times.iter().flatten().copied().min().unwrap_or_default();
        let decades = (0..18).map(|decade| 10u64.pow(decade));
        let bounds = decades.flat_map(|decade| STEPS.map(|step| step * decade));
        let bounds: Vec<u64> = std::iter::once(0).chain(bounds).collect();
        // Only the rows between the fastest and the slowest, and one more to end the last.
        let row = |time: u64| bounds.partition_point(|from| *from <= time) - 1;
        let (first, last) = (row(fastest), row(slowest));
        let mut cells = Vec::new();
        for (bin, times) in times.iter().enumerate() {
            let mut counts = vec![0; last - first + 1];
            times
                .iter()
                .for_each(|time| counts[row(*time) - first] += 1);
            let filled = counts
                .into_iter()
                .enumerate()
                .filter(|(_, count)| *count > 0);
            cells.extend(filled.map(|(row, count)| (bin, row, count)));
        }
        Self {
            from_us: bounds[first..=last + 1].to_vec(),
            cells,
        }
    }
}

/// The percentile curve: the quantiles that an HdrHistogram of these times steps through, each half
/// of what is left in five steps, and the ones that results state.
pub(super) fn percentiles(requests: &[Request<'_>]) -> Vec<(f64, u64)> {
    let times = || requests.iter().filter_map(Request::response_us);
    let histogram: Histogram<u64> = histogram(times());
    let Some(max) = times().max() else {
        return Vec::new();
    };
    let steps = histogram.iter_quantiles(5).map(|step| step.quantile());
    let mut quantiles: Vec<f64> = steps.chain([0.0, 0.5, 0.9, 0.99, 0.999, 1.0]).collect();
    quantiles.sort_by(f64::total_cmp);
    quantiles.dedup();
    let point = |quantile: f64| (quantile, histogram.value_at_quantile(quantile).min(max));
    quantiles.into_iter().map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hand::Hand, history::History, requests::requests, statistics::statistics};

    /// One request per ms; the n-th takes n ms; the second and third end badly, the last never.
    fn history() -> History {
        let hand = Hand::new().each(0..10, |hand, n| hand.at(n).get("/orders"));
        let hand = hand.each(1..10, |hand, n| {
            let status = match n {
                2 => 404,
                3 => 504,
                _ => 200,
            };
            hand.at(n - 1 + n).answered(n, status)
        });
        hand.history()
    }

    #[test]
    fn requests_count_where_they_were_sent() {
        let history = history();
        let bins = Bins {
            width_us: 5_000,
            count: 2,
        };
        let traffic = Traffic::of(&requests(&history), bins);
        assert_eq!((traffic.ok, traffic.failed), (vec![3, 4], vec![1, 0]));
        assert_eq!(
            (traffic.unknown, traffic.unanswered),
            (vec![1, 0], vec![0, 1])
        );
        let max: Vec<_> = traffic
            .latency_ms
            .iter()
            .flatten()
            .map(|ms| ms.max)
            .collect();
        assert_eq!(max, [5.0, 9.0]);
        let heat = traffic.heat;
        let rows = |bin: usize| -> Vec<(u64, u64)> {
            let cells = heat.cells.iter().filter(|(at, ..)| *at == bin);
            cells
                .map(|(_, row, count)| (heat.from_us[*row], *count))
                .collect()
        };
        // 1, 2, 3, 4 and 5 ms; then 6, 7, 8 and 9 ms.
        let first = [(1_000, 1), (1_800, 1), (2_700, 1), (3_900, 1), (4_700, 1)];
        assert_eq!(rows(0), first);
        assert_eq!(rows(1), [(5_600, 1), (6_800, 2), (8_200, 1)]);
        assert_eq!(
            (heat.from_us[0], heat.from_us.last()),
            (1_000, Some(&10_000))
        );
    }

    #[test]
    fn the_curve_goes_through_the_results() {
        let history = history();
        let curve = percentiles(&requests(&history));
        let figures = statistics(&history).response;
        for (quantile, ms) in [(0.5, figures.p50), (0.99, figures.p99), (1.0, figures.max)] {
            let found = curve.iter().find(|(at, _)| *at == quantile);
            assert_eq!(found.map(|(_, us)| *us as f64 / 1_000.0), Some(ms));
        }
        assert!(curve.is_sorted());
        assert_eq!(percentiles(&[]), []);
    }
}
