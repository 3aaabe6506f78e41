//! The order of rows in a segment.

use hashbrown::HashMap;

use super::{Id, Table};

impl Table {
    /// Puts rows in the order of service, name and start.
    pub(crate) fn sort(&self, rows: &mut [u32]) {
        let services = self.ranks(rows.iter().map(|row| self.service(*row as usize)));
        let name = |row: &u32| self.rows.name.get(*row as usize).copied().unwrap_or_default();
        let names = self.ranks(rows.iter().map(name));
        let rank = |ranks: &HashMap<Id, u32>, id: Id| ranks.get(&id).copied().unwrap_or_default();
        rows.sort_by_cached_key(|row| {
            let service = rank(&services, self.service(*row as usize));
            let start = self.rows.start.get(*row as usize).copied().unwrap_or_default();
            (service, rank(&names, name(row)), start)
        });
    }

    /// The place of each text among them, in the order of their bytes.
    fn ranks(&self, ids: impl Iterator<Item = Id>) -> HashMap<Id, u32> {
        let mut ranks: HashMap<Id, u32> = ids.map(|id| (id, 0)).collect();
        let mut order: Vec<Id> = ranks.keys().copied().collect();
        order.sort_unstable_by_key(|id| self.texts.get(*id));
        for (rank, id) in (0..).zip(order) {
            ranks.insert(id, rank);
        }
        ranks
    }
}
