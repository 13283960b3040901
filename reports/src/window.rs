//! The stretch of a run that a figure or a check looks at.

use std::{fmt, ops::Range, time::Duration};

use crate::history::{History, Name, What};

/// A stretch of virtual time. A request belongs to the window in which it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// All of it.
    Run,
    /// From the entry into a phase to the entry into the next.
    Phase(Name),
    /// Before the fault at this place of the plan began.
    Before {
        /// Its place in the plan.
        fault: usize,
    },
    /// While a fault acted.
    During {
        /// Its place in the plan.
        fault: usize,
        /// Leaves out this much at the beginning: what was already under way then.
        skip: Duration,
    },
    /// After a fault was healed.
    After {
        /// Its place in the plan.
        fault: usize,
        /// Leaves out this much at the beginning: the time promised for recovery.
        skip: Duration,
    },
    /// Between two instants of virtual time.
    Between {
        /// First instant in it, since the run's start.
        from: Duration,
        /// First instant after it.
        to: Duration,
    },
}

impl Window {
    /// The window in µs of virtual time; `None` when the run never came to it.
    pub fn range(&self, history: &History) -> Option<Range<u64>> {
        let end = end_us(history);
        let range = match self {
            Self::Run => 0..end,
            Self::Phase(name) => phase(history, name, end)?,
            Self::Before { fault } => 0..began(history, *fault)?,
            Self::During { fault, skip } => {
                let to = ended(history, *fault).unwrap_or(end);
                began(history, *fault)?.saturating_add(micros(*skip))..to
            }
            Self::After { fault, skip } => {
                ended(history, *fault)?.saturating_add(micros(*skip))..end
            }
            Self::Between { from, to } => micros(*from)..micros(*to),
        };
        (range.start < range.end).then_some(range)
    }
}

/// The first instant after everything that happened, in µs; 0 for an empty history.
pub fn end_us(history: &History) -> u64 {
    history
        .entries
        .last()
        .map_or(0, |entry| entry.at_us.saturating_add(1))
}

/// A duration in whole µs.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl fmt::Display for Window {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run => write!(out, "in the whole run"),
            Self::Phase(name) => write!(out, "in phase {name}"),
            Self::Before { fault } => write!(out, "before fault {fault}"),
            Self::During { fault, skip } if skip.is_zero() => write!(out, "during fault {fault}"),
            Self::During { fault, skip } => write!(out, "during fault {fault}, {skip:?} in"),
            Self::After { fault, skip } if skip.is_zero() => write!(out, "after fault {fault}"),
            Self::After { fault, skip } => write!(out, "{skip:?} after fault {fault}"),
            Self::Between { from, to } => write!(out, "between {from:?} and {to:?}"),
        }
    }
}

fn phase(history: &History, wanted: &str, end: u64) -> Option<Range<u64>> {
    let mut phases = history
        .entries
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Phase { name } => Some((entry.at_us, name)),
            _ => None,
        });
    let (from, _) = phases.find(|(_, name)| ***name == *wanted)?;
    let to = phases.next().map_or(end, |(at, _)| at);
    Some(from..to)
}

fn began(history: &History, wanted: usize) -> Option<u64> {
    history.entries.iter().find_map(|entry| match entry.what {
        What::FaultBegan { fault, .. } if fault == wanted => Some(entry.at_us),
        _ => None,
    })
}

fn ended(history: &History, wanted: usize) -> Option<u64> {
    history.entries.iter().find_map(|entry| match entry.what {
        What::FaultEnded { fault, .. } if fault == wanted => Some(entry.at_us),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::Hand;

    #[test]
    fn windows_follow_phases_and_faults() {
        let history = Hand::new()
            .at(10)
            .phase("load")
            .at(20)
            .fault_began(0)
            .at(30)
            .fault_ended(0, 1)
            .at(40)
            .phase("heal")
            .at(50)
            .note("end")
            .history();
        let range = |window: Window| window.range(&history);
        let skip = Duration::from_millis(4);
        assert_eq!(range(Window::Run), Some(0..50_001));
        assert_eq!(range(Window::Phase("load".into())), Some(10_000..40_000));
        assert_eq!(range(Window::Phase("heal".into())), Some(40_000..50_001));
        assert_eq!(range(Window::Phase("settle".into())), None);
        assert_eq!(range(Window::Before { fault: 0 }), Some(0..20_000));
        assert_eq!(
            range(Window::During { fault: 0, skip }),
            Some(24_000..30_000)
        );
        assert_eq!(
            range(Window::After { fault: 0, skip }),
            Some(34_000..50_001)
        );
        assert_eq!(range(Window::After { fault: 1, skip }), None);
        let (from, to) = (Duration::from_millis(5), Duration::from_millis(6));
        assert_eq!(range(Window::Between { from, to }), Some(5_000..6_000));
        assert_eq!(range(Window::Between { from: to, to: from }), None);
    }
}
