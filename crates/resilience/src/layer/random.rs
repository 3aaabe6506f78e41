//! Random numbers for the waits between attempts; nothing that is secret hangs on them.
//!
//! They are hashes of a counter, under a key that the standard library draws for each process.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// A source of random numbers that threads share.
#[derive(Debug, Default)]
pub(super) struct Random {
    key: RandomState,
    drawn: AtomicU64,
}

impl Random {
    /// Evenly spread over 0 to 1, without 1.
    #[expect(clippy::cast_precision_loss, reason = "a number of 53 bits is exact")]
    pub(super) fn draw(&self) -> f64 {
        let number = self.key.hash_one(self.drawn.fetch_add(1, Ordering::Relaxed));
        (number >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_fills_the_range_and_stays_in_it() {
        let random = Random::default();
        let drawn: Vec<f64> = (0..10_000).map(|_| random.draw()).collect();
        assert!(drawn.iter().all(|number| (0.0..1.0).contains(number)));
        for tenth in 0..10 {
            let low = f64::from(tenth) / 10.0;
            let count = drawn.iter().filter(|number| (low..low + 0.1).contains(number)).count();
            assert!((700..1_300).contains(&count), "{count} of 10000 from {low}");
        }
    }
}
