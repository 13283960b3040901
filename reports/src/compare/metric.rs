//! Which figures of a run are compared, and which way each of them is good.

use super::Kind;
use crate::results::RunResult;

/// A figure of a run.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Where it stands in results.json: `latency_ms.p99`.
    pub name: &'static str,
    /// Which way is good.
    pub direction: Direction,
    /// Its value.
    pub of: fn(&RunResult) -> f64,
}

/// Which way a figure is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More is better.
    Up,
    /// Less is better.
    Down,
    /// It says what the load was, or mixes good with bad.
    Neither,
}

use Direction::{Down, Neither, Up};

const fn metric(name: &'static str, direction: Direction, of: fn(&RunResult) -> f64) -> Metric {
    Metric {
        name,
        direction,
        of,
    }
}

/// All that is compared, in the order of results.json. Siege's concurrency and its amount of data
/// grow with good answers as with slow ones; its shortest time may be that of an error.
pub const METRICS: &[Metric] = &[
    metric("simulated_s", Neither, |run| run.simulated_s),
    metric("requests.issued", Neither, |run| run.requests.issued as f64),
    metric("requests.ok", Up, |run| run.requests.ok as f64),
    metric("requests.failed", Down, |run| run.requests.failed as f64),
    metric("requests.unknown", Down, |run| run.requests.unknown as f64),
    metric("siege.transactions", Up, |run| {
        run.siege.transactions as f64
    }),
    metric("siege.availability_percent", Up, |run| {
        run.siege.availability_percent
    }),
    metric("siege.elapsed_s", Neither, |run| run.siege.elapsed_s),
    metric("siege.data_mb", Neither, |run| run.siege.data_mb),
    metric("siege.response_s", Down, |run| run.siege.response_s),
    metric("siege.rate_per_s", Up, |run| run.siege.rate_per_s),
    metric("siege.throughput_mb_s", Neither, |run| {
        run.siege.throughput_mb_s
    }),
    metric("siege.concurrency", Neither, |run| run.siege.concurrency),
    metric("siege.successful", Up, |run| run.siege.successful as f64),
    metric("siege.failed", Down, |run| run.siege.failed as f64),
    metric("siege.longest_s", Down, |run| run.siege.longest_s),
    metric("siege.shortest_s", Neither, |run| run.siege.shortest_s),
    metric("latency_ms.p50", Down, |run| run.latency_ms.p50),
    metric("latency_ms.p90", Down, |run| run.latency_ms.p90),
    metric("latency_ms.p99", Down, |run| run.latency_ms.p99),
    metric("latency_ms.p999", Down, |run| run.latency_ms.p999),
    metric("latency_ms.max", Down, |run| run.latency_ms.max),
];

impl Direction {
    /// What to think of a figure that was the one and is the other.
    pub fn judge(self, was: f64, is: f64) -> Kind {
        match self {
            Up if is > was => Kind::Improvement,
            Down if is < was => Kind::Improvement,
            Up | Down => Kind::Regression,
            Neither => Kind::Change,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::by_hand::results;

    #[test]
    fn every_metric_is_the_one_that_results_json_has_under_its_name() {
        let results = results();
        for run in &results.runs {
            let json = serde_json::to_value(run).expect("a run is JSON");
            for metric in METRICS {
                let place = format!("/{}", metric.name.replace('.', "/"));
                let value = json.pointer(&place).and_then(serde_json::Value::as_f64);
                assert_eq!(value, Some((metric.of)(run)), "{}", metric.name);
            }
        }
    }

    #[test]
    fn no_figure_of_results_json_is_forgotten() {
        let json = serde_json::to_value(&results().runs[0]).expect("a run is JSON");
        let mut names = vec!["simulated_s".to_owned()];
        for block in ["requests", "siege", "latency_ms"] {
            let figures = json[block].as_object().expect("a block of figures");
            names.extend(figures.keys().map(|name| format!("{block}.{name}")));
        }
        let compared: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(compared, names);
    }
}
