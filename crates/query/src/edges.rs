//! Who calls whom, as the spans of traces tell: for a window for which nobody kept rollups.
//!
//! A call is a span whose parent belongs to another service. A client's span that no span answered
//! tells of what does not trace: a database, a broker or a service beside. Children of spans of
//! their own service are counted as well, as Jaeger's graph of dependencies does.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use trunkline_otlp::{Kind, Span, Value};

use crate::statistics::quantile;

/// What sort of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sort {
    /// Within one service: a span with its parent. No call.
    Local,
    /// From outside, to the first service of a trace.
    Entry,
    /// One that is waited for.
    Call,
    /// A message.
    Message,
    /// To a database.
    Database,
    /// To something else that does not trace.
    External,
}

impl Sort {
    /// Its word.
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
}

/// Who saw the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The services' own spans.
    Spans,
    /// The proxy.
    Proxy,
    /// Both.
    Both,
}

impl Source {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spans => "spans",
            Self::Proxy => "proxy",
            Self::Both => "both",
        }
    }
}

/// Calls of one service by another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Who called.
    pub caller: Arc<str>,
    /// Who was called.
    pub callee: Arc<str>,
    /// How.
    pub sort: Sort,
    /// Who saw them.
    pub source: Source,
    /// How often.
    pub calls: u64,
    /// How often it failed.
    pub failed: u64,
    /// Half of the calls were not longer, nanoseconds; where it is known.
    pub p50_nanos: Option<u64>,
    /// Nineteen of twenty were not longer, nanoseconds; where it is known.
    pub p95_nanos: Option<u64>,
    /// Ninety-nine of a hundred were not longer, nanoseconds; where it is known.
    pub p99_nanos: Option<u64>,
}

impl Edge {
    /// Whether Jaeger's graph of dependencies has it: both ends are services with spans, or with
    /// calls through the proxy.
    pub const fn is_dependency(&self) -> bool {
        matches!(self.sort, Sort::Local | Sort::Call | Sort::Message)
    }
}

impl Edge {
    /// Adds the calls of another time.
    fn add(&mut self, other: &Self) {
        if other.calls > self.calls {
            (self.p50_nanos, self.p95_nanos, self.p99_nanos) =
                (other.p50_nanos, other.p95_nanos, other.p99_nanos);
        }
        self.calls = self.calls.saturating_add(other.calls);
        self.failed = self.failed.saturating_add(other.failed);
        if self.source != other.source {
            self.source = Source::Both;
        }
    }
}

/// Durations that are kept of an edge for its quantiles; of further calls every second, fourth, …
const DURATIONS_MAX: usize = 4_096;

#[derive(Debug, Default)]
struct Calls {
    count: u64,
    failed: u64,
    durations: Vec<u64>,
    /// Every so many calls are kept: 2 to this power.
    thinned: u32,
}

impl Calls {
    fn add(&mut self, span: &Span) {
        if self.count.trailing_zeros() >= self.thinned {
            self.durations.push(span.duration_nanos());
        }
        self.count += 1;
        self.failed += u64::from(span.failed());
        if self.durations.len() > DURATIONS_MAX {
            let mut keep = false;
            self.durations.retain(|_| {
                keep = !keep;
                keep
            });
            self.thinned += 1;
        }
    }
}

/// Counts the calls in traces, one after another.
#[derive(Debug, Default)]
pub struct Counter {
    edges: BTreeMap<(Arc<str>, Arc<str>, Sort), Calls>,
}

impl Counter {
    /// Adds the calls in one trace that began in a time, nanoseconds since the Unix epoch.
    pub fn add(&mut self, spans: &[Span], time: &RangeInclusive<u64>) {
        let began_then = |span: &&Span| time.contains(&span.start_unix_nanos);
        let by_id: HashMap<_, _> = spans.iter().map(|span| (span.id, span)).collect();
        let mut answered = std::collections::HashSet::new();
        for span in spans {
            let Some(parent) = span.parent.and_then(|id| by_id.get(&id)) else { continue };
            if span.service() != parent.service() {
                answered.insert(parent.id);
            }
            if !began_then(&span) {
                continue;
            }
            if span.service() == parent.service() {
                self.count(parent.service(), span.service(), Sort::Local, span);
                continue;
            }
            let message = span.kind == Kind::Consumer || parent.kind == Kind::Producer;
            let sort = if message { Sort::Message } else { Sort::Call };
            self.count(parent.service(), span.service(), sort, span);
        }
        let sends = |span: &&Span| matches!(span.kind, Kind::Client | Kind::Producer);
        let unanswered = spans.iter().filter(sends).filter(|span| !answered.contains(&span.id));
        for span in unanswered.filter(began_then) {
            if let Some((callee, sort)) = beside(span).filter(|(name, _)| name != span.service()) {
                self.count(span.service(), &callee, sort, span);
            }
        }
    }

    fn count(&mut self, caller: &str, callee: &str, sort: Sort, span: &Span) {
        let key = (Arc::from(caller), Arc::from(callee), sort);
        self.edges.entry(key).or_default().add(span);
    }

    /// The edges, by caller and callee.
    pub fn edges(self) -> Vec<Edge> {
        let edge = |((caller, callee, sort), mut calls): ((_, _, _), Calls)| {
            calls.durations.sort_unstable();
            let at = |percent| {
                (!calls.durations.is_empty()).then(|| quantile(&calls.durations, percent))
            };
            Edge {
                caller,
                callee,
                sort,
                source: Source::Spans,
                calls: calls.count,
                failed: calls.failed,
                p50_nanos: at(50),
                p95_nanos: at(95),
                p99_nanos: at(99),
            }
        };
        self.edges.into_iter().map(edge).collect()
    }
}

/// The edges of two times that follow one another, by caller and callee. Quantiles are those of the
/// time with more calls: they cannot be added.
pub fn together(earlier: Vec<Edge>, later: Vec<Edge>) -> Vec<Edge> {
    // What a call is called depends on who else is seen in its time.
    let class = |sort| match sort {
        Sort::Database | Sort::External => Sort::Call,
        other => other,
    };
    let key = |edge: &Edge| (Arc::clone(&edge.caller), Arc::clone(&edge.callee), class(edge.sort));
    let mut all: BTreeMap<_, Edge> = later.into_iter().map(|edge| (key(&edge), edge)).collect();
    for edge in earlier {
        match all.entry(key(&edge)) {
            Entry::Vacant(place) => drop(place.insert(edge)),
            Entry::Occupied(mut known) => known.get_mut().add(&edge),
        }
    }
    all.into_values().collect()
}

/// What a client's span called that does not trace.
fn beside(span: &Span) -> Option<(String, Sort)> {
    let text = |key| match span.attribute(key)? {
        Value::Text(text) if !text.is_empty() => Some(text.to_string()),
        _ => None,
    };
    if let Some(peer) = text("peer.service") {
        return Some((
            peer,
            if span.kind == Kind::Producer { Sort::Message } else { Sort::External },
        ));
    }
    if let Some(system) = text("db.system.name").or_else(|| text("db.system")) {
        let name = text("db.namespace").or_else(|| text("db.name"));
        return Some((
            name.map_or(system.clone(), |name| format!("{system}:{name}")),
            Sort::Database,
        ));
    }
    let system = text("messaging.system")?;
    let topic = text("messaging.destination.name");
    Some((topic.map_or(system.clone(), |topic| format!("{system}:{topic}")), Sort::Message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::tests::span;

    #[test]
    fn the_edges_of_two_times_are_added() {
        let edge = |callee: &str, sort, source, calls| Edge {
            caller: "web".into(),
            callee: callee.into(),
            sort,
            source,
            calls,
            failed: 1,
            p50_nanos: Some(calls),
            p95_nanos: None,
            p99_nanos: None,
        };
        let sum = together(
            vec![
                edge("api", Sort::External, Source::Spans, 5),
                edge("db", Sort::Database, Source::Spans, 1),
            ],
            vec![
                edge("api", Sort::Message, Source::Spans, 2),
                edge("api", Sort::Call, Source::Proxy, 3),
            ],
        );
        let expect = [
            Edge { failed: 2, p50_nanos: Some(5), ..edge("api", Sort::Call, Source::Both, 8) },
            edge("api", Sort::Message, Source::Spans, 2),
            edge("db", Sort::Database, Source::Spans, 1),
        ];
        assert_eq!(sum, expect);
    }

    #[test]
    fn calls_between_services_and_to_what_does_not_trace_are_counted() {
        let of_kind = |mut span: Span, kind| {
            span.kind = kind;
            span
        };
        let mut query = of_kind(span(4, 2, "api", 20, 30), Kind::Client);
        query.attributes.push(("db.system".into(), Value::Text("postgresql".into())));
        let mut known = of_kind(span(1, 0, "web", 0, 100), Kind::Client);
        known.attributes.push(("peer.service".into(), Value::Text("api".into())));
        let mut counter = Counter::default();
        for _ in 0..10_000 {
            counter.add(
                &[
                    known.clone(),
                    of_kind(span(2, 1, "api", 10, 60), Kind::Server),
                    span(3, 2, "api", 10, 20),
                    query.clone(),
                    of_kind(span(5, 2, "worker", 70, 90), Kind::Consumer),
                    span(6, 1, "later", 101, 102),
                ],
                &(0..=100),
            );
        }
        let told: Vec<_> = counter
            .edges()
            .iter()
            .map(|e| {
                format!(
                    "{}>{} {} {} {:?}",
                    e.caller,
                    e.callee,
                    e.sort.as_str(),
                    e.calls,
                    e.p99_nanos
                )
            })
            .collect();
        let expect = [
            "api>api local 20000 Some(10)",
            "api>postgresql database 10000 Some(10)",
            "api>worker message 10000 Some(20)",
            "web>api call 10000 Some(50)",
        ];
        assert_eq!(told, expect);
    }
}
