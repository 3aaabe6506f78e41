//! Names of the graph's nodes, each with a number: services, and whom they call.
//!
//! Numbers are never given twice, so that whoever remembers one that is gone finds nothing instead
//! of somebody else.

use std::collections::HashMap;
use std::sync::Arc;

use super::{NAME_BYTES_MAX, OTHER, USER};

/// Number of a node.
pub(super) type NodeId = u32;

/// All nodes beyond the limit.
pub(super) const OTHER_NODE: NodeId = 0;
/// Whoever calls from outside.
pub(super) const USER_NODE: NodeId = 1;

#[derive(Debug)]
pub(super) struct Nodes {
    ids: HashMap<Arc<str>, NodeId>,
    names: HashMap<NodeId, Node>,
    next: NodeId,
    max: usize,
}

#[derive(Debug)]
struct Node {
    name: Arc<str>,
    /// When it was last counted, nanoseconds since the Unix epoch.
    last: u64,
}

impl Nodes {
    pub(super) fn new(max: usize) -> Self {
        let mut nodes = Self { ids: HashMap::new(), names: HashMap::new(), next: 0, max };
        for name in [OTHER, USER] {
            // Real services of these names are other nodes: found by name they must not be.
            let name = Arc::from(name);
            nodes.names.insert(nodes.next, Node { name, last: u64::MAX });
            nodes.next += 1;
        }
        nodes
    }

    /// The number of a name; [`OTHER_NODE`] for a new one beyond the limit.
    pub(super) fn id(&mut self, name: &str, now: u64) -> NodeId {
        let name = cut(name);
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = self.next;
        let Some(next) = id.checked_add(1).filter(|_| self.ids.len() < self.max) else {
            return OTHER_NODE;
        };
        self.next = next;
        let name: Arc<str> = Arc::from(name);
        self.ids.insert(Arc::clone(&name), id);
        self.names.insert(id, Node { name, last: now });
        id
    }

    /// The name of a node that is known.
    pub(super) fn name(&self, id: NodeId) -> Option<&Arc<str>> {
        self.names.get(&id).map(|node| &node.name)
    }

    /// Notes that a node is in use.
    pub(super) fn touch(&mut self, id: NodeId, now: u64) {
        if let Some(node) = self.names.get_mut(&id) {
            node.last = node.last.max(now);
        }
    }

    /// Forgets nodes that were last in use before this time.
    pub(super) fn forget_before(&mut self, time: u64) {
        self.names.retain(|_, node| node.last >= time);
        let names = &self.names;
        self.ids.retain(|_, id| names.contains_key(id));
    }
}

/// A name as long as names may be.
pub(super) fn cut(name: &str) -> &str {
    name.get(..name.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_bounded_and_numbers_are_not_given_twice() {
        let mut nodes = Nodes::new(2);
        let (a, b) = (nodes.id("a", 5), nodes.id("b", 9));
        assert_eq!((nodes.id("a", 9), nodes.id("c", 9)), (a, OTHER_NODE));
        nodes.forget_before(9);
        assert_eq!((nodes.name(a), nodes.name(b).map(|name| &**name)), (None, Some("b")));
        let c = nodes.id("c", 9);
        assert!(c > b);
        assert_eq!(
            (nodes.name(USER_NODE).map(|name| &**name), nodes.name(c).map(|name| &**name)),
            (Some(USER), Some("c"))
        );
    }
}
