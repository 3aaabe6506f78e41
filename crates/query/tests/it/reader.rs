//! The reader: places, a queue with an end, budgets, and questions that nobody waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use trunkline_model::trace::TraceId;
use trunkline_otlp::Span;
use trunkline_query::reader::{Config, Error};
use trunkline_query::{Reader, adjust};
use trunkline_rt::{Clock, ManualClock};
use trunkline_store::source::{
    Budget, Found, KnownKey, Level, Limits, Operation, QueryError, Search, SpanSource, Spent,
};
use trunkline_testkit::spans::Memory;

use crate::make::{span, trace_id};

fn config() -> Config {
    Config {
        running_max: 1,
        waiting_max: 1,
        wait: Duration::from_secs(5),
        limits: Limits { time: Duration::from_secs(30), ..Limits::default() },
        adjust: adjust::Config::default(),
        answer_spans_max: 10,
        trace_bytes_max: 1 << 30,
        kept_bytes_max: 1 << 20,
    }
}

fn reader(config: Config) -> Arc<Reader> {
    let spans = (1..=3).flat_map(|trace| (1..=5).map(move |id| span(trace, id, id, 1, &[])));
    Reader::new(config, Arc::new(Memory::new(spans.collect())), None, Clock::system())
}

/// A question that runs until it is ended or told to go on: what it says, it says when it begins.
fn long(
    reader: &Arc<Reader>,
) -> (tokio::task::JoinHandle<Result<(), Error>>, oneshot::Receiver<()>) {
    let (begun, begins) = oneshot::channel();
    let reader = Arc::clone(reader);
    let task = tokio::spawn(async move {
        reader
            .ask(move |_, budget| {
                begun.send(()).unwrap();
                loop {
                    budget.spend(1, 0)?;
                    std::thread::sleep(Duration::from_millis(1));
                }
            })
            .await
    });
    (task, begins)
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_ends_and_frees_its_place() {
    let reader = reader(config());
    let (task, begins) = long(&reader);
    begins.await.unwrap();
    task.abort();
    // The only place is free again.
    assert_eq!(reader.services().await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_too_many_questions_the_last_are_told_to_come_again() {
    let reader = reader(config());
    let (first, begins) = long(&reader);
    begins.await.unwrap();
    let second = tokio::spawn({
        let reader = Arc::clone(&reader);
        async move { reader.services().await }
    });
    // On a runtime of one thread it waits for its place after it has had its turn.
    tokio::task::yield_now().await;
    assert!(matches!(reader.services().await, Err(Error::Busy)));
    first.abort();
    assert_eq!(second.await.unwrap().unwrap().len(), 1);
}

/// Whoever waits to make something of its traces has them in memory: that is bounded as well.
#[tokio::test]
async fn there_is_room_for_the_whole_traces_of_as_many_as_are_answered() {
    let reader = reader(config());
    let room = reader.room().await.unwrap();
    let second = tokio::spawn({
        let reader = Arc::clone(&reader);
        async move { reader.room().await.map(drop) }
    });
    tokio::task::yield_now().await;
    assert!(matches!(reader.room().await, Err(Error::Busy)));
    assert!(reader.services().await.is_ok(), "other questions need none");
    drop(room);
    second.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_question_that_takes_too_long_is_ended() {
    let limits = Limits { time: Duration::from_millis(20), ..Limits::default() };
    let reader = reader(Config { limits, ..config() });
    let (task, _begins) = long(&reader);
    let error = task.await.unwrap().unwrap_err();
    assert!(matches!(error.spent(), Some(Spent::Time(_))), "{error}");
}

#[tokio::test]
async fn computing_ends_when_nobody_waits_and_when_it_takes_too_long() {
    let reader = reader(config());
    let (begun, begins) = oneshot::channel();
    let task = tokio::spawn({
        let reader = Arc::clone(&reader);
        async move {
            reader
                .compute(move |budget| {
                    begun.send(()).unwrap();
                    trunkline_query::paced(0_u64.., budget).count()
                })
                .await
        }
    });
    begins.await.unwrap();
    task.abort();
    // The only place is free again.
    assert_eq!(reader.services().await.unwrap().len(), 1);
    let limits = Limits { rows: 10_000, ..Limits::default() };
    let reader = self::reader(Config { limits, ..config() });
    let error = reader.compute(|budget| trunkline_query::paced(0_u64.., budget).count()).await;
    assert!(matches!(error.unwrap_err().spent(), Some(Spent::Rows(_))));
}

#[tokio::test]
async fn a_question_that_panics_fails_alone() {
    let reader = reader(config());
    let failed = reader.ask(|_, _| -> Result<(), QueryError> { panic!("by hand") }).await;
    assert!(matches!(failed, Err(Error::Failed(text)) if text == "by hand"));
    assert!(reader.services().await.is_ok());
}

#[tokio::test]
async fn an_answer_with_several_traces_has_a_bound_and_one_trace_has_none() {
    let reader = reader(Config { answer_spans_max: 4, ..config() });
    let ids: Vec<TraceId> = (1..=3).map(trace_id).collect();
    let (traces, all) = reader.traces(ids, false).await.unwrap();
    assert_eq!((traces.len(), all), (1, false));
    assert_eq!(reader.trace(trace_id(2), false).await.unwrap().unwrap().spans.len(), 5);
    assert!(reader.trace(trace_id(9), false).await.unwrap().is_none());
}

/// Counts how often traces are read.
struct Counting(Memory, AtomicUsize);

impl SpanSource for Counting {
    fn services(&self, budget: &mut Budget) -> Result<Vec<Arc<str>>, QueryError> {
        self.0.services(budget)
    }

    fn operations(
        &self,
        service: Option<&str>,
        budget: &mut Budget,
    ) -> Result<Vec<Operation>, QueryError> {
        self.0.operations(service, budget)
    }

    fn keys(&self, budget: &mut Budget) -> Result<Vec<KnownKey>, QueryError> {
        self.0.keys(budget)
    }

    fn values(
        &self,
        level: Level,
        key: &str,
        prefix: &str,
        limit: usize,
        budget: &mut Budget,
    ) -> Result<Vec<Arc<str>>, QueryError> {
        self.0.values(level, key, prefix, limit, budget)
    }

    fn traces(&self, ids: &[TraceId], budget: &mut Budget) -> Result<Vec<Vec<Span>>, QueryError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.traces(ids, budget)
    }

    fn search(&self, search: &Search, budget: &mut Budget) -> Result<Found, QueryError> {
        self.0.search(search, budget)
    }
}

#[tokio::test]
async fn paging_through_a_trace_reads_it_once_until_it_may_have_grown() {
    let manual = ManualClock::new();
    let clock = Clock::from(&manual);
    // It ended a long while ago: it is kept for a minute.
    let source = Arc::new(Counting(Memory::new(vec![span(1, 1, 0, 1, &[])]), AtomicUsize::new(0)));
    let reader = Reader::new(config(), Arc::clone(&source) as _, None, clock);
    for _ in 0..3 {
        assert_eq!(reader.skeleton(trace_id(1)).await.unwrap().unwrap().rows.len(), 1);
    }
    assert_eq!(source.1.load(Ordering::Relaxed), 1);
    manual.advance(Duration::from_secs(61));
    reader.skeleton(trace_id(1)).await.unwrap();
    assert_eq!(source.1.load(Ordering::Relaxed), 2);
    assert!(reader.skeleton(trace_id(2)).await.unwrap().is_none());
}
