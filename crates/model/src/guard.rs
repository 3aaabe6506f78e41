//! What keeps the process standing when callers are too many, too slow or hostile.

use std::time::Duration;

use crate::Network;
use crate::units::Rate;

/// Limits of the process as a whole and of what each caller may ask of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// Open connections of callers; `None` for as many as descriptors allow.
    pub connections: Option<u32>,
    /// Bytes of memory; `None` for what the control group allows, if it limits at all.
    pub memory: Option<u64>,
    /// Bytes of all stored responses.
    pub cache_bytes: usize,
    /// Bytes of one head, first line included.
    pub head_bytes: usize,
    /// Bytes of one target.
    pub target_bytes: usize,
    /// Fields of one head.
    pub fields: usize,
    /// Bytes of one request's body; `None` for any.
    pub body_bytes: Option<u64>,
    /// Least pace of what callers send and take.
    pub pace: Pace,
    /// What one source may do; `None` for anything.
    pub per_source: Option<PerSource>,
}

/// The least pace of a body that is waited for, on average once it was waited for so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Bytes in each second; 0 for any pace.
    pub bytes_per_second: u32,
    /// Waiting that is not held against anybody.
    pub grace: Duration,
}

/// Limits of one source: an IPv4 address, or a network of 64 bits of IPv6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerSource {
    /// Connections open at one time.
    pub connections: Option<u32>,
    /// New connections.
    pub connection_rate: Option<Allowance>,
    /// Requests.
    pub request_rate: Option<Allowance>,
    /// What happens to what is too much.
    pub action: Action,
    /// Longest delay, with [`Action::Delay`].
    pub delay_max: Duration,
    /// Sources without limits.
    pub except: Vec<Network>,
}

/// A rate, and how many may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// In the long run.
    pub rate: Rate,
    /// At once, after a rest; at least 1.
    pub burst: u32,
}

/// What happens to a connection or request that is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// It is refused at once: 429, or a reset.
    Refuse,
    /// It waits for its turn, if that comes soon enough; else it is refused.
    Delay,
    /// It is refused after a while, in which its sender waits.
    Tarpit,
    /// Its connection is closed without a word.
    Drop,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 4] = [Self::Refuse, Self::Delay, Self::Tarpit, Self::Drop];

    /// The word in files and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Delay => "delay",
            Self::Tarpit => "tarpit",
            Self::Drop => "drop",
        }
    }
}

impl Pace {
    /// Whether so many bytes within so much waiting are too few.
    pub fn is_missed(self, bytes: u64, waited: Duration) -> bool {
        let Some(held) = waited.checked_sub(self.grace).filter(|_| self.bytes_per_second > 0)
        else {
            return false;
        };
        let wanted = u128::from(self.bytes_per_second) * held.as_millis() / 1_000;
        u128::from(bytes) < wanted
    }
}

impl Default for Guard {
    /// What stands where nothing is written: no caller that means well notices it.
    fn default() -> Self {
        Self {
            connections: None,
            memory: None,
            cache_bytes: 64 << 20,
            head_bytes: 64 << 10,
            target_bytes: 32 << 10,
            fields: 100,
            body_bytes: None,
            pace: Pace { bytes_per_second: 500, grace: Duration::from_secs(20) },
            per_source: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_an_average_after_the_grace() {
        let pace = Pace { bytes_per_second: 500, grace: Duration::from_secs(20) };
        assert!(!pace.is_missed(0, Duration::from_secs(20)));
        assert!(!pace.is_missed(5_000, Duration::from_secs(30)));
        assert!(pace.is_missed(4_999, Duration::from_secs(30)));
        let none = Pace { bytes_per_second: 0, ..pace };
        assert!(!none.is_missed(0, Duration::from_hours(1)));
    }
}
