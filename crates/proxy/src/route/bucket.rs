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

use std::ops::Range;
use std::sync::Arc;

use super::compiled::CompiledRoute;
use super::conditions::Asked;
use super::edges::{Collected, Edges};
use super::pattern::{Path, Step, first_segment, literal_segments};

/// The node of the path `/` minus its slash: everything hangs below it.
const ROOT: u32 = 0;
/// No node, no route.
const NONE: u32 = u32::MAX;

/// All routes of one host pattern.
#[derive(Debug)]
pub(super) struct Bucket {
    /// The greatest order key first.
    pub(super) routes: Box<[Arc<CompiledRoute>]>,
    nodes: Box<[Node]>,
    edges: Edges,
    /// Children by a pattern of a part of a segment.
    parts: Box<[(Step, u32)]>,
    /// The lists of all nodes, one after the other.
    entries: Box<[Entry]>,
}

/// A node: places in the bucket's arrays.
#[derive(Debug, Clone)]
struct Node {
    /// Routes whose path ends here.
    here: Span,
    /// Routes that take this path and everything below.
    below: Span,
    /// Child by any segment of at least one byte.
    one: u32,
    /// Children by patterns.
    parts: Span,
}

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

/// A route in a node's list, with what the trie has not decided about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// Place in [`Bucket::routes`].
    route: u32,
    /// Whether the route has further conditions.
    conditions: bool,
    /// Whether the route's pattern must be asked.
    path: bool,
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
    /// Indexes routes, the greatest order key first.
    pub(super) fn new(routes: Box<[Arc<CompiledRoute>]>) -> Self {
        let mut plan = Plan::new();
        for (index, route) in (0..).zip(&routes) {
            plan.insert(index, route);
        }
        let (nodes, edges, parts, entries) = plan.freeze();
        Self {
            routes,
            nodes,
            edges,
            parts,
            entries,
        }
    }

    /// The best route for a request whose host fits.
    pub(super) fn find(&self, asked: &Asked<'_>, path: &str) -> Option<&Arc<CompiledRoute>> {
        let mut search = Search {
            bucket: self,
            asked,
            path,
            best: NONE,
        };
        search.visit(ROOT, path.strip_prefix('/'));
        self.routes.get(search.best as usize)
    }

    fn entries(&self, span: Span) -> &[Entry] {
        self.entries.get(span.range()).unwrap_or_default()
    }
}

impl Search<'_> {
    /// Looks at a node and everything below it. `rest` is what follows the node's path and a slash;
    /// `None` where the path ends. The deepest first: what is most specific usually wins, and then
    /// the other lists are left at their first number.
    ///
    /// Recursion is as deep as the longest pattern, which is bounded.
    fn visit(&mut self, node: u32, rest: Option<&str>) {
        let Some(node_at) = self.bucket.nodes.get(node as usize) else {
            return;
        };
        match rest {
            None => self.try_list(node_at.here),
            Some(text) => {
                let (segment, more) = first_segment(text);
                if let Some(child) = self.bucket.edges.get(node, segment) {
                    self.visit(child, more);
                }
                let parts = self.bucket.parts.get(node_at.parts.range());
                for (step, child) in parts.unwrap_or_default() {
                    if step.fits(segment) {
                        self.visit(*child, more);
                    }
                }
                if node_at.one != NONE && !segment.is_empty() {
                    self.visit(node_at.one, more);
                }
            }
        }
        self.try_list(node_at.below);
    }

    /// Takes the first route of a list that fits, if it is better than the best so far.
    fn try_list(&mut self, list: Span) {
        for entry in self.bucket.entries(list) {
            if entry.route >= self.best {
                return;
            }
            if self.fits(*entry) {
                self.best = entry.route;
                return;
            }
        }
    }

    fn fits(&self, entry: Entry) -> bool {
        if !entry.conditions && !entry.path {
            return true;
        }
        let Some(route) = self.bucket.routes.get(entry.route as usize) else {
            return false;
        };
        (!entry.path || route.path.fits(self.path)) && route.conditions.unmet(self.asked).is_none()
    }
}

/// A bucket while it is built.
struct Plan<'a> {
    nodes: Vec<Growing<'a>>,
    edges: Collected<'a>,
}

/// A node while its bucket is built.
#[derive(Default)]
struct Growing<'a> {
    here: Vec<Entry>,
    below: Vec<Entry>,
    one: Option<u32>,
    parts: Vec<(&'a Step, u32)>,
}

impl<'a> Plan<'a> {
    fn new() -> Self {
        Self {
            nodes: vec![Growing::default()],
            edges: Collected::default(),
        }
    }

    fn insert(&mut self, index: u32, route: &'a CompiledRoute) {
        let mut entry = Entry {
            route: index,
            conditions: !route.conditions.is_empty(),
            path: false,
        };
        match &route.path {
            Path::Exact(path) => {
                let node = self.grow(segments(path));
                self.list(node, entry, false);
            }
            Path::Prefix(path) => {
                let node = self.grow(segments(path));
                self.list(node, entry, true);
            }
            Path::Glob(steps) => {
                let fixed = steps.iter().take_while(|step| **step != Step::Any).count();
                let (before, behind) = steps.split_at_checked(fixed).unwrap_or((steps, &[]));
                let mut node = ROOT;
                for step in before {
                    node = self.child(node, step);
                }
                // A `**` at the end takes everything below; what follows one is asked later.
                entry.path = behind.len() > 1;
                self.list(node, entry, !behind.is_empty());
            }
            Path::Regex { prefix, .. } => {
                let node = self.grow(literal_segments(prefix));
                entry.path = true;
                self.list(node, entry, true);
            }
        }
    }

    fn grow(&mut self, literals: impl Iterator<Item = &'a str>) -> u32 {
        literals.fold(ROOT, |node, segment| self.literal(node, segment))
    }

    fn literal(&mut self, node: u32, segment: &'a str) -> u32 {
        let fresh = self.next();
        let child = self.edges.get_or_insert(node, segment, fresh);
        if child == fresh {
            self.nodes.push(Growing::default());
        }
        child
    }

    fn child(&mut self, node: u32, step: &'a Step) -> u32 {
        if let Step::Literal(text) = step {
            return self.literal(node, text);
        }
        let fresh = self.next();
        let Some(parent) = self.nodes.get_mut(node as usize) else {
            return node;
        };
        let known = if *step == Step::One {
            parent.one
        } else {
            let mut parts = parent.parts.iter();
            parts.find(|(other, _)| *other == step).map(|(_, to)| *to)
        };
        if let Some(known) = known {
            return known;
        }
        if *step == Step::One {
            parent.one = Some(fresh);
        } else {
            parent.parts.push((step, fresh));
        }
        self.nodes.push(Growing::default());
        fresh
    }

    /// The number of the next node. More than four billion would need as many bytes of paths.
    fn next(&self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or(NONE)
    }

    fn list(&mut self, node: u32, entry: Entry, below: bool) {
        if let Some(node) = self.nodes.get_mut(node as usize) {
            let list = if below {
                &mut node.below
            } else {
                &mut node.here
            };
            list.push(entry);
        }
    }

    #[expect(
        clippy::type_complexity,
        reason = "the four arrays of a bucket, taken apart at once by the only caller"
    )]
    fn freeze(self) -> (Box<[Node]>, Edges, Box<[(Step, u32)]>, Box<[Entry]>) {
        let mut parts = Vec::new();
        let mut entries = Vec::new();
        let nodes = self.nodes.into_iter().map(|growing| Node {
            here: append(&mut entries, growing.here),
            below: append(&mut entries, growing.below),
            one: growing.one.unwrap_or(NONE),
            parts: append(
                &mut parts,
                growing
                    .parts
                    .into_iter()
                    .map(|(step, to)| (step.clone(), to)),
            ),
        });
        let nodes = nodes.collect();
        (nodes, self.edges.freeze(), parts.into(), entries.into())
    }
}

/// Segments of a normal path; none for the empty prefix.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').skip(1)
}

/// Appends a list and tells where it is.
fn append<T>(all: &mut Vec<T>, list: impl IntoIterator<Item = T>) -> Span {
    let place = |at: usize| u32::try_from(at).unwrap_or(NONE);
    let start = place(all.len());
    all.extend(list);
    Span {
        start,
        end: place(all.len()),
    }
}
