//! The rows of a trace as a person sees them: subtrees folded, a window of the rest.
//!
//! One walk over the skeleton: a folded subtree is jumped over, so that a page costs the rows that
//! are visible and not those that are hidden. A trace of 100 000 spans takes about a millisecond.

use std::borrow::Cow;
use std::collections::HashSet;

use memchr::memmem::Finder;
use trunkline_model::trace::SpanId;
use trunkline_otlp::Span;
use trunkline_store::source::{Budget, Spent, as_text};

use crate::skeleton::{Row, Skeleton};

/// Rows of a window at most.
pub const ROWS_MAX: usize = 2_000;
/// Places of matches and failures that an answer names at most.
pub const PLACES_MAX: usize = 1_000;
/// Bars of a [`minimap`] at most.
pub const BARS_MAX: usize = 500;

/// What is to be seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Window {
    /// Spans whose children are hidden.
    pub collapsed: HashSet<SpanId>,
    /// From this depth on, children are hidden unless a span is in `expanded`.
    pub collapse_depth: Option<u32>,
    /// Spans whose children are shown in spite of `collapse_depth`.
    pub expanded: HashSet<SpanId>,
    /// Only the critical path, and what leads to it.
    pub critical_only: bool,
    /// The first visible row.
    pub from: usize,
    /// So many rows; at most [`ROWS_MAX`].
    pub rows: usize,
    /// A span to be shown: what is above it is not folded, and the window is moved to it.
    pub focus: Option<SpanId>,
}

/// A visible row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Its place among the visible rows.
    pub place: usize,
    /// Its place in [`Skeleton::rows`].
    pub row: usize,
    /// Whether its children are hidden.
    pub collapsed: bool,
    /// Whether it matches what was looked for.
    pub matched: bool,
}

/// A page of rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Visible rows in all.
    pub total: usize,
    /// The first of `rows`, among the visible ones.
    pub from: usize,
    /// The rows of the window.
    pub rows: Vec<Shown>,
    /// Where the wanted span is.
    pub focus: Option<usize>,
    /// Visible rows that failed or hide a failure, the first [`PLACES_MAX`].
    pub failed: Vec<usize>,
    /// Visible rows that match or hide a match, the first [`PLACES_MAX`].
    pub matched: Vec<usize>,
}

/// The rows of a window. `matches` has, for each row, whether it matches what is looked for; it is
/// empty when nothing is.
pub fn page(skeleton: &Skeleton, window: &Window, matches: &[bool]) -> Page {
    let focus = window.focus.and_then(|id| skeleton.find(id));
    let matches = Matches::of(matches);
    let mut page = Page::default();
    let mut visible = Vec::new();
    let folding = Folding::of(skeleton, window, focus);
    let mut index = 0;
    while let Some(row) = skeleton.rows.get(index) {
        let size = row.size.max(1) as usize;
        if window.critical_only && !row.critical {
            index += size;
            continue;
        }
        let collapsed = folding.is_folded(row, index);
        let place = page.total;
        page.total += 1;
        if row.failed() || collapsed && row.failed_below > 0 {
            push(&mut page.failed, place);
        }
        if matches.any(index, if collapsed { size } else { 1 }) {
            push(&mut page.matched, place);
        }
        if focus == Some(index) {
            page.focus = Some(place);
        }
        visible.push((index, collapsed));
        index += if collapsed { size } else { 1 };
    }
    let rows = window.rows.min(ROWS_MAX);
    page.from = match page.focus {
        // The wanted row stands a third below the top of the window, if there is room above.
        Some(at) if !(window.from..window.from.saturating_add(rows)).contains(&at) => {
            at.saturating_sub(rows / 3).min(page.total.saturating_sub(rows))
        }
        _ => window.from.min(page.total),
    };
    let shown = visible.iter().enumerate().skip(page.from).take(rows);
    page.rows = shown
        .map(|(place, (row, collapsed))| Shown {
            place,
            row: *row,
            collapsed: *collapsed,
            matched: matches.any(*row, 1),
        })
        .collect();
    page
}

fn push(places: &mut Vec<usize>, place: usize) {
    if places.len() < PLACES_MAX {
        places.push(place);
    }
}

/// Which rows hide what is below them.
struct Folding<'a> {
    window: &'a Window,
    /// Rows above the wanted one.
    open: HashSet<SpanId>,
    /// The place of the wanted row.
    focus: Option<usize>,
}

impl<'a> Folding<'a> {
    fn of(skeleton: &Skeleton, window: &'a Window, focus: Option<usize>) -> Self {
        let row = focus.and_then(|at| skeleton.rows.get(at));
        let open = row.map(|row| skeleton.ancestors(row).map(|row| row.id).collect());
        Self { window, open: open.unwrap_or_default(), focus }
    }

    fn is_folded(&self, row: &Row, index: usize) -> bool {
        // Rows may share an id: only what is really above the wanted row is opened for it.
        let above = self.focus.is_some_and(|at| (index..index + row.size as usize).contains(&at));
        let deep = self.window.collapse_depth.is_some_and(|depth| row.depth >= depth);
        row.children > 0
            && !(above && self.open.contains(&row.id))
            && (self.window.collapsed.contains(&row.id)
                || deep && !self.window.expanded.contains(&row.id))
    }
}

/// How many rows match up to each one.
struct Matches(Vec<u32>);

impl Matches {
    fn of(matches: &[bool]) -> Self {
        let mut sum = 0;
        let sums = matches.iter().map(|matched| {
            sum += u32::from(*matched);
            sum
        });
        Self(sums.collect())
    }

    /// Whether one of these rows matches.
    fn any(&self, from: usize, count: usize) -> bool {
        let upto = |end: usize| end.checked_sub(1).and_then(|at| self.0.get(at)).copied();
        upto(from + count).unwrap_or(0) > upto(from).unwrap_or(0)
    }
}

/// Characters of a text that is looked for at most.
pub const WANTED_CHARS_MAX: usize = 256;

/// Spans, and bytes of their texts, between two looks at the budget.
const PACE: (u64, u64) = (1_000, 1 << 20);

/// For each span whether a text stands in its service, name, id, status or in one of its
/// attributes, upper and lower case being the same. Of the text, [`WANTED_CHARS_MAX`] characters
/// count. It takes time linear in the spans' texts.
///
/// # Errors
/// It costs too much, or whoever asked is gone.
pub fn matches(spans: &[Span], text: &str, budget: &mut Budget) -> Result<Vec<bool>, Spent> {
    let wanted: String = text.chars().take(WANTED_CHARS_MAX).collect::<String>().to_lowercase();
    let mut look = Look { wanted: Finder::new(&wanted), budget, rows: 0, bytes: 0 };
    spans.iter().map(|span| look.at(span)).collect()
}

/// Looks for a text, and pays for that.
struct Look<'a> {
    /// In lower case.
    wanted: Finder<'a>,
    budget: &'a mut Budget,
    /// Looked at and not paid for.
    rows: u64,
    bytes: u64,
}

impl Look<'_> {
    fn at(&mut self, span: &Span) -> Result<bool, Spent> {
        self.rows += 1;
        Ok(self.has(span.service())?
            || self.has(&span.name)?
            || self.has(&span.id.to_string())?
            || self.has(&span.status.message)?
            || self.any(&span.attributes)?
            || self.in_events(span)?)
    }

    fn in_events(&mut self, span: &Span) -> Result<bool, Spent> {
        for event in &span.events {
            if self.has(&event.name)? || self.any(&event.attributes)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn any(&mut self, attributes: &trunkline_otlp::Attributes) -> Result<bool, Spent> {
        for (key, value) in attributes {
            if self.has(key)? || self.has(&as_text(value))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn has(&mut self, text: &str) -> Result<bool, Spent> {
        self.bytes += text.len() as u64;
        if self.rows >= PACE.0 || self.bytes >= PACE.1 {
            self.budget.spend(self.rows, self.bytes)?;
            (self.rows, self.bytes) = (0, 0);
        }
        let lower = if text.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
            Cow::Owned(text.to_lowercase())
        } else {
            Cow::Borrowed(text)
        };
        Ok(self.wanted.find(lower.as_bytes()).is_some())
    }
}

/// The longest rows of a trace, in order of time: enough to draw it small.
pub fn minimap(skeleton: &Skeleton) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..skeleton.rows.len()).collect();
    let duration = |at: &usize| skeleton.rows.get(*at).map(Row::duration_nanos);
    if rows.len() > BARS_MAX {
        rows.select_nth_unstable_by_key(BARS_MAX, |at| std::cmp::Reverse(duration(at)));
        rows.truncate(BARS_MAX);
    }
    rows.sort_unstable_by_key(|at| skeleton.rows.get(*at).map(|row| (row.start_unix_nanos, *at)));
    rows
}

#[cfg(test)]
mod tests;
