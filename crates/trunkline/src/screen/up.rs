//! `up`: the tree of services, what happens to them, and where everything is.

mod event;
mod failure;
mod head;
mod keys;
mod pending;
mod urls;

use std::time::Duration;

pub(crate) use event::{again, event, sameness};
pub(crate) use head::{Project, head};
pub(crate) use keys::{Choice, choice, help, keys, restart_which};
pub(crate) use pending::{Pending, pending};
pub(crate) use urls::{all_urls, background, front, not_ready, ready, traces_at};

use super::span_ms;
use crate::print::{Paint, Role, cells, clean, wrap};

/// Width of a service's name after its mark.
pub(crate) const NAME_CELLS: usize = 12;
/// Width of what happened, before its time.
const WHAT_CELLS: usize = 44;

/// Cells before the text of a hint.
const HINT_CELLS: usize = 10;

/// What a line with a mark says.
pub(crate) struct Mark<'a> {
    /// How it went.
    pub role: Role,
    /// What it is about.
    pub name: &'a str,
    /// What happened.
    pub what: &'a str,
    /// How long that took.
    pub after: Option<Duration>,
}

/// A line with a mark: `  ✓ orders       /healthz 200                1.9s`.
pub(crate) fn mark(
    role: Role,
    name: &str,
    what: &str,
    after: Option<Duration>,
    paint: Paint,
) -> String {
    marked(&Mark { role, name, what, after }, None, paint)
}

/// The same, with line ends between words where the terminal is too narrow.
fn marked(mark: &Mark<'_>, columns: Option<usize>, paint: Paint) -> String {
    let sign = match mark.role {
        Role::Good => "✓",
        Role::Error => "✗",
        Role::Warning => "!",
        _ => "·",
    };
    let (name, what) = (clean(mark.name), clean(mark.what));
    let indent = 5 + cells(&name).max(NAME_CELLS);
    let mut line = format!(
        "  {} {} {}",
        paint.apply(mark.role, sign),
        paint.apply(Role::Strong, format_args!("{name:<NAME_CELLS$}")),
        wrap(&what, columns, indent)
    );
    if let Some(after) = mark.after {
        let pad = WHAT_CELLS.saturating_sub(cells(&what));
        let time = format!("{:>8}", span(after));
        line.push_str(&" ".repeat(pad));
        line.push_str(&paint.apply(Role::Faint, time));
    }
    line
}

/// A time span as people read it.
fn span(time: Duration) -> String {
    span_ms(time.as_secs_f64() * 1_000.0)
}

/// A way to go on, below a line with a mark.
fn hint(text: &str, columns: Option<usize>, paint: Paint) -> String {
    let text = clean(text);
    format!("\n    {}: {}", paint.apply(Role::Hint, "hint"), wrap(&text, columns, HINT_CELLS))
}
