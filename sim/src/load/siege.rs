//! Siege 4.0.5 as the documents ran it (siege: `src/browser.c`, `src/timer.c`, `src/init.c`).

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use squall_kit::rng::Rng;
use squall_reports::siege::is_failure;

use super::{Arrival, Extent, Load, Share};

/// Siege takes no more users (its `limit`).
pub const MOST_USERS: u32 = 255;
/// Siege gives up when so many requests have failed (its `failures`).
pub const MOST_FAILURES: u64 = 1024;
/// Siege's own time limit for connecting and for reading.
const TIMEOUT: Duration = Duration::from_secs(30);

/// One run of siege. Its block in the report covers its requests alone.
#[derive(Clone, Copy, Debug)]
pub struct Siege {
    /// Its name; users are called after it.
    pub name: &'static str,
    /// When it begins, counted from the run's start.
    pub begins: Duration,
    /// `-c`: users, each at its next request when the last one and the pause after it are over. At
    /// most 255.
    pub users: u32,
    /// `-t`: whole seconds. It ends when the clock's second has advanced so often, and so up to a
    /// second earlier; what is under way then is counted nowhere.
    pub time: Duration,
    /// `-d`: the pause after each request is drawn evenly from 0 to this, and rounded to whole
    /// seconds where this is a second or more.
    pub delay: Duration,
    /// What it asks for. Each request opens a connection of its own.
    pub mix: &'static [Share],
}

impl Siege {
    /// The load that it is.
    pub const fn load(self) -> Load {
        Load {
            name: self.name,
            begins: self.begins,
            extent: Extent::For(self.time),
            arrival: Arrival::Siege {
                users: self.users,
                delay: self.delay,
            },
            mix: self.mix,
            timeout: TIMEOUT,
            keep_alive: false,
        }
    }
}

/// How long siege runs, begun at any part of a second (4.0.x: `floor(now) + secs`).
pub(super) fn lasts(time: Duration, rng: &Rng) -> Duration {
    let part = Duration::from_micros(rng.below(1_000_000));
    time.saturating_sub(part)
}

/// A pause after a request, by the rule of [`Siege::delay`].
pub fn pause(delay: Duration, rng: &Rng) -> Duration {
    let drawn = delay.mul_f64(rng.unit());
    if delay >= Duration::from_secs(1) {
        Duration::from_secs((drawn.as_secs_f64() + 0.5) as u64)
    } else {
        drawn
    }
}

/// What all users of one siege know together.
#[derive(Clone, Debug, Default)]
pub(super) struct Camp {
    failed: Arc<AtomicU64>,
    users: Arc<AtomicU64>,
}

impl Camp {
    /// They begin.
    pub(super) fn pitch(&self, users: u32) {
        self.users.store(u64::from(users), Ordering::Relaxed);
    }

    /// A request has ended with this status, or without an answer.
    pub(super) fn count(&self, status: Option<u16>) {
        if is_failure(status) {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Everybody gives up.
    pub(super) fn gives_up(&self) -> bool {
        self.failed.load(Ordering::Relaxed) >= MOST_FAILURES
    }

    /// One user goes. True: it was the last one.
    pub(super) fn leave(&self) -> bool {
        self.users.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platform_8_a_delay_of_one_second_is_no_second_or_one_as_often() {
        let rng = Rng::stream(1, "delay");
        let delay = Duration::from_secs(1);
        let pauses: Vec<u64> = (0..10_000).map(|_| pause(delay, &rng).as_secs()).collect();
        assert!(pauses.iter().all(|seconds| *seconds <= 1));
        let ones = pauses.iter().sum::<u64>();
        // Four standard deviations.
        assert!((4_800..=5_200).contains(&ones), "{ones}");
        assert_eq!(pause(Duration::ZERO, &rng), Duration::ZERO);
    }

    #[test]
    fn platform_8_longer_delays_are_whole_seconds_and_shorter_ones_are_not() {
        let rng = Rng::stream(1, "delay");
        let mut seen = [0u32; 3];
        for _ in 0..4_000 {
            let pause = pause(Duration::from_secs(2), &rng);
            assert_eq!(pause.subsec_nanos(), 0);
            seen[usize::try_from(pause.as_secs()).expect("small")] += 1;
        }
        // A quarter, a half, a quarter.
        assert!(
            (900..1_100).contains(&seen[0]) && (900..1_100).contains(&seen[2]),
            "{seen:?}"
        );
        let short = Duration::from_millis(500);
        assert!((0..100).all(|_| pause(short, &rng) < short));
        assert!((0..100).any(|_| pause(short, &rng).subsec_millis() > 0));
    }

    #[test]
    fn platform_8_it_ends_within_the_last_second() {
        let rng = Rng::stream(1, "clock");
        let minute = Duration::from_secs(60);
        let last_second = Duration::from_secs(59)..=minute;
        assert!((0..1_000).all(|_| last_second.contains(&lasts(minute, &rng))));
    }

    #[test]
    fn platform_8_it_gives_up_at_the_1024th_failure() {
        let camp = Camp::default();
        for status in [Some(200), Some(404), Some(510), Some(429)] {
            camp.count(status);
        }
        for _ in 0..1_023 {
            camp.count(Some(503));
        }
        assert!(!camp.gives_up());
        camp.count(None);
        assert!(camp.gives_up());
    }
}
