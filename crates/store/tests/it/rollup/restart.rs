//! Exactly once: a process that crashes at any time counts the same as one that never does.

use std::sync::Arc;

use proptest::prelude::*;
use trunkline_otlp::{Kind, Span};
use trunkline_store::rollup::{Keep, Mark, Period, Rollup};

use super::keep::{all, at, memory, open};
use super::span::{NOW, SECOND, With, request, span};

#[derive(Debug, Clone)]
enum Step {
    /// A frame comes.
    Frame(Vec<Span>),
    /// Time goes on for so many seconds.
    Wait(u64),
    /// What was counted is kept.
    Keep,
    /// The process ends at once and begins again.
    Crash,
}

fn frame() -> impl Strategy<Value = Vec<Span>> {
    let kinds = prop_oneof![
        Just(Kind::Server),
        Just(Kind::Client),
        Just(Kind::Internal),
        Just(Kind::Producer),
        Just(Kind::Consumer)
    ];
    let one = (0_usize..3, 1_u8..4, 1_u64..9, 0_u64..9, kinds, 0_u64..30, any::<bool>());
    prop::collection::vec(one, 1..6).prop_map(|spans| {
        let make = |(service, trace, id, parent, kind, ago, named)| {
            let span =
                span(["a", "b", "c"][service], trace, id, parent, kind).ended(NOW - ago * SECOND);
            if named { span.with("peer.service", "x") } else { span }
        };
        spans.into_iter().map(make).collect()
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![6 => frame().prop_map(Step::Frame), 4 => (1_u64..8).prop_map(Step::Wait), 1 => Just(Step::Keep), 1 => Just(Step::Crash)];
    prop::collection::vec(step, 0..60)
}

/// What is counted in the end, and the mark.
fn run(steps: &[Step], crashes: bool) -> (Vec<(Period, Rollup)>, Mark) {
    let keep: Arc<dyn Keep> = memory();
    let mut log: Vec<(Mark, u64, Vec<u8>)> = Vec::new();
    let mut rollups = open(&keep);
    let mut now = NOW;
    for step in steps {
        match step {
            Step::Frame(spans) => {
                let (mark, bytes) = (at(log.len() as u64 + 1), request(spans));
                rollups.take(mark, &bytes, now);
                log.push((mark, now, bytes));
            }
            Step::Wait(seconds) => {
                for _ in 0..*seconds {
                    now += SECOND;
                    rollups.maintain(now).unwrap();
                }
            }
            Step::Keep => rollups.flush(now).unwrap(),
            Step::Crash if crashes => {
                drop(rollups);
                rollups = open(&keep);
                // The log from the mark on, and a little before it: a segment may know less.
                let from = rollups.mark().offset.saturating_sub(2);
                let replayed = log.iter().filter(|(mark, ..)| mark.offset > from);
                replayed.for_each(|(mark, time, bytes)| rollups.take(*mark, bytes, *time));
            }
            Step::Crash => {}
        }
    }
    rollups.maintain(now + 60 * SECOND).unwrap();
    (all(&rollups), rollups.mark())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn crashes_change_no_series(steps in steps()) {
        let series = |(all, mark): (Vec<(Period, Rollup)>, Mark)| {
            let series: Vec<_> = all.into_iter().filter(|(_, rollup)| !rollup.series.is_empty()).map(|(period, rollup)| (period, rollup.series)).collect();
            (series, mark)
        };
        prop_assert_eq!(series(run(&steps, true)), series(run(&steps, false)));
    }

    #[test]
    fn crashes_lose_no_call(sides in prop::collection::vec((1_u64..40, any::<bool>(), 0_u8..5), 0..80)) {
        let mut seen = std::collections::HashSet::new();
        let mut steps = Vec::new();
        for (call, calls, then) in sides {
            // Each side once; what both sides do in less than ten seconds does not depend on what a
            // crash forgets.
            if seen.insert((call, calls)) {
                let side = if calls {
                    span("a", 1, call, 99, Kind::Client).with("peer.service", "x")
                } else {
                    span("b", 1, 100 + call, call, Kind::Server)
                };
                steps.push(Step::Frame(vec![side]));
            }
            steps.extend(match then {
                0 => Some(Step::Crash),
                1 => Some(Step::Keep),
                _ => None,
            });
        }
        let edges = |(all, _): (Vec<(Period, Rollup)>, Mark)| {
            let edges = all.into_iter().filter(|(_, rollup)| !rollup.edges.is_empty());
            edges.map(|(period, rollup)| (period, rollup.edges)).collect::<Vec<_>>()
        };
        prop_assert_eq!(edges(run(&steps, true)), edges(run(&steps, false)));
    }
}
