//! Spans for tests, few words each.

use std::collections::BTreeMap;
use std::sync::Arc;

use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::{Kind, Resource, Scope, Span, Status, StatusCode, Value, write};
use trunkline_store::rollup::{Accumulator, Cell, Config, EdgeCell, Period, Rollup};

pub const SECOND: u64 = 1_000_000_000;
pub const MILLI: u64 = 1_000_000;
/// Some time in 2026, at the begin of a period.
pub const NOW: u64 = 1_790_000_000 * SECOND;

/// A span of a trace, a millisecond long, that has just ended.
pub fn span(service: &str, trace: u8, id: u64, parent: u64, kind: Kind) -> Span {
    let resource = Resource {
        attributes: vec![(Arc::from("service.name"), Value::Text(Arc::from(service)))],
        ..Resource::default()
    };
    Span {
        trace: TraceId::new([trace.max(1); 16]).unwrap(),
        id: SpanId::new(id.to_be_bytes()).unwrap(),
        parent: SpanId::new(parent.to_be_bytes()),
        trace_state: Arc::from(""),
        flags: 0,
        name: Arc::from("work"),
        kind,
        start_unix_nanos: NOW - MILLI,
        end_unix_nanos: NOW,
        attributes: Vec::new(),
        dropped_attributes: 0,
        events: Vec::new(),
        dropped_events: 0,
        links: Vec::new(),
        dropped_links: 0,
        status: Status::default(),
        resource: Arc::new(resource),
        scope: Arc::default(),
    }
}

/// Small changes of a span, one after the other.
pub trait With: Sized {
    fn named(self, name: &str) -> Self;
    fn with(self, key: &str, value: &str) -> Self;
    fn with_number(self, key: &str, value: i64) -> Self;
    fn failed(self) -> Self;
    fn ended(self, at: u64) -> Self;
    fn by(self, scope: &str) -> Self;
    fn flags(self, flags: u32) -> Self;
    fn state(self, trace_state: &str) -> Self;
}

impl With for Span {
    fn named(mut self, name: &str) -> Self {
        self.name = Arc::from(name);
        self
    }

    fn with(mut self, key: &str, value: &str) -> Self {
        self.attributes.push((Arc::from(key), Value::Text(Arc::from(value))));
        self
    }

    fn with_number(mut self, key: &str, value: i64) -> Self {
        self.attributes.push((Arc::from(key), Value::Int(value)));
        self
    }

    fn failed(mut self) -> Self {
        self.status.code = StatusCode::Error;
        self
    }

    fn ended(mut self, at: u64) -> Self {
        (self.start_unix_nanos, self.end_unix_nanos) = (at.saturating_sub(MILLI), at);
        self
    }

    fn by(mut self, scope: &str) -> Self {
        self.scope = Arc::new(Scope { name: Arc::from(scope), ..Scope::default() });
        self
    }

    fn flags(mut self, flags: u32) -> Self {
        self.flags = flags;
        self
    }

    fn state(mut self, trace_state: &str) -> Self {
        self.trace_state = Arc::from(trace_state);
        self
    }
}

pub fn request(spans: &[Span]) -> Vec<u8> {
    write::request(spans)
}

/// Counts these spans, waits for what belongs together, and says everything that was counted.
pub fn counted(spans: &[Span]) -> (Rollup, Accumulator) {
    let mut accumulator = Accumulator::new(Config::default());
    accumulator.batch(&request(spans), NOW).unwrap();
    accumulator.expire(NOW + 60 * SECOND);
    let mut all = Rollup::default();
    accumulator.take(NOW).values().for_each(|part| all.merge(part));
    (all, accumulator)
}

/// `caller > callee kind: calls failed`, for each edge, local ones left out.
pub fn edges(rollup: &Rollup) -> Vec<String> {
    let calls = |fixed: u64| trunkline_store::rollup::calls(fixed);
    let edge = |(key, cell): (&trunkline_store::rollup::EdgeKey, &EdgeCell)| {
        format!(
            "{} > {} {}: {} {}",
            key.caller,
            key.callee,
            key.kind.as_str(),
            calls(cell.calls),
            calls(cell.failed)
        )
    };
    rollup.edges.iter().map(edge).filter(|text| !text.contains(" local: ")).collect()
}

/// Spans of all series together, by period.
pub fn spans_of(rollups: &BTreeMap<Period, Rollup>) -> u64 {
    rollups.values().flat_map(|rollup| rollup.series.values()).map(|cell: &Cell| cell.spans).sum()
}
