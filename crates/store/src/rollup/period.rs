//! The ten seconds that one rollup counts, and all that was counted in them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use trunkline_otlp::{Kind, StatusCode};

use super::cell::{Cell, EdgeCell};

/// Seconds of a period.
pub const PERIOD_SECONDS: u64 = 10;

const PERIOD_NANOS: u64 = PERIOD_SECONDS * 1_000_000_000;

/// Ten seconds, counted from the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Period(pub u32);

impl Period {
    /// The one that a time lies in, nanoseconds since the Unix epoch.
    pub fn of(unix_nanos: u64) -> Self {
        Self(u32::try_from(unix_nanos / PERIOD_NANOS).unwrap_or(u32::MAX))
    }

    /// Its begin, nanoseconds since the Unix epoch; the greatest number for those after the year 2554.
    pub fn start_unix_nanos(self) -> u64 {
        u64::from(self.0).saturating_mul(PERIOD_NANOS)
    }

    /// Its end, nanoseconds since the Unix epoch; no longer part of it.
    pub fn end_unix_nanos(self) -> u64 {
        self.next().start_unix_nanos()
    }

    /// So many periods before.
    #[must_use]
    pub const fn before(self, periods: u32) -> Self {
        Self(self.0.saturating_sub(periods))
    }

    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The periods that a time from `from` to before `to` touches, nanoseconds since the Unix epoch.
pub fn periods(from: u64, to: u64) -> Range<Period> {
    let end = if to > from { Period::of(to - 1).next() } else { Period::of(from) };
    Period::of(from)..end
}

/// Who recorded the spans of a series, who saw the calls of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Recorder {
    /// The service itself; for an edge, spans of whomever.
    Own = 0,
    /// The proxy, of a service that need not record anything.
    Proxy = 1,
}

/// What spans are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesKey {
    /// The service that spans tell of.
    pub service: Arc<str>,
    /// Who recorded them.
    pub recorder: Recorder,
    /// The operation, or the group of it, or [`OTHER`](super::OTHER).
    pub operation: Arc<str>,
    /// Their kind.
    pub kind: Kind,
    /// How they ended.
    pub status: StatusCode,
}

/// What an edge stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum EdgeKind {
    /// Spans within one service, each counted as a child of its parent: no call, but Jaeger's graph
    /// of dependencies counts them.
    Local = 0,
    /// From outside to the first service of a trace.
    Entry = 1,
    /// One service calls another.
    Call = 2,
    /// One service sends a message that another takes.
    Message = 3,
    /// A service asks a database.
    Database = 4,
    /// A service calls somebody who records nothing, by the name or address that it knows.
    External = 5,
}

impl EdgeKind {
    /// Its word, in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Entry => "entry",
            Self::Call => "call",
            Self::Message => "message",
            Self::Database => "database",
            Self::External => "external",
        }
    }

    pub(super) const fn of(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Local,
            1 => Self::Entry,
            2 => Self::Call,
            3 => Self::Message,
            4 => Self::Database,
            5 => Self::External,
            _ => return None,
        })
    }
}

/// What calls are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EdgeKey {
    /// Who calls; [`USER`](super::USER) from outside.
    pub caller: Arc<str>,
    /// Who is called.
    pub callee: Arc<str>,
    /// What it stands for.
    pub kind: EdgeKind,
    /// Who saw it.
    pub recorder: Recorder,
}

/// Everything that was counted of one period, or a part of it. Parts add up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rollup {
    /// Spans.
    pub series: BTreeMap<SeriesKey, Cell>,
    /// Calls.
    pub edges: BTreeMap<EdgeKey, EdgeCell>,
}

impl Rollup {
    /// Adds another part.
    pub fn merge(&mut self, other: &Self) {
        for (key, cell) in &other.series {
            match self.series.get_mut(key) {
                Some(sum) => sum.merge(cell),
                None => drop(self.series.insert(key.clone(), cell.clone())),
            }
        }
        for (key, cell) in &other.edges {
            match self.edges.get_mut(key) {
                Some(sum) => sum.merge(cell),
                None => drop(self.edges.insert(key.clone(), cell.clone())),
            }
        }
    }

    /// Series and edges.
    pub fn len(&self) -> usize {
        self.series.len() + self.edges.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_time_touches_its_periods() {
        let second = 1_000_000_000;
        let check = |from: u64, to: u64, first: u32, end: u32| {
            assert_eq!(periods(from * second, to * second), Period(first)..Period(end));
        };
        check(0, 10, 0, 1);
        check(9, 11, 0, 2);
        check(20, 40, 2, 4);
        check(25, 25, 2, 2);
        check(30, 20, 3, 3);
        assert_eq!(periods(0, 1), Period(0)..Period(1));
        assert_eq!(Period(3).end_unix_nanos(), Period(4).start_unix_nanos());
    }
}
