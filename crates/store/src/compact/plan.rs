//! Which segments are to be merged.

use std::sync::Arc;

use crate::files::Segment;
use crate::segment::GROUPS_MAX;

/// So many of about the same size are merged.
const FAN_IN: usize = 8;

/// Segments with fewer spans than this, and not fewer than the one before, are of the same size.
const SIZES: [u64; 3] = [8_192, 65_536, 524_288];

/// The oldest segments that are to be merged, if there are enough.
pub(crate) fn plan(segments: &[Arc<Segment>]) -> Option<Vec<Arc<Segment>>> {
    (0..SIZES.len()).find_map(|size| merge_of(segments, size))
}

/// How many segments wait to be merged.
pub(crate) fn debt(segments: &[Arc<Segment>]) -> u64 {
    let of = |size: usize| {
        let all = of_size(segments, size).len();
        if all >= FAN_IN { all as u64 } else { 0 }
    };
    (0..SIZES.len()).map(of).sum()
}

fn merge_of(segments: &[Arc<Segment>], size: usize) -> Option<Vec<Arc<Segment>>> {
    let mut all = of_size(segments, size);
    if all.len() < FAN_IN {
        return None;
    }
    all.sort_by_key(|one| (one.entry.start, one.entry.number));
    all.truncate(FAN_IN);
    Some(all.into_iter().cloned().collect())
}

fn of_size(segments: &[Arc<Segment>], size: usize) -> Vec<&Arc<Segment>> {
    let most = SIZES.get(size).copied().unwrap_or(0);
    let least = size.checked_sub(1).and_then(|below| SIZES.get(below)).copied().unwrap_or(0);
    let is = |segment: &&Arc<Segment>| {
        // Of large spans: eight of them would have more row groups than a file may.
        let room = segment.entry.groups as usize <= GROUPS_MAX / FAN_IN;
        (least..most).contains(&segment.entry.spans) && room
    };
    segments.iter().filter(is).collect()
}
