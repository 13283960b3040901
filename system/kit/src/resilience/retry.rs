//! Trying again: after growing pauses, and never more than a budget allows, so that retries cannot
//! become the overload themselves.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::sleep;

use crate::{
    hints,
    planted::{self, Bug},
    rng::Rng,
    signal::Signals,
};

/// Pauses between tries: exponential, spread by chance, capped; whole milliseconds, as resilience4j
/// cuts them off (`IntervalFunction.ofExponentialRandomBackoff`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackOff {
    /// Before the second try; at least 1 ms.
    pub initial: Duration,
    /// How much longer each further pause is; at least 1.
    pub factor: f64,
    /// No pause is longer.
    pub cap: Duration,
    /// 0 to 1: of `v` ms a pause is drawn from `[v − jitter·v, v + jitter·v + 1)`, 1 ms at least,
    /// and then held to the cap (resilience4j: `randomizationFactor`).
    pub jitter: f64,
}

impl Default for BackOff {
    /// resilience4j's `IntervalFunction`: 500 ms, × 1.5, ± 50 %; here capped at 10 s.
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(500),
            factor: 1.5,
            cap: Duration::from_secs(10),
            jitter: 0.5,
        }
    }
}

impl BackOff {
    /// The pause before retry number `retry`, counted from 0.
    ///
    /// # Panics
    /// When factor or jitter are out of their ranges.
    pub fn pause(&self, retry: u32, rng: &Rng) -> Duration {
        assert!(self.factor >= 1.0, "pauses do not shrink: {}", self.factor);
        assert!(
            (0.0..=1.0).contains(&self.jitter),
            "jitter {} is no fraction",
            self.jitter
        );
        let mut middle_ms = milliseconds(self.initial).max(1);
        for _ in 0..retry {
            let next_ms = whole(middle_ms as f64 * self.factor);
            if next_ms == middle_ms {
                break;
            }
            middle_ms = next_ms;
        }
        let delta = self.jitter * middle_ms as f64;
        let least = middle_ms as f64 - delta;
        let drawn = least + rng.unit() * (2.0 * delta + 1.0);
        Duration::from_millis(whole(drawn.max(1.0)).min(milliseconds(self.cap)))
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Java's `(long)`: towards zero, and no further than the largest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast saturates, as Java's does"
)]
fn whole(ms: f64) -> u64 {
    ms as u64
}

/// Retries allowed: a bucket of tokens that every request fills a little and every retry takes one
/// from (Finagle: `RetryBudget`). Clones share it.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    /// Thousandths of a token, so that sums stay exact.
    tokens: Arc<Mutex<u64>>,
    deposit: u64,
    capacity: u64,
}

impl RetryBudget {
    /// At most `percent` retries per hundred requests in the long run, and `burst` at once.
    pub fn new(percent: u32, burst: u32) -> Self {
        let capacity = u64::from(burst) * 1000;
        Self {
            tokens: Arc::new(Mutex::new(capacity)),
            deposit: u64::from(percent) * 10,
            capacity,
        }
    }

    /// Counts a request.
    pub fn deposit(&self) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        *tokens = tokens.saturating_add(self.deposit).min(self.capacity);
    }

    /// Takes one retry; false when there is none.
    pub fn withdraw(&self) -> bool {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let left = tokens.checked_sub(1000);
        *tokens = left.unwrap_or(*tokens);
        left.is_some()
    }
}

/// How something is tried again.
#[derive(Clone)]
pub struct Retry {
    /// Tries, the first included; at least 1 is made.
    pub attempts: u32,
    /// The pauses.
    pub back_off: BackOff,
    /// The budget.
    pub budget: RetryBudget,
    /// Spreads the pauses.
    pub rng: Rng,
    /// Hear of every further try.
    pub signals: Signals,
}

impl Retry {
    /// Tries until it succeeds, `again` says that another try is no use, or attempts or budget are
    /// used up. `again` must say no when a repetition could take effect twice.
    ///
    /// # Errors
    /// The last try's.
    pub async fn run<T, E, F: Future<Output = Result<T, E>>>(
        &self,
        mut attempt: impl FnMut() -> F,
        again: impl Fn(&E) -> bool,
    ) -> Result<T, E> {
        self.budget.deposit();
        let mut retry = 0;
        loop {
            let error = match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if retry + 1 >= self.attempts || !again(&error) {
                return Err(error);
            }
            if !self.budget.withdraw() && !planted::is(Bug::RetryWithoutBudget) {
                self.signals.hint(hints::RETRY_BUDGET_EMPTY);
                return Err(error);
            }
            self.signals.hint(hints::RETRY_MADE);
            sleep(self.back_off.pause(retry, &self.rng)).await;
            retry += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::{prop_assert, proptest};
    use tokio::time::Instant;

    use super::*;

    fn steady() -> BackOff {
        BackOff {
            jitter: 0.0,
            ..BackOff::default()
        }
    }

    #[test]
    fn platform_6_pauses_are_cut_off_to_a_millisecond_at_each_step_and_grow_to_their_cap() {
        let rng = Rng::stream(1, "retry");
        let pauses: Vec<_> = (0..10)
            .map(|n| steady().pause(n, &rng).as_millis())
            .collect();
        assert_eq!(
            pauses,
            [500, 750, 1125, 1687, 2530, 3795, 5692, 8538, 10_000, 10_000]
        );
        assert_eq!(steady().pause(u32::MAX, &rng), Duration::from_secs(10));
        let brief = BackOff {
            initial: Duration::ZERO,
            jitter: 1.0,
            ..BackOff::default()
        };
        let ones = (0..100).map(|n| brief.pause(n, &rng).as_millis());
        assert!(
            ones.into_iter().all(|ms| (1..=2).contains(&ms)),
            "1 ms at least"
        );
    }

    proptest! {
        #[test]
        fn platform_6_jitter_stays_in_its_range_and_under_the_cap(retry in 0_u32..50, seed: u64) {
            let back_off = BackOff::default();
            let middle_ms = milliseconds(steady().pause(retry, &Rng::stream(seed, "a")));
            let pause_ms = milliseconds(back_off.pause(retry, &Rng::stream(seed, "a")));
            prop_assert!(pause_ms <= 10_000);
            prop_assert!(pause_ms >= middle_ms / 2 && pause_ms <= middle_ms * 3 / 2 + 1);
        }

        #[test]
        fn retries_stay_within_their_share_of_requests(
            requests in 0_u64..2000,
            percent in 0_u32..=100,
        ) {
            let budget = RetryBudget::new(percent, 10);
            let mut retries = 0;
            for _ in 0..requests {
                budget.deposit();
                while budget.withdraw() {
                    retries += 1;
                }
            }
            prop_assert!(retries <= 10 + requests * u64::from(percent) / 100);
        }
    }

    fn retry(attempts: u32, budget: RetryBudget) -> Retry {
        Retry {
            attempts,
            back_off: steady(),
            budget,
            rng: Rng::stream(1, "retry"),
            signals: Signals::silent(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tries_end_with_success_attempts_budget_or_a_hopeless_error() {
        let tries = Cell::new(0);
        let fail_until = |good: u32| {
            tries.set(0);
            let tries = &tries;
            move || async move {
                tries.set(tries.get() + 1);
                if tries.get() >= good {
                    Ok(tries.get())
                } else {
                    Err("busy")
                }
            }
        };
        let begun = Instant::now();
        let enough = retry(3, RetryBudget::new(20, 10));
        assert_eq!(enough.run(fail_until(3), |_| true).await, Ok(3));
        assert_eq!(begun.elapsed(), Duration::from_millis(1250));
        assert_eq!(enough.run(fail_until(4), |_| true).await, Err("busy"));
        assert_eq!(tries.get(), 3);
        assert_eq!(enough.run(fail_until(4), |_| false).await, Err("busy"));
        assert_eq!(tries.get(), 1);
        let poor = retry(3, RetryBudget::new(20, 1));
        assert_eq!(poor.run(fail_until(4), |_| true).await, Err("busy"));
        assert_eq!(tries.get(), 2);
    }
}
