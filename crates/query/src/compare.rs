//! Two traces side by side: what one has and the other has not, and what took longer.
//!
//! Spans are compared by the path of services and operations that led to them: ids differ between
//! traces, and the order of parallel calls means nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::merged::Merged;
pub use crate::merged::Sum;
use crate::skeleton::Skeleton;

/// Nodes of a comparison at most.
pub const NODES_MAX: usize = 5_000;
/// A difference of less than this is none, nanoseconds.
const DIFFERENCE_MIN: u64 = 1_000_000;

/// How a node of the second trace differs from that of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// Only the second has it.
    Added,
    /// Only the first has it.
    Removed,
    /// It fails, and did not.
    Failing,
    /// It failed, and does not.
    Mended,
    /// There are more spans of it.
    More,
    /// There are fewer spans of it.
    Fewer,
    /// It took longer: by a fifth, and by a millisecond at least.
    Slower,
    /// It took less: by a fifth, and by a millisecond at least.
    Faster,
    /// None of these.
    Same,
}

impl Change {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Failing => "failing",
            Self::Mended => "mended",
            Self::More => "more",
            Self::Fewer => "fewer",
            Self::Slower => "slower",
            Self::Faster => "faster",
            Self::Same => "same",
        }
    }

    fn of(a: Option<Sum>, b: Option<Sum>) -> Self {
        let (a, b) = match (a, b) {
            (Some(a), Some(b)) => (a, b),
            (None, Some(_)) => return Self::Added,
            (_, None) => return Self::Removed,
        };
        let differs = a.total_nanos.abs_diff(b.total_nanos);
        let clear = differs > DIFFERENCE_MIN && differs.saturating_mul(5) > a.total_nanos;
        if (a.failed > 0) != (b.failed > 0) {
            if b.failed > 0 { Self::Failing } else { Self::Mended }
        } else if a.spans != b.spans {
            if b.spans > a.spans { Self::More } else { Self::Fewer }
        } else if clear {
            if b.total_nanos > a.total_nanos { Self::Slower } else { Self::Faster }
        } else {
            Self::Same
        }
    }
}

/// Spans that were reached in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The node of their parents, by its place in [`Comparison::nodes`].
    pub parent: Option<usize>,
    /// Nodes above it.
    pub depth: u32,
    /// Who worked.
    pub service: Arc<str>,
    /// On what.
    pub name: Arc<str>,
    /// In the first trace.
    pub a: Option<Sum>,
    /// In the second trace.
    pub b: Option<Sum>,
    /// How they differ.
    pub change: Change,
}

/// Own time and spans of one service in both traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Both {
    /// In the first trace.
    pub a: Sum,
    /// In the second trace.
    pub b: Sum,
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// In pre-order, the longest child first.
    pub nodes: Vec<Node>,
    /// By service.
    pub services: BTreeMap<Arc<str>, Both>,
    /// Whether nodes were left out.
    pub truncated: bool,
}

/// Compares a trace with another one.
pub fn compare(a: &Skeleton, b: &Skeleton) -> Comparison {
    let mut merged = Merged::default();
    merged.add(a, 0);
    merged.add(b, 1);
    let total = |index: u32| {
        let node = merged.nodes.get(index as usize);
        node.into_iter().flat_map(|node| node.sums).flatten().map(|sum| sum.total_nanos).max()
    };
    let (children, roots) = merged.children(total);
    let mut nodes: Vec<Node> = Vec::new();
    let mut truncated = false;
    let mut open: Vec<_> = roots.iter().rev().map(|root| (*root, None, 0)).collect();
    while let Some((index, parent, depth)) = open.pop() {
        let Some(node) = merged.nodes.get(index as usize) else { continue };
        if nodes.len() >= NODES_MAX {
            truncated = true;
            break;
        }
        let place = nodes.len();
        let [a, b] = node.sums;
        nodes.push(Node {
            parent,
            depth,
            service: Arc::clone(&node.service),
            name: Arc::clone(&node.name),
            a,
            b,
            change: Change::of(a, b),
        });
        let below = children.get(index as usize).into_iter().flatten().rev();
        open.extend(below.map(|child| (*child, Some(place), depth + 1)));
    }
    Comparison { nodes, services: services(&merged), truncated }
}

fn services(merged: &Merged) -> BTreeMap<Arc<str>, Both> {
    let mut services = BTreeMap::<Arc<str>, Both>::new();
    let add = |to: &mut Sum, from: Sum| {
        to.spans += from.spans;
        to.failed += from.failed;
        to.total_nanos = to.total_nanos.saturating_add(from.total_nanos);
        to.own_nanos = to.own_nanos.saturating_add(from.own_nanos);
    };
    for node in &merged.nodes {
        let both = services.entry(Arc::clone(&node.service)).or_default();
        let [a, b] = node.sums;
        add(&mut both.a, a.unwrap_or_default());
        add(&mut both.b, b.unwrap_or_default());
    }
    services
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::tests::{skeleton, span};
    use proptest::prelude::*;
    use trunkline_otlp::{Span, StatusCode};

    const MS: u64 = 1_000_000;

    fn failed(mut span: Span) -> Span {
        span.status.code = StatusCode::Error;
        span
    }

    #[test]
    fn every_kind_of_change_is_told() {
        let a = vec![
            span(1, 0, "web", 0, 100 * MS),
            span(2, 1, "api", 0, 10 * MS),
            span(3, 1, "api", 0, 10 * MS),
            failed(span(4, 1, "api", 0, 9 * MS)),
            span(5, 1, "api", 0, 8 * MS),
        ];
        let b = vec![
            span(1, 0, "web", 0, 101 * MS),
            span(2, 1, "api", 0, 20 * MS),
            failed(span(3, 1, "api", 0, 10 * MS)),
            span(4, 1, "api", 0, 9 * MS),
            span(6, 1, "api", 0, 7 * MS),
        ];
        let found = compare(&skeleton(a), &skeleton(b));
        let told: Vec<_> = found
            .nodes
            .iter()
            .map(|node| format!("{} {}", node.name, node.change.as_str()))
            .collect();
        let expect =
            ["op1 same", "op2 slower", "op3 failing", "op4 mended", "op5 removed", "op6 added"];
        assert_eq!(told, expect);
    }

    proptest! {
        #[test]
        fn a_trace_does_not_differ_from_itself(
            raw in prop::collection::vec((1_u64..30, 0_u64..30, 0_u64..50, 0_u64..50), 1..40)
        ) {
            let spans: Vec<_> = raw.iter().map(|(id, parent, start, length)| {
                span(*id, *parent, "s", *start, start + length)
            }).collect();
            let one = skeleton(spans);
            let found = compare(&one, &one);
            prop_assert!(found.nodes.iter().all(|node| node.change == Change::Same));
            let spans: usize = found.nodes.iter().filter_map(|node| node.a).map(|sum| sum.spans).sum();
            prop_assert_eq!(spans, raw.len());
        }
    }
}
