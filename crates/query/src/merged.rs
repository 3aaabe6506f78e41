//! Traces merged by path: spans that were reached through the same operations are one node.
//!
//! One trace makes a flame graph, two make a comparison. Nodes are known by parent, service and
//! operation; a parent is always before its children.

use std::collections::HashMap;
use std::sync::Arc;

use trunkline_model::trace::SpanId;

use crate::skeleton::Skeleton;

/// What one trace has at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// Spans.
    pub spans: usize,
    /// Spans that failed.
    pub failed: usize,
    /// Durations of all spans together, nanoseconds.
    pub total_nanos: u64,
    /// Time of these spans in which no child ran, nanoseconds.
    pub own_nanos: u64,
}

/// Spans that were reached in the same way.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) parent: Option<u32>,
    pub(crate) service: Arc<str>,
    pub(crate) name: Arc<str>,
    /// What each of the traces has there.
    pub(crate) sums: [Option<Sum>; 2],
    /// The first span of it.
    pub(crate) first: SpanId,
}

/// One or two traces.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    pub(crate) nodes: Vec<Node>,
    texts: HashMap<Arc<str>, u32>,
    places: HashMap<(Option<u32>, u32, u32), u32>,
}

impl Merged {
    /// Adds a trace as the first (0) or the second (1).
    pub(crate) fn add(&mut self, skeleton: &Skeleton, side: usize) {
        let mut node_of: Vec<u32> = Vec::with_capacity(skeleton.rows.len());
        for row in &skeleton.rows {
            let parent = row.parent.and_then(|at| node_of.get(at as usize)).copied();
            let service = skeleton.service(row);
            let key = (parent, self.text(service), self.text(&row.name));
            let next = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
            let at = *self.places.entry(key).or_insert(next);
            if at == next {
                self.nodes.push(Node {
                    parent,
                    service: Arc::clone(service),
                    name: Arc::clone(&row.name),
                    sums: [None; 2],
                    first: row.id,
                });
            }
            let node = self.nodes.get_mut(at as usize);
            if let Some(sum) = node.and_then(|node| node.sums.get_mut(side)) {
                let sum = sum.get_or_insert_default();
                sum.spans += 1;
                sum.failed += usize::from(row.failed());
                sum.total_nanos = sum.total_nanos.saturating_add(row.duration_nanos());
                sum.own_nanos = sum.own_nanos.saturating_add(row.own_nanos);
            }
            node_of.push(at);
        }
    }

    fn text(&mut self, text: &Arc<str>) -> u32 {
        let next = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        *self.texts.entry(Arc::clone(text)).or_insert(next)
    }

    /// Children of each node, in the order of `key`, the greatest first; then the roots.
    pub(crate) fn children<K: Ord>(&self, key: impl Fn(u32) -> K) -> (Vec<Vec<u32>>, Vec<u32>) {
        let mut children = vec![Vec::new(); self.nodes.len()];
        let mut roots = Vec::new();
        for (index, node) in (0_u32..).zip(&self.nodes) {
            let siblings = node.parent.and_then(|at| children.get_mut(at as usize));
            siblings.unwrap_or(&mut roots).push(index);
        }
        let by_key = |siblings: &mut Vec<u32>| {
            siblings.sort_by_key(|index| (std::cmp::Reverse(key(*index)), *index));
        };
        children.iter_mut().for_each(by_key);
        by_key(&mut roots);
        (children, roots)
    }
}
