//! Diagnostics for programs: one JSON document per run, schema version 1.

use serde_json::{Value, json};

use super::{Diagnostic, Diagnostics};
use crate::source::SourceMap;

/// All messages as one document.
#[must_use]
pub fn to_json(diagnostics: &Diagnostics, sources: &SourceMap) -> Value {
    json!({
        "schema": 1,
        "errors": diagnostics.errors(),
        "warnings": diagnostics.warnings(),
        "diagnostics": diagnostics.iter().map(|d| one(d, sources)).collect::<Vec<_>>(),
    })
}

fn one(diagnostic: &Diagnostic, sources: &SourceMap) -> Value {
    let labels = diagnostic.labels.iter().filter_map(|label| {
        let file = sources.get(label.span.file)?;
        let start = file.line_column(label.span.start);
        let end = file.line_column(label.span.end);
        Some(json!({
            "file": file.path.display().to_string(),
            "line": start.line,
            "column": start.column,
            "end_line": end.line,
            "end_column": end.column,
            "text": label.text,
        }))
    });
    json!({
        "code": diagnostic.code.code,
        "level": diagnostic.level.to_string(),
        "message": diagnostic.message,
        "file": diagnostic.path,
        "labels": labels.collect::<Vec<_>>(),
        "hints": diagnostic.hints,
    })
}
