//! A hash for maps whose keys are ours: numbers that were counted up, names of the configuration.
//!
//! Nobody outside chooses such keys, so that what the standard hash costs, to withstand chosen
//! ones, buys nothing. Several such maps are asked for each request.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map with keys of ours.
pub(crate) type QuickMap<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;

/// 2^64 divided by the golden ratio: neighbours end up far apart.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The hash of one key.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quick(u64);

impl Quick {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(SPREAD);
    }
}

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            if let Some(place) = word.get_mut(..part.len()) {
                place.copy_from_slice(part);
            }
            // Zeros at an end count: the length of the part tells them from what is not there.
            self.add(u64::from_le_bytes(word) ^ ((part.len() as u64) << 56));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.add(number.into());
    }

    fn write_u16(&mut self, number: u16) {
        self.add(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.add(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.add(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }

    fn finish(&self) -> u64 {
        // A map takes its place from the low bits and a tag from the high ones.
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::Hash;

    fn hash(key: &(impl Hash + ?Sized)) -> u64 {
        let mut hasher = Quick::default();
        key.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn keys_like_ours_are_spread() {
        let places: HashSet<_> = (0_u64..4_096).map(|number| hash(&number) % 4_096).collect();
        assert!(places.len() > 2_000, "{}", places.len());
        let names: HashSet<_> =
            (0..4_096).map(|number| hash(&format!("orders-{number}"))).collect();
        assert_eq!(names.len(), 4_096);
        assert_ne!(hash("a"), hash("a\0"));
    }
}
