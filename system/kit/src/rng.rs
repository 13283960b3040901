//! Seeded randomness in named streams, so that one more draw in one place shifts no other place.

use std::sync::{Arc, Mutex, PoisonError};

use rand::{Rng as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A named stream of random numbers. Clones share the stream.
#[derive(Clone)]
pub struct Rng(Arc<Mutex<ChaCha8Rng>>);

impl Rng {
    /// The stream called `name` (`"link/order-1/pay-1"`, `"load"`) of a run's `seed`. The same seed
    /// and name give the same numbers on every machine and build.
    pub fn stream(seed: u64, name: &str) -> Self {
        let mut bytes = [0; 32];
        for (word, chunk) in (0_u64..).zip(bytes.chunks_exact_mut(8)) {
            let mixed = xxh3_64_with_seed(name.as_bytes(), seed ^ (word << 56));
            chunk.copy_from_slice(&mixed.to_le_bytes());
        }
        Self(Arc::new(Mutex::new(ChaCha8Rng::from_seed(bytes))))
    }

    /// Sixty-four random bits.
    pub fn bits(&self) -> u64 {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next_u64()
    }

    /// Uniform in `[0, bound)`, without bias.
    ///
    /// # Panics
    /// When `bound` is zero: there is nothing to draw.
    pub fn below(&self, bound: u64) -> u64 {
        assert!(bound > 0, "a draw below zero has no value");
        // Lemire's method: reject the few low products that would favour small values.
        loop {
            let product = u128::from(self.bits()) * u128::from(bound);
            #[expect(clippy::cast_possible_truncation, reason = "the low word is meant")]
            let low = product as u64;
            if low >= bound.wrapping_neg() % bound {
                return u64::try_from(product >> 64).unwrap_or(0);
            }
        }
    }

    /// Uniform in `[low, high]`, both ends included.
    ///
    /// # Panics
    /// When `low > high`.
    pub fn between(&self, low: u64, high: u64) -> u64 {
        assert!(low <= high, "empty range {low}..={high}");
        match (high - low).checked_add(1) {
            Some(width) => low + self.below(width),
            None => self.bits(),
        }
    }

    /// Uniform in `[0, 1)`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact in an f64")]
    pub fn unit(&self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with the given probability (0 to 1).
    pub fn chance(&self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Exponentially distributed with the given mean: the gaps of a Poisson process.
    pub fn exponential(&self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn a_stream_is_a_function_of_seed_and_name() {
        let draw = |seed, name| Rng::stream(seed, name).bits();
        assert_eq!(draw(7, "load"), draw(7, "load"));
        assert_ne!(draw(7, "load"), draw(8, "load"));
        assert_ne!(draw(7, "load"), draw(7, "faults"));
    }

    #[test]
    fn draws_stay_in_their_range_and_reach_both_ends() {
        let rng = Rng::stream(1, "range");
        let draws: Vec<u64> = (0..1000).map(|_| rng.between(3, 6)).collect();
        assert_eq!(draws.iter().min(), Some(&3));
        assert_eq!(draws.iter().max(), Some(&6));
        assert!((0..1000).all(|_| (0.0..1.0).contains(&rng.unit())));
    }
}
