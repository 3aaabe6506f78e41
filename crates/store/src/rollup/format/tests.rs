//! What is written comes back, and damage is noticed.

use std::sync::Arc;

use proptest::prelude::*;
use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::{Kind, StatusCode};
use trunkline_rt::metrics::Sparse;

use super::*;
use crate::rollup::Mark;
use crate::rollup::accumulate::Checkpoint;
use crate::rollup::cell::{Cell, EdgeCell};
use crate::rollup::pairs::{Kept, Side};
use crate::rollup::period::{EdgeKey, EdgeKind, Recorder, Rollup, SeriesKey};
use crate::rollup::texts::Texts;
use crate::rollup::weight::Weight;

fn text() -> impl Strategy<Value = Arc<str>> {
    prop_oneof!["[a-d]{0,2}", "\\PC{0,12}"].prop_map(|text: String| Arc::from(text))
}

fn histogram() -> impl Strategy<Value = Sparse> {
    let weight = prop_oneof![Just(1_u64 << 16), 1_u64..1 << 20, any::<u64>()];
    prop::collection::vec((any::<u8>(), weight), 0..8).prop_map(|pairs| {
        let mut sparse = Sparse::default();
        for (bucket, weight) in pairs {
            sparse.add_to(bucket, weight);
        }
        sparse
    })
}

fn recorder() -> impl Strategy<Value = Recorder> {
    prop_oneof![Just(Recorder::Own), Just(Recorder::Proxy)]
}

fn series() -> impl Strategy<Value = (SeriesKey, Cell)> {
    (text(), recorder(), text(), 0_u64..6, 0_u64..3, any::<[u32; 3]>(), histogram()).prop_map(
        |(service, recorder, operation, kind, status, [spans, bytes, sum], latency)| {
            let (kind, status) = (Kind::of(kind), StatusCode::of(status));
            let key = SeriesKey { service, recorder, operation, kind, status };
            (
                key,
                Cell { spans: spans.into(), bytes: bytes.into(), sum_micros: sum.into(), latency },
            )
        },
    )
}

fn edge() -> impl Strategy<Value = (EdgeKey, EdgeCell)> {
    (text(), text(), 0_u8..6, recorder(), any::<[u64; 5]>(), histogram(), histogram()).prop_map(
        |(
            caller,
            callee,
            kind,
            recorder,
            [seen, calls, failed, caller_micros, callee_micros],
            one,
            two,
        )| {
            let key = EdgeKey { caller, callee, kind: EdgeKind::of(kind).unwrap(), recorder };
            (
                key,
                EdgeCell {
                    seen,
                    calls,
                    failed,
                    caller_micros,
                    caller: one,
                    callee_micros,
                    callee: two,
                },
            )
        },
    )
}

fn rollup() -> impl Strategy<Value = Rollup> {
    (
        prop::collection::btree_map(any::<u8>(), series(), 0..30),
        prop::collection::btree_map(any::<u8>(), edge(), 0..20),
    )
        .prop_map(|(series, edges)| Rollup {
            series: series.into_values().collect(),
            edges: edges.into_values().collect(),
        })
}

fn side() -> impl Strategy<Value = Kept> {
    (any::<[u64; 5]>(), any::<[u32; 2]>(), 0_u64..6, any::<[bool; 3]>()).prop_map(
        |([id, until, weight, micros, end], [node, peer], kind, [failed, calls, named])| {
            let key =
                (TraceId::new([7; 16]).unwrap(), SpanId::new(id.max(1).to_be_bytes()).unwrap());
            let peer = named.then_some((EdgeKind::Database, peer));
            let weight = Weight::from_fixed(weight);
            Kept {
                until,
                key,
                calls,
                side: Side { node, kind: Kind::of(kind), failed, weight, micros, end, peer },
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_rollup_comes_back(rollup in rollup()) {
        let read = read(&write(&rollup), &Wanted::ALL, &mut Texts::default());
        prop_assert_eq!(read.as_ref(), Ok(&rollup));
    }

    #[test]
    fn what_is_not_wanted_is_left_out(rollup in rollup(), service in text(), edges in any::<bool>()) {
        let wanted = Wanted { series: &|name| *name == *service, edges };
        let read = read(&write(&rollup), &wanted, &mut Texts::default()).unwrap();
        let mut expected = rollup;
        expected.series.retain(|key, _| key.service == service);
        if !edges {
            expected.edges.clear();
        }
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn damage_is_an_error_or_other_numbers_but_no_panic(rollup in rollup(), place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = write(&rollup);
        let place = place.index(bytes.len());
        if cut { bytes.truncate(place) } else { bytes[place] = byte }
        let read = read(&bytes, &Wanted::ALL, &mut Texts::default());
        prop_assert!(!cut || read.is_err());
    }

    #[test]
    fn anything_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, &Wanted::ALL, &mut Texts::default());
        let mut framed = vec![1, 0];
        trunkline_otlp::wire::put_varint(&mut framed, bytes.len() as u64);
        framed.extend_from_slice(&bytes);
        let _ = read(&framed, &Wanted::ALL, &mut Texts::default());
        let _ = read_state(&bytes);
    }

    #[test]
    fn a_state_comes_back(sequence in any::<u64>(), file in any::<u64>(), offset in any::<u64>(), sides in prop::collection::vec(side(), 0..20), names in prop::collection::btree_map(any::<u32>(), text(), 0..9)) {
        let state = State { sequence, mark: Mark { file, offset }, checkpoint: Checkpoint { names, sides } };
        let bytes = write_state(&state);
        let read = read_state(&bytes);
        prop_assert_eq!(read.as_ref(), Ok(&state));
        prop_assert_eq!(read_state(&bytes[..bytes.len() - 1]), Err(Unreadable::Damaged));
    }
}

#[test]
fn newer_versions_are_refused() {
    let mut bytes = write(&Rollup::default());
    bytes[0] = 2;
    assert_eq!(read(&bytes, &Wanted::ALL, &mut Texts::default()), Err(Unreadable::Newer(2)));
    let mut bytes = write_state(&State::default());
    bytes[0] = 9;
    assert_eq!(read_state(&bytes), Err(Unreadable::Newer(9)));
}
