//! The life of one process: waiting to be started, running, draining, down. A state machine that
//! knows nothing but time; [`Pods`](super::pods::Pods) act on what it says.

use std::time::Duration;

use squall_kit::stop::Stop;

/// Where a process is in its life.
#[derive(Clone, Debug)]
pub(crate) enum Life {
    /// It does not run and is not meant to.
    Down,
    /// It is to be started at this time.
    Waiting(Duration),
    /// It runs.
    Running(Stop),
    /// It was asked to stop; at this time it is killed.
    Draining(Duration),
}

/// A process and the number of its present or last start.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) life: Life,
    /// Counted from 1; 0 before the first start. Tells a notice of this start from a late one.
    pub(crate) start: u64,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Start it.
    Start,
    /// Its grace is over: kill it.
    Kill,
}

impl Process {
    /// Down, never started.
    pub(crate) fn down() -> Self {
        Self {
            life: Life::Down,
            start: 0,
        }
    }

    /// True from its start until its end, however it ends.
    pub(crate) fn is_alive(&self) -> bool {
        matches!(self.life, Life::Running(_) | Life::Draining(_))
    }

    /// True while it runs and was not asked to stop.
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.life, Life::Running(_))
    }

    /// When something is due next.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        match self.life {
            Life::Waiting(until) | Life::Draining(until) => Some(until),
            Life::Down | Life::Running(_) => None,
        }
    }

    /// What is due now.
    pub(crate) fn due(&self, now: Duration) -> Option<Due> {
        match self.life {
            Life::Waiting(until) if now >= until => Some(Due::Start),
            Life::Draining(until) if now >= until => Some(Due::Kill),
            _ => None,
        }
    }

    /// It is being started; gives the start's number and its stop signal.
    pub(crate) fn begin(&mut self) -> (u64, Stop) {
        assert!(!self.is_alive(), "a process is started twice");
        let stop = Stop::new();
        self.life = Life::Running(stop.clone());
        self.start += 1;
        (self.start, stop)
    }

    /// SIGTERM. False: it does not run.
    pub(crate) fn ask_to_stop(&mut self, kill_at: Duration) -> bool {
        let Life::Running(stop) = &self.life else {
            return false;
        };
        stop.raise();
        self.life = Life::Draining(kill_at);
        true
    }

    /// It has ended. Started again at `again`, if at all.
    pub(crate) fn end(&mut self, again: Option<Duration>) {
        self.life = again.map_or(Life::Down, Life::Waiting);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Due, Process};

    #[test]
    fn a_life_from_start_to_restart() {
        let at = Duration::from_secs;
        let mut process = Process::down();
        assert_eq!(process.next_deadline(), None);
        process.end(Some(at(1)));
        assert_eq!(process.due(Duration::ZERO), None);
        assert_eq!(process.due(at(1)), Some(Due::Start));
        let (start, stop) = process.begin();
        assert_eq!((start, process.next_deadline()), (1, None));
        assert!(process.ask_to_stop(at(31)) && stop.is_raised());
        assert!(!process.ask_to_stop(at(99)), "it is asked once");
        assert_eq!(process.due(at(30)), None);
        assert_eq!(process.due(at(31)), Some(Due::Kill));
        process.end(None);
        assert!(!process.is_alive() && process.next_deadline().is_none());
    }
}
