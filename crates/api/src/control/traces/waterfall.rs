//! `/v1/traces/{id}/waterfall`: a page of a trace's rows as a person sees them.

use std::collections::HashSet;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::Uri;
use serde::Deserialize;
use serde_json::{Value, json};
use trunkline_model::trace::SpanId;
use trunkline_query::Skeleton;
use trunkline_query::waterfall::{self, Page, Shown, Window};

use super::{answer, milliseconds, rfc3339, skeleton, span, span_id, trace_id, views, whole};
use crate::Wiring;
use crate::control::SCHEMA;
use crate::parameters::{Parameters, invalid};
use crate::problem::Problem;

/// Folded, or unfolded, spans of a question.
const FOLDED_MAX: usize = 1_000;
/// Rows of a page when nothing is asked for.
const ROWS_DEFAULT: usize = 200;
/// Parts of the critical path that a row tells.
const PARTS_MAX: usize = 64;

const PARAMETERS: &[&str] = &[
    "collapsed",
    "expanded",
    "collapse_depth",
    "from",
    "rows",
    "critical",
    "q",
    "focus",
    "minimap",
];

/// What is asked for, as the body of a `POST` has it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    collapsed: Vec<String>,
    expanded: Vec<String>,
    collapse_depth: Option<u32>,
    from: usize,
    rows: Option<usize>,
    critical: bool,
    q: String,
    focus: Option<String>,
    minimap: bool,
}

impl Asked {
    fn of(uri: &Uri) -> Result<Self, Problem> {
        let parameters = Parameters::strict(uri, PARAMETERS)?;
        let ids = |name| {
            let lists = parameters.all(name).flat_map(|list| list.split(','));
            lists.filter(|id| !id.is_empty()).map(str::to_owned).collect()
        };
        Ok(Self {
            collapsed: ids("collapsed"),
            expanded: ids("expanded"),
            collapse_depth: parameters.parsed("collapse_depth", "expected a number")?,
            from: parameters.parsed("from", "expected a number")?.unwrap_or(0),
            rows: parameters.parsed("rows", "expected a number")?,
            critical: parameters.flag("critical")?,
            q: parameters.one("q")?.unwrap_or_default().to_owned(),
            focus: parameters.one("focus")?.map(str::to_owned),
            minimap: parameters.flag("minimap")?,
        })
    }

    fn window(&self) -> Result<Window, Problem> {
        let ids = |ids: &[String]| -> Result<HashSet<SpanId>, Problem> {
            if ids.len() > FOLDED_MAX {
                let told = format!("at most {FOLDED_MAX} spans are folded or unfolded one by one");
                return Err(Problem::bad_request(told));
            }
            ids.iter().map(|id| span_id(id)).collect()
        };
        Ok(Window {
            collapsed: ids(&self.collapsed)?,
            collapse_depth: self.collapse_depth,
            expanded: ids(&self.expanded)?,
            critical_only: self.critical,
            from: self.from,
            rows: self.rows.unwrap_or(ROWS_DEFAULT),
            focus: self.focus.as_deref().map(span_id).transpose()?,
        })
    }
}

pub(super) async fn get(
    State(wiring): State<Wiring>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    respond(&wiring, &id, Asked::of(&uri)?).await
}

pub(super) async fn post(
    State(wiring): State<Wiring>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let asked = serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request(format!("the body cannot be read: {error}")))?;
    respond(&wiring, &id, asked).await
}

async fn respond(wiring: &Wiring, id: &str, asked: Asked) -> Result<Response, Problem> {
    let window = asked.window()?;
    searched(&asked.q)?;
    // What is looked for stands in attributes, which a skeleton has not.
    let (_room, trace, skeleton) = if asked.q.is_empty() {
        (None, None, skeleton(wiring, id).await?)
    } else {
        let (room, trace, skeleton) = whole(wiring, trace_id(id)?).await?;
        (Some(room), Some(trace), skeleton)
    };
    let text = wiring.reader.compute(move |budget| {
        // Where it costs too much, nobody reads the answer.
        let matches = trace
            .map(|trace| waterfall::matches(&trace.spans, &asked.q, budget).unwrap_or_default());
        let page = waterfall::page(&skeleton, &window, matches.as_deref().unwrap_or_default());
        let count = matches.map(|matches| matches.iter().filter(|matched| **matched).count());
        document(&skeleton, &page, count, &asked).to_string()
    });
    Ok(answer(text.await?))
}

/// A text that is looked for, if it is short enough for that.
pub(super) fn searched(text: &str) -> Result<&str, Problem> {
    if text.chars().nth(waterfall::WANTED_CHARS_MAX).is_some() {
        return Err(invalid("q", text, "expected at most 256 characters").into());
    }
    Ok(text)
}

fn document(skeleton: &Skeleton, page: &Page, matches: Option<usize>, asked: &Asked) -> Value {
    let parts = views::parts(skeleton);
    let rows: Vec<_> = page
        .rows
        .iter()
        .filter_map(|shown| {
            let index = u32::try_from(shown.row).ok()?;
            row(skeleton, shown, parts.get(&index).map(Vec::as_slice).unwrap_or_default())
        })
        .collect();
    let services: Vec<_> = skeleton
        .shares()
        .iter()
        .map(|(service, share)| {
            json!({
                "service": &**service, "spans": share.spans, "failed": share.failed,
                "self_ms": milliseconds(share.own_nanos),
                "critical_ms": milliseconds(share.critical_nanos),
            })
        })
        .collect();
    let mut document = json!({
        "schema": SCHEMA,
        "id": skeleton.trace.to_string(),
        "start": rfc3339(skeleton.start_unix_nanos),
        "start_unix_nanos": skeleton.start_unix_nanos.to_string(),
        "duration_ms": milliseconds(skeleton.duration_nanos()),
        "spans": skeleton.rows.len(),
        "failed": skeleton.failed(),
        "depth_max": skeleton.depth_max(),
        "services": services,
        "warnings": skeleton.warnings,
        "causes": span::causes(skeleton),
        "rows_total": page.total,
        "from": page.from,
        "rows": rows,
        "focus": page.focus.map(|row| json!({ "row": row })),
        "failed_rows": page.failed,
    });
    if let Value::Object(members) = &mut document {
        if let Some(count) = matches {
            members.insert("matches".into(), json!({ "count": count, "rows": page.matched }));
        }
        if asked.minimap {
            members.insert("minimap".into(), minimap(skeleton));
        }
    }
    document
}

/// A row, with the parts of the critical path that are its own.
pub(super) fn row(skeleton: &Skeleton, shown: &Shown, parts: &[(u64, u64)]) -> Option<Value> {
    let row = skeleton.rows.get(shown.row)?;
    let at = |unix_nanos| milliseconds(skeleton.offset(unix_nanos));
    let parts: Vec<_> =
        parts.iter().take(PARTS_MAX).map(|(from, to)| json!([at(*from), at(*to)])).collect();
    Some(json!({
        "row": shown.place,
        "id": row.id.to_string(),
        "parent": row.parent_id.map(|parent| parent.to_string()),
        "service": &**skeleton.service(row),
        "name": &*row.name,
        "kind": row.kind.as_str(),
        "depth": row.depth,
        "offset_ms": at(row.start_unix_nanos),
        "duration_ms": milliseconds(row.duration_nanos()),
        "self_ms": milliseconds(row.own_nanos),
        "failed": row.failed(),
        "children": row.children,
        "descendants": row.size - 1,
        "failed_below": row.failed_below,
        "collapsed": shown.collapsed,
        "critical": parts,
        "events": row.events.iter().map(|event| at(*event)).collect::<Vec<_>>(),
        "links": row.links,
        "warnings": row.warnings,
        "match": shown.matched,
    }))
}

fn minimap(skeleton: &Skeleton) -> Value {
    let bars = waterfall::minimap(skeleton).into_iter().filter_map(|at| {
        let row = skeleton.rows.get(at)?;
        Some(json!({
            "offset_ms": milliseconds(skeleton.offset(row.start_unix_nanos)),
            "duration_ms": milliseconds(row.duration_nanos()),
            "service": &**skeleton.service(row),
            "depth": row.depth,
            "failed": row.failed(),
        }))
    });
    Value::Array(bars.collect())
}
