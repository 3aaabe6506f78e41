//! `traces`: the list of those that were found, and one drawn as a waterfall.

mod waterfall;

use serde::Deserialize;
use serde_json::Value;

use super::{span_ms, time_of_day};
use crate::print::{Align, Paint, Role, Table, clean};

pub(crate) use waterfall::{Attributes, Drawing, Waterfall};

/// The answer of `/v1/traces`.
#[derive(Debug, Deserialize)]
pub(crate) struct List {
    traces: Vec<Summary>,
    /// Where the next page begins, if there is one.
    #[serde(default)]
    pub next: Option<String>,
    /// The time for the question ended before everything was looked through.
    #[serde(default)]
    pub partial: bool,
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

/// The list, newest first. `filtered` says whether something was asked for.
pub(crate) fn render_list(list: &List, filtered: bool, paint: Paint) -> String {
    if list.traces.is_empty() && filtered {
        return "  no trace fits\n".to_owned();
    }
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
    let first_day = list.traces.first().map(|trace| day(&trace.start));
    let one_day = list.traces.iter().all(|trace| Some(day(&trace.start)) == first_day);
    for trace in &list.traces {
        let status = trace.status.as_ref().map(text_of).filter(|text| text != "null");
        let role = if trace.failed > 0 { Role::Error } else { Role::Good };
        let time = time_of_day(&clean(&trace.start));
        let time = if one_day { time } else { format!("{} {time}", clean(day(&trace.start))) };
        let spans = match trace.failed {
            0 => trace.spans.to_string(),
            failed => format!("{}, ✗{failed}", trace.spans),
        };
        table.row(vec![
            (time, None),
            (span_ms(trace.duration_ms), None),
            (status.unwrap_or_else(|| "-".to_owned()), Some(role)),
            (spans, None),
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

/// `01-31` of an RFC 3339 time.
fn day(rfc3339: &str) -> &str {
    rfc3339.get(5..10).unwrap_or_default()
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => clean(text).into_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(starts: &[&str]) -> List {
        let trace = |start: &&str| {
            serde_json::json!({ "id": "4f2a", "name": "GET /", "status": 200, "start": start, "duration_ms": 5.0,
                "spans": 3, "failed": 1, "services": ["web"] })
        };
        let traces: Vec<_> = starts.iter().map(trace).collect();
        serde_json::from_value(serde_json::json!({ "traces": traces })).unwrap()
    }

    #[test]
    fn the_day_is_told_where_there_are_several() {
        let render = |starts: &[&str]| render_list(&list(starts), false, Paint::new(false));
        let one = render(&["2026-01-31T12:00:00Z", "2026-01-31T11:00:00Z"]);
        assert!(one.contains("  12:00:00.000") && one.contains("3, ✗1"), "{one}");
        let two = render(&["2026-01-31T12:00:00Z", "2026-01-30T11:00:00Z"]);
        assert!(two.contains("01-31 12:00:00.000") && two.contains("01-30 11:00:00.000"), "{two}");
        assert!(render(&["", "nonsense"]).contains("4f2a"));
    }

    #[test]
    fn an_empty_list_says_why() {
        let render = |filtered| render_list(&list(&[]), filtered, Paint::new(false));
        assert!(render(true).contains("no trace fits"));
        assert!(render(false).contains("send a request"));
    }
}
