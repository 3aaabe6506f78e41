//! Shedding load by priority: the fuller a limit, the more important a call must be to pass.
//!
//! Each class may use a share of the limit: batch work stops at 60 % of it, what is ordinary at
//! 90 %, what is critical at all of it. So the last part of the capacity is always there for what
//! matters, and no class waits behind a less important one.

/// How important a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Class {
    /// People wait for it, or money depends on it.
    Critical,
    /// Everything else.
    #[default]
    Default,
    /// It can be done later.
    Batch,
}

/// The settings of shedding: shares of the limit, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Up to where ordinary calls pass.
    pub default_percent: u8,
    /// Up to where batch calls pass.
    pub batch_percent: u8,
}

impl Default for Config {
    fn default() -> Self {
        Self { default_percent: 90, batch_percent: 60 }
    }
}

impl Class {
    /// Every class, the most important first.
    pub const ALL: [Self; 3] = [Self::Critical, Self::Default, Self::Batch];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Default => "default",
            Self::Batch => "batch",
        }
    }
}

impl std::str::FromStr for Class {
    type Err = UnknownClass;

    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        let known = Self::ALL.into_iter().find(|class| class.as_str().eq_ignore_ascii_case(text));
        known.ok_or(UnknownClass)
    }
}

/// The text names no class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a class is `critical`, `default` or `batch`")]
pub struct UnknownClass;

impl Config {
    /// Calls that may run at one time before this class is shed; one passes always.
    pub fn share(&self, class: Class, limit: u32) -> u32 {
        let percent = match class {
            Class::Critical => 100,
            Class::Default => self.default_percent.min(100),
            Class::Batch => self.batch_percent.min(100),
        };
        let share = u64::from(limit) * u64::from(percent) / 100;
        u32::try_from(share).unwrap_or(u32::MAX).max(1).min(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_is_for_what_matters() {
        let shares = |limit| Class::ALL.map(|class| Config::default().share(class, limit));
        assert_eq!(shares(100), [100, 90, 60]);
        assert_eq!(shares(1), [1, 1, 1]);
        assert_eq!(shares(0), [0, 0, 0]);
        assert_eq!("Batch".parse(), Ok(Class::Batch));
        assert_eq!("low".parse::<Class>(), Err(UnknownClass));
    }
}
