//! A trace as a tree: who is whose child, what a span did itself, and the path that decided how long
//! all of it took.
//!
//! Nothing here recurses: a trace may be as deep as it is long. Spans may lack their parent, name each
//! other in a circle or lie outside of their parent; each is in the result once all the same.

use std::collections::HashMap;

use trunkline_model::trace::{Span, SpanId};

/// A span's place in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Its index among the spans.
    pub(super) span: usize,
    /// How many spans are above it.
    pub(super) depth: usize,
    /// Time in which no child of it ran, in nanoseconds.
    pub(super) own: u64,
    /// Whether the trace would have been shorter if this span had been.
    pub(super) critical: bool,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Tree {
    /// In pre-order.
    pub(super) places: Vec<Place>,
    /// Nanoseconds since 1970.
    pub(super) start: u64,
    pub(super) end: u64,
}

/// When a span began and ended.
type Interval = (u64, u64);

fn interval(span: &Span) -> Interval {
    (span.start_unix_nanos, super::end_unix_nanos(span))
}

impl Tree {
    /// The tree of these spans, which are in order of start.
    pub(super) fn of(spans: &[Span]) -> Self {
        let family = Family::of(spans);
        let critical = family.critical();
        let order = family.pre_order();
        let places = order.into_iter().map(|(span, depth)| Place {
            span,
            depth,
            own: family.own(span),
            critical: critical.get(span).copied().unwrap_or_default(),
        });
        Self {
            places: places.collect(),
            start: family.intervals.iter().map(|(start, _)| *start).min().unwrap_or_default(),
            end: family.intervals.iter().map(|(_, end)| *end).max().unwrap_or_default(),
        }
    }
}

struct Family {
    intervals: Vec<Interval>,
    /// In order of start.
    children: Vec<Vec<usize>>,
    roots: Vec<usize>,
}

impl Family {
    fn of(spans: &[Span]) -> Self {
        let mut by_id: HashMap<SpanId, usize> = HashMap::with_capacity(spans.len());
        for (index, span) in spans.iter().enumerate() {
            by_id.entry(span.id).or_insert(index);
        }
        let mut children = vec![Vec::new(); spans.len()];
        let mut roots = Vec::new();
        for (index, span) in spans.iter().enumerate() {
            let parent = span.parent.and_then(|id| by_id.get(&id)).filter(|at| **at != index);
            match parent.and_then(|at| children.get_mut(*at)) {
                Some(siblings) => siblings.push(index),
                None => roots.push(index),
            }
        }
        Self { intervals: spans.iter().map(interval).collect(), children, roots }
    }

    fn children(&self, span: usize) -> &[usize] {
        self.children.get(span).map_or(&[], Vec::as_slice)
    }

    fn interval(&self, span: usize) -> Interval {
        self.intervals.get(span).copied().unwrap_or_default()
    }

    /// Every span once, with its depth. What no root leads to is in a circle, which is cut where it
    /// began first.
    fn pre_order(&self) -> Vec<(usize, usize)> {
        let mut order = Vec::with_capacity(self.intervals.len());
        let mut seen = vec![false; self.intervals.len()];
        let starts = self.roots.iter().copied().chain(0..self.intervals.len());
        let mut open = Vec::new();
        for start in starts {
            open.push((start, 0));
            while let Some((span, depth)) = open.pop() {
                let Some(seen) = seen.get_mut(span).filter(|seen| !**seen) else {
                    continue;
                };
                *seen = true;
                order.push((span, depth));
                open.extend(self.children(span).iter().rev().map(|child| (*child, depth + 1)));
            }
        }
        order
    }

    /// The time of a span that none of its children covers.
    fn own(&self, span: usize) -> u64 {
        let (start, end) = self.interval(span);
        let mut covered = 0;
        let mut upto = start;
        for child in self.children(span) {
            let (from, to) = self.interval(*child);
            let (from, to) = (from.clamp(upto, end.max(upto)), to.min(end));
            if to > from {
                covered += to - from;
                upto = to;
            }
        }
        end.saturating_sub(start).saturating_sub(covered)
    }

    /// Walks back from the end of the longest root: what ended last before that moment held it up,
    /// and so on from the moment where that began.
    fn critical(&self) -> Vec<bool> {
        let mut critical = vec![false; self.intervals.len()];
        let length = |span: &usize| {
            let (start, end) = self.interval(*span);
            (end - start.min(end), std::cmp::Reverse(*span))
        };
        let Some(root) = self.roots.iter().copied().max_by_key(length) else {
            return critical;
        };
        let mut open = vec![(root, u64::MAX)];
        while let Some((span, limit)) = open.pop() {
            let Some(mark) = critical.get_mut(span).filter(|mark| !**mark) else {
                continue;
            };
            *mark = true;
            let moment = self.interval(span).1.min(limit);
            let mut cursor = moment;
            let mut children: Vec<usize> = self.children(span).to_vec();
            children.sort_by_key(|child| std::cmp::Reverse(self.interval(*child).1));
            for child in children {
                let (start, end) = self.interval(child);
                // Past the moment where its parent stopped to matter, a child did not matter either.
                if end.min(moment) <= cursor && start < cursor {
                    open.push((child, cursor));
                    cursor = start;
                }
            }
        }
        critical
    }
}

#[cfg(test)]
mod tests;
