//! A frozen map from (number, text) to a value: the edges of a trie, the hosts of a table.
//!
//! Built once and only read afterwards, and laid out so that a lookup among ten thousand keys
//! touches two cache lines: one of a small array of tags, and that of the one record whose tag
//! fits, where key and value are neighbours (only texts that the record has no room for lie
//! elsewhere). Whoever chooses `N` makes the record fill a cache line or half of one. What a lookup in a large table costs is cache misses, hardly instructions.
//!
//! The hash has no secret: keys come from the configuration, and a caller who makes up lookups
//! cannot make the runs of occupied slots longer than they are.

/// A frozen map from (number, text) to `V`, with room for `N` bytes of text in each record.
#[derive(Debug)]
pub(super) struct Frozen<V, const N: usize> {
    /// A power of two, at most three quarters of them taken; or none at all.
    slots: Box<[Slot]>,
    records: Box<[Record<V, N>]>,
    /// Texts of more than `N` bytes.
    long: String,
}

/// What is looked up: no key for a record that is reached by its number only.
pub(super) type Key<'a> = Option<(u32, &'a str)>;

/// A tag (upper half of the hash) and the number of its record.
#[derive(Debug, Clone, Copy)]
struct Slot {
    tag: u32,
    record: u32,
}

/// The largest number marks a slot without record.
const FREE: Slot = Slot { tag: 0, record: u32::MAX };

/// One record, at a border that cache lines have too.
#[derive(Debug)]
#[repr(align(32))]
struct Record<V, const N: usize> {
    value: V,
    from: u32,
    /// Length of the text, or [`LONG`].
    length: u8,
    /// The text, or where it is among the long ones: start and end, four bytes each.
    text: [u8; N],
}

/// The length of texts that a record has no room for.
const LONG: u8 = u8::MAX;

impl<V, const N: usize> Default for Frozen<V, N> {
    fn default() -> Self {
        Self { slots: Box::default(), records: Box::default(), long: String::new() }
    }
}

impl<V, const N: usize> Frozen<V, N> {
    /// Lays out values with their keys; keys are unique. The number of a record is its place.
    pub(super) fn new<'a>(items: impl IntoIterator<Item = (Key<'a>, V)>) -> Self {
        let mut long = String::new();
        let (mut records, mut keys) = (Vec::new(), Vec::new());
        for (key, value) in items {
            let (from, text) = key.unwrap_or_default();
            let (length, text) = place(text, &mut long);
            records.push(Record { value, from, length, text });
            keys.push(key);
        }
        let mut slots = vec![FREE; (keys.len() * 4 / 3 + 1).next_power_of_two()];
        for (record, key) in (0..).zip(keys) {
            if let Some((from, text)) = key {
                insert(&mut slots, hash(from, text.as_bytes()), record);
            }
        }
        Self { slots: slots.into(), records: records.into(), long }
    }

    /// The record of a key: its number and value.
    #[inline]
    pub(super) fn get(&self, from: u32, text: &str) -> Option<(u32, &V)> {
        let mask = self.slots.len().checked_sub(1)?;
        let hash = hash(from, text.as_bytes());
        let (tag, mut at) = split(hash, mask);
        loop {
            let slot = *self.slots.get(at)?;
            if slot.record == FREE.record {
                return None;
            }
            if slot.tag == tag {
                let record = self.records.get(slot.record as usize)?;
                if self.is_key(record, from, text.as_bytes()) {
                    return Some((slot.record, &record.value));
                }
            }
            at = (at + 1) & mask;
        }
    }

    /// The value of a record.
    #[inline]
    pub(super) fn at(&self, record: u32) -> Option<&V> {
        self.records.get(record as usize).map(|r| &r.value)
    }

    #[inline]
    fn is_key(&self, record: &Record<V, N>, from: u32, text: &[u8]) -> bool {
        let own = match record.length {
            LONG => self.long_text(&record.text),
            length => record.text.get(..usize::from(length)),
        };
        record.from == from && own == Some(text)
    }

    fn long_text(&self, place: &[u8; N]) -> Option<&[u8]> {
        let (start, rest) = place.split_first_chunk()?;
        let (start, end) = (u32::from_le_bytes(*start), rest.first_chunk()?);
        let range = start as usize..u32::from_le_bytes(*end) as usize;
        self.long.as_bytes().get(range)
    }
}

/// A size in 32 bits. Four billion bytes or records of routes would not fit the machine first.
fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// A text as its record keeps it.
fn place<const N: usize>(text: &str, long: &mut String) -> (u8, [u8; N]) {
    const {
        assert!(N >= 8 && N < LONG as usize, "room for a place, and a length below the mark");
    };
    let mut own = [0; N];
    if let (Some(room), Ok(length)) = (own.get_mut(..text.len()), u8::try_from(text.len())) {
        room.copy_from_slice(text.as_bytes());
        return (length, own);
    }
    let start = number(long.len()).to_le_bytes();
    long.push_str(text);
    let end = number(long.len()).to_le_bytes();
    for (to, from) in own.iter_mut().zip(start.into_iter().chain(end)) {
        *to = from;
    }
    (LONG, own)
}

/// The tag of a hash, and the first slot to look at.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a tag is the upper half of the hash, a place its lowest bits"
)]
fn split(hash: u64, mask: usize) -> (u32, usize) {
    ((hash >> 32) as u32, hash as usize & mask)
}

/// Takes the first free slot of the run. There is one: the array is never full.
fn insert(slots: &mut [Slot], hash: u64, record: u32) {
    let mask = slots.len() - 1;
    let (tag, mut at) = split(hash, mask);
    while let Some(slot) = slots.get_mut(at) {
        if slot.record == FREE.record {
            *slot = Slot { tag, record };
            return;
        }
        at = (at + 1) & mask;
    }
}

/// Multiply and fold, eight bytes at a time.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "both halves of the product are folded into one"
)]
fn hash(from: u32, text: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |hash: u64, word: u64| {
        let product = u128::from(hash ^ word) * u128::from(FACTOR);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let (words, tail) = text.as_chunks::<8>();
    let mut hash = fold(FACTOR, (u64::from(from) << 32) | text.len() as u64);
    for word in words {
        hash = fold(hash, u64::from_le_bytes(*word));
    }
    let tail = tail.iter().fold(0, |word, b| (word << 8) | u64::from(*b));
    fold(fold(hash, tail), FACTOR.rotate_left(32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_frozen_map_has_what_was_put_in(
            keys in proptest::collection::btree_map((0_u32..4, "[ab/]{0,20}"), 0_u32..1000, 0..60),
            others in proptest::collection::vec((0_u32..5, "[abc/]{0,20}"), 0..60),
        ) {
            let items = keys.iter().map(|((from, text), to)| (Some((*from, text.as_str())), *to));
            let frozen: Frozen<u32, 8> = Frozen::new(items);
            for (number, ((from, text), to)) in (0..).zip(&keys) {
                prop_assert_eq!(frozen.get(*from, text), Some((number, to)));
                prop_assert_eq!(frozen.at(number), Some(to));
            }
            for (from, text) in others {
                let found = frozen.get(from, &text).map(|(_, to)| to);
                prop_assert_eq!(found, keys.get(&(from, text)));
            }
        }
    }

    #[test]
    fn records_fill_half_a_cache_line_or_one() {
        assert_eq!(size_of::<Record<[u32; 3], 15>>(), 32);
        assert_eq!(size_of::<Record<crate::route::bucket::Bucket, 27>>(), 64);
    }

    #[test]
    fn records_without_a_key_are_reached_by_number_only() {
        let frozen: Frozen<u8, 8> = Frozen::new([(None, 7), (Some((0, "a")), 8)]);
        assert_eq!((frozen.at(0), frozen.get(0, "")), (Some(&7), None));
        assert_eq!(frozen.get(0, "a"), Some((1, &8)));
        assert_eq!(Frozen::<u8, 8>::default().get(0, ""), None);
        assert_eq!(Frozen::<u8, 8>::new([]).get(0, ""), None);
    }
}
