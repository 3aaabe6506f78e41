//! `up`: the tree of services, what happens to them, and where everything is.

mod event;
mod failure;
mod head;
mod keys;
mod pending;
mod urls;

use std::ops::RangeInclusive;
use std::time::Duration;

pub(crate) use event::{again, event, sameness};
pub(crate) use head::{Project, head};
pub(crate) use keys::{Choice, choice, help, keys, restart_which};
pub(crate) use pending::{Pending, pending};
pub(crate) use urls::{all_urls, background, front, not_ready, ready, traces_at};

use super::span_ms;
use crate::print::{Paint, Role, cells, clean, wrap};

/// Least and most width of the names after marks; a longer name is not cut.
const NAME_CELLS: RangeInclusive<usize> = 12..=24;
/// Names take at most this part of a terminal.
const NAMES_PART: usize = 3;
/// Width of a name and what happened, before its time.
const TEXT_CELLS: usize = 56;

/// Cells before the text of a hint.
const HINT_CELLS: usize = 10;

/// How lines with a mark look here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// How they are painted.
    pub paint: Paint,
    /// Columns of the terminal, if it is one.
    pub columns: Option<usize>,
    /// Width of the names, so that what stands after them is in one column.
    pub names: usize,
}

impl Look {
    /// Lines about things of these names.
    pub(crate) fn of<'a>(
        names: impl IntoIterator<Item = &'a str>,
        columns: Option<usize>,
        paint: Paint,
    ) -> Self {
        let (least, most) = NAME_CELLS.into_inner();
        let most = columns.map_or(most, |columns| (columns / NAMES_PART).clamp(least, most));
        let longest = names.into_iter().map(|name| cells(&clean(name))).max().unwrap_or(least);
        Self { paint, columns, names: longest.clamp(least, most) }
    }
}

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
    look: &Look,
) -> String {
    marked(&Mark { role, name, what, after }, &Look { columns: None, ..*look })
}

/// The same, with line ends between words where the terminal is too narrow.
fn marked(mark: &Mark<'_>, look: &Look) -> String {
    let (paint, names) = (look.paint, look.names);
    let sign = match mark.role {
        Role::Good => "✓",
        Role::Error => "✗",
        Role::Warning => "!",
        _ => "·",
    };
    let (name, what) = (clean(mark.name), clean(mark.what));
    let indent = 5 + cells(&name).max(names);
    let mut line = format!(
        "  {} {} {}",
        paint.apply(mark.role, sign),
        paint.apply(Role::Strong, format_args!("{name:<names$}")),
        wrap(&what, look.columns, indent)
    );
    if let Some(after) = mark.after {
        let pad = (TEXT_CELLS + 5).saturating_sub(indent + cells(&what));
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
fn hint(text: &str, look: &Look) -> String {
    let text = clean(text);
    let label = look.paint.apply(Role::Hint, "hint");
    format!("\n    {label}: {}", wrap(&text, look.columns, HINT_CELLS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_and_its_time_stand_in_one_column_for_all_names() {
        let look = Look::of(["web", "analytics-service"], Some(80), Paint::new(false));
        let line =
            |name| mark(Role::Good, name, "built", Some(Duration::from_millis(1_900)), &look);
        let columns = |line: &str| {
            let cell = |text| line.find(text).map(|at| cells(line.get(..at).unwrap()));
            (cell("built"), cell("1.9s"), cells(line))
        };
        assert_eq!(columns(&line("web")), columns(&line("analytics-service")));
        assert!(cells(&line("web")) <= 80);
    }

    #[test]
    fn the_width_of_names_follows_the_longest_within_bounds() {
        let check = |name: &str, columns, expect| {
            assert_eq!(Look::of([name], columns, Paint::new(false)).names, expect);
        };
        check("web", None, 12);
        check("analytics-service", None, 17);
        check(&"x".repeat(60), None, 24);
        check("analytics-service", Some(40), 13);
        check("analytics-service", Some(20), 12);
    }
}
