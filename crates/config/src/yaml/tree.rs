//! The events of the parser as a tree, under limits.

use std::collections::HashMap;

use saphyr_parser::{Event, ScalarStyle, Tag};

use super::{ALIAS_BYTES_MAX, ALIAS_NODES_MAX, DEPTH_MAX, NODES_MAX, scalar};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::node::{Entry, Node, Value};
use crate::source::Span;

/// A limit was passed or the tree makes no sense: reading this file ends with this diagnostic.
pub(super) struct Stop(pub(super) Box<Diagnostic>);

impl From<Diagnostic> for Stop {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(Box::new(diagnostic))
    }
}

/// How much there is of something.
#[derive(Clone, Copy, Default)]
struct Size {
    nodes: usize,
    /// Text of scalars and keys.
    bytes: usize,
}

impl Size {
    fn add(&mut self, more: Self) {
        self.nodes = self.nodes.saturating_add(more.nodes);
        self.bytes = self.bytes.saturating_add(more.bytes);
    }

    fn since(self, before: Self) -> Self {
        Self { nodes: self.nodes - before.nodes, bytes: self.bytes - before.bytes }
    }
}

/// A map or list whose end has not been read.
struct Open {
    anchor: usize,
    span: Span,
    /// What was counted when it was opened, to know how much an alias to it costs.
    before: Size,
    content: Content,
}

enum Content {
    Seq(Vec<Node>),
    Map { members: Members, merges: Vec<Node>, key: Option<Key> },
}

enum Key {
    Plain(String, Span),
    Merge,
    /// A key that was refused; its value is read and dropped.
    Refused,
}

/// The entries of a map that is being read. Most maps are small and are searched as they are; a
/// large one gets an index, so that reading stays linear.
#[derive(Default)]
struct Members {
    entries: Vec<Entry>,
    index: HashMap<String, Span>,
}

impl Members {
    /// Maps up to this many entries have no index.
    const SMALL: usize = 16;

    /// Where a key is written, if it is there.
    fn place_of(&self, key: &str) -> Option<Span> {
        if self.index.is_empty() {
            return self.entries.iter().find(|entry| entry.key == key).map(|entry| entry.key_span);
        }
        self.index.get(key).copied()
    }

    /// Adds an entry whose key is not there yet.
    fn push(&mut self, entry: Entry) {
        if !self.index.is_empty() {
            self.index.insert(entry.key.clone(), entry.key_span);
        }
        self.entries.push(entry);
        if self.entries.len() == Self::SMALL {
            self.index = self.entries.iter().map(|e| (e.key.clone(), e.key_span)).collect();
        }
    }
}

pub(super) struct Tree<'d> {
    pub(super) diagnostics: &'d mut Diagnostics,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, Size)>,
    read: Size,
    copied: Size,
}

impl<'d> Tree<'d> {
    pub(super) fn new(diagnostics: &'d mut Diagnostics) -> Self {
        Self {
            diagnostics,
            open: Vec::new(),
            anchors: HashMap::new(),
            read: Size::default(),
            copied: Size::default(),
        }
    }

    /// Takes one event; gives a document when it is complete.
    pub(super) fn event(&mut self, event: Event<'_>, span: Span) -> Result<Option<Node>, Stop> {
        match event {
            Event::DocumentStart(_) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => {
                let size = Size { nodes: 1, bytes: text.len() };
                self.count(size, span)?;
                let value = self.scalar(&text, style, tag.as_deref(), span);
                return self.complete(Node { value, span }, anchor, size);
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), "seq", span);
                self.start(Content::Seq(Vec::new()), anchor, span)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), "map", span);
                let content =
                    Content::Map { members: Members::default(), merges: Vec::new(), key: None };
                self.start(content, anchor, span)?;
            }
            Event::SequenceEnd | Event::MappingEnd => return self.end(span),
            Event::Alias(anchor) => return self.alias(anchor, span),
            Event::DocumentEnd | Event::StreamStart | Event::StreamEnd | Event::Nothing => {}
        }
        Ok(None)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Value {
        let Some(tag) = tag else {
            return match style {
                ScalarStyle::Plain => scalar::resolve(text),
                _ => Value::String(text.to_owned()),
            };
        };
        let core = tag.is_yaml_core_schema();
        let value = if core { scalar::tagged(&tag.suffix, text) } else { None };
        value.unwrap_or_else(|| {
            let message = if core {
                format!("the text does not fit its tag `!!{}`", tag.suffix)
            } else {
                format!("the tag `{tag}` is not known")
            };
            self.diagnostics.push(
                Diagnostic::new(codes::TAG, message).at(span, "this value").hint(
                    "remove the tag; only `!!str`, `!!int`, `!!float`, `!!bool`, `!!null` are read",
                ),
            );
            Value::Null
        })
    }

    fn check_tag(&mut self, tag: Option<&Tag>, expected: &str, span: Span) {
        if let Some(tag) = tag
            && !(tag.is_yaml_core_schema() && tag.suffix == expected)
        {
            self.diagnostics.push(
                Diagnostic::new(codes::TAG, format!("the tag `{tag}` is not known"))
                    .at(span, "this value")
                    .hint("remove the tag"),
            );
        }
    }

    fn start(&mut self, content: Content, anchor: usize, span: Span) -> Result<(), Stop> {
        if self.open.len() >= DEPTH_MAX {
            return Err(too_deep().at(span, "this is one level too many").into());
        }
        self.open.push(Open { anchor, span, before: self.read, content });
        self.count(Size { nodes: 1, bytes: 0 }, span)
    }

    fn end(&mut self, span: Span) -> Result<Option<Node>, Stop> {
        let Some(open) = self.open.pop() else {
            return Ok(None);
        };
        let size = self.read.since(open.before);
        let (value, last) = match open.content {
            Content::Seq(items) => {
                let last = items.last().map(|item| item.span);
                (Value::Seq(items), last)
            }
            Content::Map { mut members, merges, .. } => {
                let last = members.entries.last().map(|entry| entry.node.span);
                let before = members.entries.len();
                for merge in merges {
                    self.merge(merge, &mut members);
                }
                let nodes = members.entries.len() - before;
                self.count(Size { nodes, bytes: 0 }, span)?;
                (Value::Map(members.entries), last)
            }
        };
        // A block collection ends where the next thing begins; its last child is the better end.
        let flow_end = (span.end > span.start).then_some(span);
        let span = open.span.to(flow_end.or(last).unwrap_or(open.span));
        self.complete(Node { value, span }, open.anchor, size)
    }

    fn merge(&mut self, source: Node, members: &mut Members) {
        match source.value {
            // Keys written here, and keys of earlier merges, win (https://yaml.org/type/merge.html).
            Value::Map(merged) => {
                for entry in merged {
                    if members.place_of(&entry.key).is_none() {
                        members.push(entry);
                    }
                }
            }
            Value::Seq(items) if items.iter().all(|item| item.as_map().is_some()) => {
                for item in items {
                    self.merge(item, members);
                }
            }
            _ => self.diagnostics.push(
                Diagnostic::new(codes::MERGE, "`<<` merges a map or a list of maps")
                    .at(source.span, format!("found {}", source.value)),
            ),
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Option<Node>, Stop> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            return Err(Diagnostic::new(
                codes::ALIAS,
                "the alias points to something that is not complete before it",
            )
            .at(span, "this alias is inside of what it names, or in another document")
            .into());
        };
        let (node, size) = (node.clone(), *size);
        self.count_copies(size, span)?;
        self.count(size, span)?;
        if self.open.len() + depth(&node) > DEPTH_MAX {
            return Err(too_deep().at(span, "expanding this alias nests too deep").into());
        }
        self.complete(node, 0, size)
    }

    /// Counts what is copied for an anchor or an alias.
    fn count_copies(&mut self, size: Size, span: Span) -> Result<(), Stop> {
        self.copied.add(size);
        let too_much = if self.copied.nodes > ALIAS_NODES_MAX {
            format!("{ALIAS_NODES_MAX} values")
        } else if self.copied.bytes > ALIAS_BYTES_MAX {
            format!("{} MiB of text", ALIAS_BYTES_MAX / 1024 / 1024)
        } else {
            return Ok(());
        };
        Err(Diagnostic::new(codes::EXPANSION, format!("aliases expand to more than {too_much}"))
            .at(span, "reading stopped here")
            .hint("write the repeated part fewer times; aliases of aliases multiply")
            .into())
    }

    fn count(&mut self, more: Size, span: Span) -> Result<(), Stop> {
        self.read.add(more);
        if self.read.nodes > NODES_MAX {
            return Err(Diagnostic::new(
                codes::TOO_MANY_NODES,
                format!("the file holds more than {NODES_MAX} values"),
            )
            .at(span, "reading stopped here")
            .into());
        }
        Ok(())
    }

    /// Puts a finished node into what is open, or gives it as a document.
    fn complete(&mut self, node: Node, anchor: usize, size: Size) -> Result<Option<Node>, Stop> {
        if anchor != 0 {
            self.count_copies(size, node.span)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(open) = self.open.last_mut() else {
            return Ok(Some(node));
        };
        match &mut open.content {
            Content::Seq(items) => items.push(node),
            Content::Map { members, merges, key } => match key.take() {
                None => *key = Some(accept_key(node, members, self.diagnostics)),
                Some(Key::Plain(name, key_span)) => {
                    members.push(Entry { key: name, key_span, node });
                }
                Some(Key::Merge) => merges.push(node),
                Some(Key::Refused) => {}
            },
        }
        Ok(None)
    }
}

/// The message about too many levels, without its place.
pub(super) fn too_deep() -> Diagnostic {
    Diagnostic::new(codes::TOO_DEEP, format!("maps and lists nest more than {DEPTH_MAX} deep"))
}

fn accept_key(node: Node, members: &Members, diagnostics: &mut Diagnostics) -> Key {
    let name = match node.value {
        Value::String(name) => name,
        // `8080: web` and `true: x` are keys that people write; they mean their text.
        Value::Int(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        other => {
            diagnostics.push(
                Diagnostic::new(codes::KEY, "a key must be text")
                    .at(node.span, format!("found {other}"))
                    .hint("quote the key"),
            );
            return Key::Refused;
        }
    };
    if name == "<<" {
        return Key::Merge;
    }
    let Some(first) = members.place_of(&name) else {
        return Key::Plain(name, node.span);
    };
    diagnostics.push(
        Diagnostic::new(codes::DUPLICATE_KEY, format!("the key `{name}` is given twice"))
            .at(node.span, "the second time")
            .also(first, "the first time")
            .hint("keep one of the two"),
    );
    Key::Refused
}

/// How many levels of maps and lists a node has.
fn depth(node: &Node) -> usize {
    match &node.value {
        Value::Seq(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Map(entries) => 1 + entries.iter().map(|e| depth(&e.node)).max().unwrap_or(0),
        _ => 0,
    }
}
