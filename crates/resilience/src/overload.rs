//! How hard pressed a process is: three levels with hysteresis, so that they do not flap.

/// A level of pressure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// There is room.
    #[default]
    Calm,
    /// Little is left: what can be given up is.
    High,
    /// Nothing is left: nothing new is taken.
    Critical,
}

/// Usage from which a level holds, in thousandths.
const HIGH: u32 = 850;
/// The same.
const CRITICAL: u32 = 950;
/// A level is left only this far below where it began.
const BACK: u32 = 50;

impl Level {
    /// The level that follows on this one, at this usage in thousandths.
    #[must_use]
    pub fn next(self, usage: u32) -> Self {
        let holds =
            |level: Self, from: u32| usage >= if self >= level { from - BACK } else { from };
        if holds(Self::Critical, CRITICAL) {
            Self::Critical
        } else if holds(Self::High, HIGH) {
            Self::High
        } else {
            Self::Calm
        }
    }

    /// The word for people and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// How much of `limit` is used, in thousandths; without a limit nothing is.
pub fn usage(used: u64, limit: Option<u64>) -> u32 {
    let Some(limit) = limit else { return 0 };
    let parts = u128::from(used) * 1_000 / u128::from(limit.max(1));
    u32::try_from(parts).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_rise_at_once_and_fall_with_hysteresis() {
        let mut level = Level::Calm;
        for (usage, expect) in [
            (849, Level::Calm),
            (850, Level::High),
            (801, Level::High),
            (799, Level::Calm),
            (1_200, Level::Critical),
            (901, Level::Critical),
            (899, Level::High),
            (0, Level::Calm),
        ] {
            level = level.next(usage);
            assert_eq!(level, expect, "{usage}");
        }
        assert_eq!((usage(5, None), usage(1, Some(4)), usage(1, Some(0))), (0, 250, 1_000));
    }
}
