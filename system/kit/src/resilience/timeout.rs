//! A moment by which something must be done, however many steps it takes.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// One time limit for several steps, so that their timeouts do not add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

/// The deadline came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not done within the time limit")]
pub struct TimedOut;

impl Deadline {
    /// So long from now.
    pub fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    /// The moment itself.
    pub fn at(self) -> Instant {
        self.0
    }

    /// What is left of it; zero when it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Does one step, unless the deadline comes first: then the step is dropped.
    ///
    /// # Errors
    /// [`TimedOut`].
    pub async fn within<T>(self, step: impl Future<Output = T>) -> Result<T, TimedOut> {
        timeout_at(self.0, step).await.map_err(|_elapsed| TimedOut)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn steps_share_one_limit() {
        let step = Duration::from_secs(2);
        let deadline = Deadline::after(step + step / 2);
        assert_eq!(deadline.within(sleep(step)).await, Ok(()));
        assert_eq!(deadline.remaining(), step / 2);
        assert_eq!(deadline.within(sleep(step)).await, Err(TimedOut));
        assert_eq!(deadline.remaining(), Duration::ZERO);
    }
}
