//! A bucket while it is built: nodes with growing lists, frozen at the end.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Branch, Bucket, Children, Entry, Inner, List, NONE, Node, ROOT, Span};
use crate::route::compiled::CompiledRoute;
use crate::route::frozen::{Frozen, Key};
use crate::route::pattern::{Path, Step, literal_segments};

impl Bucket {
    /// Indexes routes, the greatest order key first.
    pub(in crate::route) fn new(routes: Box<[Arc<CompiledRoute>]>) -> Self {
        debug_assert!(routes.is_sorted_by(|a, b| a.order >= b.order));
        debug_assert!(routes.len() < Entry::ROUTE as usize);
        let mut plan = Plan::default();
        for (index, route) in (0..).zip(&routes) {
            plan.insert(index, route);
        }
        let (root, frozen) = plan.freeze();
        Self {
            root,
            first: routes.first().map(Arc::clone),
            inner: Arc::new(Inner { routes, ..frozen }),
        }
    }
}

#[derive(Default)]
struct Plan<'a> {
    root: Growing<'a>,
    nodes: Vec<Growing<'a>>,
    /// From a node and a segment to the child.
    literals: HashMap<(u32, &'a str), u32>,
}

#[derive(Default)]
struct Growing<'a> {
    /// How it is reached: from which node by which text, if by text.
    key: Key<'a>,
    here: Vec<Entry>,
    below: Vec<Entry>,
    one: Option<u32>,
    parts: Vec<(&'a Step, u32)>,
    literals: bool,
}

impl<'a> Plan<'a> {
    fn insert(&mut self, index: u32, route: &'a CompiledRoute) {
        let conditions = if route.conditions.is_empty() { 0 } else { Entry::CONDITIONS };
        let entry = Entry(index | conditions);
        match &route.path {
            Path::Exact(path) => {
                let node = self.grow(path.split('/').skip(1));
                self.node(node).here.push(entry);
            }
            Path::Prefix(path) => {
                let node = self.grow(path.split('/').skip(1));
                self.node(node).below.push(entry);
            }
            Path::Glob(steps) => self.insert_glob(steps, entry),
            Path::Regex { prefix, .. } => {
                let node = self.grow(literal_segments(prefix));
                self.node(node).below.push(Entry(entry.0 | Entry::PATH));
            }
        }
    }

    fn insert_glob(&mut self, steps: &'a [Step], entry: Entry) {
        let fixed = steps.iter().take_while(|s| **s != Step::Any).count();
        let (before, behind) = steps.split_at_checked(fixed).unwrap_or((steps, &[]));
        let node = before.iter().fold(ROOT, |node, step| self.child(node, step));
        let node = self.node(node);
        match behind {
            [] => node.here.push(entry),
            // A `**` at the end takes everything below; what follows one is asked later.
            [_] => node.below.push(entry),
            _ => node.below.push(Entry(entry.0 | Entry::PATH)),
        }
    }

    fn grow(&mut self, literals: impl Iterator<Item = &'a str>) -> u32 {
        literals.fold(ROOT, |node, segment| self.literal(node, segment))
    }

    fn literal(&mut self, node: u32, segment: &'a str) -> u32 {
        let fresh = self.next();
        let child = *self.literals.entry((node, segment)).or_insert(fresh);
        if child == fresh {
            self.node(node).literals = true;
            self.nodes.push(Growing { key: Some((node, segment)), ..Growing::default() });
        }
        child
    }

    fn child(&mut self, node: u32, step: &'a Step) -> u32 {
        if let Step::Literal(text) = step {
            return self.literal(node, text);
        }
        let fresh = self.next();
        let parent = self.node(node);
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

    /// The number of the next node. Four billion nodes would not fit the machine.
    fn next(&self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or(NONE)
    }

    fn node(&mut self, number: u32) -> &mut Growing<'a> {
        match self.nodes.get_mut(number as usize) {
            Some(node) if number != ROOT => node,
            _ => &mut self.root,
        }
    }

    /// The root, and everything else but the routes.
    fn freeze(self) -> (Node, Inner) {
        let mut arrays = Arrays::default();
        let root = arrays.freeze(self.root);
        let nodes = self.nodes.into_iter();
        let nodes = Frozen::new(nodes.map(|node| (node.key, arrays.freeze(node))));
        let inner = Inner {
            routes: Box::default(),
            nodes,
            branches: arrays.branches.into(),
            parts: arrays.parts.into(),
            lists: arrays.lists.into(),
            entries: arrays.entries.into(),
        };
        (root, inner)
    }
}

/// What nodes refer to.
#[derive(Default)]
struct Arrays {
    branches: Vec<Branch>,
    parts: Vec<(Step, u32)>,
    lists: Vec<Span>,
    entries: Vec<Entry>,
}

impl Arrays {
    fn freeze(&mut self, node: Growing<'_>) -> Node {
        let mut children = 0;
        if node.one.is_some() || !node.parts.is_empty() {
            let steps = node.parts.into_iter().map(|(step, to)| (step.clone(), to));
            self.branches.push(Branch {
                one: node.one.unwrap_or(NONE),
                parts: append(&mut self.parts, steps),
            });
            children = place(self.branches.len());
        }
        if node.literals {
            children |= Children::LITERALS;
        }
        Node {
            here: self.list(node.here),
            below: self.list(node.below),
            children: Children(children),
        }
    }

    fn list(&mut self, list: Vec<Entry>) -> List {
        match list.as_slice() {
            [] => List::NONE,
            [entry] => List(entry.0),
            _ => {
                let span = append(&mut self.entries, list);
                self.lists.push(span);
                List(place(self.lists.len() - 1) | List::MANY)
            }
        }
    }
}

/// Appends items and tells where they are.
fn append<T>(all: &mut Vec<T>, items: impl IntoIterator<Item = T>) -> Span {
    let start = place(all.len());
    all.extend(items);
    let end = place(all.len());
    Span { start, end }
}

/// A place in 32 bits. What has more would not fit the machine.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NONE)
}
