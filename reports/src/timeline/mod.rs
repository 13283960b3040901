//! A run's history folded into what a page can draw: binned, capped, and small enough to be kept
//! for many runs when the history itself is long gone.
//!
//! Everything here is a pure function of a [`History`]. Instants and stretches are in µs of virtual
//! time. What was left out to keep it small is said in [`Timeline::left_out`].

mod backlog;
mod chain;
mod correlation;
mod lanes;
mod traffic;

use serde::Serialize;

pub use self::{
    backlog::{Backlog, backlogs},
    chain::{Chain, Choice, Step, StepKind},
    lanes::{BreakerLane, Deployment, Measure, PodLane, Scaling, Span},
    traffic::{Heat, Traffic},
};
use crate::{
    check::Check,
    history::{History, Name, What},
    requests::requests,
    window::end_us,
};

/// Into at most so many bins a run is cut.
pub const BINS: u64 = 250;

/// The widths that bins may have: round ones, so that an axis can be read.
const WIDTHS_MS: [u64; 19] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000,
    600_000, 1_800_000, 3_600_000,
];

/// What happened in one run, over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Timeline {
    /// The end of the run.
    pub end_us: u64,
    /// How wide a bin is; the first one begins at 0.
    pub bin_us: u64,
    /// When the run entered its phases.
    pub phases: Vec<PhaseMark>,
    /// Users' requests by bin.
    pub traffic: Traffic,
    /// Of the times since the intended sending: a share of all requests, and the time within which
    /// so many were answered.
    pub percentiles: Vec<(f64, u64)>,
    /// The lives of pods, stores and brokers.
    pub pods: Vec<PodLane>,
    /// The states of circuit breakers.
    pub breakers: Vec<BreakerLane>,
    /// Replica counts and what autoscalers measured.
    pub deployments: Vec<Deployment>,
    /// How far consumers were behind what was published.
    pub backlogs: Vec<Backlog>,
    /// What became of some keys, step by step.
    pub chains: Vec<Chain>,
    /// What was left out, in words.
    pub left_out: Vec<String>,
}

/// The entry into a phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PhaseMark {
    /// Its name.
    pub name: Name,
    /// When.
    pub at_us: u64,
}

/// Time cut into bins of one width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bins {
    /// How wide each is, in µs.
    pub width_us: u64,
    /// How many there are; at least one.
    pub count: usize,
}

impl Timeline {
    /// Folds a history. The evidence of broken checks names the keys whose chains are kept first.
    pub fn of(history: &History, checks: &[Check]) -> Self {
        let end_us = end_us(history);
        let bins = Bins::over(end_us);
        let requests = requests(history);
        let mut left_out = Vec::new();
        let pods = lanes::pods(history, end_us, &mut left_out);
        let breakers = lanes::breakers(history, end_us, &mut left_out);
        let chains = chain::chains(history, &requests, checks, &mut left_out);
        Self {
            end_us,
            bin_us: bins.width_us,
            phases: phases(history),
            traffic: Traffic::of(&requests, bins),
            percentiles: traffic::percentiles(&requests),
            pods,
            breakers,
            deployments: lanes::deployments(history, &mut left_out),
            backlogs: backlogs(history, bins, end_us),
            chains,
            left_out,
        }
    }
}

impl Bins {
    /// As few round bins as give at most [`BINS`] over a run that ends then.
    pub fn over(end_us: u64) -> Self {
        let widths = WIDTHS_MS.iter().map(|ms| ms * 1_000);
        let hours = WIDTHS_MS[WIDTHS_MS.len() - 1] * 1_000;
        let mut fitting = widths.filter(|width| end_us.div_ceil(*width) <= BINS);
        let width_us = fitting
            .next()
            .unwrap_or_else(|| end_us.div_ceil(BINS).next_multiple_of(hours));
        let count = usize::try_from(end_us.div_ceil(width_us)).unwrap_or(usize::MAX);
        Self {
            width_us,
            count: count.max(1),
        }
    }

    /// The bin of an instant; what lies behind the end belongs to the last.
    pub fn place(self, at_us: u64) -> usize {
        let place = usize::try_from(at_us / self.width_us).unwrap_or(usize::MAX);
        place.min(self.count - 1)
    }
}

fn phases(history: &History) -> Vec<PhaseMark> {
    let marks = history
        .entries
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Phase { name } => Some(PhaseMark {
                name: name.clone(),
                at_us: entry.at_us,
            }),
            _ => None,
        });
    marks.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hand::{Hand, histories};

    #[test]
    fn bins_are_round_and_few() {
        for (end_us, width_ms, count) in [
            (0, 1, 1),
            (1, 1, 1),
            (76_000_001, 500, 153),
            (125_000_000, 500, 250),
            (125_000_001, 1_000, 126),
        ] {
            let bins = Bins::over(end_us);
            assert_eq!((bins.width_us, bins.count), (width_ms * 1_000, count));
        }
        let year = Bins::over(365 * 86_400_000_000);
        assert_eq!(year.width_us % 3_600_000_000, 0);
        assert!(year.count <= 250);
        assert_eq!(Bins::over(1_500).place(9_999), 1);
    }

    #[test]
    fn phases_are_marked_where_they_begin() {
        let history = Hand::new().phase("load").at(20).phase("heal").history();
        let timeline = Timeline::of(&history, &[]);
        let marks: Vec<_> = timeline
            .phases
            .iter()
            .map(|m| (&*m.name, m.at_us))
            .collect();
        assert_eq!(marks, [("load", 0), ("heal", 20_000)]);
        assert_eq!((timeline.end_us, timeline.bin_us), (20_001, 1_000));
        assert!(timeline.left_out.is_empty());
    }

    proptest! {
        #[test]
        fn any_history_folds_into_bounded_bins(history in histories()) {
            let timeline = Timeline::of(&history, &[]);
            let traffic = &timeline.traffic;
            prop_assert!(traffic.ok.len() as u64 <= BINS);
            let all = [&traffic.ok, &traffic.failed, &traffic.unknown, &traffic.unanswered];
            let seen: u64 = all.iter().flat_map(|bins| bins.iter()).sum();
            prop_assert_eq!(seen, crate::statistics::statistics(&history).requests.issued);
        }
    }
}
