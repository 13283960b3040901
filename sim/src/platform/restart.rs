//! CrashLoopBackOff: when a container that has ended is started again.

use std::time::Duration;

/// The settings of the back-off, which Kubernetes has as constants of the kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackOffSettings {
    /// What the second restart waits, 10 s (kubelet: `backOffPeriod`). The first waits nothing.
    pub first: Duration,
    /// The longest wait, 300 s (kubelet: `MaxContainerBackOff`).
    pub longest: Duration,
    /// What a pod worker adds before it looks at the container again. Its size is not established
    /// (platform §13): 0.
    pub requeue: Duration,
}

/// The back-off of one container in one pod. A kill by a failed probe counts as an exit.
///
/// Kubernetes: kuberuntime `doBackOff` and client-go `flowcontrol.Backoff` (`IsInBackOffSince`,
/// then `Next`): exit 1 restarts at once and notes 10 s; every later exit waits what is noted and
/// doubles it, up to the cap; an exit more than twice the cap after the last restart starts anew.
#[derive(Clone, Copy, Debug)]
pub struct CrashLoopBackOff {
    settings: BackOffSettings,
    noted: Option<Noted>,
    restarts: u32,
}

#[derive(Clone, Copy, Debug)]
struct Noted {
    wait: Duration,
    updated_at: Duration,
}

impl CrashLoopBackOff {
    /// For a container that has not ended yet.
    pub fn new(settings: BackOffSettings) -> Self {
        assert!(
            settings.first <= settings.longest,
            "the first wait is within the cap"
        );
        Self {
            settings,
            noted: None,
            restarts: 0,
        }
    }

    /// The container ended at `now`: when it is started again.
    pub fn exited(&mut self, now: Duration) -> Duration {
        let BackOffSettings {
            first,
            longest,
            requeue,
        } = self.settings;
        self.restarts = self.restarts.saturating_add(1);
        let (wait, next) = match self.noted {
            Some(noted) if now.saturating_sub(noted.updated_at) <= longest * 2 => {
                (noted.wait, (noted.wait * 2).min(longest))
            }
            _ => (Duration::ZERO, first),
        };
        let restart_at = now + wait + requeue;
        self.noted = Some(Noted {
            wait: next,
            updated_at: restart_at,
        });
        restart_at
    }

    /// `restartCount` of the container, the restart that is due included.
    pub fn restarts(&self) -> u32 {
        self.restarts
    }
}

// === impl BackOffSettings ===

impl Default for BackOffSettings {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(10),
            longest: Duration::from_secs(300),
            requeue: Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{BackOffSettings, CrashLoopBackOff};

    fn seconds(value: u64) -> Duration {
        Duration::from_secs(value)
    }

    /// platform §1, T: a container that exits 1 s after every start.
    #[test]
    fn start_times_of_a_container_that_lives_for_a_second() {
        let mut back_off = CrashLoopBackOff::new(BackOffSettings::default());
        let mut starts = vec![0];
        for _ in 0..8 {
            let exit = starts.last().expect("it was started") + 1;
            starts.push(back_off.exited(seconds(exit)).as_secs());
        }
        assert_eq!(starts, [0, 1, 12, 33, 74, 155, 316, 617, 918]);
        assert_eq!(back_off.restarts(), 8);
    }

    /// platform §1: reset when it exits more than 10 min after the last back-off update.
    #[test]
    fn a_container_that_lived_long_enough_starts_at_once_again() {
        let mut back_off = CrashLoopBackOff::new(BackOffSettings::default());
        assert_eq!(back_off.exited(seconds(1)), seconds(1));
        assert_eq!(
            back_off.exited(seconds(601)),
            seconds(611),
            "exactly 10 min are not enough"
        );
        let later = seconds(611 + 600) + Duration::from_millis(1);
        assert_eq!(back_off.exited(later), later);
        assert_eq!(
            back_off.exited(later),
            later + seconds(10),
            "and it counts from the start"
        );
    }

    proptest! {
        #[test]
        fn waits_never_shrink_without_a_long_life_and_stay_within_the_cap(
            lives in proptest::collection::vec(0_u64..=600, 1..30),
        ) {
            let mut back_off = CrashLoopBackOff::new(BackOffSettings::default());
            let (mut start, mut before) = (Duration::ZERO, Duration::ZERO);
            for life in lives {
                let exit = start + seconds(life);
                start = back_off.exited(exit);
                let wait = start - exit;
                prop_assert!(wait >= before && wait <= seconds(300));
                before = wait;
            }
        }
    }
}
