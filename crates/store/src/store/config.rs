//! What a store is told.

use std::time::Duration;

use crate::rollup;
use crate::wal::{self, Durability};

/// How a store behaves, and the bounds that it keeps. Where the files are is the disk's matter.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What an acknowledgement means, and the bounds of the log.
    pub log: wal::Config,
    /// Memory.
    pub memory: Memory,
    /// The head becomes a segment at the latest when its oldest span was acknowledged so long ago.
    pub head_age_max: Duration,
    /// What is removed, and when.
    pub retention: Retention,
    /// How much is counted of rates and calls, and kept.
    pub rollups: rollup::Config,
    /// Which traces are kept when more come than are wanted; all where there is none.
    pub sampling: Option<Sampling>,
}

/// How much memory a store may use, about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// A head is cut when it has so many bytes.
    pub head_bytes_max: usize,
    /// A head is cut when it has so many spans: more than a row group of a segment has makes two.
    pub head_spans_max: usize,
    /// Batches wait while all heads have so many bytes, those included that are being cut.
    pub heads_bytes_max: usize,
    /// Batches that wait for that are refused beyond so many bytes.
    pub waiting_bytes_max: usize,
    /// Indices of segments that are kept for the next question.
    pub index_bytes_max: u64,
}

/// When segments are removed. Every limit holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Spans older than this are removed.
    pub age: Option<Duration>,
    /// The oldest segments are removed while there are more bytes.
    pub bytes: Option<u64>,
    /// The oldest segments are removed while fewer bytes of the disk are free.
    pub free_bytes: u64,
    /// Other ages for some services.
    pub services: Vec<ServiceRetention>,
}

/// How long the spans of one service are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRetention {
    /// Its name.
    pub service: String,
    /// Spans older than this are removed.
    pub age: Duration,
}

/// Which traces are kept when segments are merged. Until then every trace is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// Traces that began later are not touched.
    pub after: Duration,
    /// Spans a second that are kept of each service, about; a trace is kept as a whole.
    pub spans_per_second: f64,
    /// Traces with a span that took longer are kept.
    pub slow: Option<Duration>,
    /// Traces with an operation that has fewer spans than this among those that are merged are
    /// kept.
    pub rare: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            log: wal::Config::new(Durability::Fsync),
            memory: Memory::default(),
            head_age_max: Duration::from_secs(60),
            retention: Retention::default(),
            rollups: rollup::Config::default(),
            sampling: None,
        }
    }
}

impl Default for Memory {
    /// Together below 400 MiB, whatever comes.
    fn default() -> Self {
        Self {
            head_bytes_max: 48 << 20,
            head_spans_max: 131_072,
            heads_bytes_max: 112 << 20,
            waiting_bytes_max: 32 << 20,
            index_bytes_max: 32 << 20,
        }
    }
}

impl Default for Retention {
    /// A week, while 1 GiB of the disk is free.
    fn default() -> Self {
        Self {
            age: Some(Duration::from_hours(7 * 24)),
            bytes: None,
            free_bytes: 1 << 30,
            services: Vec::new(),
        }
    }
}

impl Retention {
    /// How long spans of a service are kept.
    pub(crate) fn age_of(&self, service: &str) -> Option<Duration> {
        let own = self.services.iter().find(|one| one.service == service);
        own.map(|one| one.age).or(self.age)
    }
}
