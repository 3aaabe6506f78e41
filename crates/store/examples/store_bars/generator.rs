//! Seeded spans of a made-up system, as batches of OTLP.
//!
//! The shape is that of Jaeger's published benchmark, so that figures can be compared: 10 services, 10 spans a
//! trace, 11 attributes a span out of 97 keys, 1 000 distinct values, 512 spans a request. The same seed makes the same
//! bytes, on any machine.

use std::sync::Arc;

use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::{Kind, Resource, Scope, Span, Status, StatusCode, Value, write};

/// Spans of one trace.
pub const TRACE_SPANS: usize = 10;
/// Spans of one batch.
pub const BATCH_SPANS: usize = 512;
const SERVICES: usize = 10;
const OPERATIONS: usize = 20;
const ATTRIBUTES: usize = 11;
/// Keys of attributes, and values of each.
pub const KEYS: usize = 97;
pub const VALUES: usize = 1_000;

/// Makes batches, one after the other.
#[derive(Debug)]
pub struct Generator {
    random: SplitMix,
    resources: Vec<Arc<Resource>>,
    scope: Arc<Scope>,
    operations: Vec<Arc<str>>,
    keys: Vec<Arc<str>>,
    values: Vec<Arc<str>>,
    clock_nanos: u64,
    trace: Vec<Span>,
    last: Option<TraceId>,
}

/// The name of a key.
pub fn key(number: usize) -> String {
    format!("attribute.key_{number}")
}

/// A value of a key, as text. Every fourth key has numbers.
pub fn value(key: usize, number: usize) -> String {
    if key.is_multiple_of(4) { number.to_string() } else { format!("value-{number:04}") }
}

impl Generator {
    /// A generator whose first trace begins at `start_unix_nanos`.
    pub fn new(seed: u64, start_unix_nanos: u64) -> Self {
        let text = |name: String| -> Arc<str> { name.into() };
        let resource = |index: usize| {
            let attributes = vec![
                (text("service.name".into()), Value::Text(text(format!("service-{index}")))),
                (text("service.version".into()), Value::Text(text("1.4.2".into()))),
                (text("host.name".into()), Value::Text(text(format!("node-{}", index % 3)))),
                (text("deployment.environment".into()), Value::Text(text("bench".into()))),
            ];
            Arc::new(Resource { attributes, ..Resource::default() })
        };
        Self {
            random: SplitMix(seed),
            resources: (0..SERVICES).map(resource).collect(),
            scope: Arc::new(Scope {
                name: "bench".into(),
                version: "1".into(),
                ..Scope::default()
            }),
            operations: (0..OPERATIONS).map(|index| text(format!("GET /things/{index}"))).collect(),
            keys: (0..KEYS).map(|index| text(key(index))).collect(),
            values: (0..VALUES).map(|index| text(value(1, index))).collect(),
            clock_nanos: start_unix_nanos,
            trace: Vec::new(),
            last: None,
        }
    }

    /// The next batch: [`BATCH_SPANS`] spans, grouped by service as exporters send them.
    pub fn batch(&mut self) -> Vec<u8> {
        let mut spans = Vec::with_capacity(BATCH_SPANS);
        while spans.len() < BATCH_SPANS {
            if self.trace.is_empty() {
                self.begin_trace();
            }
            spans.extend(self.trace.pop());
        }
        spans.sort_by_key(|span| Arc::as_ptr(&span.resource));
        write::request(&spans)
    }

    /// The trace that was begun last. All of it is in this batch and the next.
    pub fn last_trace(&self) -> Option<TraceId> {
        self.last
    }

    fn begin_trace(&mut self) {
        self.clock_nanos += 50_000 + self.random.below(100_000);
        let trace = self.trace_id();
        self.last = Some(trace);
        let mut parent = None;
        let mut start = self.clock_nanos;
        for depth in 0..TRACE_SPANS {
            let span = self.span(trace, parent, start, depth);
            // Half of the spans are children of the one before, the others its siblings.
            if depth == 0 || self.random.below(2) == 0 {
                parent = Some(span.id);
            }
            start += self.random.below(200_000);
            self.trace.push(span);
        }
    }

    fn span(&mut self, trace: TraceId, parent: Option<SpanId>, start: u64, depth: usize) -> Span {
        let failed = self.random.below(100) == 0;
        let code = if failed { StatusCode::Error } else { StatusCode::Unset };
        Span {
            trace,
            id: self.span_id(),
            parent,
            trace_state: "".into(),
            flags: 0x101,
            name: self.pick_operation(),
            kind: if depth.is_multiple_of(2) { Kind::Server } else { Kind::Client },
            start_unix_nanos: start,
            end_unix_nanos: start + 100_000 + self.random.below(5_000_000),
            attributes: (0..ATTRIBUTES).map(|_| self.attribute()).collect(),
            dropped_attributes: 0,
            events: Vec::new(),
            dropped_events: 0,
            links: Vec::new(),
            dropped_links: 0,
            status: Status { code, message: "".into() },
            resource: Arc::clone(&self.resources[self.random.index(SERVICES)]),
            scope: Arc::clone(&self.scope),
        }
    }

    fn attribute(&mut self) -> (Arc<str>, Value) {
        let index = self.random.index(KEYS);
        let value = match index % 4 {
            0 => Value::Int(self.random.below(VALUES as u64).cast_signed()),
            _ => Value::Text(Arc::clone(&self.values[self.random.index(VALUES)])),
        };
        (Arc::clone(&self.keys[index]), value)
    }

    fn pick_operation(&mut self) -> Arc<str> {
        Arc::clone(&self.operations[self.random.index(OPERATIONS)])
    }

    fn trace_id(&mut self) -> TraceId {
        let (high, low) = (self.random.next(), self.random.next() | 1);
        let number = u128::from(high) << 64 | u128::from(low);
        TraceId::new(number.to_be_bytes()).expect("its last bit is set")
    }

    fn span_id(&mut self) -> SpanId {
        SpanId::new((self.random.next() | 1).to_be_bytes()).expect("its last bit is set")
    }
}

/// `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
#[derive(Debug)]
pub struct SplitMix(pub u64);

impl SplitMix {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap_or(0)
    }
}
