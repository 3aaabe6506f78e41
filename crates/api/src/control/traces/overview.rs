//! The overview of a search: its course over time, a point for each trace, and facets.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use trunkline_model::trace::TraceId;
use trunkline_otlp::{Attributes, Span};
use trunkline_query::overview::{self, Facet};
use trunkline_query::{Error, search, statistics::quantile};
use trunkline_store::source::{Level, Summary, as_text};

use super::asked::{Asked, level_word};
use super::{milliseconds, rfc3339};
use crate::Wiring;
use crate::problem::Problem;

/// Traces whose spans are read for facets of attributes.
const FACET_TRACES: usize = 200;
/// Traces that are read together.
const CHUNK: usize = 16;
/// A value of a facet longer than this is cut.
const VALUE_CHARS_MAX: usize = 200;

/// A key, and for each trace that was read its values.
type KeyValues = (Level, String, Vec<(usize, Arc<str>)>);

/// The overview of the newest traces that a search finds, whatever its page.
pub(super) async fn document(wiring: &Wiring, asked: Asked) -> Result<Value, Problem> {
    let Asked { mut query, overview: traces_max, facets } = asked;
    query.limit = traces_max;
    query.after = None;
    let (summaries, found) = wiring.reader.find_summaries(query).await?;
    let (values, all) = read_values(wiring, &summaries, facets).await?;
    let more = found.more || found.partial || !all;
    let written = wiring.reader.compute(move |_| write(&summaries, &values, more)).await?;
    Ok(written)
}

/// The values of these keys in the first traces, and whether all of those could be read for what a
/// question may cost.
async fn read_values(
    wiring: &Wiring,
    summaries: &[Summary],
    facets: Vec<(Level, String)>,
) -> Result<(Vec<KeyValues>, bool), Error> {
    if facets.is_empty() {
        return Ok((Vec::new(), true));
    }
    let ids: Vec<TraceId> =
        summaries.iter().take(FACET_TRACES).map(|summary| summary.trace).collect();
    let read = wiring.reader.ask(move |source, budget| {
        let mut values: Vec<KeyValues> =
            facets.into_iter().map(|(level, key)| (level, key, Vec::new())).collect();
        for (at, ids) in ids.chunks(CHUNK).enumerate() {
            let Some(traces) = search::unless_spent(source.traces(ids, budget))? else {
                return Ok((values, false));
            };
            for (index, spans) in traces.iter().enumerate() {
                for (level, key, values) in &mut values {
                    let of_trace = values_of(spans, *level, key);
                    values.extend(of_trace.into_iter().map(|value| (at * CHUNK + index, value)));
                }
            }
        }
        Ok((values, true))
    });
    read.await
}

/// The values of a key in a trace, each once.
fn values_of(spans: &[Span], level: Level, key: &str) -> BTreeSet<Arc<str>> {
    let at = |wanted: Level| level == Level::Any || level == wanted;
    let mut found = BTreeSet::new();
    let mut look = |attributes: &Attributes| {
        for (_, value) in attributes.iter().filter(|(name, _)| **name == *key) {
            let text: String = as_text(value).chars().take(VALUE_CHARS_MAX).collect();
            found.insert(Arc::from(text));
        }
    };
    for span in spans {
        if at(Level::Span) {
            look(&span.attributes);
        }
        if at(Level::Resource) {
            look(&span.resource.attributes);
        }
        if at(Level::Scope) {
            look(&span.scope.attributes);
        }
        if at(Level::Event) {
            span.events.iter().for_each(|event| look(&event.attributes));
        }
        if at(Level::Link) {
            span.links.iter().for_each(|link| look(&link.attributes));
        }
    }
    found
}

fn write(summaries: &[Summary], values: &[KeyValues], more: bool) -> Value {
    let overview = overview::overview(summaries);
    let bars: Vec<_> = overview
        .bars
        .iter()
        .map(|bar| {
            json!({ "start": rfc3339(bar.start_unix_nanos), "traces": bar.traces, "failed": bar.failed })
        })
        .collect();
    let failed = summaries.iter().filter(|summary| summary.failed > 0).count();
    let at = |percent| milliseconds(quantile(&overview.durations, percent));
    json!({
        "traces": summaries.len(),
        "more": more,
        "from": rfc3339(overview.from_unix_nanos),
        "to": rfc3339(overview.to_unix_nanos),
        "histogram": bars,
        "bar_ms": milliseconds(overview.bar_nanos),
        "points": summaries.iter().map(|one| point(one, overview.from_unix_nanos)).collect::<Vec<_>>(),
        "durations": { "p50_ms": at(50), "p90_ms": at(90), "p99_ms": at(99), "max_ms": at(100) },
        "facets": {
            "services": overview.services.iter().map(service).collect::<Vec<_>>(),
            "entrances": overview.entrances.iter().map(entrance).collect::<Vec<_>>(),
            "status": [
                { "value": "failed", "traces": failed },
                { "value": "ok", "traces": summaries.len() - failed },
            ],
            "attributes": values.iter().map(|one| attribute(summaries, one)).collect::<Vec<_>>(),
        },
    })
}

fn point(summary: &Summary, from: u64) -> Value {
    json!({
        "id": summary.trace.to_string(),
        "start": rfc3339(summary.start_unix_nanos),
        "offset_ms": milliseconds(summary.start_unix_nanos.saturating_sub(from)),
        "duration_ms": milliseconds(overview::duration(summary)),
        "spans": summary.spans,
        "failed": summary.failed,
        "service": &*summary.root_service,
        "name": &*summary.root_operation,
    })
}

fn service(facet: &Facet<Arc<str>>) -> Value {
    json!({ "value": &*facet.value, "traces": facet.traces, "failed": facet.failed })
}

fn entrance(facet: &Facet<(Arc<str>, Arc<str>)>) -> Value {
    let (service, name) = &facet.value;
    json!({
        "service": &**service,
        "name": &**name,
        "traces": facet.traces,
        "failed": facet.failed,
        "p50_ms": milliseconds(facet.quantile(50)),
        "p99_ms": milliseconds(facet.quantile(99)),
    })
}

fn attribute(summaries: &[Summary], (level, key, values): &KeyValues) -> Value {
    let mut by_trace = vec![Vec::new(); summaries.len()];
    for (index, value) in values {
        if let Some(of_trace) = by_trace.get_mut(*index) {
            of_trace.push(Arc::clone(value));
        }
    }
    let places: std::collections::HashMap<TraceId, usize> =
        summaries.iter().enumerate().map(|(index, summary)| (summary.trace, index)).collect();
    let facets = overview::facets(summaries, |summary| {
        let of_trace = places.get(&summary.trace).and_then(|index| by_trace.get(*index));
        of_trace.cloned().unwrap_or_default()
    });
    json!({
        "key": key,
        "level": level_word(*level),
        "values": facets.iter().map(service).collect::<Vec<_>>(),
    })
}
