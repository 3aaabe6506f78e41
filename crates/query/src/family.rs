//! Who is whose child, among spans in order of start.
//!
//! Spans may lack their parent, share an id or name each other in a circle: each is in the family
//! once all the same. Nothing recurses: a trace may be as deep as it is long.

use std::collections::HashMap;

use trunkline_otlp::Span;

/// Stands for no span in the lists below; a trace of so many spans cannot be in memory.
const NONE: u32 = u32::MAX;

/// A forest of spans, named by their place.
#[derive(Debug)]
pub(crate) struct Family {
    parent: Vec<u32>,
    /// The child of each that began first.
    first: Vec<u32>,
    /// The next one of the same parent.
    next: Vec<u32>,
    roots: Vec<u32>,
    /// Spans that name a parent that is not there.
    orphan: Vec<bool>,
}

fn at(list: &[u32], index: u32) -> u32 {
    list.get(place(index)).copied().unwrap_or(NONE)
}

/// A `u32` fits.
pub(crate) const fn place(index: u32) -> usize {
    index as usize
}

impl Family {
    /// The family of these spans, which are in order of start. Where two have the same id, children
    /// go to the first.
    pub(crate) fn of(spans: &[Span]) -> Self {
        let mut by_id = HashMap::with_capacity(spans.len());
        for (index, span) in (0..NONE).zip(spans) {
            by_id.entry(span.id).or_insert(index);
        }
        let mut orphan = vec![false; spans.len()];
        let mut parent = vec![NONE; spans.len()];
        for (index, span) in (0..NONE).zip(spans) {
            let Some(id) = span.parent else { continue };
            let found = by_id.get(&id).copied().filter(|at| *at != index);
            if let Some(slot) = parent.get_mut(place(index)) {
                *slot = found.unwrap_or(NONE);
            }
            if let Some(slot) = orphan.get_mut(place(index)) {
                *slot = found.is_none();
            }
        }
        let mut family =
            Self { parent, first: Vec::new(), next: Vec::new(), roots: Vec::new(), orphan };
        family.link();
        if family.cut_circles() {
            family.link();
        }
        family
    }

    /// Makes the lists of children from the parents.
    fn link(&mut self) {
        let count = self.parent.len();
        self.first = vec![NONE; count];
        self.next = vec![NONE; count];
        self.roots.clear();
        for (index, parent) in (0..NONE).zip(&self.parent).rev() {
            if let Some(first) = self.first.get_mut(place(*parent)) {
                if let Some(next) = self.next.get_mut(place(index)) {
                    *next = *first;
                }
                *first = index;
            } else {
                self.roots.push(index);
            }
        }
        self.roots.reverse();
    }

    /// What no root leads to is in a circle or below one: it is cut where it began first. Says
    /// whether there was one.
    fn cut_circles(&mut self) -> bool {
        let mut seen = vec![false; self.parent.len()];
        for index in self.pre_order() {
            if let Some(seen) = seen.get_mut(place(index)) {
                *seen = true;
            }
        }
        let mut cut = false;
        for index in (0..NONE).take(seen.len()) {
            if seen.get(place(index)).copied().unwrap_or(true) {
                continue;
            }
            cut = true;
            if let Some(parent) = self.parent.get_mut(place(index)) {
                *parent = NONE;
            }
            let mut open = vec![index];
            while let Some(span) = open.pop() {
                let Some(seen) = seen.get_mut(place(span)).filter(|seen| !**seen) else { continue };
                *seen = true;
                open.extend(self.children(span));
            }
        }
        cut
    }

    /// The parent of a span.
    pub(crate) fn parent(&self, span: u32) -> Option<u32> {
        Some(at(&self.parent, span)).filter(|parent| *parent != NONE)
    }

    /// The children of a span, by start.
    pub(crate) fn children(&self, span: u32) -> impl Iterator<Item = u32> {
        let first = Some(at(&self.first, span)).filter(|child| *child != NONE);
        std::iter::successors(first, |child| {
            Some(at(&self.next, *child)).filter(|child| *child != NONE)
        })
    }

    /// Whether a span names a parent that is not there.
    pub(crate) fn is_orphan(&self, span: u32) -> bool {
        self.orphan.get(place(span)).copied().unwrap_or_default()
    }

    /// Every span after its parent, and before the next sibling. What is in a circle that is not cut
    /// is left out.
    pub(crate) fn pre_order(&self) -> Vec<u32> {
        let mut order = Vec::with_capacity(self.parent.len());
        let mut open: Vec<u32> = self.roots.iter().rev().copied().collect();
        while let Some(span) = open.pop() {
            order.push(span);
            // The sibling waits below the child: children come first.
            if self.parent(span).is_some() {
                open.extend(Some(at(&self.next, span)).filter(|next| *next != NONE));
            }
            open.extend(Some(at(&self.first, span)).filter(|first| *first != NONE));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Trace;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_span_is_in_the_family_once_after_its_parent(
            parents in prop::collection::vec((1_u64..12, 0_u64..12), 1..40)
        ) {
            let spans = crate::skeleton::tests::spans_of(&parents);
            let trace = Trace::stored(spans).unwrap();
            let family = Family::of(&trace.spans);
            let order = family.pre_order();
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..u32::try_from(parents.len()).unwrap()).collect::<Vec<_>>());
            for (position, span) in order.iter().enumerate() {
                if let Some(parent) = family.parent(*span) {
                    prop_assert!(order[..position].contains(&parent));
                    prop_assert!(family.children(parent).any(|child| child == *span));
                }
            }
        }
    }
}
