//! Rates, errors and durations by service and operation, and who calls whom, from every span that
//! arrives: before sampling, in rollups of ten seconds that are kept for a day.
//!
//! [`Accumulator`] counts spans and finds the calls among them; it is a pure machine. [`Rollups`]
//! guards one, [keeps](Keep) what it counted, and shows both to readers. Everything is bounded by
//! [`Config`]: what goes beyond is counted under [`OTHER`] or as dropped, and said so.
//!
//! Sums are whole numbers and fixed-point numbers, so that parts add up to the same in any order.
//! A span is counted exactly once, whatever happens between: each commit holds the position in the
//! log up to which it counts, and a replay begins to count there.
//!
//! It answers no question by itself: what is asked of rates and graphs is the business of `query`.

mod accumulate;
mod catalog;
mod cell;
mod format;
mod guard;
mod keep;
pub mod kept;
mod nodes;
mod operation;
mod pairs;
mod peer;
mod period;
mod recent;
mod seen;
mod texts;
mod weight;

use std::time::Duration;

use crate::wal;

pub use accumulate::{Accumulator, Counting, Counts, Sides};
pub use catalog::Naming;
pub use cell::{Cell, EdgeCell};
pub use format::{Unreadable, Wanted, read, write};
pub use guard::{OpenError, Rollups, Stats, Total, TotalEdges, TotalSeries, Totals};
pub use keep::{Commit, Keep, KeepError, View};
pub use operation::group;
pub use period::{EdgeKey, EdgeKind, PERIOD_SECONDS, Period, Recorder, Rollup, SeriesKey, periods};
pub use seen::Seen;
pub use texts::Texts;
pub use weight::{Weight, calls};

/// What counts for more than there is room for.
pub const OTHER: &str = "other";

/// Whoever calls from outside: the node before the first service of a trace.
pub const USER: &str = "user";

/// The library (OTLP's scope) of spans that the proxy records, on behalf of services that need not
/// record anything. Where a service records itself, its own spans count.
pub const PROXY_SCOPE: &str = "trunkline";

/// Longest name of a service, operation or node, in bytes; longer ones are cut.
pub const NAME_BYTES_MAX: usize = 256;

/// How much is counted and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Services with series; further ones count as [`OTHER`].
    pub services_max: usize,
    /// Services and named callees in the graph; further ones count as [`OTHER`].
    pub nodes_max: usize,
    /// Operations of a service that are counted under their own names, before new names are
    /// [grouped](group).
    pub own_names_max: usize,
    /// Series of one service; further ones count as [`OTHER`].
    pub series_per_service_max: usize,
    /// Series of all services together.
    pub series_max: usize,
    /// Counts of series, and counts of edges, in memory until they are kept.
    pub cells_max: usize,
    /// Sides of calls that wait for their other side.
    pub waiting_max: usize,
    /// How long they wait.
    pub wait: Duration,
    /// How long rollups are kept.
    pub kept: Duration,
    /// Rollups kept, in bytes; the oldest go first.
    pub kept_bytes_max: u64,
    /// Series and nodes that were not counted for so long make room for others.
    pub idle: Duration,
}

impl Config {
    /// A day of 10 000 series.
    ///
    /// SDKs send batches every five seconds, so a service that makes a thousand calls a second has
    /// five thousand of them waiting: `waiting_max` is a multiple of that.
    pub const DEFAULT: Self = Self {
        services_max: 1_000,
        nodes_max: 4_096,
        own_names_max: 100,
        series_per_service_max: 1_000,
        series_max: 10_000,
        cells_max: 65_536,
        waiting_max: 65_536,
        wait: Duration::from_secs(10),
        kept: Duration::from_secs(24 * 60 * 60),
        kept_bytes_max: 256 * 1024 * 1024,
        idle: Duration::from_secs(15 * 60),
    };

    fn wait_nanos(&self) -> u64 {
        nanos(self.wait)
    }

    fn idle_nanos(&self) -> u64 {
        nanos(self.idle)
    }

    fn kept_periods(&self) -> u32 {
        u32::try_from(self.kept.as_secs() / PERIOD_SECONDS).unwrap_or(u32::MAX)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::DEFAULT
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A place in the write-ahead log: the end of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Mark {
    /// Number of the file.
    pub file: u64,
    /// Bytes from its begin.
    pub offset: u64,
}

impl From<wal::Position> for Mark {
    fn from(position: wal::Position) -> Self {
        Self { file: position.file, offset: position.offset }
    }
}

impl From<Mark> for wal::Position {
    fn from(mark: Mark) -> Self {
        Self { file: mark.file, offset: mark.offset }
    }
}
