//! Pages of searches, whether the store can say what is asked for or not.

use std::collections::BTreeSet;

use proptest::prelude::*;
use trunkline_query::expression::{
    Comparison, Constant, Field, Nested, Operand, Place, Predicate, Reference, lower,
};
use trunkline_query::search::{Query, edges, find};
use trunkline_store::source::{Level, QueryError, Spent};
use trunkline_testkit::spans::Memory;

use crate::make::{budget, small_budget, span, trace_id};

fn attribute(level: Level, key: &str) -> Reference {
    Reference::Attribute(Place::At(level), key.into())
}

fn equal(reference: Reference, number: i64) -> Predicate {
    Predicate::equal(reference, Constant::Int(number))
}

/// An event with both numbers: the store can only say that there are events with each.
fn both(a: i64, b: i64) -> Predicate {
    let part = equal(attribute(Level::Event, "a"), a).and(equal(attribute(Level::Event, "b"), b));
    Predicate::Some(Nested::Event, Box::new(part))
}

fn query(predicate: Predicate, limit: usize) -> Query {
    Query { predicate, start_unix_nanos: 0..=u64::MAX, limit, after: None }
}

/// All pages of a search; a page is never empty while there are more.
fn pages(source: &Memory, mut query: Query) -> Vec<u128> {
    let mut all = Vec::new();
    loop {
        let page = find(source, &query, &mut budget()).unwrap();
        assert!(page.hits.len() <= query.limit && !page.partial);
        all.extend(page.hits.iter().map(|hit| u128::from_be_bytes(*hit.trace.bytes())));
        match page.hits.last() {
            Some(last) if page.more => query.after = Some(*last),
            _ => return all,
        }
    }
}

proptest! {
    #[test]
    fn pages_tell_every_trace_once_that_has_such_a_span(
        raw in prop::collection::vec(
            (1_u64..30, 0_u64..50, 0_i64..4, prop::collection::vec((0_i64..3, 0_i64..3), 0..3)),
            0..60,
        ),
        wanted in 0_usize..4,
        limit in 1_usize..6,
        from in 0_u64..50,
    ) {
        let ids = 1_u64..;
        let spans: Vec<_> = raw.iter().zip(ids).map(|((trace, start, value, events), id)| {
            span(*trace, id, *start, *value, events)
        }).collect();
        let predicate = match wanted {
            0 => equal(attribute(Level::Span, "k"), 1),
            1 => both(1, 2),
            2 => Predicate::Not(Box::new(both(1, 1))),
            _ => Predicate::Compare(
                Operand::Reference(Reference::Field(Field::StartTime)),
                Comparison::Less,
                Operand::Constant(Constant::Moment(25)),
            ),
        };
        prop_assert_eq!(lower(&predicate).exact, wanted == 0);
        let asked = Query { start_unix_nanos: from..=u64::MAX, ..query(predicate.clone(), limit) };
        let expect: BTreeSet<u128> = spans
            .iter()
            .filter(|span| span.start_unix_nanos >= from && predicate.takes(span))
            .map(|span| u128::from_be_bytes(*span.trace.bytes()))
            .collect();
        let found = pages(&Memory::new(spans), asked);
        prop_assert_eq!(found.len(), expect.len());
        prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expect);
    }
}

#[test]
fn traces_that_are_named_are_looked_up() {
    let spans: Vec<_> = (1..2_000).map(|trace| span(trace, 1, trace, 1, &[])).collect();
    let memory = Memory::new(spans);
    let id = |number: u64| Constant::Text(trace_id(number).to_string().into());
    let field = || Reference::Field(Field::TraceId);
    let one = Predicate::equal(field(), id(7)).and(equal(attribute(Level::Span, "k"), 1));
    assert_eq!(pages(&memory, query(one, 5)), [7]);
    let other = Predicate::equal(field(), id(7)).and(equal(attribute(Level::Span, "k"), 2));
    assert!(pages(&memory, query(other, 5)).is_empty());
    let several = Predicate::Any(vec![
        Predicate::In(field(), (1..=5).map(id).collect()),
        Predicate::equal(field(), id(9)),
    ]);
    assert_eq!(pages(&memory, query(several, 2)), [9, 5, 4, 3, 2, 1]);
}

#[test]
fn a_search_that_costs_too_much_tells_what_it_found() {
    let spans: Vec<_> = (1..20_000).map(|trace| span(trace, 1, trace, 1, &[(1, 2)])).collect();
    let memory = Memory::new(spans);
    // Enough to look for candidates once and for some of their traces.
    let found = find(&memory, &query(both(1, 2), 1_000), &mut small_budget(100_000)).unwrap();
    assert!(found.partial && !found.hits.is_empty() && found.hits.len() < 1_000);
    let gone = budget();
    gone.cancel().store(true, std::sync::atomic::Ordering::Relaxed);
    let answer = find(&memory, &query(both(1, 2), 10), &mut gone.clone());
    let cancelled = matches!(answer, Err(QueryError::Budget(Spent::Cancelled)));
    assert!(cancelled || answer.is_ok_and(|found| found.partial && found.hits.is_empty()));
}

#[test]
fn edges_are_exact_while_the_traces_are_few() {
    let child = |trace| {
        let mut child = span(trace, 2, 1, 1, &[]);
        let mut resource = (*child.resource).clone();
        resource.attributes[0].1 = trunkline_otlp::Value::Text("t".into());
        child.resource = resource.into();
        child.parent = Some(span(trace, 1, 0, 1, &[]).id);
        child
    };
    let spans = (1..=300).flat_map(|trace| [span(trace, 1, 0, 1, &[]), child(trace)]).collect();
    let memory = Memory::new(spans);
    let (found, exact) = edges(&memory, 0..=u64::MAX, 1_000, &mut budget()).unwrap();
    assert_eq!((found.len(), found[0].calls, exact), (1, 300, true));
    let (found, exact) = edges(&memory, 0..=u64::MAX, 100, &mut budget()).unwrap();
    assert_eq!((found[0].calls, exact), (100, false));
}
