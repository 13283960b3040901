//! Wall-clock time, as a pod believes it to be.

use std::sync::Arc;

/// Source of wall-clock time. It may be skewed or jump; never measure a duration with it.
pub trait WallClock: Send + Sync + 'static {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_ms(&self) -> u64;
}

/// A pod's wall clock.
#[derive(Clone)]
pub struct Clock(Arc<dyn WallClock>);

impl Clock {
    /// Wraps a source of time.
    pub fn new(source: impl WallClock) -> Self {
        Self(Arc::new(source))
    }

    /// The machine's own clock.
    pub fn system() -> Self {
        Self::new(SystemClock)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn now_ms(&self) -> u64 {
        self.0.now_ms()
    }
}

struct SystemClock;

impl WallClock for SystemClock {
    #[expect(
        clippy::disallowed_types,
        clippy::disallowed_methods,
        reason = "the real adapter"
    )]
    fn now_ms(&self) -> u64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        // A machine set before 1970 reads as 1970: better than ending the service over it.
        since.map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
    }
}
