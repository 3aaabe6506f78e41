//! Laws of the tree, on spans made here.

use std::time::{Duration, Instant};

use trunkline_model::trace::{SpanKind, TraceId};

use super::*;

fn id(number: u64) -> SpanId {
    SpanId::new((number + 1).to_be_bytes()).unwrap()
}

/// A span from `from` to `to`, in microseconds.
fn span(number: u64, parent: Option<u64>, from: u64, to: u64) -> Span {
    Span {
        trace: TraceId::new([1; 16]).unwrap(),
        id: id(number),
        parent: parent.map(id),
        service: "shop".into(),
        name: "GET".into(),
        kind: SpanKind::Server,
        start_unix_nanos: from * 1_000,
        duration: Duration::from_micros(to - from),
        failed: false,
        attributes: Vec::new(),
    }
}

fn shape(spans: &[Span]) -> Vec<(usize, usize, u64, bool)> {
    let tree = Tree::of(spans);
    let place = |place: &Place| (place.span, place.depth, place.own / 1_000, place.critical);
    tree.places.iter().map(place).collect()
}

#[test]
fn children_follow_their_parent_and_the_slow_branch_is_critical() {
    let spans = [
        span(0, None, 0, 100),
        span(1, Some(0), 10, 40),
        span(2, Some(0), 20, 90),
        span(3, Some(1), 12, 30),
        span(4, Some(2), 50, 80),
    ];
    assert_eq!(
        shape(&spans),
        [
            (0, 0, 20, true),
            (1, 1, 12, false),
            (3, 2, 18, false),
            (2, 1, 40, true),
            (4, 2, 30, true),
        ]
    );
}

#[test]
fn calls_one_after_the_other_are_all_critical() {
    let spans = [span(0, None, 0, 100), span(1, Some(0), 10, 40), span(2, Some(0), 45, 90)];
    assert_eq!(shape(&spans), [(0, 0, 25, true), (1, 1, 30, true), (2, 1, 45, true)]);
}

#[test]
fn torn_and_circular_traces_have_every_span_once() {
    let spans = [
        span(0, Some(9), 0, 10),
        span(1, Some(2), 1, 5),
        span(2, Some(1), 2, 4),
        span(3, Some(3), 3, 4),
        span(0, Some(0), 4, 40),
    ];
    let mut places: Vec<usize> = Tree::of(&spans).places.iter().map(|place| place.span).collect();
    places.sort_unstable();
    assert_eq!(places, [0, 1, 2, 3, 4]);
    assert!(Tree::of(&[]).places.is_empty());
}

#[test]
fn a_child_that_outlives_its_parent_takes_all_of_its_time() {
    let spans = [span(0, None, 0, 100), span(1, Some(0), 60, 300)];
    assert_eq!(shape(&spans), [(0, 0, 60, true), (1, 1, 240, true)]);
}

#[test]
fn a_hundred_thousand_spans_in_one_line_or_under_one_parent_are_no_trouble() {
    let many = 100_000;
    let chain: Vec<Span> =
        (0..many).map(|at| span(at, at.checked_sub(1), at, 2 * many - at)).collect();
    let fan: Vec<Span> = (0..many).map(|at| span(at, (at > 0).then_some(0), at, at + 1)).collect();
    let begun = Instant::now();
    for spans in [chain, fan] {
        let tree = Tree::of(&spans);
        assert_eq!(tree.places.len(), spans.len());
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
