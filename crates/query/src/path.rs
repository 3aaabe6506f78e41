//! The critical path: the spans whose every millisecond the trace waited for.
//!
//! From the end of the root it goes back in time: what ended last before the moment held it up, then
//! what ended last before that one's start, and so on, into each such child in the same way. What
//! runs beside a longer sibling, or goes on after its parent ended, is not on it. The parts add up
//! to the duration of the root. Where a trace has several roots, the longest is taken.

use std::cmp::Reverse;

use crate::skeleton::{Row, Segment};

/// A span on the path under way.
struct Frame {
    row: u32,
    /// The part of its time that counts.
    start: u64,
    end: u64,
    /// What is before this is not looked at yet.
    cursor: u64,
    /// Its children, the one that ended last at the end.
    children: Vec<u32>,
}

/// Marks the rows on the path and answers its parts in order of time. Rows are in pre-order.
pub(crate) fn find(rows: &mut [Row]) -> Vec<Segment> {
    let mut segments = Vec::new();
    let Some(root) = root(rows) else { return segments };
    let mut open = Vec::new();
    open.extend(frame(rows, root, 0, u64::MAX));
    while let Some(top) = open.last_mut() {
        let Some(child) = top.children.pop() else {
            push(&mut segments, top.row, top.start, top.cursor);
            open.pop();
            continue;
        };
        let Some(next) = frame(rows, child, top.start, top.end) else { continue };
        // Beside what was already found, or without any time of its own.
        if next.end > top.cursor || next.end <= next.start {
            continue;
        }
        push(&mut segments, top.row, next.end, top.cursor);
        top.cursor = next.start;
        open.push(next);
    }
    for segment in &segments {
        mark(rows, segment.row);
    }
    segments.reverse();
    segments
}

/// A row and those above it.
fn mark(rows: &mut [Row], row: u32) {
    let mut at = Some(row);
    while let Some(row) = at.and_then(|at| rows.get_mut(at as usize)).filter(|row| !row.critical) {
        row.critical = true;
        at = row.parent;
    }
}

fn push(segments: &mut Vec<Segment>, row: u32, from: u64, to: u64) {
    if to > from {
        segments.push(Segment { row, from_unix_nanos: from, to_unix_nanos: to });
    }
}

/// The longest root; one that has no parent before one whose parent is missing, the earlier first.
fn root(rows: &[Row]) -> Option<u32> {
    let roots = (0_u32..).zip(rows).filter(|(_, row)| row.parent.is_none());
    let key = |(index, row): &(u32, &Row)| {
        (row.parent_id.is_none(), row.duration_nanos(), Reverse(*index))
    };
    roots.max_by_key(key).map(|(index, _)| index)
}

/// A span within the time of its parent that counts.
fn frame(rows: &[Row], index: u32, from: u64, to: u64) -> Option<Frame> {
    let row = rows.get(index as usize)?;
    let start = row.start_unix_nanos.clamp(from, to);
    let end = row.end_unix_nanos.clamp(start, to.max(start));
    let mut children: Vec<u32> = crate::skeleton::children(rows, index).collect();
    children.sort_by_key(|child| {
        let child = rows.get(*child as usize);
        // Of those that ended together, the one that began first is looked at first.
        child.map(|child| (child.end_unix_nanos.min(end), Reverse(child.start_unix_nanos)))
    });
    Some(Frame { row: index, start, end, cursor: end, children })
}
