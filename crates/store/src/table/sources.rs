//! The processes and libraries that spans come from: few, so each is kept once.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{Cell, EMPTY, Id, Pairs, Type, short};

/// What is told of a process or a library besides its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Source {
    /// Attributes that its maker left out.
    pub(crate) dropped: u32,
    pub(crate) schema_url: Id,
    /// Of a process: the service. It follows from the attributes.
    pub(crate) service: Id,
    /// Of a library.
    pub(crate) scope: Scope,
}

/// Name and version of a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Scope {
    pub(crate) name: Id,
    pub(crate) version: Id,
}

/// Processes, or libraries.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    all: Vec<Source>,
    hashes: Vec<u64>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
    pub(crate) attributes: Pairs,
}

/// Bytes of one, with its hash and place.
const SOURCE_BYTES: usize = 48;

impl Sources {
    /// The number of this one, which is kept if it is new. `pairs` are put in an order that does
    /// not depend on how they were sent.
    pub(crate) fn add(&mut self, source: Source, pairs: &mut [(Id, Cell)]) -> u32 {
        // Stable: equal keys stay in the order in which they were sent.
        pairs.sort_by_key(|(key, _)| *key);
        let hash = self.hasher.hash_one((source, &*pairs));
        let same = |number: &u32| {
            let index = *number as usize;
            self.all.get(index) == Some(&source)
                && self.attributes.list(index).eq(pairs.iter().copied())
        };
        if let Some(number) = self.numbers.find(hash, same) {
            return *number;
        }
        let number = short(self.all.len());
        self.all.push(source);
        self.hashes.push(hash);
        for (key, cell) in pairs {
            self.attributes.push(*key, *cell);
        }
        self.attributes.end();
        let hashes = &self.hashes;
        self.numbers.insert_unique(hash, number, |number| {
            hashes.get(*number as usize).copied().unwrap_or_default()
        });
        number
    }

    /// The one of this number.
    pub(crate) fn get(&self, number: u32) -> Option<&Source> {
        self.all.get(number as usize)
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.hashes.clear();
        self.numbers.clear();
        self.attributes.clear();
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        self.all.len() * SOURCE_BYTES + self.attributes.bytes()
    }
}

/// The service that these attributes of a process name: the first `service.name`, if it is a text
/// that is not empty.
pub(crate) fn service_of(key: Option<Id>, pairs: &[(Id, Cell)], unknown: Id) -> Id {
    let first = pairs.iter().find(|(id, _)| Some(*id) == key).map(|(_, cell)| *cell);
    let text = first.filter(|cell| cell.kind == Type::Text).and_then(Cell::text);
    text.filter(|id| *id != EMPTY).unwrap_or(unknown)
}
