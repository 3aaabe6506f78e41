//! Generated sequences, and what our machines show for them.

mod breaker;
mod others;
mod replay;

pub(crate) use replay::replay;

/// A sequence for the driver, and what is seen of it here.
pub(crate) struct Sequence {
    pub(crate) line: String,
    pub(crate) seen: String,
}

/// The sequence of this number: always the same.
pub(crate) fn generate(number: u64) -> Sequence {
    let mut dice = Dice(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1);
    match number % 8 {
        0 => others::limiter(&mut dice),
        1 => others::retry(&mut dice),
        2 if number % 16 == 2 => others::bulkhead(&mut dice),
        _ => breaker::sequence(&mut dice),
    }
}

/// Seeded random numbers (`SplitMix64`, Steele et al., 2014).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `from` to `to`, both included.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.number() % (to - from + 1)
    }

    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.number() % all.len() as u64).unwrap()]
    }

    /// True so often, in percent.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.number() % 100 < percent
    }
}
