//! The flame graph of a trace: where its time went, by the path that led there.
//!
//! The width of a frame is the own time of its spans and of everything below: widths add up, also
//! where children ran at the same time. Frames too narrow to be seen are left out.

use std::sync::Arc;

use trunkline_model::trace::SpanId;

use crate::merged::Merged;
pub use crate::merged::Sum;
use crate::skeleton::Skeleton;

/// Frames of a graph at most.
pub const FRAMES_MAX: usize = 5_000;
/// A frame is left out if it is narrower than this share of the whole.
const SHARE_MIN: f64 = 0.000_1;

/// Spans that were reached in the same way.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The frame of their parents, by its place in [`Graph::frames`].
    pub parent: Option<usize>,
    /// Frames above it.
    pub depth: u32,
    /// Who worked.
    pub service: Arc<str>,
    /// On what.
    pub name: Arc<str>,
    /// Its spans, their times and failures.
    pub sum: Sum,
    /// Own time of its spans and of all below, nanoseconds.
    pub value_nanos: u64,
    /// Where it begins, as share of the whole.
    pub left: f64,
    /// How wide it is, as share of the whole.
    pub width: f64,
    /// The first of its spans.
    pub first: SpanId,
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// In pre-order, the widest child first.
    pub frames: Vec<Frame>,
    /// Own time of all spans, nanoseconds.
    pub value_nanos: u64,
    /// Whether frames were left out.
    pub truncated: bool,
}

/// The flame graph of a trace.
pub fn graph(skeleton: &Skeleton) -> Graph {
    let mut merged = Merged::default();
    merged.add(skeleton, 0);
    let sum = |index: u32| {
        let node = merged.nodes.get(index as usize);
        node.and_then(|node| node.sums.first().copied().flatten()).unwrap_or_default()
    };
    let values = values(&merged, |index| sum(index).own_nanos);
    let value = |index: u32| values.get(index as usize).copied().unwrap_or(0);
    let (children, roots) = merged.children(value);
    let whole = roots.iter().fold(0_u64, |sum, root| sum.saturating_add(value(*root)));
    let mut graph = Graph { value_nanos: whole, ..Graph::default() };
    let mut open: Vec<(u32, Option<usize>, u32, f64)> = Vec::new();
    lay_out(&roots, None, 0, 0.0, &mut open, |index| share(value(index), whole));
    while let Some((index, parent, depth, left)) = open.pop() {
        let Some(node) = merged.nodes.get(index as usize) else { continue };
        let width = share(value(index), whole);
        if graph.frames.len() >= FRAMES_MAX || (width < SHARE_MIN && whole > 0) {
            graph.truncated = true;
            continue;
        }
        let place = graph.frames.len();
        graph.frames.push(Frame {
            parent,
            depth,
            service: Arc::clone(&node.service),
            name: Arc::clone(&node.name),
            sum: sum(index),
            value_nanos: value(index),
            left,
            width,
            first: node.first,
        });
        let below = children.get(index as usize).map_or(&[][..], Vec::as_slice);
        lay_out(below, Some(place), depth + 1, left, &mut open, |index| share(value(index), whole));
    }
    graph
}

/// Puts siblings side by side, to be taken from the end.
fn lay_out(
    siblings: &[u32],
    parent: Option<usize>,
    depth: u32,
    mut left: f64,
    open: &mut Vec<(u32, Option<usize>, u32, f64)>,
    width: impl Fn(u32) -> f64,
) {
    let first = open.len();
    for index in siblings {
        open.push((*index, parent, depth, left));
        left += width(*index);
    }
    if let Some(new) = open.get_mut(first..) {
        new.reverse();
    }
}

/// Own time of each node and of all below: children are behind their parents.
fn values(merged: &Merged, own: impl Fn(u32) -> u64) -> Vec<u64> {
    let count = merged.nodes.len();
    let mut values: Vec<u64> = (0_u32..).take(count).map(own).collect();
    for index in (0..count).rev() {
        let value = values.get(index).copied().unwrap_or(0);
        let parent = merged.nodes.get(index).and_then(|node| node.parent);
        if let Some(parent) = parent.and_then(|at| values.get_mut(at as usize)) {
            *parent = parent.saturating_add(value);
        }
    }
    values
}

#[expect(clippy::cast_precision_loss, reason = "a share is shown, not counted with")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::tests::{skeleton, span};
    use proptest::prelude::*;

    #[test]
    fn spans_of_one_path_are_one_frame_and_widths_add_up() {
        let named = |mut span: trunkline_otlp::Span, name: &str| {
            span.name = name.into();
            span
        };
        let graph = graph(&skeleton(vec![
            named(span(1, 0, "web", 0, 100), "root"),
            named(span(2, 1, "db", 10, 30), "get"),
            named(span(3, 1, "db", 20, 40), "get"),
            named(span(4, 1, "api", 50, 90), "call"),
        ]));
        let drawn =
            |frame: &Frame| format!("{} {} {}", frame.name, frame.sum.spans, frame.value_nanos);
        let drawn: Vec<_> = graph.frames.iter().map(drawn).collect();
        assert_eq!(drawn, ["root 1 110", "get 2 40", "call 1 40"]);
        assert!((graph.frames[2].left - 40.0 / 110.0).abs() < 1e-9);
        assert!((graph.frames[0].width - 1.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn children_lie_within_their_parents(
            raw in prop::collection::vec((1_u64..30, 0_u64..30, 0_u64..50, 0_u64..50), 1..60)
        ) {
            let spans = raw.iter().map(|(id, parent, start, length)| {
                span(*id, *parent, "s", *start, start + length)
            });
            let graph = graph(&skeleton(spans.collect()));
            let own: u64 = graph.frames.iter().map(|frame| frame.sum.own_nanos).sum();
            prop_assert!(own == graph.value_nanos || graph.truncated);
            for frame in &graph.frames {
                let Some(parent) = frame.parent.map(|at| &graph.frames[at]) else { continue };
                prop_assert!(frame.left >= parent.left - 1e-9);
                prop_assert!(frame.left + frame.width <= parent.left + parent.width + 1e-9);
                prop_assert_eq!(frame.depth, parent.depth + 1);
            }
        }
    }
}
