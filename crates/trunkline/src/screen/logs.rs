//! Log lines: a service's name before each, then the time, the level, what it says, and which
//! request it belongs to. `up` and `logs` show the same.

use std::fmt::Write as _;

use serde::Deserialize;

use super::time_of_day;
use crate::lines::{Level, Record};
use crate::print::{Paint, Role, cells, clean, cut};

/// Least width of the names before lines; longer ones are not cut.
pub(crate) const NAME_CELLS: usize = 13;
/// Names take no more than this of every line, though one may be longer.
const NAME_CELLS_MAX: usize = 24;
/// Width of a level.
const LEVEL_CELLS: usize = 5;
/// Characters of a trace's id that are shown on a terminal; its link has all.
const TRACE_CHARS: usize = 6;
/// A value of a field is cut to so many cells.
const VALUE_CELLS_MAX: usize = 60;
/// Between a line and its trace.
const GAP: usize = 3;
/// The trace stands at the right edge of terminals up to this width.
const EDGE_MAX: usize = 140;

/// One line of `/v1/logs`.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    /// When, RFC 3339.
    pub time: String,
    /// Whose.
    pub service: String,
    /// What it wrote.
    pub text: String,
}

/// How lines look here.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    /// How they are painted.
    pub paint: Paint,
    /// Columns of the terminal, if it is one.
    pub columns: Option<usize>,
    /// Where traces are shown: the beginning of a URL that ends with a trace's id.
    pub traces: Option<String>,
    /// Width of the names, [`NAME_CELLS`] or more.
    pub names: usize,
}

/// Width of names such as these.
pub(crate) fn name_cells<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    let longest = names.map(|name| cells(&clean(name))).max().unwrap_or(NAME_CELLS);
    longest.clamp(NAME_CELLS, NAME_CELLS_MAX)
}

/// The line as shown: `       orders │ 12:03:41.220 info  created order 8812   trace 4f2a91`.
pub(crate) fn render(line: &Line, record: &Record, look: &Look) -> String {
    let paint = look.paint;
    let time = time_of_day(&clean(&line.time));
    let mut seen = cells(&clean(&line.service)).max(look.names) + cells(&time) + 4;
    let prefix = prefix(&line.service, look);
    let mut text = format!("{prefix} {} ", paint.apply(Role::Faint, &time));
    let tail = tail(record, look);
    let tail_cells = tail.as_ref().map_or(0, |(_, width)| width + GAP);
    let room = look.columns.map(|columns| columns.saturating_sub(seen + tail_cells));
    let (body, width) = body(record, room, paint);
    text.push_str(&body);
    seen += width;
    if let Some((tail, width)) = tail {
        let room = look.columns.filter(|columns| *columns <= EDGE_MAX);
        let gap = room.map_or(GAP, |columns| columns.saturating_sub(seen + width).max(GAP));
        let _ = write!(text, "{:gap$}{tail}", "");
    }
    text.truncate(text.trim_end().len());
    text
}

/// What a record says, without its time: with the cells it takes. Fields that do not fit into
/// `room` are left out: the message and the trace are what a line is read for.
pub(crate) fn body(record: &Record, room: Option<usize>, paint: Paint) -> (String, usize) {
    let message = clean(&record.message);
    let mut seen = cells(&message);
    let colour = role(record.level);
    let painted = colour.map_or_else(|| message.to_string(), |role| paint.apply(role, &message));
    let mut text = String::new();
    if record.structured {
        let level = record.level.map_or("", Level::as_str);
        let label = format!("{level:<LEVEL_CELLS$}");
        let label = match (colour, record.level) {
            (Some(role), _) => paint.apply(role, label),
            (None, Some(Level::Trace | Level::Debug)) => paint.apply(Role::Faint, label),
            (None, _) => paint.apply(Role::Good, label),
        };
        let _ = write!(text, "{label} ");
        seen += LEVEL_CELLS + 1;
    }
    text.push_str(&painted);
    for (at, (name, value)) in record.fields.iter().enumerate() {
        let field = field(name, value);
        let gap = if at == 0 && !record.message.is_empty() { "  " } else { " " };
        let width = cells(&field) + gap.len();
        let is_last = at + 1 == record.fields.len();
        let needed = seen + width + if is_last { 0 } else { 2 };
        if room.is_some_and(|room| needed > room) {
            let _ = write!(text, " {}", paint.apply(Role::Faint, "…"));
            seen += 2;
            break;
        }
        seen += width;
        let _ = write!(text, "{gap}{}", paint.apply(Role::Faint, field));
    }
    (text, seen)
}

fn field(name: &str, value: &str) -> String {
    let value = clean(value);
    let value = cut(&value, VALUE_CELLS_MAX);
    if value.contains(' ') || value.is_empty() {
        format!("{}={value:?}", clean(name))
    } else {
        format!("{}={value}", clean(name))
    }
}

/// The trace, or else the request's own id, and the cells it takes.
fn tail(record: &Record, look: &Look) -> Option<(String, usize)> {
    let paint = look.paint;
    let (label, id) = match (&record.trace, &record.correlation) {
        (Some(id), _) => ("trace", id),
        (None, Some(id)) => ("request", id),
        (None, None) => return None,
    };
    let id = clean(id);
    // Without links the whole id has to be there to be used.
    let end = id.char_indices().nth(TRACE_CHARS).map_or(id.len(), |(at, _)| at);
    let short = if paint.is_on() { id.get(..end).unwrap_or(&id) } else { &id };
    let width = label.len() + 1 + cells(short);
    let shown = match &look.traces {
        // Whatever else a service calls so would lead elsewhere.
        Some(base) if label == "trace" && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            paint.link(&format!("{base}{id}"), short)
        }
        _ => paint.apply(Role::Faint, short),
    };
    Some((format!("{} {shown}", paint.apply(Role::Faint, label)), width))
}

fn role(level: Option<Level>) -> Option<Role> {
    match level? {
        Level::Error | Level::Fatal => Some(Role::Error),
        Level::Warn => Some(Role::Warning),
        _ => None,
    }
}

/// A service's name, right-aligned, in its colour, and the bar after it.
fn prefix(service: &str, look: &Look) -> String {
    let (paint, names) = (look.paint, look.names);
    let label = format!("{:>names$}", clean(service));
    format!("{} {}", paint.service(service, label), paint.apply(Role::Faint, "│"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, columns: Option<usize>, paint: bool) -> String {
        let line = Line {
            time: "2026-01-31T12:03:41.22Z".to_owned(),
            service: "orders".to_owned(),
            text: text.to_owned(),
        };
        let look = Look {
            paint: Paint::new(paint),
            columns,
            traces: Some("http://127.0.0.1:16686/trace/".to_owned()),
            names: NAME_CELLS,
        };
        render(&line, &Record::of(&line.text), &look)
    }

    #[test]
    fn structured_lines_have_level_fields_and_trace() {
        let text =
            r#"{"level":"info","msg":"created order","id":8812,"who":"a b","trace_id":"4f2a91aa"}"#;
        assert_eq!(
            shown(text, None, false),
            "       orders │ 12:03:41.220 info  created order  id=8812 who=\"a b\"   trace 4f2a91aa"
        );
    }

    #[test]
    fn the_trace_stands_at_the_edge_and_is_a_link() {
        let text = r#"{"level":"warn","msg":"slow","trace_id":"4f2a91aa"}"#;
        let line = shown(text, Some(80), true);
        assert!(line.contains("\u{1b}]8;;http://127.0.0.1:16686/trace/4f2a91aa\u{1b}\\"), "{line}");
        let unlinked = line.split("\u{1b}]8;;").enumerate().map(|(at, part)| {
            if at == 0 { part } else { part.split_once("\u{1b}\\").map_or("", |(_, rest)| rest) }
        });
        let unlinked: String = unlinked.collect();
        assert_eq!(cells(&crate::lines::uncoloured(&unlinked)), 80, "{unlinked}");
    }

    #[test]
    fn lines_of_services_with_long_names_stand_in_one_column() {
        let names = name_cells(["web", "analytics-service"].into_iter());
        let look = Look { paint: Paint::new(false), columns: None, traces: None, names };
        let bar = |service: &str| {
            let line = Line { time: String::new(), service: service.to_owned(), text: "x".into() };
            render(&line, &Record::of("x"), &look).find('│')
        };
        assert_eq!(bar("web"), bar("analytics-service"));
        assert_eq!(name_cells(["web"].into_iter()), NAME_CELLS);
    }

    #[test]
    fn only_ids_of_traces_are_links() {
        let line = shown(r#"{"msg":"x","trace_id":"../../v1/shutdown"}"#, Some(80), true);
        assert!(!line.contains("\u{1b}]8;;") && line.contains("trace"), "{line}");
    }

    #[test]
    fn plain_lines_stay_as_they_are_but_cannot_change_the_terminal() {
        assert_eq!(
            shown("hello \u{1b}[2J\u{1b}[32mworld\u{1b}[0m", None, false),
            r"       orders │ 12:03:41.220 hello \u{1b}[2Jworld"
        );
    }
}
