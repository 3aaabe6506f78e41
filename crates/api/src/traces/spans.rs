//! The proxy's own spans in OTLP's form: what the store keeps, and what the query APIs are asked of
//! where there is no store.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use trunkline_model::trace::{self, Attribute, SpanKind, TraceId};
use trunkline_otlp::{Kind, Resource, Scope, Span, Status, StatusCode, Value};
use trunkline_store::rollup::PROXY_SCOPE;
use trunkline_store::source::{
    Budget, Found, Hit, KnownKey, Level, Operation, QueryError, Search, SpanSource, Spent, arrange,
    as_text, type_name,
};

use super::{Buffer, Kept};

/// W3C's flag of a trace that is recorded.
const SAMPLED: u32 = 1;

/// Makes spans of OTLP; those of one service share their process.
#[derive(Debug)]
pub(super) struct Translator {
    resources: HashMap<Arc<str>, Arc<Resource>>,
    scope: Arc<Scope>,
    trace_state: Arc<str>,
}

/// Services whose processes are remembered; then it begins anew.
const RESOURCES_MAX: usize = 1_024;

impl Default for Translator {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl Translator {
    /// For spans with this `tracestate`.
    pub(super) fn new(trace_state: Arc<str>) -> Self {
        let scope = Scope {
            name: PROXY_SCOPE.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            ..Scope::default()
        };
        Self { resources: HashMap::new(), scope: Arc::new(scope), trace_state }
    }

    pub(super) fn span(&mut self, span: &trace::Span) -> Span {
        let length = u64::try_from(span.duration.as_nanos()).unwrap_or(u64::MAX);
        let code = if span.failed { StatusCode::Error } else { StatusCode::Unset };
        Span {
            trace: span.trace,
            id: span.id,
            parent: span.parent,
            trace_state: Arc::clone(&self.trace_state),
            flags: SAMPLED,
            name: Arc::clone(&span.name),
            kind: match span.kind {
                SpanKind::Server => Kind::Server,
                SpanKind::Client => Kind::Client,
                SpanKind::Internal => Kind::Internal,
            },
            start_unix_nanos: span.start_unix_nanos,
            end_unix_nanos: span.start_unix_nanos.saturating_add(length),
            attributes: span
                .attributes
                .iter()
                .map(|(key, value)| (Arc::clone(key), of(value)))
                .collect(),
            dropped_attributes: 0,
            events: Vec::new(),
            dropped_events: 0,
            links: Vec::new(),
            dropped_links: 0,
            status: Status { code, message: Arc::default() },
            resource: self.resource(&span.service),
            scope: Arc::clone(&self.scope),
        }
    }

    fn resource(&mut self, service: &Arc<str>) -> Arc<Resource> {
        if let Some(known) = self.resources.get(service) {
            return Arc::clone(known);
        }
        if self.resources.len() >= RESOURCES_MAX {
            self.resources.clear();
        }
        let attributes = vec![("service.name".into(), Value::Text(Arc::clone(service)))];
        let resource = Arc::new(Resource { attributes, ..Resource::default() });
        self.resources.insert(Arc::clone(service), Arc::clone(&resource));
        resource
    }
}

fn of(attribute: &Attribute) -> Value {
    match attribute {
        Attribute::Text(text) => Value::Text(Arc::clone(text)),
        Attribute::Int(number) => Value::Int(*number),
        Attribute::Float(number) => Value::Double(*number),
        Attribute::Bool(yes) => Value::Bool(*yes),
    }
}

/// Traces that are copied out at a time, so that recording is never kept waiting for a search.
const TRACES_AT_A_TIME: usize = 256;

impl Buffer {
    /// Shows every kept span, a few traces at a time.
    fn each(&self, budget: &mut Budget, mut see: impl FnMut(Span)) -> Result<(), Spent> {
        let ids: Vec<TraceId> = self.kept().order.iter().copied().collect();
        let mut translator = Translator::default();
        for ids in ids.chunks(TRACES_AT_A_TIME) {
            let spans: Vec<trace::Span> = {
                let kept = self.kept();
                ids.iter().flat_map(|id| spans(&kept, *id)).cloned().collect()
            };
            budget.spend(spans.len() as u64, 0)?;
            for span in &spans {
                see(translator.span(span));
            }
        }
        Ok(())
    }
}

fn spans(kept: &Kept, id: TraceId) -> &[trace::Span] {
    kept.traces.get(&id).map_or(&[], |stored| &stored.spans)
}

impl SpanSource for Buffer {
    fn services(&self, _: &mut Budget) -> Result<Vec<Arc<str>>, QueryError> {
        Ok(self.kept().index.services().into_iter().collect())
    }

    fn operations(
        &self,
        service: Option<&str>,
        budget: &mut Budget,
    ) -> Result<Vec<Operation>, QueryError> {
        let services = match service {
            Some(service) => vec![Arc::from(service)],
            None => SpanSource::services(self, budget)?,
        };
        let mut found = BTreeSet::new();
        for service in services {
            for (name, kind) in self.kept().index.operations(&service) {
                let kind = match kind {
                    SpanKind::Server => Kind::Server,
                    SpanKind::Client => Kind::Client,
                    SpanKind::Internal => Kind::Internal,
                };
                found.insert(Operation { name, kind });
            }
        }
        Ok(found.into_iter().collect())
    }

    fn keys(&self, budget: &mut Budget) -> Result<Vec<KnownKey>, QueryError> {
        let mut found = BTreeMap::<(Arc<str>, Level, &'static str), u64>::new();
        self.each(budget, |span| {
            let own = span.attributes.iter().map(|pair| (Level::Span, pair));
            let of_process = span.resource.attributes.iter().map(|pair| (Level::Resource, pair));
            for (level, (key, value)) in own.chain(of_process) {
                *found.entry((Arc::clone(key), level, type_name(value))).or_default() += 1;
            }
        })?;
        let known = found.into_iter();
        Ok(known.map(|((key, level, kind), count)| KnownKey { key, level, kind, count }).collect())
    }

    fn values(
        &self,
        level: Level,
        key: &str,
        prefix: &str,
        limit: usize,
        budget: &mut Budget,
    ) -> Result<Vec<Arc<str>>, QueryError> {
        let mut found = BTreeSet::<Arc<str>>::new();
        let at = |wanted: Level| level == Level::Any || level == wanted;
        self.each(budget, |span| {
            let own = span.attributes.iter().filter(|_| at(Level::Span));
            let of_process = span.resource.attributes.iter().filter(|_| at(Level::Resource));
            for (_, value) in own.chain(of_process).filter(|(name, _)| **name == *key) {
                let text = as_text(value);
                if text.starts_with(prefix) && !found.contains(&*text) {
                    found.insert(Arc::from(text));
                }
            }
        })?;
        Ok(found.into_iter().take(limit).collect())
    }

    fn traces(&self, ids: &[TraceId], budget: &mut Budget) -> Result<Vec<Vec<Span>>, QueryError> {
        let mut translator = Translator::default();
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            let kept: Vec<trace::Span> = spans(&self.kept(), *id).to_vec();
            budget.spend(kept.len() as u64, 0)?;
            let mut spans = kept.iter().map(|span| translator.span(span)).collect();
            arrange(&mut spans);
            all.push(spans);
        }
        Ok(all)
    }

    fn search(&self, search: &Search, budget: &mut Budget) -> Result<Found, QueryError> {
        let mut newest = HashMap::<TraceId, u64>::new();
        let ended = self.each(budget, |span| {
            let start = span.start_unix_nanos;
            if search.start_unix_nanos.contains(&start) && search.filter.takes(&span) {
                newest.entry(span.trace).and_modify(|of| *of = start.max(*of)).or_insert(start);
            }
        });
        if let Err(Spent::Cancelled) = ended {
            return Err(Spent::Cancelled.into());
        }
        let hits = newest.into_iter();
        let mut hits: Vec<Hit> =
            hits.map(|(trace, start_unix_nanos)| Hit { start_unix_nanos, trace }).collect();
        hits.retain(|hit| search.after.is_none_or(|after| *hit < after));
        hits.sort_unstable_by(|a, b| b.cmp(a));
        let more = hits.len() > search.limit;
        hits.truncate(search.limit);
        Ok(Found { hits, more, partial: ended.is_err() })
    }
}
