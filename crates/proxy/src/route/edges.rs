//! A frozen map from (number, text) to number: the edges of a trie, the hosts of a table.
//!
//! Built once and only read afterwards, so it is laid out for reading: one array of 16-byte slots
//! with linear probing, half empty, and one buffer of text. One lookup touches two cache lines.
//! The hash has no secret: keys come from the configuration, and a caller who makes up lookups
//! cannot make the runs of occupied slots longer than they are.

use std::collections::HashMap;

/// The edges while they are collected.
#[derive(Debug, Default)]
pub(super) struct Collected<'a>(HashMap<(u32, &'a str), u32>);

impl<'a> Collected<'a> {
    /// The number under a key, or `fresh` put there now.
    pub(super) fn get_or_insert(&mut self, from: u32, text: &'a str, fresh: u32) -> u32 {
        *self.0.entry((from, text)).or_insert(fresh)
    }

    /// Lays the edges out for reading.
    pub(super) fn freeze(self) -> Edges {
        let capacity = (self.0.len() * 2).next_power_of_two();
        let mut edges = Edges {
            slots: vec![Slot::FREE; capacity].into(),
            text: String::new(),
        };
        let mut all: Vec<_> = self.0.into_iter().collect();
        // In order, so that the same routes always give the same layout.
        all.sort_unstable_by_key(|(_, to)| *to);
        for ((from, text), to) in all {
            edges.insert(from, text, to);
        }
        edges.text.shrink_to_fit();
        edges
    }
}

/// A frozen map from (number, text) to number.
#[derive(Debug, Default)]
pub(super) struct Edges {
    /// A power of two, at most half of them taken; or none at all.
    slots: Box<[Slot]>,
    text: String,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    from: u32,
    to: u32,
    start: u32,
    length: u32,
}

impl Slot {
    /// Nothing is so long.
    const FREE: Self = Self {
        from: 0,
        to: 0,
        start: 0,
        length: u32::MAX,
    };

    fn is_free(self) -> bool {
        self.length == u32::MAX
    }
}

impl Edges {
    /// The number under a key.
    #[inline]
    pub(super) fn get(&self, from: u32, text: &str) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = hash(from, text.as_bytes()) & mask;
        loop {
            let slot = *self.slots.get(at)?;
            if slot.is_free() {
                return None;
            }
            if slot.from == from && self.text_of(slot) == text.as_bytes() {
                return Some(slot.to);
            }
            at = (at + 1) & mask;
        }
    }

    #[inline]
    fn text_of(&self, slot: Slot) -> &[u8] {
        let start = slot.start as usize;
        let text = self.text.as_bytes();
        text.get(start..start + slot.length as usize)
            .unwrap_or_default()
    }

    /// Puts a key that is not there into the first free slot of its run.
    fn insert(&mut self, from: u32, text: &str, to: u32) {
        let (Ok(start), Ok(length)) = (self.text.len().try_into(), text.len().try_into()) else {
            return; // 4 GiB of host names and paths: the configuration is bounded far below.
        };
        let mask = self.slots.len() - 1;
        let mut at = hash(from, text.as_bytes()) & mask;
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.is_free() {
                *slot = Slot {
                    from,
                    to,
                    start,
                    length,
                };
                self.text.push_str(text);
                return;
            }
            at = (at + 1) & mask;
        }
    }
}

/// Multiply and fold, eight bytes at a time.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the low bits of a hash are as good as all of them"
)]
fn hash(from: u32, text: &[u8]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |hash: u64, word: u64| {
        let product = u128::from(hash ^ word) * u128::from(FACTOR);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let (words, tail) = text.as_chunks::<8>();
    let mut hash = fold(FACTOR, u64::from(from) << 32 | text.len() as u64);
    for word in words {
        hash = fold(hash, u64::from_le_bytes(*word));
    }
    let tail = tail
        .iter()
        .fold(0, |word, byte| (word << 8) | u64::from(*byte));
    fold(hash, tail) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn a_frozen_map_has_what_was_collected(
            keys in proptest::collection::btree_map((0_u32..4, "[ab/]{0,20}"), 0_u32..1000, 0..60),
            others in proptest::collection::vec((0_u32..5, "[abc/]{0,20}"), 0..60),
        ) {
            let mut collected = Collected::default();
            for ((from, text), to) in &keys {
                prop_assert_eq!(collected.get_or_insert(*from, text, *to), *to);
            }
            let edges = collected.freeze();
            let wanted: BTreeMap<_, _> = keys.clone();
            for ((from, text), to) in &wanted {
                prop_assert_eq!(edges.get(*from, text), Some(*to));
            }
            for (from, text) in others {
                prop_assert_eq!(edges.get(from, &text), wanted.get(&(from, text)).copied());
            }
        }
    }

    #[test]
    fn an_empty_map_has_nothing() {
        assert_eq!(Edges::default().get(0, ""), None);
        assert_eq!(Collected::default().freeze().get(0, ""), None);
    }
}
