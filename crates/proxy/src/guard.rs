//! What keeps the process standing: limits of each source, and of the process as a whole.
//!
//! Nothing is counted and nothing is looked up where no limit is written. [`sources`] knows what
//! each source did, exactly over all workers; [`acting`] does what the settings want with what is
//! too much, within bounds of its own; [`pressure`] says how hard pressed the process is, and
//! workers then close what is idle, take nothing new, and refuse.

mod acting;
mod pressure;
mod sources;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use trunkline_model::guard::{Action, PerSource};
use trunkline_model::ops::GuardStats;
use trunkline_resilience::overload::Level;
use trunkline_rt::Clock;

pub(crate) use acting::{Leave, admit, allow};
pub(crate) use pressure::keep_looking;
pub(crate) use sources::Seat;
use sources::Sources;

/// Which limit of a source was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    Connections,
    ConnectionRate,
    RequestRate,
}

impl Limit {
    const ALL: [Self; 3] = [Self::Connections, Self::ConnectionRate, Self::RequestRate];

    /// The word in reasons and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionRate => "connection_rate",
            Self::RequestRate => "request_rate",
        }
    }
}

/// The guard of the process.
#[derive(Debug)]
pub(crate) struct Guard {
    sources: Sources,
    /// A [`Level`], by its number.
    level: AtomicU8,
    /// Usage of what is limited, in thousandths.
    usage: [AtomicU32; pressure::RESOURCES.len()],
    limited: [[AtomicU64; Action::ALL.len()]; Limit::ALL.len()],
    /// Idle connections that were closed to make room.
    shed: AtomicU64,
    /// Requests that were refused for want of room.
    refused: AtomicU64,
    /// What is held back now.
    held: AtomicU32,
    clock: Clock,
    epoch: Instant,
}

impl Guard {
    pub(crate) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            sources: Sources::default(),
            level: AtomicU8::new(0),
            usage: Default::default(),
            limited: Default::default(),
            shed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            held: AtomicU32::new(0),
            epoch: clock.now(),
            clock,
        })
    }

    /// How hard pressed the process is.
    pub(crate) fn level(&self) -> Level {
        match self.level.load(Ordering::Relaxed) {
            0 => Level::Calm,
            1 => Level::High,
            _ => Level::Critical,
        }
    }

    fn set_level(&self, level: Level) {
        let number = match level {
            Level::Calm => 0,
            Level::High => 1,
            Level::Critical => 2,
        };
        self.level.store(number, Ordering::Relaxed);
    }

    /// Notes idle connections that were told to end to make room.
    pub(crate) fn shed(&self, count: usize) {
        self.shed.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Notes a request that was refused for want of room.
    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    fn limited(&self, limit: Limit, action: Action) {
        let row = self.limited.get(limit as usize);
        if let Some(count) = row.and_then(|row| row.get(action as usize)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn nanos(&self) -> u64 {
        let since = self.clock.now().saturating_duration_since(self.epoch);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// What it tells.
    pub(crate) fn stats(&self) -> GuardStats {
        let mut limited = Vec::new();
        for (limit, row) in Limit::ALL.iter().zip(&self.limited) {
            for (action, count) in Action::ALL.iter().zip(row) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    limited.push((limit.as_str(), action.as_str(), count));
                }
            }
        }
        let usage = pressure::RESOURCES.iter().zip(&self.usage);
        GuardStats {
            level: self.level().as_str(),
            usage: usage.map(|(name, used)| (*name, used.load(Ordering::Relaxed))).collect(),
            sources: self.sources.count(),
            limited,
            shed: self.shed.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

/// Whether a source has limits.
fn is_limited(settings: &PerSource, source: IpAddr) -> bool {
    !settings.except.iter().any(|network| network.contains(source))
}
