//! Traces of the kinds by which Jaeger tests its storages, made here.
//!
//! Each case of its suite (`internal/storage/integration`, `queries.json` and what is beside it) asks
//! for one kind of condition: attributes in one or in several places, operations, durations. All
//! traces are kept together, so that each one is a counterexample for every other case.

use std::sync::Arc;
use std::time::Duration;

use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::{
    Attributes, Event, Kind, Link, Resource, Scope, Span, Status, StatusCode, Value,
};

/// When the traces of the cases begin, nanoseconds since the Unix epoch.
pub(crate) const START: u64 = 1_790_000_000_000_000_000;
/// The time that the cases search.
pub(crate) const HOUR: u64 = 3_600_000_000_000;

/// A span under construction.
#[derive(Debug, Clone)]
pub(crate) struct Make(pub(crate) Span);

pub(crate) fn trace_id(number: u64) -> TraceId {
    TraceId::new(u128::from(number).to_be_bytes()).unwrap()
}

pub(crate) fn span_id(number: u64) -> SpanId {
    SpanId::new(number.to_be_bytes()).unwrap()
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn pairs(attributes: &[(&str, Value)]) -> Attributes {
    attributes.iter().map(|(key, value)| ((*key).into(), value.clone())).collect()
}

/// A span of 1 ms.
pub(crate) fn span(trace: u64, id: u64, service: &str, name: &str) -> Make {
    let attributes = pairs(&[("service.name", text(service))]);
    Make(Span {
        trace: trace_id(trace),
        id: span_id(id),
        parent: None,
        trace_state: "".into(),
        flags: 0,
        name: name.into(),
        kind: Kind::Unspecified,
        start_unix_nanos: START,
        end_unix_nanos: START + 1_000_000,
        attributes: Vec::new(),
        dropped_attributes: 0,
        events: Vec::new(),
        dropped_events: 0,
        links: Vec::new(),
        dropped_links: 0,
        status: Status::default(),
        resource: Arc::new(Resource { attributes, ..Resource::default() }),
        scope: Arc::new(Scope::default()),
    })
}

impl Make {
    pub(crate) fn child_of(mut self, id: u64) -> Self {
        self.0.parent = Some(span_id(id));
        self
    }

    pub(crate) fn kind(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }

    pub(crate) fn at(mut self, start: u64, duration: Duration) -> Self {
        self.0.start_unix_nanos = start;
        self.0.end_unix_nanos = start + u64::try_from(duration.as_nanos()).unwrap();
        self
    }

    pub(crate) fn takes(self, duration: Duration) -> Self {
        let start = self.0.start_unix_nanos;
        self.at(start, duration)
    }

    pub(crate) fn failed(mut self, message: &str) -> Self {
        self.0.status = Status { code: StatusCode::Error, message: message.into() };
        self
    }

    pub(crate) fn with(mut self, attributes: &[(&str, Value)]) -> Self {
        self.0.attributes.extend(pairs(attributes));
        self
    }

    pub(crate) fn process(mut self, attributes: &[(&str, Value)]) -> Self {
        Arc::make_mut(&mut self.0.resource).attributes.extend(pairs(attributes));
        self
    }

    pub(crate) fn library(
        mut self,
        name: &str,
        version: &str,
        attributes: &[(&str, Value)],
    ) -> Self {
        self.0.scope = Arc::new(Scope {
            name: name.into(),
            version: version.into(),
            attributes: pairs(attributes),
            ..Scope::default()
        });
        self
    }

    pub(crate) fn event(mut self, name: &str, attributes: &[(&str, Value)]) -> Self {
        self.0.events.push(Event {
            time_unix_nanos: self.0.start_unix_nanos + 500,
            name: name.into(),
            attributes: pairs(attributes),
            dropped_attributes: 0,
        });
        self
    }

    pub(crate) fn link(mut self, attributes: &[(&str, Value)]) -> Self {
        self.0.links.push(Link {
            trace: trace_id(0xfeed),
            span: span_id(0xf00d),
            trace_state: "".into(),
            attributes: pairs(attributes),
            dropped_attributes: 0,
            flags: 0,
        });
        self
    }
}

/// The four values of every type that cases look for.
fn four() -> Vec<(&'static str, Value)> {
    vec![
        ("place.text", text("here")),
        ("place.int", Value::Int(123)),
        ("place.double", Value::Double(72.5)),
        ("place.bool", Value::Bool(true)),
    ]
}

/// Where the four values stand.
#[derive(Clone, Copy)]
enum Spot {
    Span,
    Event,
    Process,
    Library,
    Link,
    /// One on the span, one on its process, one on each of two events.
    Several,
}

fn put(make: Make, spot: Spot) -> Make {
    let all = four();
    match spot {
        Spot::Span => make.with(&all),
        Spot::Event => make.event("log", &all),
        Spot::Process => make.process(&all),
        Spot::Library => make.library("", "", &all),
        Spot::Link => make.link(&all),
        Spot::Several => make
            .with(&all[..1])
            .process(&all[1..2])
            .event("log", &all[2..3])
            .event("log", &all[3..]),
    }
}

/// A case: what it asks for, in words of the query APIs, and the traces it finds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Case {
    pub(crate) caption: &'static str,
    pub(crate) service: Option<String>,
    pub(crate) operation: Option<String>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) min: Option<Duration>,
    pub(crate) max: Option<Duration>,
    pub(crate) found: Vec<u64>,
}

/// The tags that find the four values.
pub(crate) fn four_tags() -> Vec<(String, String)> {
    let tags = [
        ("place.text", "here"),
        ("place.int", "123"),
        ("place.double", "72.5"),
        ("place.bool", "true"),
    ];
    tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

struct Plan {
    caption: &'static str,
    spot: Option<Spot>,
    operation: bool,
    /// How long the span takes, and the range that is asked for.
    duration: Option<(u64, Option<u64>, u64)>,
}

const fn plan(
    caption: &'static str,
    spot: Option<Spot>,
    operation: bool,
    duration: Option<(u64, Option<u64>, u64)>,
) -> Plan {
    Plan { caption, spot, operation, duration }
}

/// Microseconds: the span, at least, at most.
const RANGE: Option<(u64, Option<u64>, u64)> = Some((5_000, Some(4_500), 5_500));
const MOST: Option<(u64, Option<u64>, u64)> = Some((1_000, None, 2_000));

const PLANS: &[Plan] = &[
    plan("tags in one spot: span", Some(Spot::Span), false, None),
    plan("tags in one spot: logs", Some(Spot::Event), false, None),
    plan("tags in one spot: process", Some(Spot::Process), false, None),
    plan("tags in different spots", Some(Spot::Several), false, None),
    plan("operation name", None, true, None),
    plan("operation name and max duration", None, true, MOST),
    plan("operation name and duration range", None, true, RANGE),
    plan("duration range", None, false, RANGE),
    plan("max duration", None, false, MOST),
    plan("default", None, false, None),
    plan("tags and operation name", Some(Spot::Span), true, None),
    plan("tags, operation name and max duration", Some(Spot::Span), true, MOST),
    plan("tags, operation name and duration range", Some(Spot::Span), true, RANGE),
    plan("tags and duration range", Some(Spot::Span), false, RANGE),
    plan("tags and max duration", Some(Spot::Span), false, MOST),
    plan("tags in several spots and operation name", Some(Spot::Several), true, None),
    plan("tags in several spots, operation name and max duration", Some(Spot::Several), true, MOST),
    plan("tags in several spots, operation name and range", Some(Spot::Several), true, RANGE),
    plan("tags in several spots and duration range", Some(Spot::Several), false, RANGE),
    plan("tags in several spots and max duration", Some(Spot::Several), false, MOST),
    plan("scope attributes", Some(Spot::Library), false, None),
    plan("link attributes", Some(Spot::Link), false, None),
];

/// Everything that is stored, and the cases that search it.
pub(crate) fn corpus() -> (Vec<Span>, Vec<Case>) {
    let mut spans = Vec::new();
    let mut cases = Vec::new();
    for (plan, number) in PLANS.iter().zip(1_u64..) {
        planned(plan, number, &mut spans, &mut cases);
    }
    special(&mut spans, &mut cases);
    (spans, cases)
}

/// A trace that is found, and two of the same service that lack one condition each.
fn planned(plan: &Plan, number: u64, spans: &mut Vec<Span>, cases: &mut Vec<Case>) {
    let service = format!("case{number:02}-service");
    let operation = format!("case{number:02}-operation");
    let make = |trace: u64, name: &str, spot: Option<Spot>, micros: u64| {
        let make = span(trace, 1, &service, name).takes(Duration::from_micros(micros));
        spot.map_or(make.clone(), |spot| put(make, spot)).0
    };
    let micros = plan.duration.map_or(1_000, |(of, ..)| of);
    let trace = 0x1000 + number;
    spans.push(make(trace, &operation, plan.spot, micros));
    let mut case = Case {
        caption: plan.caption,
        service: Some(service.clone()),
        found: vec![trace],
        ..Case::default()
    };
    if plan.operation {
        case.operation = Some(operation.clone());
        spans.push(make(0x2000 + number, "another-operation", plan.spot, micros));
    }
    if let Some(spot) = plan.spot {
        case.tags = four_tags();
        // Each value once, but not all of them on one span.
        let half = put(span(0x3000 + number, 1, &service, &operation), spot).0;
        let mut lacks = half.clone();
        lacks.attributes.retain(|(key, _)| &**key != "place.text");
        lacks.events.iter_mut().for_each(|event| event.attributes.clear());
        lacks.links.clear();
        lacks.resource = Arc::new(Resource {
            attributes: pairs(&[("service.name", text(&service))]),
            ..Resource::default()
        });
        lacks.scope = Arc::default();
        spans.push(lacks);
    }
    if let Some((_, min, max)) = plan.duration {
        case.min = min.map(Duration::from_micros);
        case.max = Some(Duration::from_micros(max));
        spans.push(make(0x4000 + number, &operation, plan.spot, max + 1));
    }
    cases.push(case);
}

/// Cases that need traces of their own.
fn special(spans: &mut Vec<Span>, cases: &mut Vec<Case>) {
    let named = |caption, service: &str, found: &[u64]| Case {
        caption,
        service: Some(service.to_owned()),
        found: found.to_vec(),
        ..Case::default()
    };
    // A trace over several days: found by its span in the time, told with all of them.
    let day = 24 * HOUR;
    for (id, start) in [(1, START), (2, START - day), (3, START + 2 * day)] {
        let part = span(0x5001, id, "days-service", "op").at(start, Duration::from_secs(1));
        spans.push(part.0);
    }
    cases.push(named("trace over several days", "days-service", &[0x5001]));
    for trace in 0x5011..=0x5013 {
        spans.push(span(trace, 1, "many-service", "op").0);
    }
    cases.push(named("multiple traces", "many-service", &[0x5011, 0x5012, 0x5013]));
    let library = |trace, version| {
        let all = four();
        span(trace, 1, "library-service", "op").with(&all).library("tracer", version, &[]).0
    };
    spans.push(library(0x5021, "1.2"));
    spans.push(library(0x5022, "1.3"));
    let mut case = named("scope name and version", "library-service", &[0x5021]);
    case.tags = four_tags();
    case.tags.push(("otel.scope.name".into(), "tracer".into()));
    case.tags.push(("otel.scope.version".into(), "1.2".into()));
    cases.push(case);
    // What Elasticsearch understands as a pattern.
    for (trace, value) in [(0x5031, "same*"), (0x5032, "same-other")] {
        spans.push(span(trace, 1, "pattern-service", "op").with(&[("k", text(value))]).0);
    }
    let mut case = named("an escaped operator of a pattern", "pattern-service", &[0x5031]);
    case.tags = vec![("k".into(), r"same\*".into())];
    cases.push(case);
    let mut case = named("a pattern", "pattern-service", &[0x5031, 0x5032]);
    case.tags = vec![("k".into(), "same.*".into())];
    cases.push(case);
    for (trace, service) in [(0x5041, "one-service"), (0x5042, "other-service")] {
        spans.push(span(trace, 1, service, "op").with(&[("shared", text("yes"))]).0);
    }
    let mut case = named("without a service", "", &[0x5041, 0x5042]);
    case.service = None;
    case.tags = vec![("shared".into(), "yes".into())];
    cases.push(case);
    let mut case = named("a service that is not there", "no-service", &[]);
    case.operation = Some("op".into());
    cases.push(case);
}

/// A trace of three services with operations of several kinds.
pub(crate) fn example() -> Vec<Span> {
    let make = |id, service: &str, name: &str| {
        span(0x11, id, service, name).at(START, Duration::from_millis(1))
    };
    vec![
        make(4, "example-2", "get").child_of(6).0,
        make(5, "example-3", "list").child_of(7).0,
        make(3, "example-1", "internal work").0,
        make(6, "example-1", "serve").kind(Kind::Server).child_of(3).0,
        make(7, "example-1", "ask").kind(Kind::Client).child_of(3).0,
    ]
}

/// A trace of so many spans; every `repeat`-th has the id of the first.
pub(crate) fn large(trace: u64, count: u64, repeat: u64) -> Vec<Span> {
    (1..=count)
        .map(|number| {
            let id = if repeat > 0 && number % repeat == 0 { 1 } else { number };
            let start = START + number * 1_000;
            span(trace, id, "large-service", "op").at(start, Duration::from_micros(1)).0
        })
        .collect()
}
