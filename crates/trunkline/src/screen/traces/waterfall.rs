//! One trace in a terminal: each span under its parent, on one line, with its bar on a common axis
//! of time. What the trace waited for is drawn heavy, what ran beside it light; folded rows tell
//! what they hide. The server builds the tree and folds it; here are only lines.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::{span_ms, time_of_day};
use super::text_of;
use crate::print::{Paint, Role, cells, clean, cut, wrap};

/// The answer of `/v1/traces/{id}/waterfall`, as far as it is shown.
#[derive(Debug, Deserialize)]
pub(crate) struct Waterfall {
    id: String,
    start: String,
    duration_ms: f64,
    /// Spans of the trace.
    pub spans: usize,
    failed: usize,
    /// The deepest row.
    pub depth_max: u32,
    /// Rows that there are with what is folded now.
    pub rows_total: usize,
    /// The first of `rows`.
    pub from: usize,
    /// The rows of the page.
    pub rows: Vec<Row>,
    #[serde(default)]
    services: Vec<Value>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    causes: Vec<Cause>,
}

/// One row.
#[derive(Debug, Deserialize)]
pub(crate) struct Row {
    id: String,
    #[serde(default)]
    service: String,
    #[serde(default)]
    name: String,
    depth: usize,
    offset_ms: f64,
    duration_ms: f64,
    #[serde(default)]
    failed: bool,
    #[serde(default)]
    descendants: usize,
    #[serde(default)]
    failed_below: usize,
    #[serde(default)]
    collapsed: bool,
    #[serde(default)]
    critical: Vec<(f64, f64)>,
}

#[derive(Debug, Deserialize)]
struct Cause {
    #[serde(default)]
    service: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    exception: Option<String>,
}

/// What else is known of spans, by their ids: the answer of `/v1/traces/{id}`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Attributes {
    spans: Vec<Attributed>,
}

#[derive(Debug, Deserialize)]
struct Attributed {
    id: String,
    #[serde(default)]
    attributes: Map<String, Value>,
}

/// Width of the bars where nothing says how much room there is, in cells.
const BAR_CELLS: usize = 40;
/// Width of the bars at most and at least.
const BAR_CELLS_MAX: usize = 72;
const BAR_CELLS_MIN: usize = 10;
/// Names wider than this are cut, where there is no terminal.
const LABEL_CELLS_MAX: usize = 72;
/// A duration with its mark, and the gaps between the columns.
const DURATION_CELLS: usize = 8;
const GAPS: usize = 7;
/// Deepest indentation that is drawn.
const DEPTH_MAX: usize = 16;
/// Terminals narrower than this show no facts behind the duration.
const FACTS_FROM: usize = 90;
/// Facts get so many cells at most.
const FACTS_CELLS_MAX: usize = 24;
/// Causes of failures that are told.
const CAUSES_MAX: usize = 5;

/// Draws one trace, page by page, each page with the same columns.
#[derive(Debug)]
pub(crate) struct Drawing {
    paint: Paint,
    total_ms: f64,
    facts: HashMap<String, String>,
    label: usize,
    bar: usize,
    facts_cells: usize,
}

impl Drawing {
    /// A drawing whose columns suit the first page.
    pub(crate) fn new(first: &Waterfall, attributes: &Attributes, paint: Paint) -> Self {
        let facts: HashMap<_, _> = attributes
            .spans
            .iter()
            .map(|span| (span.id.clone(), facts(&span.attributes)))
            .filter(|(_, facts)| !facts.is_empty())
            .collect();
        let longest = first.rows.iter().map(|row| cells(&label(row))).max().unwrap_or(0);
        let widest = facts.values().map(|text| cells(text)).max().unwrap_or(0);
        let mut drawing = Self {
            paint,
            total_ms: first.duration_ms.max(0.001),
            facts,
            label: longest.min(LABEL_CELLS_MAX),
            bar: BAR_CELLS,
            facts_cells: widest,
        };
        if let Some(columns) = paint.columns() {
            let fits = columns >= FACTS_FROM && widest > 0;
            drawing.facts_cells = if fits { widest.min(FACTS_CELLS_MAX) } else { 0 };
            let facts = if fits { drawing.facts_cells + 2 } else { 0 };
            let room = columns.saturating_sub(GAPS + DURATION_CELLS + facts);
            let least = (room * 2 / 5).clamp(BAR_CELLS_MIN, BAR_CELLS_MAX);
            drawing.label = longest.min(room.saturating_sub(least));
            drawing.bar = room.saturating_sub(drawing.label).clamp(BAR_CELLS_MIN, BAR_CELLS_MAX);
        }
        drawing
    }

    /// What the trace was, and where failures came from.
    pub(crate) fn head(&self, trace: &Waterfall) -> String {
        let paint = self.paint;
        let mut parts = vec![
            time_of_day(&clean(&trace.start)),
            span_ms(trace.duration_ms),
            counted(trace.spans, "span", "spans"),
            counted(trace.services.len(), "service", "services"),
        ];
        if trace.failed > 0 {
            parts.push(paint.apply(Role::Error, format_args!("{} failed", trace.failed)));
        }
        let id = paint.apply(Role::Strong, clean(&trace.id));
        let mut text = format!("trace {id} · {}\n", parts.join(" · "));
        for warning in &trace.warnings {
            let told = format!("warning: {}", clean(warning));
            let told = wrap(&told, paint.columns(), 2).into_owned();
            let _ = writeln!(text, "  {}", paint.apply(Role::Warning, told));
        }
        for cause in trace.causes.iter().take(CAUSES_MAX) {
            let _ = writeln!(text, "  {} {}", paint.apply(Role::Error, "✗"), self.cause(cause));
        }
        if let Some(more) = trace.causes.len().checked_sub(CAUSES_MAX).filter(|more| *more > 0) {
            let _ = writeln!(text, "    and {more} more");
        }
        text.push('\n');
        text
    }

    fn cause(&self, cause: &Cause) -> String {
        let mut words = vec![format!("{} {}", clean(&cause.service), clean(&cause.name))];
        let why = [&cause.exception, &cause.message];
        let why: Vec<_> = why.into_iter().flatten().filter(|text| !text.is_empty()).collect();
        if !why.is_empty() {
            let why: Vec<_> = why.iter().map(|text| clean(first_line(text))).collect();
            words.push(why.join(": "));
        }
        let told = words.join(" · ");
        match self.paint.columns() {
            Some(columns) => cut(&told, columns.saturating_sub(4)).into_owned(),
            None => told,
        }
    }

    /// A page of rows.
    pub(crate) fn rows(&self, page: &Waterfall) -> String {
        page.rows.iter().fold(String::new(), |mut text, row| {
            text.push_str(self.row(row).trim_end());
            text.push('\n');
            text
        })
    }

    fn row(&self, row: &Row) -> String {
        let paint = self.paint;
        let label = label(row);
        let shown = cut(&label, self.label);
        let pad = " ".repeat(self.label.saturating_sub(cells(&shown)));
        let bar = self.bar(row);
        let bar = if row.failed {
            paint.apply(Role::Error, bar)
        } else {
            paint.service(&row.service, bar)
        };
        let (mark, role) = if row.failed { ("✗", Role::Error) } else { (" ", Role::Good) };
        let duration = span_ms(row.duration_ms);
        let facts = self.facts.get(&row.id).filter(|_| self.facts_cells > 0);
        let facts = facts.map_or_else(String::new, |text| {
            let role = if row.failed { Role::Error } else { Role::Faint };
            format!("  {}", paint.apply(role, cut(text, self.facts_cells)))
        });
        format!("  {shown}{pad}  {bar}  {}{duration:>7}{facts}", paint.apply(role, mark))
    }

    /// The bar of a span on the axis: heavy where the trace waited for it, light beside that.
    fn bar(&self, row: &Row) -> String {
        let per_cell = self.total_ms / f64::from(u32::try_from(self.bar).unwrap_or(1).max(1));
        let from = whole(row.offset_ms / per_cell).min(self.bar.saturating_sub(1));
        let long = whole((row.duration_ms / per_cell).round()).clamp(1, self.bar - from);
        let mut glyphs = vec!['·'; self.bar];
        for (at, glyph) in glyphs.iter_mut().enumerate().skip(from).take(long) {
            let middle = (f64::from(u32::try_from(at).unwrap_or(0)) + 0.5) * per_cell;
            let waited = |(begin, end): &(f64, f64)| *begin <= middle && middle < *end;
            *glyph = if row.critical.iter().any(waited) { '━' } else { '─' };
        }
        // Waits shorter than a cell are not lost.
        for (begin, _) in &row.critical {
            let at = whole(begin / per_cell).clamp(from, from + long - 1);
            if let Some(glyph) = glyphs.get_mut(at).filter(|_| long == 1 || row.critical.len() == 1)
            {
                *glyph = '━';
            }
        }
        glyphs.into_iter().collect()
    }

    /// What the glyphs mean, and what is not shown.
    pub(crate) fn foot(&self, last: &Waterfall, folded_from: Option<u32>) -> String {
        let paint = self.paint;
        let mut text = String::new();
        let id = clean(&last.id);
        let shown = last.from + last.rows.len();
        if let Some(more) = last.rows_total.checked_sub(shown).filter(|more| *more > 0) {
            let _ = writeln!(
                text,
                "  … {more} rows more: {}",
                paint.apply(Role::Hint, format_args!("trunkline traces {id} --from {shown}"))
            );
        }
        if let Some(depth) = folded_from.filter(|_| last.rows_total < last.spans) {
            let _ = writeln!(
                text,
                "  ▸ {} are folded, from depth {depth} on: {} opens more, {} all",
                counted(last.spans - last.rows_total, "span", "spans"),
                paint.apply(Role::Hint, format_args!("--depth {}", depth + 1)),
                paint.apply(Role::Hint, "--all"),
            );
        }
        let legend = "━ the trace waited for it   ─ it ran beside that";
        let _ = writeln!(text, "\n  {}", paint.apply(Role::Faint, legend));
        text
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "cells of a line, or what is cut to them"
)]
fn whole(cells: f64) -> usize {
    cells.max(0.0) as usize
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn first_line(text: &str) -> &str {
    text.split(['\n', '\r']).next().unwrap_or_default().trim()
}

/// The row's name with its place in the tree; a folded one tells what it hides.
fn label(row: &Row) -> String {
    let indent = "  ".repeat(row.depth.min(DEPTH_MAX));
    let name = format!("{} {}", clean(&row.service), clean(&row.name));
    if !row.collapsed {
        return format!("{indent}{name}");
    }
    let failed = match row.failed_below {
        0 => String::new(),
        failed => format!(", ✗{failed}"),
    };
    format!("{indent}▸ {name} (+{}{failed})", row.descendants)
}

/// Attributes worth a place on the line.
fn facts(attributes: &Map<String, Value>) -> String {
    let status = attributes.get("http.response.status_code");
    let why = ["trunkline.reason", "error.type"].iter().find_map(|key| attributes.get(*key));
    let words: Vec<String> = [status, why].into_iter().flatten().map(text_of).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests;
