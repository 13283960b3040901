//! What a document says its experiment gave, beside what a run gave.

use serde::{Deserialize, Serialize};

use crate::{linter::contradictions, siege::Siege};

/// The figures of one documented experiment, as a scenario states them.
#[derive(Clone, Debug, PartialEq)]
pub struct Documented {
    /// Where they stand, and what was done, in words: `siege -c1 -t60S --delay=1S GET /orders`.
    pub source: &'static str,
    /// Users at once (siege `-c`): they bound how many requests can fail before siege gives up.
    pub users: u32,
    /// The figures, as the document rounds them.
    pub figures: Vec<(Figure, f64)>,
    /// What a reader must know before comparing; empty: nothing.
    pub note: &'static str,
}

/// A figure that a document may state: a line of siege's report, or one that follows from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Requests that siege counts at all: hits and failures.
    Tries,
    /// Siege's `Transactions`.
    Hits,
    /// Siege's `Availability`.
    AvailabilityPercent,
    /// Siege's `Elapsed time`, in seconds.
    ElapsedS,
    /// Siege's `Response time`, in seconds.
    ResponseS,
    /// Siege's `Transaction rate`.
    RatePerS,
    /// Siege's `Concurrency`.
    Concurrency,
    /// Siege's `Successful transactions`.
    Successful,
    /// Siege's `Failed transactions`.
    Failed,
    /// Siege's `Longest transaction`, in seconds.
    LongestS,
}

/// The `documented` block of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// As [`Documented::source`].
    pub source: String,
    /// As [`Documented::note`].
    pub note: String,
    /// The documented figures beside this run's.
    pub figures: Vec<Beside>,
    /// Why the documented figures cannot all have been measured, if they cannot.
    pub contradictions: Vec<String>,
}

/// One documented figure and the run's own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// Which.
    pub figure: Figure,
    /// As the document has it.
    pub documented: f64,
    /// As this run has it, unrounded.
    pub reproduced: f64,
}

impl Documented {
    /// The documented figures beside those of a run.
    pub fn beside(&self, run: &Siege) -> Comparison {
        let beside = |&(figure, documented): &(Figure, f64)| Beside {
            figure,
            documented,
            reproduced: figure.of(run),
        };
        Comparison {
            source: self.source.to_owned(),
            note: self.note.to_owned(),
            figures: self.figures.iter().map(beside).collect(),
            contradictions: contradictions(self),
        }
    }

    /// The documented value of a figure, if there is one.
    pub fn value(&self, wanted: Figure) -> Option<f64> {
        let mut figures = self.figures.iter();
        figures.find_map(|&(figure, value)| (figure == wanted).then_some(value))
    }
}

impl Figure {
    /// This figure of a run.
    pub fn of(self, run: &Siege) -> f64 {
        match self {
            Self::Tries => (run.transactions + run.failed) as f64,
            Self::Hits => run.transactions as f64,
            Self::AvailabilityPercent => run.availability_percent,
            Self::ElapsedS => run.elapsed_s,
            Self::ResponseS => run.response_s,
            Self::RatePerS => run.rate_per_s,
            Self::Concurrency => run.concurrency,
            Self::Successful => run.successful as f64,
            Self::Failed => run.failed as f64,
            Self::LongestS => run.longest_s,
        }
    }

    /// Its name and unit, for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Tries => "tries",
            Self::Hits => "hits",
            Self::AvailabilityPercent => "availability %",
            Self::ElapsedS => "elapsed s",
            Self::ResponseS => "response s",
            Self::RatePerS => "rate /s",
            Self::Concurrency => "concurrency",
            Self::Successful => "successful",
            Self::Failed => "failed",
            Self::LongestS => "longest s",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_stands_beside_the_runs_own() {
        let documented = Documented {
            source: "a document",
            users: 1,
            figures: vec![(Figure::Tries, 119.0), (Figure::AvailabilityPercent, 64.71)],
            note: "",
        };
        let run = Siege {
            transactions: 80,
            failed: 40,
            availability_percent: 66.7,
            ..Siege::default()
        };
        let reproduced: Vec<f64> = documented
            .beside(&run)
            .figures
            .iter()
            .map(|beside| beside.reproduced)
            .collect();
        assert_eq!(reproduced, [120.0, 66.7]);
        assert_eq!(documented.value(Figure::Hits), None);
    }
}
