//! Texts and bytes, each kept once.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::short;

/// The number of a text.
pub(crate) type Id = u32;

/// The number of the empty text, in every table.
pub(crate) const EMPTY: Id = 0;

/// Texts by number and numbers by text.
#[derive(Debug)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// Of each text: so that growing hashes nothing, and few texts are compared in vain.
    hashes: Vec<u32>,
    numbers: HashTable<Id>,
    /// Keyed anew for each table: whoever sends texts cannot make them collide.
    hasher: DefaultHashBuilder,
}

/// Bytes for each text besides its own: end, hash, and a place that is used to two thirds.
const TEXT_BYTES: usize = 16;

impl Default for Texts {
    fn default() -> Self {
        let mut texts = Self {
            bytes: Vec::new(),
            ends: Vec::new(),
            hashes: Vec::new(),
            numbers: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        };
        texts.add(&[]);
        texts
    }
}

impl Texts {
    /// The number of this text, which is kept if it is new.
    pub(crate) fn add(&mut self, text: &[u8]) -> Id {
        let hash = self.hash(text);
        if let Some(id) = self.find_hashed(hash, text) {
            return id;
        }
        let id = short(self.ends.len());
        self.bytes.extend_from_slice(text);
        self.ends.push(short(self.bytes.len()));
        self.hashes.push(hash);
        let hashes = &self.hashes;
        self.numbers.insert_unique(wide(hash), id, |id| {
            wide(hashes.get(*id as usize).copied().unwrap_or_default())
        });
        id
    }

    /// Takes all out but the empty one, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.hashes.clear();
        self.numbers.clear();
        // Keyed anew, as every table's.
        self.hasher = DefaultHashBuilder::default();
        self.add(&[]);
    }

    /// The number of this text, if it is kept.
    pub(crate) fn find(&self, text: &[u8]) -> Option<Id> {
        self.find_hashed(self.hash(text), text)
    }

    fn find_hashed(&self, hash: u32, text: &[u8]) -> Option<Id> {
        let same = |id: &Id| self.hashes.get(*id as usize) == Some(&hash) && self.get(*id) == text;
        self.numbers.find(wide(hash), same).copied()
    }

    #[expect(clippy::cast_possible_truncation, reason = "the half is as good as the whole")]
    fn hash(&self, text: &[u8]) -> u32 {
        self.hasher.hash_one(text) as u32
    }

    /// The text of this number; empty for one that was not given.
    pub(crate) fn get(&self, id: Id) -> &[u8] {
        self.bytes.get(super::range(&self.ends, id as usize)).unwrap_or_default()
    }

    /// The text of this number, if it is UTF-8; else empty.
    pub(crate) fn text(&self, id: Id) -> &str {
        std::str::from_utf8(self.get(id)).unwrap_or_default()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len() + self.len() * TEXT_BYTES
    }
}

/// The table takes seven bits of the top and the place from the bottom: both are to be of the hash.
fn wide(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_kept_once() {
        let mut texts = Texts::default();
        assert_eq!(texts.find(b""), Some(EMPTY));
        let ids: Vec<Id> = (0..10_000).map(|n| texts.add(format!("text {n}").as_bytes())).collect();
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(texts.add(format!("text {n}").as_bytes()), *id);
            assert_eq!(texts.text(*id), format!("text {n}"));
        }
        assert_eq!(texts.find(b"another"), None);
        assert_eq!(texts.len(), 10_001);
    }
}
