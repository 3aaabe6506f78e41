//! Folding and paging, against the plain meaning of both.

use proptest::prelude::*;
use trunkline_otlp::Value;
use trunkline_rt::Clock;
use trunkline_store::source::Limits;

use super::*;
use crate::skeleton::tests::{skeleton, span, spans_of};

fn id(number: u64) -> SpanId {
    SpanId::new(number.to_be_bytes()).unwrap()
}

/// 1 ─ 2 ─ 3, 4   and 5 ─ 6.
fn two_branches() -> Skeleton {
    skeleton(spans_of(&[(1, 0), (2, 1), (3, 2), (4, 2), (5, 1), (6, 5)]))
}

fn matches(spans: &[Span], text: &str) -> Vec<bool> {
    super::matches(spans, text, &mut Budget::new(&Clock::system(), Limits::default())).unwrap()
}

/// What almost fits everywhere takes about as long as a single letter.
#[test]
fn a_text_is_looked_for_in_linear_time() {
    let mut spans = spans_of(&[(1, 0)]);
    spans[0].attributes.push(("key".into(), Value::Text("aA".repeat(1 << 19).into())));
    let took = |wanted: &str| {
        let begun = std::time::Instant::now();
        assert_eq!(matches(&spans, wanted), [false]);
        begun.elapsed()
    };
    let almost = format!("{}b", "a".repeat(WANTED_CHARS_MAX - 1));
    let (one, many) = (took("z"), took(&almost));
    assert!(many < one * 20, "{many:?} against {one:?}");
    spans[0].attributes.push(("key".into(), Value::Text(format!("x{almost}").into())));
    assert_eq!(matches(&spans, &almost.to_uppercase()), [true]);
}

#[test]
fn nobody_looks_for_a_text_when_nobody_waits() {
    let mut budget = Budget::new(&Clock::system(), Limits::default());
    budget.cancel().store(true, std::sync::atomic::Ordering::Relaxed);
    let spans: Vec<Span> = (1..=2_000).map(|id| span(id, 0, "web", 0, 1)).collect();
    assert_eq!(super::matches(&spans, "x", &mut budget), Err(Spent::Cancelled));
}

fn shown(page: &Page, skeleton: &Skeleton) -> Vec<u64> {
    let number = |shown: &Shown| u64::from_be_bytes(*skeleton.rows[shown.row].id.bytes());
    page.rows.iter().map(number).collect()
}

#[test]
fn folded_spans_hide_what_is_below_them() {
    let skeleton = two_branches();
    let window = Window { collapsed: [id(2)].into(), rows: 10, ..Window::default() };
    let found = page(&skeleton, &window, &[]);
    assert_eq!((shown(&found, &skeleton), found.total), (vec![1, 2, 5, 6], 4));
    assert!(found.rows[1].collapsed && !found.rows[0].collapsed);
    let deep =
        Window { collapse_depth: Some(1), expanded: [id(5)].into(), rows: 10, ..Window::default() };
    assert_eq!(shown(&page(&skeleton, &deep, &[]), &skeleton), [1, 2, 5, 6]);
}

#[test]
fn a_wanted_span_is_unfolded_and_in_the_window() {
    let skeleton = two_branches();
    let window = Window {
        collapsed: [id(1), id(2)].into(),
        rows: 2,
        focus: Some(id(4)),
        ..Window::default()
    };
    let found = page(&skeleton, &window, &[]);
    assert_eq!((found.focus, found.total), (Some(3), 6));
    assert!(shown(&found, &skeleton).contains(&4));
}

#[test]
fn what_is_hidden_is_told_at_the_row_that_hides_it() {
    let mut spans = spans_of(&[(1, 0), (2, 1), (3, 2), (4, 1)]);
    spans[2].status.code = trunkline_otlp::StatusCode::Error;
    spans[2].attributes.push(("db.statement".into(), Value::Text("SELECT Δ".into())));
    let skeleton = skeleton(spans.clone());
    let window = Window { collapsed: [id(2)].into(), rows: 10, ..Window::default() };
    let found = page(&skeleton, &window, &matches(&spans, "select δ"));
    assert_eq!((found.failed, found.matched), (vec![1], vec![1]));
    assert!(!found.rows[1].matched);
    assert_eq!(matches(&spans, "OP4"), [false, false, false, true]);
}

#[test]
fn a_hundred_thousand_spans_are_paged_without_walking_what_is_folded() {
    let ids: Vec<_> = (1..=100_000_u64).map(|number| (number, number / 10)).collect();
    let skeleton = skeleton(spans_of(&ids));
    let window = Window { from: 99_990, rows: 100, ..Window::default() };
    let found = page(&skeleton, &window, &[]);
    assert_eq!((found.total, found.rows.len()), (100_000, 10));
    assert_eq!(minimap(&skeleton).len(), BARS_MAX);
}

proptest! {
    #[test]
    fn a_page_is_a_part_of_all_visible_rows(
        raw in prop::collection::vec((1_u64..20, 0_u64..20, 0_u64..50, 0_u64..50), 1..40),
        folded in prop::collection::hash_set(1_u64..20, 0..5),
        critical_only in any::<bool>(),
        from in 0_usize..40,
        rows in 0_usize..10,
    ) {
        let spans = raw.iter().map(|(number, parent, start, length)| {
            span(*number, *parent, "s", *start, start + length)
        });
        let skeleton = skeleton(spans.collect());
        let window = Window {
            collapsed: folded.iter().map(|number| id(*number)).collect(),
            critical_only,
            from,
            rows,
            ..Window::default()
        };
        let visible: Vec<usize> = skeleton.rows.iter().enumerate().filter(|(_, row)| {
            let hidden = skeleton.ancestors(row).any(|above| window.collapsed.contains(&above.id));
            !hidden && (row.critical || !critical_only)
        }).map(|(at, _)| at).collect();
        let found = page(&skeleton, &window, &[]);
        prop_assert_eq!(found.total, visible.len());
        let expect: Vec<_> = visible.into_iter().skip(from).take(rows).collect();
        prop_assert_eq!(found.rows.iter().map(|shown| shown.row).collect::<Vec<_>>(), expect);
    }
}
