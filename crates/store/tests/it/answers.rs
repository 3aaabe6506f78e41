//! A store answers as the oracle does, wherever the spans are.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use trunkline_model::trace::TraceId;
use trunkline_otlp::{Span, write};
use trunkline_rt::Clock;
use trunkline_store::disk::Recorder;
use trunkline_store::source::{Budget, Level, Limits, Search, SpanSource};
use trunkline_store::{Accepted, Config, Memory as Bounds, Refused, Retention, Store};
use trunkline_testkit::Memory;

use crate::generate::{level_and_key, search, spans, trace_id};

/// Everything that is asked in one case.
#[derive(Debug, Clone)]
pub(crate) struct Questions {
    searches: Vec<Search>,
    ids: Vec<TraceId>,
    values: Vec<(Level, Arc<str>, String, usize)>,
}

pub(crate) fn questions() -> impl Strategy<Value = Questions> {
    let values = (level_and_key(), "[Gou4]?", 0..5_usize)
        .prop_map(|((level, key), prefix, limit)| (level, key, prefix, limit));
    (
        prop::collection::vec(search(), 1..6),
        prop::collection::vec(trace_id(), 0..5),
        prop::collection::vec(values, 0..4),
    )
        .prop_map(|(searches, ids, values)| Questions { searches, ids, values })
}

fn budget() -> Budget {
    Budget::new(&Clock::system(), Limits::default())
}

/// Numbers that are none are equal here: they are if their bytes are.
pub(crate) fn bytes_of(traces: &[Vec<Span>]) -> Vec<Vec<u8>> {
    traces.iter().flatten().map(|span| write::request([span])).collect()
}

/// Asks both everything.
pub(crate) fn check_answers(store: &dyn SpanSource, memory: &Memory, questions: &Questions) {
    let budget = &mut budget();
    let services = memory.services(budget).unwrap();
    assert_eq!(store.services(budget).unwrap(), services);
    for service in services.iter().map(|service| Some(&**service)).chain([None, Some("none")]) {
        let expected = memory.operations(service, budget).unwrap();
        assert_eq!(store.operations(service, budget).unwrap(), expected, "{service:?}");
    }
    assert_eq!(store.keys(budget).unwrap(), memory.keys(budget).unwrap());
    for (level, key, prefix, limit) in &questions.values {
        let expected = memory.values(*level, key, prefix, *limit, budget).unwrap();
        let values = store.values(*level, key, prefix, *limit, budget).unwrap();
        assert_eq!(values, expected, "{level:?} {key}");
    }
    let expected = memory.traces(&questions.ids, budget).unwrap();
    let traces = store.traces(&questions.ids, budget).unwrap();
    assert_eq!(bytes_of(&traces), bytes_of(&expected));
    let expected = memory.summaries(&questions.ids, budget).unwrap();
    assert_eq!(store.summaries(&questions.ids, budget).unwrap(), expected);
    for search in &questions.searches {
        let expected = memory.search(search, budget).unwrap();
        assert_eq!(store.search(search, budget).unwrap(), expected, "{search:?}");
    }
}

/// A store that cuts early, on a disk in memory.
pub(crate) fn small() -> Config {
    Config {
        memory: Bounds { head_spans_max: 9, ..Bounds::default() },
        retention: Retention { age: None, free_bytes: 0, ..Retention::default() },
        ..Config::default()
    }
}

pub(crate) fn open(config: &Config, disk: &Recorder) -> Arc<Store> {
    Store::open(config.clone(), Arc::new(disk.clone()), Clock::system()).unwrap()
}

pub(crate) fn append(store: &Store, batch: &[Span]) -> Result<Accepted, Refused> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(store.append(Bytes::from(write::request(batch))))
}

/// What happens to a store.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// So many spans come.
    Append(usize),
    /// What is due is done.
    Maintain,
    /// The head is cut.
    Flush,
    /// It is closed and opened.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (1..6_usize).prop_map(Step::Append),
        1 => Just(Step::Maintain),
        3 => Just(Step::Flush),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..50)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_store_answers_as_the_oracle(
        all in spans(100),
        steps in steps(),
        questions in questions(),
    ) {
        let disk = Recorder::new();
        let config = small();
        let mut store = open(&config, &disk);
        let memory = Memory::default();
        let mut left = all.as_slice();
        for step in steps {
            match step {
                Step::Append(count) => {
                    let (batch, rest) = left.split_at(count.min(left.len()));
                    left = rest;
                    memory.extend(batch.to_vec());
                    prop_assert_eq!(append(&store, batch).unwrap().spans, batch.len());
                }
                Step::Maintain => store.maintain().unwrap(),
                Step::Flush => store.flush().unwrap(),
                Step::Restart => {
                    store.close();
                    drop(store);
                    store = open(&config, &disk);
                }
            }
        }
        check_answers(&*store, &memory, &questions);
        let stats = store.stats();
        let removed: u64 = stats.removed.iter().map(|removed| removed.spans).sum();
        prop_assert_eq!(stats.stored, stats.spans - stats.head_spans + removed);
        prop_assert_eq!(stats.spans + removed, memory.all().len() as u64);
        prop_assert!(stats.damaged.is_empty() && stats.failing.is_none());
    }
}
