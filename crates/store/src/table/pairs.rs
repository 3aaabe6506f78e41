//! Lists of keys and values, one after the other.

use trunkline_otlp::Value;
use trunkline_otlp::view::ValueView;
use trunkline_otlp::wire::Malformed;
use trunkline_otlp::{view, write};

use super::{Id, Texts, range, short};

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Type {
    Empty = 0,
    Text = 1,
    Bool = 2,
    Int = 3,
    Double = 4,
    Bytes = 5,
    Array = 6,
    Map = 7,
}

impl Type {
    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Empty,
        Self::Text,
        Self::Bool,
        Self::Int,
        Self::Double,
        Self::Bytes,
        Self::Array,
        Self::Map,
    ];

    /// The word of [`type_name`](crate::source::type_name).
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Text => "string",
            Self::Bool => "bool",
            Self::Int => "int64",
            Self::Double => "float64",
            Self::Bytes => "bytes",
            Self::Array => "array",
            Self::Map => "map",
        }
    }

    /// The inverse of [`Type::name`].
    pub(crate) fn of_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name().as_bytes() == name)
    }
}

/// A value in eight bytes: a number's bits, or the number of a text. Arrays and maps are the text
/// of their `AnyValue` message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) kind: Type,
    pub(crate) bits: u64,
}

impl Cell {
    /// Of a value of these texts.
    pub(crate) fn of_view(view: ValueView<'_>, texts: &mut Texts) -> Result<Self, Malformed> {
        let (kind, bits) = match view {
            ValueView::Empty => (Type::Empty, 0),
            ValueView::Text(text) => (Type::Text, texts.add(text.as_bytes()).into()),
            ValueView::Bool(yes) => (Type::Bool, yes.into()),
            ValueView::Int(number) => (Type::Int, number.cast_unsigned()),
            ValueView::Double(number) => (Type::Double, number.to_bits()),
            ValueView::Bytes(bytes) => (Type::Bytes, texts.add(bytes).into()),
            ValueView::Array(_) => (Type::Array, nested(view, texts)?.into()),
            ValueView::Map(_) => (Type::Map, nested(view, texts)?.into()),
        };
        Ok(Self { kind, bits })
    }

    /// The number of its text, where it has one.
    #[expect(clippy::cast_possible_truncation, reason = "it is one of 32 bits")]
    pub(crate) const fn text(self) -> Option<Id> {
        match self.kind {
            Type::Text | Type::Bytes | Type::Array | Type::Map => Some(self.bits as Id),
            _ => None,
        }
    }

    /// Its value; empty where what was kept cannot be read.
    pub(crate) fn value(self, texts: &Texts) -> Value {
        let id = self.text().unwrap_or_default();
        match self.kind {
            Type::Empty => Value::Empty,
            Type::Text => Value::Text(texts.text(id).into()),
            Type::Bool => Value::Bool(self.bits != 0),
            Type::Int => Value::Int(self.bits.cast_signed()),
            Type::Double => Value::Double(f64::from_bits(self.bits)),
            Type::Bytes => Value::Bytes(texts.get(id).into()),
            Type::Array | Type::Map => view::value(texts.get(id)).unwrap_or_default(),
        }
    }
}

fn nested(view: ValueView<'_>, texts: &mut Texts) -> Result<Id, Malformed> {
    let value = view::Owner::default().value(view)?;
    let mut message = Vec::new();
    write::any_value(&mut message, &value);
    Ok(texts.add(&message))
}

/// Lists of keys and values.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    pub(crate) ends: Vec<u32>,
    pub(crate) keys: Vec<Id>,
    pub(crate) kinds: Vec<Type>,
    pub(crate) bits: Vec<u64>,
}

/// Bytes of a pair, and of a list's end.
const PAIR_BYTES: usize = 13;
const END_BYTES: usize = 4;

impl Pairs {
    /// Adds to the list that is not ended yet.
    pub(crate) fn push(&mut self, key: Id, cell: Cell) {
        self.keys.push(key);
        self.kinds.push(cell.kind);
        self.bits.push(cell.bits);
    }

    /// Ends the list.
    pub(crate) fn end(&mut self) {
        self.ends.push(short(self.keys.len()));
    }

    /// A list.
    pub(crate) fn list(&self, index: usize) -> impl Iterator<Item = (Id, Cell)> + Clone {
        let range = range(&self.ends, index);
        let keys = self.keys.get(range.clone()).unwrap_or_default();
        let kinds = self.kinds.get(range.clone()).unwrap_or_default();
        let bits = self.bits.get(range).unwrap_or_default();
        let cells = kinds.iter().zip(bits).map(|(kind, bits)| Cell { kind: *kind, bits: *bits });
        keys.iter().copied().zip(cells)
    }

    pub(super) fn clear(&mut self) {
        let Self { ends, keys, kinds, bits } = self;
        ends.clear();
        keys.clear();
        kinds.clear();
        bits.clear();
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        self.keys.len() * PAIR_BYTES + self.ends.len() * END_BYTES
    }
}
