//! Batches that can be told apart, and what is found of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::{Kind, Resource, Scope, Span, Status, StatusCode, Value, write};
use trunkline_rt::Clock;
use trunkline_store::disk::Disk;
use trunkline_store::rollup::{Period, Rollup, Wanted};
use trunkline_store::source::{Budget, Limits, Search, SpanSource};
use trunkline_store::{Accepted, Config, Memory, OpenError, Refused, Retention, Store};

/// When the first of them began.
pub const BASE: u64 = 1_790_000_000_000_000_000;

pub fn trace(number: u64) -> TraceId {
    TraceId::new(u128::from(number + 1).to_be_bytes()).unwrap()
}

/// A span that no other is equal to.
pub fn span(trace_number: u64, number: u64) -> Span {
    let service = format!("service-{}", number % 3);
    let text = |text: String| Value::Text(text.into());
    Span {
        trace: trace(trace_number),
        id: SpanId::new((number + 1).to_be_bytes()).unwrap(),
        parent: None,
        trace_state: "".into(),
        flags: 1,
        name: format!("operation-{}", number % 5).into(),
        kind: Kind::Server,
        start_unix_nanos: BASE + number * 1_000,
        end_unix_nanos: BASE + number * 1_000 + 500,
        attributes: vec![
            ("number".into(), Value::Int(number.cast_signed())),
            ("parity".into(), text((number % 2).to_string())),
        ],
        dropped_attributes: 0,
        events: Vec::new(),
        dropped_events: 0,
        links: Vec::new(),
        dropped_links: 0,
        status: Status { code: StatusCode::Unset, message: "".into() },
        resource: Arc::new(Resource {
            attributes: vec![("service.name".into(), text(service))],
            ..Resource::default()
        }),
        scope: Arc::new(Scope::default()),
    }
}

/// Three spans of the trace of this number.
pub fn batch(number: u64) -> Vec<Span> {
    (0..3).map(|nth| span(number, number * 3 + nth)).collect()
}

/// A store that cuts and merges early.
pub fn small() -> Config {
    let mut config = Config {
        memory: Memory { head_spans_max: 20, ..Memory::default() },
        retention: Retention { age: None, free_bytes: 0, ..Retention::default() },
        ..Config::default()
    };
    // Spans of these tests are as old as the tests.
    config.rollups.kept = Duration::from_hours(24 * 365 * 100);
    config.log.file_bytes = 8 * 1024;
    config.log.free_bytes_min = 0;
    config
}

pub fn try_open(
    config: &Config,
    disk: &(impl Disk + Clone + 'static),
) -> Result<Arc<Store>, OpenError> {
    Store::open(config.clone(), Arc::new(disk.clone()), Clock::system())
}

pub fn open(config: &Config, disk: &(impl Disk + Clone + 'static)) -> Arc<Store> {
    try_open(config, disk).unwrap()
}

pub fn append(store: &Store, batch: &[Span]) -> Result<Accepted, Refused> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(store.append(Bytes::from(write::request(batch))))
}

pub fn budget() -> Budget {
    Budget::new(&Clock::system(), Limits::default())
}

/// Every span that is found, by trace. It panics if one is there twice.
pub fn found(store: &Store) -> BTreeMap<TraceId, Vec<Span>> {
    let search = Search {
        filter: trunkline_store::source::Filter::default(),
        start_unix_nanos: 0..=u64::MAX,
        limit: 1_000_000,
        after: None,
    };
    let found = store.search(&search, &mut budget()).unwrap();
    assert!(!found.partial && !found.more);
    let ids: Vec<TraceId> = found.hits.iter().map(|hit| hit.trace).collect();
    let traces = store.traces(&ids, &mut budget()).unwrap();
    // Reading leaves out what is there twice; counting does not.
    let all: usize = traces.iter().map(Vec::len).sum();
    assert_eq!(store.stats().spans, all as u64, "a span is there twice");
    ids.into_iter().zip(traces).collect()
}

/// Checks that these batches are there, once and whole, and of the others all or nothing.
pub fn check(store: &Store, acknowledged: &[u64], submitted: u64) {
    let found = found(store);
    for number in acknowledged {
        assert_eq!(found.get(&trace(*number)), Some(&batch(*number)), "batch {number}");
    }
    for (id, spans) in &found {
        let number = u128::from_be_bytes(*id.bytes()) as u64 - 1;
        assert!(number < submitted, "nobody sent {id}");
        assert_eq!(*spans, batch(number));
    }
}

/// Checks that every span that is found was counted once: in its series, and as a call from outside.
pub fn check_counts(store: &Store) {
    let (mut series, mut calls) = (BTreeMap::<String, u64>::new(), 0);
    let everything = Period(0)..Period(u32::MAX);
    let see = &mut |_, rollup: &Rollup| {
        for (key, cell) in &rollup.series {
            *series.entry(format!("{} {}", key.service, key.operation)).or_default() += cell.spans;
        }
        calls += rollup.edges.values().map(|cell| cell.seen).sum::<u64>();
    };
    store.rollups().read(everything, &Wanted::ALL, &mut budget(), see).unwrap();
    let mut expected = BTreeMap::<String, u64>::new();
    for span in found(store).values().flatten() {
        *expected.entry(format!("{} {}", span.service(), span.name)).or_default() += 1;
    }
    assert_eq!(series, expected);
    assert_eq!(calls, expected.values().sum::<u64>());
}
