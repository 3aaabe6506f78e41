//! The bounded trace buffer: the last spans of this process, in memory.
//!
//! It takes one record per exchange, keeps the sampled ones as spans, and answers queries. Spans and
//! bytes are bounded; the trace that began to arrive first goes first, as a whole, so that what is
//! found is never a torn part of an old trace. Names of services and operations are counted, so that
//! listing them reads no span. It is not a store: a restart forgets it, and nothing is indexed.

mod exchange;
mod index;
mod matching;
mod spans;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use trunkline_model::record::{ExchangeRecord, RecordSink};
use trunkline_model::trace::{
    Attribute, Outline, Span, SpanKind, Threshold, Trace, TraceId, TraceQuery, TraceSource,
};
use trunkline_model::{ListenerId, Model, RouteId};

use exchange::Side;
use index::Index;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Spans of all traces together.
    pub spans_max: usize,
    /// Memory of all spans together, by a careful estimate, in bytes.
    pub bytes_max: usize,
    /// Spans of one trace; further ones are dropped and counted.
    pub trace_spans_max: usize,
}

impl Default for Config {
    /// 50 000 spans in at most 32 MiB; 10 000 spans of one trace.
    fn default() -> Self {
        Self { spans_max: 50_000, bytes_max: 32 * 1024 * 1024, trace_spans_max: 10_000 }
    }
}

/// How full the buffer is and what it lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Occupancy {
    /// Traces kept.
    pub traces: usize,
    /// Spans kept.
    pub spans: usize,
    /// Bytes kept, estimated.
    pub bytes: usize,
    /// Traces that made room for newer ones.
    pub evicted: u64,
    /// Spans that were not kept: their trace is too large.
    pub dropped: u64,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Buffer {
    config: Config,
    /// The service that our own spans tell of: the gateway.
    service: Arc<str>,
    keys: exchange::Keys,
    learned: RwLock<Learned>,
    kept: Mutex<Kept>,
}

/// What the Model in force says of records.
#[derive(Debug, Default)]
struct Learned {
    /// The path that a route takes.
    routes: HashMap<RouteId, Arc<str>>,
    /// Whose calls come in at a listener.
    callers: HashMap<ListenerId, Arc<str>>,
}

#[derive(Debug, Default)]
struct Kept {
    traces: HashMap<TraceId, Stored>,
    /// In the order in which their first span arrived.
    order: VecDeque<TraceId>,
    index: Index,
    occupancy: Occupancy,
}

#[derive(Debug, Default)]
struct Stored {
    spans: Vec<Span>,
    bytes: usize,
}

impl Buffer {
    /// An empty buffer. `service` names the gateway in its own spans.
    pub fn new(config: Config, service: &str) -> Self {
        Self {
            config,
            service: Arc::from(service),
            keys: exchange::Keys::default(),
            learned: RwLock::default(),
            kept: Mutex::default(),
        }
    }

    /// Learns a new Model, so that spans are named by the path that a route takes instead of by its
    /// id, and calls between services are told from the caller's side.
    pub fn learn(&self, model: &Model) {
        let routes =
            model.routes.iter().map(|route| (route.id.clone(), exchange::route_name(route)));
        let callers = model.listeners.iter().filter_map(|listener| {
            Some((listener.id.clone(), Arc::from(listener.caller.as_ref()?.as_str())))
        });
        let learned = Learned { routes: routes.collect(), callers: callers.collect() };
        *self.learned.write().unwrap_or_else(PoisonError::into_inner) = learned;
    }

    /// Keeps a span, and drops the oldest traces to make room for it.
    pub fn insert(&self, span: Span) {
        self.kept().insert(span, &self.config);
    }

    /// How full it is and what it lost.
    pub fn occupancy(&self) -> Occupancy {
        self.kept().occupancy
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A panic while the lock is held leaves at worst a wrong count; serving goes on.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn insert(&mut self, mut span: Span, config: &Config) {
        self.index.intern(&mut span);
        let id = span.trace;
        let stored = self.traces.entry(id).or_insert_with(|| {
            self.order.push_back(id);
            self.occupancy.traces += 1;
            Stored::default()
        });
        if stored.spans.len() >= config.trace_spans_max {
            self.occupancy.dropped += 1;
            return;
        }
        let bytes = bytes_of(&span);
        self.index.add(&span);
        stored.spans.push(span);
        stored.bytes += bytes;
        self.occupancy.spans += 1;
        self.occupancy.bytes += bytes;
        while self.occupancy.spans > config.spans_max || self.occupancy.bytes > config.bytes_max {
            if !self.evict_oldest() {
                break;
            }
        }
    }

    /// Drops the trace that came first; says whether there was one.
    fn evict_oldest(&mut self) -> bool {
        let Some(id) = self.order.pop_front() else {
            return false;
        };
        if let Some(stored) = self.traces.remove(&id) {
            stored.spans.iter().for_each(|span| self.index.remove(span));
            self.occupancy.spans -= stored.spans.len();
            self.occupancy.bytes -= stored.bytes;
            self.occupancy.traces -= 1;
            self.occupancy.evicted += 1;
        }
        true
    }
}

/// Memory of a span: itself, its attributes, the texts that it does not share, and its name, which
/// it may share: callers can make up paths, and with them names, without end.
fn bytes_of(span: &Span) -> usize {
    /// Counters in front of the text of an `Arc<str>`.
    const ARC_BYTES: usize = 16;
    let attributes = span.attributes.iter().map(|(_, value)| {
        let text = if let Attribute::Text(text) = value { text.len() + ARC_BYTES } else { 0 };
        size_of::<(Arc<str>, Attribute)>() + text
    });
    size_of::<Span>() + span.name.len() + ARC_BYTES + attributes.sum::<usize>()
}

impl Buffer {
    /// The spans of a record in OTLP's form, for whoever keeps them; none when its trace is not
    /// sampled.
    pub fn spans_of(&self, record: &ExchangeRecord) -> Vec<trunkline_otlp::Span> {
        let recorded = self.recorded(record);
        if recorded.is_empty() {
            return Vec::new();
        }
        // What was sampled here tells how many others it stands for, as spans of services do.
        let threshold = record.trace.threshold.filter(|threshold| *threshold != Threshold::NONE);
        let state = threshold.map(|threshold| Arc::from(format!("ot=th:{threshold}")));
        let mut translator = spans::Translator::new(state.unwrap_or_default());
        recorded.iter().map(|span| translator.span(span)).collect()
    }

    fn recorded(&self, record: &ExchangeRecord) -> Vec<Span> {
        if !record.trace.sampled {
            return Vec::new();
        }
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        let route = record.route.as_ref().and_then(|id| learned.routes.get(id).cloned());
        let side = match learned.callers.get(&record.listener) {
            Some(caller) => Side::Caller(caller),
            None => Side::Gateway(&self.service),
        };
        exchange::spans(record, route, side, &self.keys)
    }
}

impl RecordSink for Buffer {
    fn take(&self, record: &ExchangeRecord) {
        let spans = self.recorded(record);
        if spans.is_empty() {
            return;
        }
        let mut kept = self.kept();
        for span in spans {
            kept.insert(span, &self.config);
        }
    }
}

impl TraceSource for Buffer {
    fn services(&self) -> BTreeSet<Arc<str>> {
        self.kept().index.services()
    }

    fn operations(&self, service: &str) -> BTreeSet<(Arc<str>, SpanKind)> {
        self.kept().index.operations(service)
    }

    fn trace(&self, id: TraceId) -> Option<Trace> {
        let spans = self.kept().traces.get(&id)?.spans.clone();
        Some(in_order(id, spans))
    }

    fn outline(&self, id: TraceId) -> Option<Outline> {
        self.kept().traces.get(&id).map(|stored| Outline::of(&stored.spans))
    }

    fn latest(&self, limit: usize, see: &mut dyn FnMut(&[Span])) {
        let kept = self.kept();
        let newest = kept.order.iter().rev().take(limit);
        newest.filter_map(|id| kept.traces.get(id)).for_each(|stored| see(&stored.spans));
    }

    fn find(&self, query: &TraceQuery) -> Vec<Trace> {
        let kept = self.kept();
        let mut found: Vec<(u64, TraceId)> = kept
            .traces
            .iter()
            .filter(|(_, stored)| matching::takes(query, &stored.spans))
            .map(|(id, stored)| (matching::start(&stored.spans), *id))
            .collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.truncate(query.limit);
        let spans_of = |id| kept.traces.get(id).map(|stored| (*id, stored.spans.clone()));
        let found: Vec<_> = found.iter().filter_map(|(_, id)| spans_of(id)).collect();
        drop(kept);
        found.into_iter().map(|(id, spans)| in_order(id, spans)).collect()
    }
}

fn in_order(id: TraceId, mut spans: Vec<Span>) -> Trace {
    spans.sort_by_key(|span| span.start_unix_nanos);
    Trace { id, spans }
}

#[cfg(test)]
pub(crate) mod tests;
