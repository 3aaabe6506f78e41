//! The spans of a trace as a list: in the order that a person wants, a window of those that fit.
//!
//! What the waterfall shows as a tree, this shows flat: the slowest, the failed, those of one service.

use std::cmp::Ordering;

use crate::skeleton::{Row, Skeleton};
use crate::waterfall::ROWS_MAX;

/// What rows are put in order by. Those that are equal stay in the order of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// When they began.
    #[default]
    Start,
    /// How long they took.
    Duration,
    /// Time in which no child of them ran.
    Own,
    /// The name of their service.
    Service,
    /// Their operation.
    Name,
}

/// What is to be seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// What rows are put in order by.
    pub order: Order,
    /// The greatest first.
    pub reverse: bool,
    /// Only spans of this service.
    pub service: Option<String>,
    /// Only spans that failed.
    pub failed_only: bool,
    /// The first row of the window.
    pub from: usize,
    /// So many rows; at most [`ROWS_MAX`].
    pub rows: usize,
}

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Rows that fit, in all.
    pub total: usize,
    /// The first of `rows` among them.
    pub from: usize,
    /// Their places in [`Skeleton::rows`].
    pub rows: Vec<usize>,
}

/// The rows of a window. `matches` has, for each row, whether it matches what is looked for; it is
/// empty when nothing is.
pub fn page(skeleton: &Skeleton, wanted: &Wanted, matches: &[bool]) -> Page {
    let fits = |row: &Row| {
        (!wanted.failed_only || row.failed())
            && wanted.service.as_ref().is_none_or(|name| **skeleton.service(row) == **name)
    };
    let mut found: Vec<(usize, &Row)> = skeleton
        .rows
        .iter()
        .enumerate()
        .filter(|(index, row)| fits(row) && matches.get(*index).copied().unwrap_or(true))
        .collect();
    found.sort_by(|(_, one), (_, other)| {
        let order = compare(skeleton, wanted.order, one, other);
        if wanted.reverse { order.reverse() } else { order }
    });
    let from = wanted.from.min(found.len());
    let rows = found.iter().skip(from).take(wanted.rows.min(ROWS_MAX));
    Page { total: found.len(), from, rows: rows.map(|(index, _)| *index).collect() }
}

fn compare(skeleton: &Skeleton, order: Order, one: &Row, other: &Row) -> Ordering {
    match order {
        Order::Start => one.start_unix_nanos.cmp(&other.start_unix_nanos),
        Order::Duration => one.duration_nanos().cmp(&other.duration_nanos()),
        Order::Own => one.own_nanos.cmp(&other.own_nanos),
        Order::Service => skeleton.service(one).cmp(skeleton.service(other)),
        Order::Name => one.name.cmp(&other.name),
    }
}

#[cfg(test)]
mod tests;
