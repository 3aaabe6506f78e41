//! `traces`: the list of recent ones, and one drawn as a waterfall.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{span_ms, time_of_day};
use crate::print::{Align, Paint, Role, Table, clean};

/// The answer of `/v1/traces`.
#[derive(Debug, Deserialize)]
pub(crate) struct List {
    traces: Vec<Summary>,
}

#[derive(Debug, Deserialize)]
struct Summary {
    id: String,
    name: Option<String>,
    status: Option<Value>,
    start: String,
    duration_ms: f64,
    spans: usize,
    failed: usize,
    #[serde(default)]
    services: Vec<String>,
}

/// The answer of `/v1/traces/{id}`.
#[derive(Debug, Deserialize)]
pub(crate) struct Trace {
    id: String,
    spans: Vec<Span>,
}

#[derive(Debug, Deserialize)]
struct Span {
    id: String,
    parent: Option<String>,
    service: String,
    name: String,
    start: String,
    duration_ms: f64,
    failed: bool,
    #[serde(default)]
    attributes: Map<String, Value>,
}

/// The list, newest first.
pub(crate) fn render_list(list: &List, paint: Paint) -> String {
    if list.traces.is_empty() {
        return "  no traces yet: send a request through the gateway\n".to_owned();
    }
    let mut table = Table::new(&[
        ("time", Align::Left),
        ("duration", Align::Right),
        ("status", Align::Right),
        ("spans", Align::Right),
        ("trace", Align::Left),
        ("request", Align::Left),
        ("services", Align::Left),
    ]);
    for trace in &list.traces {
        let status = trace.status.as_ref().map(text_of).unwrap_or_default();
        let role = if trace.failed > 0 { Role::Error } else { Role::Good };
        table.row(vec![
            (time_of_day(&clean(&trace.start)), None),
            (span_ms(trace.duration_ms), None),
            (if status.is_empty() { "-".to_owned() } else { status }, Some(role)),
            (trace.spans.to_string(), None),
            (clean(&trace.id).into_owned(), Some(Role::Hint)),
            (clean(trace.name.as_deref().unwrap_or_default()).into_owned(), None),
            (clean(&trace.services.join(", ")).into_owned(), Some(Role::Faint)),
        ]);
    }
    if let Some(columns) = paint.columns() {
        table.narrow(columns, &["spans"]);
        // The beginning of an id is enough for `trunkline traces`.
        table.fit(columns, &[(3, 8), (5, 10), (4, 12)]);
    }
    table.render(paint)
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => clean(text).into_owned(),
        other => other.to_string(),
    }
}

/// Width of the bars, in cells.
const BAR_CELLS: f64 = 40.0;
/// Deepest indentation that is drawn.
const DEPTH_MAX: usize = 16;

/// One trace: each span under its parent, on one line, with its bar on the common time axis.
pub(crate) fn render_one(trace: &Trace, paint: Paint) -> String {
    let starts: Vec<f64> =
        trace.spans.iter().map(|span| milliseconds_of_day(&span.start)).collect();
    let first = starts.iter().copied().fold(f64::INFINITY, f64::min);
    let end = trace
        .spans
        .iter()
        .zip(&starts)
        .map(|(span, start)| start + span.duration_ms)
        .fold(first, f64::max);
    let total = (end - first).max(0.001);
    let when = trace.spans.first().map(|span| time_of_day(&clean(&span.start))).unwrap_or_default();
    let mut text = format!(
        "trace {} · {when} · {} · {} spans\n\n",
        paint.apply(Role::Strong, clean(&trace.id)),
        span_ms(total),
        trace.spans.len(),
    );
    let order = in_tree_order(&trace.spans);
    let label = |index: usize, depth: usize| {
        trace.spans.get(index).map_or_else(String::new, |span| {
            format!(
                "{}{} {}",
                "  ".repeat(depth.min(DEPTH_MAX)),
                clean(&span.service),
                clean(&span.name)
            )
        })
    };
    let width =
        order.iter().map(|(index, depth)| label(*index, *depth).chars().count()).max().unwrap_or(0);
    for (index, depth) in order {
        let (Some(span), Some(start)) = (trace.spans.get(index), starts.get(index)) else {
            continue;
        };
        let label = label(index, depth);
        let bar = bar((start - first) / total, span.duration_ms / total);
        let role = if span.failed { Role::Error } else { Role::Good };
        let _ = writeln!(
            text,
            "  {label:<width$}  {}  {:>7}{}",
            paint.apply(role, bar),
            span_ms(span.duration_ms),
            facts(span, paint),
        );
    }
    text
}

/// Attributes worth a place on the line.
fn facts(span: &Span, paint: Paint) -> String {
    let mut text = String::new();
    if let Some(status) = span.attributes.get("http.response.status_code") {
        let role = if span.failed { Role::Error } else { Role::Good };
        let _ = write!(text, "  {}", paint.apply(role, text_of(status)));
    }
    for key in ["trunkline.reason", "error.type"] {
        if let Some(value) = span.attributes.get(key) {
            let _ = write!(text, "  {}", paint.apply(Role::Warning, text_of(value)));
            break;
        }
    }
    text
}

/// A bar on an axis of [`BAR_CELLS`]; at least one cell, so that nothing is invisible.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "both are cells between 0 and BAR_CELLS"
)]
fn bar(offset: f64, length: f64) -> String {
    let cells = BAR_CELLS as usize;
    let from = ((offset * BAR_CELLS).floor() as usize).min(cells - 1);
    let long = ((length * BAR_CELLS).round() as usize).clamp(1, cells - from);
    format!("{}{}{}", "·".repeat(from), "━".repeat(long), "·".repeat(cells - from - long))
}

/// Spans as (index, depth), children below their parent, in order of start. Each span appears once,
/// whatever the parents claim.
fn in_tree_order(spans: &[Span]) -> Vec<(usize, usize)> {
    let mut order = Vec::new();
    let mut seen = vec![false; spans.len()];
    let known = |id: &str| spans.iter().any(|span| span.id == id);
    let is_root = |span: &Span| span.parent.as_deref().is_none_or(|parent| !known(parent));
    let mut waiting: Vec<(usize, usize)> = Vec::new();
    let roots = spans.iter().enumerate().filter(|(_, span)| is_root(span));
    // What is in a circle of parents has no root: it comes last.
    let begin: Vec<usize> = roots.map(|(index, _)| index).chain(0..spans.len()).collect();
    for root in begin {
        waiting.push((root, 0));
        while let Some((index, depth)) = waiting.pop() {
            let (Some(span), Some(seen)) = (spans.get(index), seen.get_mut(index)) else {
                continue;
            };
            if std::mem::replace(seen, true) {
                continue;
            }
            order.push((index, depth));
            let children = spans.iter().enumerate().rev();
            let children = children.filter(|(_, child)| child.parent.as_deref() == Some(&*span.id));
            waiting.extend(children.map(|(index, _)| (index, depth + 1)));
        }
    }
    order
}

/// Milliseconds since midnight of an RFC 3339 time; spans of one trace are near each other.
fn milliseconds_of_day(rfc3339: &str) -> f64 {
    let time = rfc3339.split_once('T').map_or("", |(_, time)| time).trim_end_matches('Z');
    time.split(':')
        .zip([3_600_000.0, 60_000.0, 1_000.0])
        .fold(0.0, |sum, (part, unit)| sum + part.parse::<f64>().unwrap_or_default() * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace() -> Trace {
        let span = |id: &str,
                    parent: Option<&str>,
                    service: &str,
                    start: &str,
                    duration: f64,
                    status: u16| {
            serde_json::json!({ "id": id, "parent": parent, "service": service, "name": "GET /", "start": start,
                "duration_ms": duration, "failed": status >= 500, "attributes": { "http.response.status_code": status } })
        };
        serde_json::from_value(serde_json::json!({ "id": "4f2a", "spans": [
            span("a", Some("caller"), "gateway", "2026-01-31T12:00:00.000Z", 100.0, 200),
            span("b", Some("a"), "gateway", "2026-01-31T12:00:00.010Z", 20.0, 503),
            span("c", Some("a"), "gateway", "2026-01-31T12:00:00.040Z", 60.0, 200),
        ]}))
        .unwrap()
    }

    #[test]
    fn a_waterfall_shows_who_waited_for_whom() {
        let lines: Vec<_> =
            render_one(&trace(), Paint::new(false)).lines().map(str::to_owned).collect();
        let expected = [
            "trace 4f2a · 12:00:00.000 · 100ms · 3 spans",
            "",
            "  gateway GET /    ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━    100ms  200",
            "    gateway GET /  ····━━━━━━━━····························     20ms  503",
            "    gateway GET /  ················━━━━━━━━━━━━━━━━━━━━━━━━     60ms  200",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn spans_that_are_each_others_parents_are_shown_once() {
        let mut trace = trace();
        trace.spans[0].parent = Some("c".into());
        assert_eq!(in_tree_order(&trace.spans).len(), 3);
    }
}
