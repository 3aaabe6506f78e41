//! A trace without its attributes: the tree, times, names and outcomes, small enough to be kept.
//!
//! Rows are spans in pre-order: a span is followed by its children, in order of start, and a whole
//! subtree is a run of [`Row::size`] rows, so that folding it is an addition. Everything that is
//! shown of a large trace is computed from here; attributes are read for the one span that somebody
//! looks at.

mod build;
mod cause;

use std::collections::BTreeMap;
use std::sync::Arc;

use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::{Kind, StatusCode};

pub use cause::Cause;

/// Offsets of events that a row keeps.
pub const EVENTS_MAX: usize = 16;

/// A span in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: SpanId,
    /// The id of its parent, whether it is there or not.
    pub parent_id: Option<SpanId>,
    /// The row of its parent.
    pub parent: Option<u32>,
    /// The operation.
    pub name: Arc<str>,
    /// Index of its service in [`Skeleton::services`].
    pub service: u32,
    /// Its part in a call.
    pub kind: Kind,
    /// How it ended.
    pub status: StatusCode,
    /// Whether it is on the critical path, or something below it is.
    pub critical: bool,
    /// Rows above it.
    pub depth: u32,
    /// Rows of its subtree, itself included.
    pub size: u32,
    /// Its children.
    pub children: u32,
    /// Failed spans below it.
    pub failed_below: u32,
    /// Its links.
    pub links: u32,
    /// What was found wrong with it.
    pub warnings: u32,
    /// Start, nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// End, nanoseconds since the Unix epoch; not before its start.
    pub end_unix_nanos: u64,
    /// Time in which no child of it ran, nanoseconds.
    pub own_nanos: u64,
    /// When its first events happened, nanoseconds since the Unix epoch; at most [`EVENTS_MAX`].
    pub events: Box<[u64]>,
}

impl Row {
    /// How long it took, in nanoseconds.
    pub const fn duration_nanos(&self) -> u64 {
        self.end_unix_nanos - self.start_unix_nanos
    }

    /// Whether it failed.
    pub fn failed(&self) -> bool {
        self.status == StatusCode::Error
    }
}

/// A part of the critical path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Whose time it is.
    pub row: u32,
    /// From when, nanoseconds since the Unix epoch.
    pub from_unix_nanos: u64,
    /// Until when.
    pub to_unix_nanos: u64,
}

impl Segment {
    /// How long it is, in nanoseconds.
    pub const fn nanos(&self) -> u64 {
        self.to_unix_nanos - self.from_unix_nanos
    }
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skeleton {
    /// The trace.
    pub trace: TraceId,
    /// Earliest start, nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// Latest end.
    pub end_unix_nanos: u64,
    /// Names of services, sorted.
    pub services: Vec<Arc<str>>,
    /// All spans in pre-order.
    pub rows: Vec<Row>,
    /// The critical path in order of time, without overlap.
    pub path: Vec<Segment>,
    /// Where failures came from, the earliest first.
    pub causes: Vec<Cause>,
    /// What was found wrong with the trace.
    pub warnings: Vec<String>,
}

/// What a service did in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// Its spans.
    pub spans: usize,
    /// Those that failed.
    pub failed: usize,
    /// Time in which its spans, and no child of them, ran; of all its spans together.
    pub own_nanos: u64,
    /// Time on the critical path.
    pub critical_nanos: u64,
}

impl Skeleton {
    /// How long the whole trace took, in nanoseconds.
    pub const fn duration_nanos(&self) -> u64 {
        self.end_unix_nanos - self.start_unix_nanos
    }

    /// Nanoseconds since the start of the trace.
    pub const fn offset(&self, unix_nanos: u64) -> u64 {
        unix_nanos.saturating_sub(self.start_unix_nanos)
    }

    /// Spans that failed.
    pub fn failed(&self) -> usize {
        self.rows.iter().filter(|row| row.failed()).count()
    }

    /// The deepest row's depth.
    pub fn depth_max(&self) -> u32 {
        self.rows.iter().map(|row| row.depth).max().unwrap_or(0)
    }

    /// The row of a span.
    pub fn find(&self, id: SpanId) -> Option<usize> {
        self.rows.iter().position(|row| row.id == id)
    }

    /// The name of a row's service.
    pub fn service(&self, row: &Row) -> &Arc<str> {
        static NOBODY: std::sync::OnceLock<Arc<str>> = std::sync::OnceLock::new();
        let known = self.services.get(row.service as usize);
        known.unwrap_or_else(|| NOBODY.get_or_init(|| Arc::from("")))
    }

    /// The rows above a row, the nearest first.
    pub fn ancestors(&self, row: &Row) -> impl Iterator<Item = &Row> {
        let above = |row: &Row| self.rows.get(row.parent? as usize);
        std::iter::successors(above(row), move |row| above(row))
    }

    /// Time of each row on the critical path, in nanoseconds.
    pub fn critical_nanos(&self) -> Vec<u64> {
        let mut nanos = vec![0; self.rows.len()];
        for segment in &self.path {
            if let Some(nanos) = nanos.get_mut(segment.row as usize) {
                *nanos += segment.nanos();
            }
        }
        nanos
    }

    /// What each service did, by name.
    pub fn shares(&self) -> BTreeMap<Arc<str>, Share> {
        let mut shares = BTreeMap::<Arc<str>, Share>::new();
        for (row, critical) in self.rows.iter().zip(self.critical_nanos()) {
            let share = shares.entry(Arc::clone(self.service(row))).or_default();
            share.spans += 1;
            share.failed += usize::from(row.failed());
            share.own_nanos = share.own_nanos.saturating_add(row.own_nanos);
            share.critical_nanos += critical;
        }
        shares
    }

    /// About how much memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        let row = size_of::<Row>() + 16;
        let events: usize = self.rows.iter().map(|row| row.events.len() * 8).sum();
        let texts: usize = self.causes.iter().map(Cause::bytes).sum();
        size_of::<Self>()
            + self.rows.len() * row
            + events
            + texts
            + self.path.len() * size_of::<Segment>()
    }
}

/// The children of a row, in order of start.
pub(crate) fn children(rows: &[Row], index: u32) -> impl Iterator<Item = u32> {
    let end = rows.get(index as usize).map_or(0, |row| index + row.size);
    let within = move |at: u32| (at < end).then_some(at);
    std::iter::successors(within(index + 1), move |at| {
        rows.get(*at as usize).and_then(|row| within(at + row.size.max(1)))
    })
}

#[cfg(test)]
pub(crate) mod tests;
