//! A service that is waited for, as a line that moves: `payments  starting, 6s  │ Building jar 43%`.

use std::time::Duration;

use super::Look;
use crate::lines::Record;
use crate::print::{Role, cells, clean, cut};

/// Cells of the spinner and what is around it.
const SPINNER_CELLS: usize = 6;
/// Width of what it does.
const WHAT_CELLS: usize = 16;

/// What is known of it.
pub(crate) struct Pending<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it does: `starting`, `waits for orders`.
    pub what: &'a str,
    /// For how long.
    pub time: Option<Duration>,
    /// The last line it wrote.
    pub last: Option<&'a str>,
}

/// The line, in at most the columns of the terminal.
pub(crate) fn pending(of: &Pending<'_>, columns: usize, look: &Look) -> String {
    let names = look.names;
    let seconds = of.time.map(|time| format!(", {}s", time.as_secs())).unwrap_or_default();
    let what = format!("{}{seconds}", clean(of.what));
    let head = format!("{:<names$} {what:<WHAT_CELLS$}", clean(of.name));
    let room = columns.saturating_sub(SPINNER_CELLS);
    let head = cut(head.trim_end(), room).into_owned();
    let left = room.saturating_sub(cells(&head) + 4);
    let last = of.last.map(|last| Record::of(last).message).unwrap_or_default();
    let last = clean(last.trim());
    if last.is_empty() || left < 10 {
        return head;
    }
    let pad = (names + 1 + WHAT_CELLS).saturating_sub(cells(&head));
    let last = cut(&last, left.saturating_sub(pad));
    format!("{head}{:pad$}  {}", "", look.paint.apply(Role::Faint, format_args!("│ {last}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::Paint;

    #[test]
    fn a_pending_service_fits_its_line() {
        let line = |columns| {
            let of = Pending {
                name: "payments",
                what: "starting",
                time: Some(Duration::from_millis(6_400)),
                last: Some("   Compiling something with a long name v1.2.3"),
            };
            pending(&of, columns, &Look::of([of.name], Some(columns), Paint::new(false)))
        };
        let whole = "payments     starting, 6s      │ Compiling something with a long name v1.2.3";
        assert_eq!(line(120), whole);
        assert_eq!(line(60), "payments     starting, 6s      │ Compiling something…");
        assert!(cells(&line(60)) + SPINNER_CELLS <= 60);
    }
}
