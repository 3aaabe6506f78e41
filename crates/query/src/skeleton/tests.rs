//! Laws of the tree, of own time and of the critical path, over random forests and drawn ones.

use std::sync::Arc;

use proptest::prelude::*;
use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::{Resource, Scope, Span, Status, StatusCode, Value};

use super::*;
use crate::trace::Trace;

fn id(number: u64) -> Option<SpanId> {
    SpanId::new(number.to_be_bytes())
}

/// A span of a service from `start` to `end`.
pub(crate) fn span(number: u64, parent: u64, service: &str, start: u64, end: u64) -> Span {
    let attributes = vec![("service.name".into(), Value::Text(service.into()))];
    Span {
        trace: TraceId::new([7; 16]).unwrap(),
        id: id(number).unwrap(),
        parent: id(parent),
        trace_state: "".into(),
        flags: 0,
        name: format!("op{number}").into(),
        kind: Kind::Internal,
        start_unix_nanos: start,
        end_unix_nanos: end,
        attributes: Vec::new(),
        dropped_attributes: 0,
        events: Vec::new(),
        dropped_events: 0,
        links: Vec::new(),
        dropped_links: 0,
        status: Status::default(),
        resource: Arc::new(Resource { attributes, ..Resource::default() }),
        scope: Arc::new(Scope::default()),
    }
}

/// Spans with these ids and parents, 0 for none, one after another in time.
pub(crate) fn spans_of(ids: &[(u64, u64)]) -> Vec<Span> {
    let spans = (0..).zip(ids);
    spans.map(|(at, (number, parent))| span(*number, *parent, "s", at, at + 10)).collect()
}

pub(crate) fn skeleton(spans: Vec<Span>) -> Skeleton {
    Skeleton::of(&mut Trace::stored(spans).unwrap())
}

/// The path as `op:from-to` words.
fn path(spans: Vec<Span>) -> String {
    let skeleton = skeleton(spans);
    let words = skeleton.path.iter().map(|part| {
        let name = &skeleton.rows[part.row as usize].name;
        format!("{name}:{}-{}", part.from_unix_nanos, part.to_unix_nanos)
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_path_goes_through_who_ended_last() {
    let root = || span(1, 0, "web", 0, 100);
    assert_eq!(path(vec![root()]), "op1:0-100");
    let calls =
        vec![root(), span(2, 1, "a", 10, 40), span(3, 1, "b", 20, 90), span(4, 3, "c", 30, 50)];
    assert_eq!(path(calls), "op1:0-20 op3:20-30 op4:30-50 op3:50-90 op1:90-100");
    let in_turn = vec![root(), span(2, 1, "a", 10, 40), span(3, 1, "b", 40, 90)];
    assert_eq!(path(in_turn), "op1:0-10 op2:10-40 op3:40-90 op1:90-100");
}

#[test]
fn what_outlives_its_parent_counts_until_the_parents_end() {
    let spans =
        vec![span(1, 0, "web", 0, 100), span(2, 1, "a", 50, 200), span(3, 1, "b", 120, 150)];
    assert_eq!(path(spans), "op1:0-50 op2:50-100");
}

#[test]
fn own_time_is_what_no_child_covers() {
    let spans = vec![
        span(1, 0, "web", 0, 100),
        span(2, 1, "a", 10, 40),
        span(3, 1, "a", 30, 60),
        span(4, 1, "a", 90, 150),
    ];
    let own: Vec<_> = skeleton(spans).rows.iter().map(|row| row.own_nanos).collect();
    assert_eq!(own, [40, 30, 30, 60]);
}

#[test]
fn a_failure_is_explained_by_the_deepest_failed_span() {
    let failed = |mut span: Span, message: &str| {
        span.status = Status { code: StatusCode::Error, message: message.into() };
        span
    };
    let mut deepest = failed(span(3, 2, "db", 20, 30), "");
    deepest.attributes.push(("error.type".into(), Value::Text("timeout".into())));
    let spans = vec![
        failed(span(1, 0, "web", 0, 50), "bad gateway"),
        failed(span(2, 1, "api", 10, 40), "x"),
        deepest,
    ];
    let skeleton = skeleton(spans);
    assert_eq!(skeleton.causes.len(), 1);
    let cause = &skeleton.causes[0];
    assert_eq!((&*cause.service, &*cause.message, cause.path.len()), ("db", "timeout", 3));
    assert_eq!(skeleton.rows[0].failed_below, 2);
}

#[test]
fn a_trace_of_a_hundred_thousand_levels_is_no_problem() {
    let ids: Vec<_> = (1..=100_000).map(|number| (number, number - 1)).collect();
    let skeleton = skeleton(spans_of(&ids));
    assert_eq!((skeleton.depth_max(), skeleton.rows[0].size), (99_999, 100_000));
}

proptest! {
    #[test]
    fn rows_are_a_tree_and_the_path_covers_its_root(
        raw in prop::collection::vec((1_u64..30, 0_u64..30, 0_u64..50, 0_u64..50), 1..60)
    ) {
        let spans = raw.iter().map(|(number, parent, start, length)| {
            span(*number, *parent, ["a", "b"][(*number % 2) as usize], *start, start + length)
        });
        let skeleton = skeleton(spans.collect());
        prop_assert_eq!(skeleton.rows.len(), raw.len());
        for (index, row) in (0_u32..).zip(&skeleton.rows) {
            let below = children(&skeleton.rows, index);
            let (mut number, mut size) = (0, 1);
            for child in below {
                let child = &skeleton.rows[child as usize];
                prop_assert_eq!((child.parent, child.depth), (Some(index), row.depth + 1));
                number += 1;
                size += child.size;
            }
            prop_assert_eq!((row.children, row.size), (number, size));
            prop_assert!(row.own_nanos <= row.duration_nanos());
        }
        let roots = || skeleton.rows.iter().filter(|row| row.parent.is_none());
        let true_roots = roots().filter(|row| row.parent_id.is_none());
        let longest = true_roots.map(Row::duration_nanos).max();
        let longest = longest.or_else(|| roots().map(Row::duration_nanos).max()).unwrap();
        let sum: u64 = skeleton.path.iter().map(Segment::nanos).sum();
        prop_assert_eq!(sum, longest);
        for pair in skeleton.path.windows(2) {
            prop_assert_eq!(pair[0].to_unix_nanos, pair[1].from_unix_nanos);
        }
        let own: u64 = skeleton.shares().values().map(|share| share.critical_nanos).sum();
        prop_assert_eq!(own, sum);
    }
}
