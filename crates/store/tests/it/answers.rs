//! A store answers as the oracle does, wherever the spans are.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use trunkline_model::trace::TraceId;
use trunkline_otlp::{Span, write};
use trunkline_rt::Clock;
use trunkline_store::source::{Budget, Level, Limits, Search, SpanSource};
use trunkline_store::{Config, Store};
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

fn open() -> (tempfile::TempDir, Arc<Store>) {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(trunkline_store::disk::Folder::open(folder.path()).unwrap());
    let store = Store::open(Config::default(), disk, Clock::system()).unwrap();
    (folder, store)
}

proptest! {
    #[test]
    fn a_head_answers_as_the_oracle(all in spans(40), questions in questions()) {
        let (_folder, store) = open();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let memory = Memory::default();
        for batch in all.chunks(7) {
            let bytes = write::request(batch);
            memory.append(&bytes).unwrap();
            let accepted = runtime.block_on(store.append(Bytes::from(bytes))).unwrap();
            prop_assert_eq!(accepted.spans, batch.len());
        }
        check_answers(&*store, &memory, &questions);
    }
}
