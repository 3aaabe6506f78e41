//! Spans of every shape, and questions about them.
//!
//! Names, keys and values come from small sets, so that they repeat, meet and miss each other.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::{
    Attributes, Event, Kind, Link, Resource, Scope, Span, Status, StatusCode, Value,
};
use trunkline_store::source::{Field, Filter, Hit, Level, Pattern, Search, Test};

const KEYS: [&str; 9] =
    ["http.method", "http.status", "é", "", "Http.Method", "a.b", "db", "service.name", "x y"];
const TEXTS: [&str; 9] = ["", "GET", "POST", "42", "4.5", "orders", "web", "ün", "unknown_service"];

fn text() -> impl Strategy<Value = Arc<str>> {
    prop_oneof![8 => select(&TEXTS[..]).prop_map(Arc::from), 1 => "[a-c]{0,80}".prop_map(Arc::from)]
}

fn key() -> impl Strategy<Value = Arc<str>> {
    select(&KEYS[..]).prop_map(Arc::from)
}

fn int() -> impl Strategy<Value = i64> {
    prop_oneof![select(&[0, 42, 200, 404, -1, i64::MIN, i64::MAX][..]), any::<i64>()]
}

fn double() -> impl Strategy<Value = f64> {
    let special = [0.0, -0.0, 42.0, 4.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN];
    prop_oneof![select(special.to_vec()), any::<f64>()]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        6 => text().prop_map(Value::Text),
        3 => int().prop_map(Value::Int),
        2 => any::<bool>().prop_map(Value::Bool),
        2 => double().prop_map(Value::Double),
        1 => Just(Value::Empty),
        1 => prop::collection::vec(any::<u8>(), 0..4).prop_map(|bytes| Value::Bytes(bytes.into())),
    ];
    let nested = leaf.clone().prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec((key(), inner), 0..3).prop_map(Value::Map),
        ]
    });
    prop_oneof![6 => leaf, 1 => nested]
}

fn attributes() -> impl Strategy<Value = Attributes> {
    prop::collection::vec((key(), value()), 0..6)
}

fn span_id() -> impl Strategy<Value = SpanId> {
    (1..200_u64).prop_map(|id| SpanId::new(id.to_be_bytes()).unwrap())
}

/// A trace of a dozen.
pub(crate) fn trace_id() -> impl Strategy<Value = TraceId> {
    (1..12_u128).prop_map(|id| TraceId::new((id << 100 | id).to_be_bytes()).unwrap())
}

fn count() -> impl Strategy<Value = u32> {
    prop_oneof![9 => Just(0_u32), 1 => any::<u32>()]
}

fn time() -> impl Strategy<Value = u64> {
    let base = 1_790_000_000_000_000_000_u64;
    prop_oneof![20 => base..base + 5_000, 1 => any::<u64>(), 1 => select(&[0, u64::MAX][..])]
}

fn event() -> impl Strategy<Value = Event> {
    (time(), text(), attributes(), count()).prop_map(
        |(time_unix_nanos, name, attributes, dropped_attributes)| Event {
            time_unix_nanos,
            name,
            attributes,
            dropped_attributes,
        },
    )
}

fn link() -> impl Strategy<Value = Link> {
    (trace_id(), span_id(), text(), attributes(), count(), count()).prop_map(
        |(trace, span, trace_state, attributes, dropped_attributes, flags)| Link {
            trace,
            span,
            trace_state,
            attributes,
            dropped_attributes,
            flags,
        },
    )
}

fn resource() -> impl Strategy<Value = Resource> {
    (attributes(), prop::option::of(text()), count(), text()).prop_map(
        |(mut attributes, service, dropped_attributes, schema_url)| {
            attributes
                .extend(service.map(|service| (Arc::from("service.name"), Value::Text(service))));
            Resource { attributes, dropped_attributes, schema_url }
        },
    )
}

fn scope() -> impl Strategy<Value = Scope> {
    (text(), text(), attributes(), count(), text()).prop_map(
        |(name, version, attributes, dropped_attributes, schema_url)| Scope {
            name,
            version,
            attributes,
            dropped_attributes,
            schema_url,
        },
    )
}

/// A span of a process and library of a few.
fn span(sources: (Vec<Arc<Resource>>, Vec<Arc<Scope>>)) -> impl Strategy<Value = Span> {
    let head = (trace_id(), span_id(), prop::option::of(span_id()), text(), count(), text());
    let times =
        (0..6_u64, time(), prop_oneof![9 => 0..5_000_u64, 1 => any::<u64>()], any::<bool>());
    let lists = (
        attributes(),
        prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(event(), 1..4)],
        prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(link(), 1..3)],
    );
    let rest =
        ((0..3_u64, text()), [count(), count(), count()], select(sources.0), select(sources.1));
    (head, times, lists, rest).prop_map(|(head, times, lists, rest)| {
        let (trace, id, parent, trace_state, flags, name) = head;
        let (kind, start_unix_nanos, took, forth) = times;
        let (attributes, events, links) = lists;
        let ((code, message), [dropped_attributes, dropped_events, dropped_links], resource, scope) =
            rest;
        let end_unix_nanos = if forth {
            start_unix_nanos.saturating_add(took)
        } else {
            start_unix_nanos.saturating_sub(took / 8)
        };
        Span {
            trace,
            id,
            parent,
            trace_state,
            flags,
            name,
            kind: Kind::of(kind),
            start_unix_nanos,
            end_unix_nanos,
            attributes,
            dropped_attributes,
            events,
            dropped_events,
            links,
            dropped_links,
            status: Status { code: StatusCode::of(code), message },
            resource,
            scope,
        }
    })
}

/// Spans of a few processes and libraries.
pub(crate) fn spans(most: usize) -> impl Strategy<Value = Vec<Span>> {
    let resources = prop::collection::vec(resource().prop_map(Arc::new), 1..4);
    let scopes = prop::collection::vec(scope().prop_map(Arc::new), 1..3);
    (resources, scopes).prop_flat_map(move |sources| prop::collection::vec(span(sources), 0..most))
}

fn level() -> impl Strategy<Value = Level> {
    use Level::{Any, Event, Link, Resource, Scope, Span};
    select(vec![Any, Any, Resource, Scope, Span, Event, Link])
}

/// A level and a key that may be there.
pub(crate) fn level_and_key() -> impl Strategy<Value = (Level, Arc<str>)> {
    (level(), prop_oneof![8 => key(), 1 => Just(Arc::from("nowhere"))])
}

fn field() -> impl Strategy<Value = Field> {
    prop_oneof![
        6 => level_and_key().prop_map(|(level, key)| Field::Attribute(level, key)),
        2 => select(vec![Field::Service, Field::Operation, Field::Kind, Field::Status]),
        2 => select(vec![Field::StatusMessage, Field::Duration, Field::TraceState]),
        1 => select(vec![Field::ScopeName, Field::ScopeVersion, Field::EventName]),
    ]
}

fn bound() -> impl Strategy<Value = Option<f64>> {
    prop::option::of(select(vec![-1.0, 0.0, 4.5, 42.0, 200.0, 1_000.0]))
}

fn test() -> impl Strategy<Value = Test> {
    prop_oneof![
        Just(Test::Exists),
        value().prop_map(Test::Is),
        text().prop_map(Test::Text),
        (bound(), bound()).prop_map(|(min, max)| Test::Between { min, max }),
        select(&["*", "G?T", "o*", "4*", ""][..])
            .prop_map(|text| Test::Fits(Pattern::wildcard(text).unwrap())),
        (0..6_u64).prop_map(|kind| Test::Kind(Kind::of(kind))),
        (0..3_u64).prop_map(|code| Test::Status(StatusCode::of(code))),
    ]
}

/// A filter of a few tests.
pub(crate) fn filter() -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![
        12 => (field(), test()).prop_map(|(field, test)| Filter::Where(field, test)),
        1 => Just(Filter::All(Vec::new())),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::Any),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

/// A search for a page.
pub(crate) fn search() -> impl Strategy<Value = Search> {
    let times = prop_oneof![4 => Just((0, u64::MAX)), 1 => (time(), time())];
    let after = prop::option::weighted(0.3, (time(), trace_id()));
    (filter(), times, 0..8_usize, after).prop_map(|(filter, (from, to), limit, after)| Search {
        filter,
        start_unix_nanos: from..=to,
        limit,
        after: after.map(|(start_unix_nanos, trace)| Hit { start_unix_nanos, trace }),
    })
}
