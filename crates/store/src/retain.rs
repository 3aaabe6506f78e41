//! Removing what is too old or too much.
//!
//! Segments go as a whole. One that has services with different ages is written anew without those
//! that are over, unless all of it is over soon.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::files::Segment;
use crate::manifest::Change;
use crate::store::{MaintainError, Retention, Rule, Shared};
use crate::table::Table;

/// What is over in less than this, or in a tenth of its age, is not written anew before.
const SOON: Duration = Duration::from_hours(1);

impl Shared {
    /// Removes what is to be removed now.
    /// `between` is called between row groups.
    pub(crate) fn retain(
        &self,
        between: &dyn Fn() -> Result<(), MaintainError>,
    ) -> Result<(), MaintainError> {
        let retention = &*self.retention();
        let now = self.clock().wall_nanos();
        let mut segments = self.view().segments.clone();
        // Oldest first.
        segments.sort_by_key(|segment| (segment.entry.latest(), segment.entry.number));
        let mut change = Change::default();
        remove(&mut segments, &mut change, Rule::Age, |segment, _| {
            expires(retention, segment).is_some_and(|end| end <= now)
        });
        if let Some(most) = retention.bytes {
            remove(&mut segments, &mut change, Rule::Bytes, |_, left| left.bytes > most);
        }
        // Where the system does not say, it is enough.
        let free = self.disk().free_bytes().unwrap_or(u64::MAX);
        let mut freed: u64 = 0;
        remove(&mut segments, &mut change, Rule::FreeDisk, |segment, left| {
            // The newest one stays: where others fill the disk, removing helps nobody.
            let wanted = free.saturating_add(freed) < retention.free_bytes && left.segments > 1;
            freed += if wanted { segment.entry.bytes } else { 0 };
            wanted
        });
        if !change.remove.is_empty() {
            self.unlist(&change)?;
        }
        for segment in segments.iter().filter(|segment| is_partly_over(retention, segment, now)) {
            if !self.unmergeable().contains(&segment.entry.number) {
                self.rewrite(&[Arc::clone(segment)], false, between)?;
            }
        }
        Ok(())
    }

    /// Takes rows away that are older than their service is kept.
    pub(crate) fn drop_expired(&self, table: &Table, rows: &mut Vec<u32>) {
        let retention = &*self.retention();
        let now = self.clock().wall_nanos();
        let mut oldest = BTreeMap::new();
        rows.retain(|row| {
            let service = table.service(*row as usize);
            let oldest = *oldest.entry(service).or_insert_with(|| {
                let age = retention.age_of(table.texts.text(service));
                age.map_or(0, |age| now.saturating_sub(nanos(age)))
            });
            table.rows.start.get(*row as usize).is_some_and(|start| *start >= oldest)
        });
    }
}

/// What is left while segments are looked at.
struct Left {
    bytes: u64,
    segments: usize,
}

fn remove(
    segments: &mut Vec<Arc<Segment>>,
    change: &mut Change,
    rule: Rule,
    mut is_to_go: impl FnMut(&Segment, &Left) -> bool,
) {
    let bytes = segments.iter().map(|segment| segment.entry.bytes).sum();
    let mut left = Left { bytes, segments: segments.len() };
    segments.retain(|segment| {
        let goes = is_to_go(segment, &left);
        if goes {
            left.bytes -= segment.entry.bytes;
            left.segments -= 1;
            change.remove.push(segment.entry.number);
            *change.removed.entry(rule).or_default() += segment.entry.spans;
        }
        !goes
    });
}

/// When the last of its spans is older than it is kept; never if there is no limit.
fn expires(retention: &Retention, segment: &Segment) -> Option<u64> {
    let ends = segment.entry.services.iter().map(|service| {
        let age = retention.age_of(&service.name)?;
        Some(service.latest.saturating_add(nanos(age)))
    });
    ends.collect::<Option<Vec<u64>>>()?.into_iter().max()
}

/// Whether all spans of some service are over, and others are not for long.
fn is_partly_over(retention: &Retention, segment: &Segment, now: u64) -> bool {
    let over = segment.entry.services.iter().filter_map(|service| {
        let age = retention.age_of(&service.name)?;
        (service.latest.saturating_add(nanos(age)) <= now).then_some(age)
    });
    let Some(age) = over.max() else { return false };
    let soon = nanos(SOON.max(age / 10));
    expires(retention, segment).is_none_or(|end| end > now.saturating_add(soon))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
