//! All routes of one host pattern, indexed by path.
//!
//! A trie over segments. A node knows the routes whose path ends there, the routes that take
//! everything from there on, and its children: by literal text (one frozen map for the whole
//! bucket), by `*`, and by patterns of a part (`v*`), which are asked one by one. What a trie cannot
//! say is left to the route itself, on few candidates: the rest of a glob behind a `**` in the
//! middle, and regular expressions, which hang on the node of the literal text they start with.
//!
//! Routes are numbered from the greatest order key down, so "the best" is the smallest number and a
//! list can be left as soon as its numbers are too great. Every node is visited at most once, and
//! nothing is allocated.

mod growing;

use std::ops::Range;
use std::sync::Arc;

use super::compiled::CompiledRoute;
use super::conditions::Asked;
use super::frozen::Frozen;
use super::pattern::{Step, first_segment};

/// The parent number of the root's children; other nodes have the number of their record.
const ROOT: u32 = u32::MAX;
/// No node, no route.
const NONE: u32 = u32::MAX;
/// Bytes of a segment that a node's record has room for: two records then share a cache line.
const SEGMENT_BYTES: usize = 15;

/// All routes of one host pattern. Clones share everything but this outer part, which is small
/// enough to lie beside its host's name: a table may have many hosts with one catch-all route each,
/// and those are answered from here.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    /// The path `/` minus its slash: everything hangs below it.
    root: Node,
    /// The route with the greatest order key.
    first: Option<Arc<CompiledRoute>>,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The greatest order key first.
    routes: Box<[Arc<CompiledRoute>]>,
    nodes: Frozen<Node, SEGMENT_BYTES>,
    branches: Box<[Branch]>,
    /// Children by a pattern of a part of a segment.
    parts: Box<[(Step, u32)]>,
    /// Lists of more than one route, as places in `entries`.
    lists: Box<[Span]>,
    entries: Box<[Entry]>,
}

/// A node of the trie, in twelve bytes: what a lookup costs in a large table is cache misses.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// Routes whose path ends here.
    here: List,
    /// Routes that take this path and everything below.
    below: List,
    children: Children,
}

/// Whether there are children by literal text (the upper bit), and the number of the node's
/// [`Branch`] plus one, if it has one.
#[derive(Debug, Clone, Copy)]
struct Children(u32);

impl Children {
    const LITERALS: u32 = 1 << 31;

    fn none(self) -> bool {
        self.0 == 0
    }

    fn literals(self) -> bool {
        self.0 & Self::LITERALS != 0
    }

    fn branch(self) -> Option<usize> {
        (self.0 & !Self::LITERALS).checked_sub(1).map(|n| n as usize)
    }
}

/// Children of a node by other than literal text.
#[derive(Debug)]
struct Branch {
    /// By any segment of at least one byte.
    one: u32,
    /// By patterns of a part of a segment.
    parts: Span,
}

/// A place in an array.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Routes of a node: none, one entry (most often), or with [`List::MANY`] a place in
/// [`Inner::lists`].
#[derive(Debug, Clone, Copy)]
struct List(u32);

impl List {
    const NONE: Self = Self(u32::MAX);
    const MANY: u32 = 1 << 29;
}

/// A route in a node's list, with what the trie has not decided about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry(u32);

impl Entry {
    /// The route has further conditions.
    const CONDITIONS: u32 = 1 << 31;
    /// The route's pattern must be asked.
    const PATH: u32 = 1 << 30;
    /// The place in [`Inner::routes`]. Half a billion routes would not fit the machine first.
    const ROUTE: u32 = List::MANY - 1;

    fn route(self) -> u32 {
        self.0 & Self::ROUTE
    }

    fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }
}

/// A search for the best route of a bucket.
struct Search<'a> {
    bucket: &'a Bucket,
    asked: &'a Asked<'a>,
    /// Normal form of the path.
    path: &'a str,
    /// The best so far.
    best: u32,
}

impl Bucket {
    /// All routes, the greatest order key first.
    pub(super) fn routes(&self) -> &[Arc<CompiledRoute>] {
        &self.inner.routes
    }

    /// Whether this is a clone of the other.
    #[cfg(test)]
    pub(super) fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// The best route for a request whose host fits.
    #[inline]
    pub(super) fn find(&self, asked: &Asked<'_>, path: &str) -> Option<&Arc<CompiledRoute>> {
        let mut search = Search { bucket: self, asked, path, best: NONE };
        search.visit(ROOT, self.root, path.strip_prefix('/'));
        match search.best {
            0 => self.first.as_ref(),
            NONE => None,
            best => self.inner.routes.get(best as usize),
        }
    }
}

impl Search<'_> {
    /// Looks at a node and everything below it. `rest` is what follows the node's path and a slash;
    /// `None` where the path ends. The deepest first: what is most specific usually wins, and then
    /// the other lists are left at their first number.
    ///
    /// Recursion is as deep as the longest pattern, which is bounded.
    fn visit(&mut self, number: u32, node: Node, rest: Option<&str>) {
        match rest {
            None => self.try_list(node.here),
            Some(_) if node.children.none() => {}
            Some(text) => {
                let (segment, more) = first_segment(text);
                let nodes = &self.bucket.inner.nodes;
                if node.children.literals()
                    && let Some((number, child)) = nodes.get(number, segment)
                {
                    self.visit(number, *child, more);
                }
                if let Some(branch) = node.children.branch() {
                    self.visit_branch(branch, segment, more);
                }
            }
        }
        self.try_list(node.below);
    }

    fn visit_branch(&mut self, branch: usize, segment: &str, more: Option<&str>) {
        let inner = &self.bucket.inner;
        let Some(branch) = inner.branches.get(branch) else {
            return;
        };
        let parts = inner.parts.get(branch.parts.range());
        for (step, child) in parts.unwrap_or_default() {
            if step.fits(segment) {
                self.visit_number(*child, more);
            }
        }
        if branch.one != NONE && !segment.is_empty() {
            self.visit_number(branch.one, more);
        }
    }

    fn visit_number(&mut self, number: u32, rest: Option<&str>) {
        if let Some(node) = self.bucket.inner.nodes.at(number) {
            self.visit(number, *node, rest);
        }
    }

    /// Takes the first route of a list that fits, if it is better than the best so far.
    fn try_list(&mut self, list: List) {
        if list.0 == List::NONE.0 {
            return;
        }
        if list.0 & List::MANY == 0 {
            self.try_entry(Entry(list.0));
            return;
        }
        let inner = &self.bucket.inner;
        let span = inner.lists.get((list.0 & Entry::ROUTE) as usize);
        let entries = span.and_then(|span| inner.entries.get(span.range()));
        for entry in entries.unwrap_or_default() {
            if self.try_entry(*entry) {
                return;
            }
        }
    }

    /// Whether what follows in the list cannot be better.
    fn try_entry(&mut self, entry: Entry) -> bool {
        if entry.route() >= self.best {
            return true;
        }
        let fits = self.fits(entry);
        if fits {
            self.best = entry.route();
        }
        fits
    }

    fn fits(&self, entry: Entry) -> bool {
        if !entry.has(Entry::CONDITIONS | Entry::PATH) {
            return true;
        }
        let Some(route) = self.bucket.inner.routes.get(entry.route() as usize) else {
            return false;
        };
        (!entry.has(Entry::PATH) || route.path.fits(self.path))
            && route.conditions.unmet(self.asked).is_none()
    }
}
