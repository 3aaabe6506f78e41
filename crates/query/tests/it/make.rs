//! Spans, and budgets for asking about them.

use std::sync::Arc;

use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::{Event, Kind, Resource, Scope, Span, Status, Value};
use trunkline_rt::Clock;
use trunkline_store::source::{Budget, Limits};

pub(crate) fn trace_id(number: u64) -> TraceId {
    TraceId::new(u128::from(number).to_be_bytes()).unwrap()
}

/// A span with an attribute `k` and an event for each of two numbers.
pub(crate) fn span(trace: u64, id: u64, start: u64, value: i64, events: &[(i64, i64)]) -> Span {
    let service = Value::Text("s".into());
    let event = |(a, b): &(i64, i64)| Event {
        attributes: vec![("a".into(), Value::Int(*a)), ("b".into(), Value::Int(*b))],
        ..Event::default()
    };
    Span {
        trace: trace_id(trace),
        id: SpanId::new(id.to_be_bytes()).unwrap(),
        parent: None,
        trace_state: "".into(),
        flags: 0,
        name: "op".into(),
        kind: Kind::Internal,
        start_unix_nanos: start,
        end_unix_nanos: start + 5,
        attributes: vec![("k".into(), Value::Int(value))],
        dropped_attributes: 0,
        events: events.iter().map(event).collect(),
        dropped_events: 0,
        links: Vec::new(),
        dropped_links: 0,
        status: Status::default(),
        resource: Arc::new(Resource {
            attributes: vec![("service.name".into(), service)],
            ..Resource::default()
        }),
        scope: Arc::new(Scope::default()),
    }
}

pub(crate) fn budget() -> Budget {
    Budget::new(&Clock::system(), Limits::default())
}

pub(crate) fn small_budget(rows: u64) -> Budget {
    Budget::new(&Clock::system(), Limits { rows, ..Limits::default() })
}
