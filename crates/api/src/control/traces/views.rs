//! Critical path, flame graph, statistics and comparison of stored traces.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::Uri;
use serde_json::{Value, json};
use trunkline_query::compare::{self, Comparison};
use trunkline_query::flame::{self, Graph};
use trunkline_query::statistics::{By, Group, groups};
use trunkline_query::{Skeleton, Trace};
use trunkline_store::source::as_text;

use super::{answer, milliseconds, not_found, rfc3339, skeleton, trace_id, whole};
use crate::Wiring;
use crate::control::SCHEMA;
use crate::parameters::{Parameters, invalid};
use crate::problem::Problem;

/// Parts of a critical path in an answer.
const SEGMENTS_MAX: usize = 5_000;
/// Operations of a critical path in an answer.
const OPERATIONS_MAX: usize = 200;

/// `/v1/traces/{id}/critical-path`.
pub(super) async fn critical_path(
    State(wiring): State<Wiring>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    Parameters::strict(&uri, &[])?;
    let skeleton = skeleton(&wiring, &id).await?;
    Ok(answer(wiring.reader.compute(move |_| path(&skeleton).to_string()).await?))
}

#[derive(Default)]
struct OnPath {
    nanos: u64,
    spans: usize,
}

fn path(skeleton: &Skeleton) -> Value {
    let mut whole = 0;
    let mut services = BTreeMap::<&Arc<str>, OnPath>::new();
    let mut operations = BTreeMap::<(&Arc<str>, &Arc<str>), OnPath>::new();
    for (row, nanos) in skeleton.rows.iter().zip(skeleton.critical_nanos()) {
        if nanos == 0 {
            continue;
        }
        whole += nanos;
        let service = skeleton.service(row);
        for sum in [
            services.entry(service).or_default(),
            operations.entry((service, &row.name)).or_default(),
        ] {
            sum.nanos += nanos;
            sum.spans += 1;
        }
    }
    let segments = skeleton.path.iter().take(SEGMENTS_MAX).filter_map(|segment| {
        let row = skeleton.rows.get(segment.row as usize)?;
        Some(json!({
            "span": row.id.to_string(),
            "service": &**skeleton.service(row),
            "name": &*row.name,
            "from_ms": milliseconds(skeleton.offset(segment.from_unix_nanos)),
            "to_ms": milliseconds(skeleton.offset(segment.to_unix_nanos)),
        }))
    });
    let mut services: Vec<_> = services.into_iter().collect();
    services.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.nanos));
    let mut operations: Vec<_> = operations.into_iter().collect();
    operations.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.nanos));
    operations.truncate(OPERATIONS_MAX);
    let services: Vec<_> = services
        .iter()
        .map(|(service, sum)| {
            json!({ "service": &***service, "ms": milliseconds(sum.nanos), "share": share(sum.nanos, whole) })
        })
        .collect();
    let operations: Vec<_> = operations
        .iter()
        .map(|((service, name), sum)| {
            json!({
                "service": &***service, "name": &***name, "ms": milliseconds(sum.nanos),
                "share": share(sum.nanos, whole), "spans": sum.spans,
            })
        })
        .collect();
    json!({
        "schema": SCHEMA,
        "id": skeleton.trace.to_string(),
        "duration_ms": milliseconds(skeleton.duration_nanos()),
        "critical_ms": milliseconds(whole),
        "segments": segments.collect::<Vec<_>>(),
        "truncated": skeleton.path.len() > SEGMENTS_MAX,
        "services": services,
        "operations": operations,
    })
}

#[expect(clippy::cast_precision_loss, reason = "a share is shown, not counted with")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// `/v1/traces/{id}/flame`.
pub(super) async fn flame(
    State(wiring): State<Wiring>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    Parameters::strict(&uri, &[])?;
    let skeleton = skeleton(&wiring, &id).await?;
    let text = wiring.reader.compute(move |_| {
        let graph = flame::graph(&skeleton);
        flame_document(&skeleton, &graph).to_string()
    });
    Ok(answer(text.await?))
}

fn flame_document(skeleton: &Skeleton, graph: &Graph) -> Value {
    let frames: Vec<_> = graph
        .frames
        .iter()
        .enumerate()
        .map(|(index, frame)| {
            json!({
                "frame": index, "parent": frame.parent, "depth": frame.depth,
                "service": &*frame.service, "name": &*frame.name,
                "spans": frame.sum.spans, "failed": frame.sum.failed,
                "total_ms": milliseconds(frame.sum.total_nanos),
                "self_ms": milliseconds(frame.sum.own_nanos),
                "value_ms": milliseconds(frame.value_nanos),
                "left": frame.left, "width": frame.width,
                "first": frame.first.to_string(),
            })
        })
        .collect();
    json!({
        "schema": SCHEMA,
        "id": skeleton.trace.to_string(),
        "value_ms": milliseconds(graph.value_nanos),
        "depth_max": graph.frames.iter().map(|frame| frame.depth).max().unwrap_or(0),
        "frames": frames,
        "truncated": graph.truncated,
    })
}

/// `/v1/traces/{id}/statistics?by=`.
pub(super) async fn statistics(
    State(wiring): State<Wiring>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let parameters = Parameters::strict(&uri, &["by"])?;
    let word = parameters.one("by")?.unwrap_or("operation").to_owned();
    let by = match word.as_str() {
        "operation" => By::Operation,
        "service" => By::Service,
        "kind" => By::Kind,
        "status" => By::Status,
        other if other.strip_prefix("attribute:").is_some_and(|key| !key.is_empty()) => By::Value,
        other => {
            let expected = "expected operation, service, kind, status or attribute:KEY";
            return Err(invalid("by", other, expected).into());
        }
    };
    let (_room, trace, skeleton) = if by == By::Value {
        let (room, trace, skeleton) = whole(&wiring, trace_id(&id)?).await?;
        (Some(room), Some(trace), skeleton)
    } else {
        (None, None, skeleton(&wiring, &id).await?)
    };
    let text = wiring.reader.compute(move |_| {
        let key = word.strip_prefix("attribute:").unwrap_or_default();
        let value = |at: usize| value_of(trace.as_ref()?, at, key);
        let (groups, truncated) = groups(&skeleton, by, &value);
        json!({
            "schema": SCHEMA,
            "id": skeleton.trace.to_string(),
            "by": word,
            "duration_ms": milliseconds(skeleton.duration_nanos()),
            "rows": groups_document(&skeleton, &groups),
            "truncated": truncated,
        })
        .to_string()
    });
    Ok(answer(text.await?))
}

/// The value of a key on a span, else on its process.
fn value_of<'a>(trace: &'a Trace, at: usize, key: &str) -> Option<Cow<'a, str>> {
    let span = trace.spans.get(at)?;
    let own = span.attribute(key);
    let value = own.or_else(|| trunkline_otlp::span::get(&span.resource.attributes, key));
    value.map(as_text)
}

fn groups_document(skeleton: &Skeleton, groups: &[Group]) -> Vec<Value> {
    let own: u64 = skeleton.rows.iter().map(|row| row.own_nanos).fold(0, u64::saturating_add);
    let critical: u64 = skeleton.path.iter().map(trunkline_query::skeleton::Segment::nanos).sum();
    groups
        .iter()
        .map(|group| {
            let spans = u64::try_from(group.spans).unwrap_or(u64::MAX).max(1);
            json!({
                "service": group.name.service.as_deref(),
                "name": group.name.operation.as_deref(),
                "value": group.name.value,
                "spans": group.spans, "failed": group.failed,
                "total_ms": milliseconds(group.total),
                "min_ms": milliseconds(group.min),
                "mean_ms": milliseconds(group.total / spans),
                "p50_ms": milliseconds(group.p50),
                "p90_ms": milliseconds(group.p90),
                "p99_ms": milliseconds(group.p99),
                "max_ms": milliseconds(group.max),
                "self_ms": milliseconds(group.own),
                "self_share": share(group.own, own),
                "critical_ms": milliseconds(group.critical),
                "critical_share": share(group.critical, critical),
            })
        })
        .collect()
}

/// `/v1/traces/compare?a=&b=`.
pub(super) async fn compare(State(wiring): State<Wiring>, uri: Uri) -> Result<Response, Problem> {
    let parameters = Parameters::strict(&uri, &["a", "b"])?;
    let wanted = |name| -> Result<&str, Problem> {
        let missing = || Problem::bad_request(format!("`{name}` is missing: the id of a trace"));
        parameters.one(name)?.ok_or_else(missing)
    };
    let (a, b) = (trace_id(wanted("a")?)?, trace_id(wanted("b")?)?);
    let a = wiring.reader.skeleton(a).await?.ok_or_else(|| not_found(a))?;
    let b = wiring.reader.skeleton(b).await?.ok_or_else(|| not_found(b))?;
    let text = wiring.reader.compute(move |_| {
        let found = compare::compare(&a, &b);
        comparison(&a, &b, &found).to_string()
    });
    Ok(answer(text.await?))
}

fn comparison(a: &Skeleton, b: &Skeleton, found: &Comparison) -> Value {
    let nodes: Vec<_> = found
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| {
            json!({
                "node": index, "parent": node.parent, "depth": node.depth,
                "service": &*node.service, "name": &*node.name,
                "a": node.a.map(sum), "b": node.b.map(sum),
                "delta_ms": delta(total(node.a), total(node.b)),
                "change": node.change.as_str(),
            })
        })
        .collect();
    let mut services: Vec<_> = found.services.iter().collect();
    services
        .sort_by_key(|(_, both)| std::cmp::Reverse(both.a.own_nanos.abs_diff(both.b.own_nanos)));
    let services: Vec<_> = services
        .iter()
        .map(|(service, both)| {
            json!({
                "service": &***service,
                "a_self_ms": milliseconds(both.a.own_nanos),
                "b_self_ms": milliseconds(both.b.own_nanos),
                "delta_ms": delta(both.a.own_nanos, both.b.own_nanos),
                "a_spans": both.a.spans, "b_spans": both.b.spans,
            })
        })
        .collect();
    json!({
        "schema": SCHEMA, "a": side(a), "b": side(b),
        "nodes": nodes, "truncated": found.truncated, "services": services,
    })
}

fn sum(sum: compare::Sum) -> Value {
    json!({
        "spans": sum.spans, "failed": sum.failed,
        "total_ms": milliseconds(sum.total_nanos), "self_ms": milliseconds(sum.own_nanos),
    })
}

fn total(sum: Option<compare::Sum>) -> u64 {
    sum.map_or(0, |sum| sum.total_nanos)
}

fn delta(a: u64, b: u64) -> f64 {
    milliseconds(b) - milliseconds(a)
}

fn side(skeleton: &Skeleton) -> Value {
    let first = skeleton.rows.iter().find(|row| row.parent_id.is_none()).or(skeleton.rows.first());
    json!({
        "id": skeleton.trace.to_string(),
        "start": rfc3339(skeleton.start_unix_nanos),
        "duration_ms": milliseconds(skeleton.duration_nanos()),
        "spans": skeleton.rows.len(),
        "failed": skeleton.failed(),
        "service": first.map(|row| &**skeleton.service(row)),
        "name": first.map(|row| &*row.name),
    })
}

/// Parts of the critical path by row, for rows of a waterfall.
pub(super) fn parts(skeleton: &Skeleton) -> HashMap<u32, Vec<(u64, u64)>> {
    let mut parts = HashMap::<u32, Vec<_>>::new();
    for segment in &skeleton.path {
        let part = (segment.from_unix_nanos, segment.to_unix_nanos);
        parts.entry(segment.row).or_default().push(part);
    }
    parts
}
