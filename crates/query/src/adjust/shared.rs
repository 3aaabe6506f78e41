//! Zipkin's tracers give both sides of a call one id: the server's span gets one of its own, below
//! the client's, and takes the children of that id with it.

use std::collections::{HashMap, HashSet};

use trunkline_model::trace::SpanId;
use trunkline_otlp::{Kind, Span};

use crate::trace::Trace;

pub(super) fn separate(trace: &mut Trace) {
    let of_kind = |kind| move |span: &&Span| span.kind == kind;
    let clients: HashSet<SpanId> =
        trace.spans.iter().filter(of_kind(Kind::Client)).map(|span| span.id).collect();
    let shared = |span: &Span| span.kind == Kind::Server && clients.contains(&span.id);
    if clients.is_empty() || !trace.spans.iter().any(shared) {
        return;
    }
    let mut ids = Unused { used: trace.spans.iter().map(|span| span.id).collect(), last: 0 };
    let mut servers: HashMap<SpanId, Vec<(SpanId, String)>> = HashMap::new();
    let mut new = HashSet::new();
    for span in trace.spans.iter_mut().filter(|span| shared(span)) {
        let Some(id) = ids.next() else { return };
        servers.entry(span.id).or_default().push((id, span.service().to_owned()));
        new.insert(id);
        span.parent = Some(span.id);
        span.id = id;
    }
    for span in trace.spans.iter_mut().filter(|span| !new.contains(&span.id)) {
        let Some(servers) = span.parent.and_then(|parent| servers.get(&parent)) else { continue };
        let same = servers.iter().find(|(_, service)| service == span.service());
        span.parent = same.or(servers.first()).map(|(id, _)| *id);
    }
    // A server whose client's id is shared in turn stays below that client: `new` are left alone.
}

/// Ids that no span of the trace has, the smallest first.
struct Unused {
    used: HashSet<SpanId>,
    last: u64,
}

impl Unused {
    fn next(&mut self) -> Option<SpanId> {
        loop {
            self.last = self.last.checked_add(1)?;
            let id = SpanId::new(self.last.to_be_bytes())?;
            if self.used.insert(id) {
                return Some(id);
            }
        }
    }
}
