//! Order, filter and window of the list.

use proptest::prelude::*;

use super::*;
use crate::skeleton::tests::{skeleton, span};

/// The first span, and below it one for each further duration.
fn trace(millis: &[u64]) -> Skeleton {
    let spans = (1..).zip(millis).map(|(number, millis)| {
        span(number, u64::from(number > 1), "s", number, number + millis * MILLI)
    });
    skeleton(spans.collect())
}

const MILLI: u64 = 1_000_000;

fn whole(order: Order, reverse: bool) -> Wanted {
    Wanted { order, reverse, rows: 100, ..Wanted::default() }
}

fn durations(skeleton: &Skeleton, page: &Page) -> Vec<u64> {
    page.rows.iter().map(|row| skeleton.rows[*row].duration_nanos() / MILLI).collect()
}

#[test]
fn the_longest_come_first_when_they_are_wanted() {
    let skeleton = trace(&[9, 2, 7, 2]);
    let longest = page(&skeleton, &whole(Order::Duration, true), &[]);
    assert_eq!((durations(&skeleton, &longest), longest.total), (vec![9, 7, 2, 2], 4));
    // Equal ones stay as they are in the tree, in either order.
    assert!(longest.rows[2] < longest.rows[3]);
    let shortest = page(&skeleton, &whole(Order::Duration, false), &[]);
    assert!(shortest.rows[0] < shortest.rows[1]);
    assert_eq!(durations(&skeleton, &shortest), [2, 2, 7, 9]);
}

#[test]
fn a_window_counts_only_what_fits() {
    let skeleton = trace(&[9, 2, 7, 2]);
    let matches = [false, true, false, true];
    let second = Wanted { from: 1, rows: 1, ..whole(Order::Start, false) };
    let found = page(&skeleton, &second, &matches);
    assert_eq!(found, Page { total: 2, from: 1, rows: vec![3] });
    let nobody = Wanted { service: Some("nobody".into()), ..whole(Order::Start, false) };
    assert_eq!(page(&skeleton, &nobody, &[]), Page::default());
    let failed = Wanted { failed_only: true, ..whole(Order::Start, false) };
    assert_eq!(page(&skeleton, &failed, &[]).total, 0);
    let beyond = Wanted { from: 99, ..whole(Order::Start, false) };
    assert_eq!(page(&skeleton, &beyond, &[]), Page { total: 4, from: 4, rows: Vec::new() });
}

proptest! {
    #[test]
    fn windows_beside_each_other_are_the_whole(millis in proptest::collection::vec(0u64..5, 1..40), rows in 1usize..9) {
        let skeleton = trace(&millis);
        let order = whole(Order::Duration, true);
        let all = page(&skeleton, &order, &[]).rows;
        let mut joined = Vec::new();
        while joined.len() < all.len() {
            let window = Wanted { from: joined.len(), rows, ..order.clone() };
            joined.extend(page(&skeleton, &window, &[]).rows);
        }
        prop_assert_eq!(joined, all);
    }
}
