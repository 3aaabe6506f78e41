//! Maglev: a table that leads from a hash to an endpoint in one step.
//!
//! Every endpoint fills the table in the order of its own permutation, in turns by weight, so that
//! shares are almost exactly the weights, and an endpoint that comes or goes moves few keys of
//! others ("Maglev: A Fast and Reliable Software Network Load Balancer", Eisenbud et al., 2016).
//! Against [`super::Ring`]: faster and more even, a little more disruption.

use super::hash::mix;

/// Entries of a table: a prime, so that each permutation reaches every entry; 128 KiB.
const SIZE: u64 = 65_537;
const FREE: u16 = u16::MAX;

/// The table of all endpoints, by position in the caller's list, of which the first 65 535 count.
#[derive(Clone, Debug, Default)]
pub struct Maglev {
    table: Box<[u16]>,
}

/// An endpoint that fills the table.
struct Filler {
    position: u16,
    offset: u64,
    skip: u64,
    next: u64,
    /// Its share of turns, of the heaviest one's.
    weight: f64,
    due: f64,
}

impl Maglev {
    /// Builds the table of these endpoints: the hash of each one's name, and its weight. Allocates,
    /// and takes some milliseconds.
    pub fn new(endpoints: &[(u64, u32)]) -> Self {
        let heaviest = endpoints.iter().map(|(_, weight)| *weight).max().unwrap_or(0);
        let fillers = endpoints.iter().zip(0..FREE).filter(|((_, weight), _)| *weight > 0);
        let filler = |((name, weight), position): (&(u64, u32), u16)| Filler {
            position,
            offset: mix(*name) % SIZE,
            skip: mix(name.rotate_left(32)) % (SIZE - 1) + 1,
            next: 0,
            weight: f64::from(*weight) / f64::from(heaviest),
            due: 0.0,
        };
        let mut fillers: Vec<_> = fillers.map(filler).collect();
        if fillers.is_empty() {
            return Self::default();
        }
        let mut table = vec![FREE; usize::try_from(SIZE).unwrap_or(0)];
        let mut free = table.len();
        while free > 0 {
            for filler in &mut fillers {
                filler.due += filler.weight;
                if filler.due >= 1.0 && free > 0 {
                    filler.due -= 1.0;
                    filler.take(&mut table);
                    free -= 1;
                }
            }
        }
        Self { table: table.into() }
    }

    /// The position that owns a hash; `None` if the table is empty.
    pub fn at(&self, hash: u64) -> Option<usize> {
        let entry = usize::try_from(hash % SIZE).ok()?;
        self.table.get(entry).map(|position| usize::from(*position))
    }
}

impl Filler {
    /// Takes the next free entry of its permutation.
    fn take(&mut self, table: &mut [u16]) {
        for _ in 0..SIZE {
            let entry = (self.offset + self.next * self.skip) % SIZE;
            self.next += 1;
            let entry = usize::try_from(entry).ok().and_then(|entry| table.get_mut(entry));
            if let Some(entry) = entry.filter(|entry| **entry == FREE) {
                *entry = self.position;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ring::tests::{named, owned};
    use super::*;

    #[test]
    fn shares_follow_weights_closely() {
        let table = Maglev::new(&named(&[(1, 1), (2, 2), (3, 5), (4, 0)]));
        let owned = owned(4, |hash| table.at(hash));
        assert_eq!(owned[3], 0);
        for (owned, weight) in owned.iter().zip([1.0, 2.0, 5.0]) {
            let expected = 50_000.0 * weight / 8.0;
            assert!((f64::from(*owned) / expected - 1.0).abs() < 0.05, "{owned} {expected}");
        }
        assert_eq!(Maglev::new(&[(1, 0)]).at(1), None);
    }

    #[test]
    fn few_keys_of_others_move_when_an_endpoint_leaves() {
        let all: Vec<_> = (0..20).map(|name| (name, 1)).collect();
        let before = Maglev::new(&named(&all));
        let after = Maglev::new(&named(&all[..19]));
        let keys = (0..20_000).map(mix).filter(|key| before.at(*key) != Some(19));
        let (mut moved, mut count) = (0, 0);
        for key in keys {
            count += 1;
            moved += u32::from(before.at(key) != after.at(key));
        }
        assert!(moved * 100 < count * 5, "{moved} of {count} keys moved");
    }
}
