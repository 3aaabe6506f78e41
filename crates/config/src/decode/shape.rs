//! What types accept, as data: the source of the JSON Schema and of the reference pages.

use std::collections::BTreeMap;

use crate::unserved::Unserved;

/// What a value may be.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Anything.
    Any,
    /// `true` or `false`.
    Bool,
    /// A whole number in a range, both ends included.
    Int {
        /// Smallest.
        min: i64,
        /// Greatest.
        max: i64,
    },
    /// Text of some kind.
    Text {
        /// What kind, for people: `duration`.
        what: &'static str,
        /// One value that is right.
        example: &'static str,
    },
    /// One of some words.
    Choice(Vec<(&'static str, &'static str)>),
    /// A list.
    List(Box<Shape>),
    /// A map from names to values.
    Map(Box<Shape>),
    /// One of several shapes; the first is the usual one.
    OneOf(Vec<Shape>),
    /// A map with known keys, by its name in [`Shapes`].
    Struct(&'static str),
}

/// A map with known keys.
#[derive(Debug, Clone, PartialEq)]
pub struct StructShape {
    /// What it is for.
    pub doc: &'static str,
    /// Its keys, in the order of the reference.
    pub fields: Vec<FieldShape>,
    /// Keys that are known and not served.
    pub unserved: &'static [Unserved],
}

/// A key of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldShape {
    /// The key.
    pub name: &'static str,
    /// Other spellings.
    pub aliases: &'static [&'static str],
    /// What it does.
    pub doc: &'static str,
    /// Whether it must be given.
    pub required: bool,
    /// The value in force when it is not given.
    pub default: Option<String>,
    /// What it takes.
    pub shape: Shape,
}

/// All maps with known keys, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shapes {
    structs: BTreeMap<&'static str, Option<StructShape>>,
}

impl Shapes {
    /// Adds a map under its name, once, and gives the shape that refers to it.
    pub fn define(
        &mut self,
        name: &'static str,
        build: impl FnOnce(&mut Self) -> StructShape,
    ) -> Shape {
        if !self.structs.contains_key(name) {
            // The name is taken before its fields are looked at: a type may hold itself.
            self.structs.insert(name, None);
            let shape = build(self);
            self.structs.insert(name, Some(shape));
        }
        Shape::Struct(name)
    }

    /// The map of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&StructShape> {
        self.structs.get(name)?.as_ref()
    }

    /// All maps in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &StructShape)> {
        self.structs.iter().filter_map(|(name, shape)| Some((*name, shape.as_ref()?)))
    }
}
