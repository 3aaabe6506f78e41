//! How often keys are there, for whoever chooses columns.

use hashbrown::HashMap;

use super::{Id, Pairs, Table};
use crate::source::Level;

const NONE: u32 = u32::MAX;

impl Table {
    /// How often each key of spans and processes is there, by type.
    pub(crate) fn key_counts(&self) -> Vec<((Level, Id), [u64; 8])> {
        let own = count(&self.attributes, self.texts.len());
        let mut found: Vec<_> =
            own.into_iter().map(|(key, counts)| ((Level::Span, key), counts)).collect();
        let mut times = vec![0_u64; self.resources.len()];
        for number in &self.rows.resource {
            if let Some(times) = times.get_mut(*number as usize) {
                *times += 1;
            }
        }
        let mut resources = HashMap::<Id, [u64; 8]>::new();
        for (number, times) in times.into_iter().enumerate() {
            for (key, cell) in self.resources.attributes.list(number) {
                let counts = resources.entry(key).or_default();
                if let Some(count) = counts.get_mut(cell.kind as usize) {
                    *count += times;
                }
            }
        }
        found.extend(resources.into_iter().map(|(key, counts)| ((Level::Resource, key), counts)));
        found
    }
}

/// Keys are few, but their ids are anywhere among those of all texts.
fn count(pairs: &Pairs, texts: usize) -> Vec<(Id, [u64; 8])> {
    let mut slots = vec![NONE; texts];
    let mut found: Vec<(Id, [u64; 8])> = Vec::new();
    for (key, kind) in pairs.keys.iter().zip(&pairs.kinds) {
        let Some(slot) = slots.get_mut(*key as usize) else { continue };
        if *slot == NONE {
            *slot = found.len() as u32;
            found.push((*key, [0; 8]));
        }
        if let Some((_, counts)) = found.get_mut(*slot as usize)
            && let Some(count) = counts.get_mut(*kind as usize)
        {
            *count += 1;
        }
    }
    found
}
