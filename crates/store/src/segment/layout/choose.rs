//! Which attributes get columns: those that more than one span in a hundred has.

use std::sync::Arc;

use super::{DENSE_MAX, Dense, Layout};
use crate::source::Level;
use crate::table::Type;

/// Counts keys, and then chooses.
#[derive(Debug, Default)]
pub(crate) struct Chooser {
    rows: u64,
    counts: hashbrown::HashMap<(Level, Arc<str>, Type), u64>,
}

impl Chooser {
    /// Learns of so many rows.
    pub(crate) fn add_rows(&mut self, rows: u64) {
        self.rows += rows;
    }

    /// Learns how often a key is there.
    pub(crate) fn add(&mut self, level: Level, key: &Arc<str>, kind: Type, count: u64) {
        let dense = matches!(level, Level::Span | Level::Resource) && Dense::may_be(key, kind);
        if dense {
            *self.counts.entry((level, Arc::clone(key), kind)).or_default() += count;
        }
    }

    /// The columns.
    pub(crate) fn choose(self) -> Layout {
        let rows = self.rows;
        let enough = |count: &u64| count.saturating_mul(100) > rows;
        let mut all: Vec<_> = self.counts.into_iter().filter(|(_, count)| enough(count)).collect();
        all.sort_unstable_by(|(a, a_count), (b, b_count)| b_count.cmp(a_count).then(a.cmp(b)));
        all.truncate(DENSE_MAX);
        let mut layout = Layout::default();
        let mut names = hashbrown::HashSet::new();
        for ((level, key, kind), _) in all {
            // For readers (of SQL) that do not tell apart what differs in case alone.
            if !names.insert((level, key.to_lowercase(), kind)) {
                continue;
            }
            let of =
                if level == Level::Span { &mut layout.attributes } else { &mut layout.resource };
            of.push(Dense { key, kind });
        }
        layout.attributes.sort_unstable();
        layout.resource.sort_unstable();
        layout
    }
}
