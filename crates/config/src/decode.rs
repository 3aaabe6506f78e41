//! The accumulating decoder: nodes to typed values, all mistakes at once.
//!
//! serde stops at the first mistake and loses places; here a decoder reports into
//! [`Context::diagnostics`] and goes on. [`Decode`] is usually derived (`config-derive`), which also
//! generates the [`Shape`] that the JSON Schema and the reference documentation come from, so that
//! the three cannot disagree.

mod basic;
mod fields;
pub mod shape;
mod suggest;

pub use basic::{Entries, Period, decode_text, wrong_type};
pub use fields::{Fields, choose};
pub use shape::{Shape, Shapes};
pub use suggest::nearest;

use crate::diagnostic::Diagnostics;
use crate::node::{Entry, Node, Value};
use crate::source::{SourceMap, Span};

/// What a decoder may look at and write to.
pub struct Context<'a> {
    /// The texts, for values whose spelling matters (`1.10` as text).
    pub sources: &'a SourceMap,
    /// Where mistakes go.
    pub diagnostics: &'a mut Diagnostics,
}

/// A type that can be read from a node.
pub trait Decode: Sized {
    /// Reads a node. `None` means that it was reported why not.
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self>;

    /// Reads the value of a key.
    fn decode_entry(entry: &Entry, context: &mut Context<'_>) -> Option<Self> {
        Self::decode(&entry.node, context)
    }

    /// The value of a key that is not there; `None` when the key must be given.
    fn absent() -> Option<Self> {
        None
    }

    /// What the type accepts, for the schema and the reference.
    fn shape(shapes: &mut Shapes) -> Shape;
}

/// A value with its place where it was written; a default has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Option<Span>,
}

impl<T> From<T> for Given<T> {
    fn from(value: T) -> Self {
        Self { value, span: None }
    }
}

impl<T: std::fmt::Display> std::fmt::Display for Given<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: Decode> Decode for Given<T> {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        T::decode(node, context).map(|value| Self { value, span: Some(node.span) })
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        T::shape(shapes)
    }
}

/// A value with its place, for messages about its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl<T: Decode> Decode for Spanned<T> {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        T::decode(node, context).map(|value| Self { value, span: node.span })
    }

    /// A map or list of several lines is best shown by its key.
    fn decode_entry(entry: &Entry, context: &mut Context<'_>) -> Option<Self> {
        let span = match entry.node.value {
            Value::Map(_) | Value::Seq(_) => entry.key_span,
            _ => entry.node.span,
        };
        T::decode(&entry.node, context).map(|value| Self { value, span })
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        T::shape(shapes)
    }
}
