//! Where a failure came from: a failed span below which nothing failed, and what it says.

use std::sync::Arc;

use trunkline_model::trace::SpanId;
use trunkline_otlp::{Attributes, Span, Value, span::get};
use trunkline_store::source::as_text;

use super::Row;

/// Causes that a skeleton keeps.
pub(super) const CAUSES_MAX: usize = 20;
/// Spans above a cause that are named, the nearest ones.
const PATH_MAX: usize = 64;
/// A message longer than this is cut.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// A failure that no other one explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Its span.
    pub span: SpanId,
    /// Who failed.
    pub service: Arc<str>,
    /// In what.
    pub name: Arc<str>,
    /// What its maker says about it; empty when nothing.
    pub message: String,
    /// The type of the exception, when there was one.
    pub exception: Option<String>,
    /// When it began, nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// The spans from the root to it, itself included; of very deep ones the last.
    pub path: Vec<SpanId>,
}

impl Cause {
    pub(super) fn of(rows: &[Row], row: &Row, span: &Span) -> Self {
        let above = |row: &Row| rows.get(row.parent? as usize);
        let mut path: Vec<SpanId> = std::iter::successors(Some(row), |row| above(row))
            .take(PATH_MAX)
            .map(|row| row.id)
            .collect();
        path.reverse();
        let thrown = span.events.iter().rev().find(|event| &*event.name == "exception");
        let thrown = thrown.map(|event| &event.attributes);
        Self {
            span: span.id,
            service: Arc::from(span.service()),
            name: Arc::clone(&span.name),
            message: message(span, thrown),
            exception: thrown.and_then(|thrown| text(thrown, "exception.type")),
            start_unix_nanos: span.start_unix_nanos,
            path,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let exception = self.exception.as_ref().map_or(0, String::len);
        size_of::<Self>() + self.message.len() + exception + self.path.len() * size_of::<SpanId>()
    }
}

/// The first of: what the status says, the exception, the type of the error, the HTTP status.
fn message(span: &Span, thrown: Option<&Attributes>) -> String {
    if !span.status.message.is_empty() {
        return cut(&span.status.message);
    }
    let thrown = thrown.and_then(|thrown| text(thrown, "exception.message"));
    let own = |key| text(&span.attributes, key);
    thrown
        .or_else(|| own("error.type"))
        .or_else(|| Some(format!("status {}", own("http.response.status_code")?)))
        .or_else(|| Some(format!("status {}", own("http.status_code")?)))
        .unwrap_or_default()
}

fn text(attributes: &Attributes, key: &str) -> Option<String> {
    let value = get(attributes, key).filter(|value| **value != Value::Empty)?;
    Some(cut(&as_text(value))).filter(|text| !text.is_empty())
}

fn cut(text: &str) -> String {
    text.chars().take(MESSAGE_CHARS_MAX).collect()
}
