//! Random numbers that are fast and not secret: trace ids, span ids, balancing, jitter.
//!
//! One generator for each worker, so that nothing is shared and nothing waits. xoshiro256++
//! (Blackman and Vigna, 2019): 256 bits of state, because an id of 128 bits that comes out of 64
//! bits of state repeats far too early. Not for keys, tokens or anything that must not be guessed.

use std::hash::{BuildHasher, RandomState};

/// A generator of random numbers.
#[derive(Debug, Clone)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// A generator that the operating system's randomness starts.
    pub fn from_system() -> Self {
        // Every `RandomState` is keyed by the system; its hash of anything is a random number.
        let number = |index: u64| RandomState::new().hash_one(index);
        Self { state: [number(0), number(1), number(2), number(3) | 1] }
    }

    /// A generator that always gives the same numbers, for tests and simulation.
    pub fn from_seed(seed: u64) -> Self {
        let mut seed = seed;
        // SplitMix64 (Steele et al., 2014) spreads one number over the whole state.
        let mut spread = || {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        Self { state: [spread(), spread(), spread(), spread() | 1] }
    }

    /// The next number; all 64 bits are good.
    pub fn number(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// Sixteen random bytes.
    pub fn bytes16(&mut self) -> [u8; 16] {
        let number = (u128::from(self.number()) << 64) | u128::from(self.number());
        number.to_be_bytes()
    }

    /// Eight random bytes.
    pub fn bytes8(&mut self) -> [u8; 8] {
        self.number().to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_seed_gives_the_same_numbers_and_another_gives_others() {
        let numbers = |seed| {
            let mut random = Random::from_seed(seed);
            [random.number(), random.number(), random.number()]
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
    }

    #[test]
    fn generators_of_the_system_do_not_repeat_each_other() {
        let first: HashSet<_> = (0..1_000).map(|_| Random::from_system().bytes16()).collect();
        assert_eq!(first.len(), 1_000);
    }

    #[test]
    fn every_bit_is_set_about_half_of_the_time() {
        let mut random = Random::from_seed(7);
        let mut ones = [0_u32; 64];
        for _ in 0..4_096 {
            let number = random.number();
            for (bit, count) in ones.iter_mut().enumerate() {
                *count += u32::from((number >> bit) & 1 == 1);
            }
        }
        assert!(ones.iter().all(|count| (1_850..2_250).contains(count)));
    }
}
