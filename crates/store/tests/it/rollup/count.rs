//! Every span is counted once, in its series and as a side of a call.

use std::collections::BTreeMap;

use proptest::prelude::*;
use trunkline_otlp::{Kind, Span, StatusCode};
use trunkline_store::rollup::{Accumulator, Config, OTHER, Period, Rollup, calls};

use super::span::{MILLI, NOW, SECOND, With, counted, request, span, spans_of};

const KINDS: [Kind; 6] =
    [Kind::Unspecified, Kind::Internal, Kind::Server, Kind::Client, Kind::Producer, Kind::Consumer];

#[test]
fn a_span_is_counted_where_it_ended() {
    let spans = [
        span("shop", 1, 1, 0, Kind::Server).named("GET /").ended(NOW - 25 * SECOND),
        span("shop", 1, 2, 0, Kind::Server).named("GET /").failed(),
        span("shop", 1, 3, 0, Kind::Server).named("GET /").state("ot=th:c"),
    ];
    let mut accumulator = Accumulator::new(Config::default());
    accumulator.batch(&request(&spans), NOW).unwrap();
    let taken = accumulator.take(NOW);
    let told: Vec<_> = taken
        .iter()
        .flat_map(|(period, rollup)| {
            rollup.series.iter().map(move |(key, cell)| {
                (
                    *period,
                    &*key.operation,
                    key.status,
                    cell.spans,
                    calls(cell.calls()),
                    cell.sum_micros,
                )
            })
        })
        .collect();
    let (now, before) = (Period::of(NOW), Period::of(NOW - 25 * SECOND));
    assert_eq!(
        told,
        [
            (before, "GET /", StatusCode::Unset, 1, 1.0, 1_000),
            (now, "GET /", StatusCode::Unset, 1, 4.0, 4_000),
            (now, "GET /", StatusCode::Error, 1, 1.0, 1_000),
        ]
    );
    assert!(taken[&now].series.values().all(|cell| cell.bytes > 30));
    assert!(accumulator.take(NOW).is_empty());
}

#[test]
fn clocks_that_are_wrong_lose_nothing() {
    let ahead = span("a", 1, 1, 0, Kind::Server).ended(NOW + 3_600 * SECOND);
    let mut without = span("a", 1, 2, 0, Kind::Server);
    (without.start_unix_nanos, without.end_unix_nanos) = (0, 0);
    let mut backward = span("a", 1, 3, 0, Kind::Server);
    (backward.start_unix_nanos, backward.end_unix_nanos) = (NOW, NOW - MILLI);
    let old = span("a", 1, 4, 0, Kind::Server).ended(NOW - 25 * 3_600 * SECOND);
    let mut accumulator = Accumulator::new(Config::default());
    accumulator.batch(&request(&[ahead, without, backward, old]), NOW).unwrap();
    let taken = accumulator.take(NOW);
    assert_eq!(taken.keys().collect::<Vec<_>>(), [&Period::of(NOW)]);
    assert_eq!(spans_of(&taken), 3);
    assert_eq!((accumulator.counts().spans, accumulator.counts().too_old), (4, 1));
}

#[test]
fn memory_is_bounded_and_what_is_refused_is_counted() {
    let config = Config { cells_max: 50, ..Config::default() };
    let mut accumulator = Accumulator::new(config);
    for id in 1..200_u64 {
        let name =
            format!("operation {}", char::from_u32(0x4e00 + u32::try_from(id).unwrap()).unwrap());
        accumulator
            .batch(&request(&[span("a", 1, id, 0, Kind::Internal).named(&name)]), NOW)
            .unwrap();
    }
    let counts = accumulator.counts();
    assert_eq!((counts.spans, counts.refused), (199, 149));
    assert_eq!(spans_of(&accumulator.take(NOW)), 50);
}

#[test]
fn names_that_explode_are_grouped_and_series_are_bounded() {
    let config = Config { own_names_max: 10, series_per_service_max: 20, ..Config::default() };
    let mut accumulator = Accumulator::new(config);
    let mut all = Rollup::default();
    for id in 1..=5_000_u64 {
        let letter = |number: u64| char::from(b'a' + u8::try_from(number % 26).unwrap());
        let name = match id % 2 {
            0 => format!("GET /orders/{id}"),
            _ => format!("GET /{}{}{}", letter(id), letter(id / 26), letter(id / 676)),
        };
        accumulator
            .batch(&request(&[span("a", 1, id, 0, Kind::Server).named(&name)]), NOW)
            .unwrap();
        if id % 500 == 0 {
            accumulator.take(NOW).values().for_each(|part| all.merge(part));
        }
    }
    assert!(all.series.len() <= 21, "{}", all.series.len());
    let of = |name: &str| {
        all.series.iter().find(|(key, _)| &*key.operation == name).map_or(0, |(_, cell)| cell.spans)
    };
    assert!(of("GET /orders/{n}") > 2_400 && of(OTHER) > 2_000);
    assert_eq!(all.series.values().map(|cell| cell.spans).sum::<u64>(), 5_000);
    let naming = accumulator.counts().naming;
    assert_eq!((naming.grouped, naming.other), (of("GET /orders/{n}"), of(OTHER)));
}

#[test]
fn spans_without_ids_are_nobodys() {
    // A span with a name and nothing else.
    let message = [0x0a, 6, 0x12, 4, 0x12, 2, 0x2a, 0];
    let mut accumulator = Accumulator::new(Config::default());
    accumulator.batch(&message, NOW).unwrap();
    assert_eq!((accumulator.counts().invalid, accumulator.counts().spans), (1, 0));
}

fn any_span() -> impl Strategy<Value = Span> {
    let time = prop_oneof![9 => (0_u64..40).prop_map(|ago| NOW - ago * SECOND), 1 => Just(NOW - 30 * 3_600 * SECOND)];
    let flags = prop_oneof![4 => Just(0_u32), 1 => Just(0x100), 1 => Just(0x300)];
    let state = prop_oneof![4 => Just(""), 1 => Just("ot=th:8"), 1 => Just("ot=th:e6666666666666")];
    (
        0_usize..4,
        1_u8..4,
        1_u64..12,
        0_u64..12,
        0_usize..6,
        any::<bool>(),
        (time, flags, state, 0_usize..3),
    )
        .prop_map(|(service, trace, id, parent, kind, failed, (time, flags, state, said))| {
            let span = span(["a", "b", "c", ""][service], trace, id, parent, KINDS[kind]);
            let span =
                span.ended(time).flags(flags).state(state).named(["x", "y 1"][usize::from(failed)]);
            let span = match said {
                0 => span,
                1 => span.with("peer.service", "d"),
                _ => span.with("db.system", "redis"),
            };
            if failed { span.failed() } else { span }
        })
}

proptest! {
    #[test]
    fn every_span_is_in_one_series_and_every_side_in_one_place(
        batches in prop::collection::vec(prop::collection::vec(any_span(), 0..20), 0..20),
        waiting_max in prop_oneof![Just(3_usize), Just(1_000)],
    ) {
        let mut accumulator = Accumulator::new(Config { waiting_max, ..Config::default() });
        let mut all = BTreeMap::<Period, Rollup>::new();
        for (number, batch) in batches.iter().enumerate() {
            let now = NOW + number as u64 * 3 * SECOND;
            accumulator.batch(&request(batch), now).unwrap();
            accumulator.expire(now);
            if number % 4 == 0 {
                for (period, part) in accumulator.take(now) {
                    all.entry(period).or_default().merge(&part);
                }
            }
            let sides = accumulator.counts().sides;
            prop_assert_eq!(
                sides.callers + sides.callees,
                sides.callers_met + sides.callees_met + sides.by_parent + sides.told + sides.named + sides.unpaired + sides.dropped + sides.waiting
            );
        }
        accumulator.expire(NOW + 3_600 * SECOND);
        for (period, part) in accumulator.take(NOW) {
            all.entry(period).or_default().merge(&part);
        }
        let spans: Vec<&Span> = batches.iter().flatten().collect();
        let kept: Vec<&&Span> = spans.iter().filter(|span| span.end_unix_nanos > NOW - 24 * 3_600 * SECOND).collect();
        let counts = accumulator.counts();
        prop_assert_eq!(counts.spans, spans.len() as u64);
        prop_assert_eq!(counts.too_old, (spans.len() - kept.len()) as u64);
        prop_assert_eq!(spans_of(&all), kept.len() as u64);
        let failed: u64 = all.values().flat_map(|rollup| &rollup.series).filter(|(key, _)| key.status == StatusCode::Error).map(|(_, cell)| cell.spans).sum();
        prop_assert_eq!(failed, kept.iter().filter(|span| span.failed()).count() as u64);

        // Each span once: within its process, from outside, as a root, or as one side or two.
        let sides = counts.sides;
        let both = kept.iter().filter(|span| matches!(span.kind, Kind::Client | Kind::Producer) && span.parent.is_some() && span.flags == 0x300).count() as u64;
        prop_assert_eq!(sides.waiting, 0);
        prop_assert_eq!(sides.local + sides.entries + sides.roots + sides.callers + sides.callees - both, kept.len() as u64);

        // Each call once: what met, came by its parent, was named or came from outside.
        let cells = || all.values().flat_map(|rollup| &rollup.edges);
        let seen: u64 = cells().filter(|(key, _)| key.kind != trunkline_store::rollup::EdgeKind::Local).map(|(_, cell)| cell.seen).sum();
        let local: u64 = cells().filter(|(key, _)| key.kind == trunkline_store::rollup::EdgeKind::Local).map(|(_, cell)| cell.seen).sum();
        let children = kept.iter().filter(|span| span.parent.is_some()).count() as u64 - sides.callees;
        prop_assert_eq!(seen + local + sides.lost, sides.callees_met + sides.by_parent + sides.named + sides.entries + children);
        prop_assert!(all.values().flat_map(|rollup| rollup.edges.values()).all(|cell| cell.failed <= cell.calls));
    }

    #[test]
    fn rollups_merge_in_any_order(spans in prop::collection::vec(any_span(), 0..60), cut in (0_usize..60, 0_usize..60)) {
        let (low, high) = (cut.0.min(cut.1).min(spans.len()), cut.0.max(cut.1).min(spans.len()));
        let part = |spans: &[Span]| counted(spans).0;
        let (one, two, three) = (part(&spans[..low]), part(&spans[low..high]), part(&spans[high..]));
        let sum = |parts: &[&Rollup]| {
            let mut sum = Rollup::default();
            for part in parts {
                sum.merge(part);
            }
            sum
        };
        let left = sum(&[&sum(&[&one, &two]), &three]);
        prop_assert_eq!(&left, &sum(&[&one, &sum(&[&two, &three])]));
        prop_assert_eq!(&left, &sum(&[&three, &two, &one]));
        // Series need no company: parts are as good as the whole.
        prop_assert_eq!(left.series, part(&spans).series);
    }
}
