//! `up`: the tree of services, what happens to them, and where everything is.

mod event;
mod failure;
mod head;
mod keys;
mod pending;
mod urls;

use std::time::Duration;

pub(crate) use event::event;
pub(crate) use head::{Project, head};
pub(crate) use keys::{choice, help, keys, restart_which};
pub(crate) use pending::{Pending, pending};
pub(crate) use urls::{all_urls, background, front, not_ready, ready, traces_at};

use super::span_ms;
use crate::print::{Paint, Role, cells, clean};

/// Width of a service's name after its mark.
pub(crate) const NAME_CELLS: usize = 12;
/// Width of what happened, before its time.
const WHAT_CELLS: usize = 44;

/// A line with a mark: `  ✓ orders       /healthz 200                1.9s`.
pub(crate) fn mark(
    role: Role,
    name: &str,
    what: &str,
    after: Option<Duration>,
    paint: Paint,
) -> String {
    let sign = match role {
        Role::Good => "✓",
        Role::Error => "✗",
        Role::Warning => "!",
        _ => "·",
    };
    let (name, what) = (clean(name), clean(what));
    let mut line = format!(
        "  {} {} {what}",
        paint.apply(role, sign),
        paint.apply(Role::Strong, format_args!("{name:<NAME_CELLS$}"))
    );
    if let Some(after) = after {
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
fn hint(text: &str, paint: Paint) -> String {
    format!("\n    {}: {}", paint.apply(Role::Hint, "hint"), clean(text))
}
