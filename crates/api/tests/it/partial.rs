//! Questions that cost more than they may: what was found is told, as a part.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use trunkline_model::ports::Surface::{Console, JaegerQuery};
use trunkline_model::trace::TraceId;
use trunkline_otlp::Span;
use trunkline_store::source::{
    Budget, Found, KnownKey, Level, Operation, QueryError, Search, SpanSource, Summary,
};
use trunkline_testkit::spans::Memory;

use crate::corpus::{START, span};
use crate::running::{Running, json, serve_stored};

/// Traces in the source.
const TRACES: u64 = 20;
/// More than any question may read.
const EVERYTHING: u64 = 5 << 30;

/// A source that says what reading costs.
struct Costly {
    spans: Memory,
    /// Bytes of a search, a summary and a whole trace.
    search: u64,
    summary: u64,
    trace: u64,
}

impl SpanSource for Costly {
    fn services(&self, budget: &mut Budget) -> Result<Vec<Arc<str>>, QueryError> {
        self.spans.services(budget)
    }

    fn operations(
        &self,
        service: Option<&str>,
        budget: &mut Budget,
    ) -> Result<Vec<Operation>, QueryError> {
        self.spans.operations(service, budget)
    }

    fn keys(&self, budget: &mut Budget) -> Result<Vec<KnownKey>, QueryError> {
        self.spans.keys(budget)
    }

    fn values(
        &self,
        level: Level,
        key: &str,
        prefix: &str,
        limit: usize,
        budget: &mut Budget,
    ) -> Result<Vec<Arc<str>>, QueryError> {
        self.spans.values(level, key, prefix, limit, budget)
    }

    fn traces(&self, ids: &[TraceId], budget: &mut Budget) -> Result<Vec<Vec<Span>>, QueryError> {
        budget.spend(0, self.trace * ids.len() as u64)?;
        self.spans.traces(ids, budget)
    }

    fn summaries(&self, ids: &[TraceId], budget: &mut Budget) -> Result<Vec<Summary>, QueryError> {
        budget.spend(0, self.summary * ids.len() as u64)?;
        self.spans.summaries(ids, budget)
    }

    fn search(&self, search: &Search, budget: &mut Budget) -> Result<Found, QueryError> {
        let mut found = self.spans.search(search, budget)?;
        found.partial = budget.spend(0, self.search).is_err();
        Ok(found)
    }
}

fn running(traces: u64, search: u64, summary: u64, trace: u64) -> Running {
    let one = |id| span(id, 1, "web", "GET /").at(START + id * 1_000, Duration::from_millis(1)).0;
    let spans = Memory::new((1..=traces).map(one).collect());
    serve_stored(Arc::new(Costly { spans, search, summary, trace }), None)
}

const TIME: &str =
    "query.startTimeMin=2020-01-01T00:00:00Z&query.startTimeMax=2030-01-01T00:00:00Z";
const V1: &str = "/api/traces?start=0&limit=1000&end=1900000000000000";

#[tokio::test]
async fn whole_traces_have_the_budget_of_what_is_in_memory_at_one_time() {
    // Eight traces are read together: 320 MiB are, and twice as much is not.
    let running = running(TRACES, 0, 0, 40 << 20);
    let found = json(&running.get(JaegerQuery, V1).await);
    assert_eq!(found["data"].as_array().unwrap().len(), 8, "{found}");
    let note = found["errors"][0]["msg"].as_str().unwrap();
    assert!(note.contains("there may be more"), "{note}");
    let found = running.get(JaegerQuery, &format!("/api/v3/traces?{TIME}")).await;
    assert_eq!((found.status, found.header("x-trunkline-partial")), (200, Some("true")));
    let spans = found.text().matches("\"spanId\"").count();
    assert_eq!(spans, 8, "{}", found.text());
    let ids: Vec<String> = (1..=TRACES).map(|id| format!("traceID={id:x}")).collect();
    let found = json(&running.get(JaegerQuery, &format!("/api/traces?{}", ids.join("&"))).await);
    assert_eq!(found["data"].as_array().unwrap().len(), 8);
    assert_eq!(found["errors"][0]["msg"], json!(note), "and none is said not to be there");
}

#[tokio::test]
async fn what_was_found_is_told_when_finding_it_took_everything() {
    let running = running(TRACES, EVERYTHING, 0, 0);
    let found = json(&running.get(JaegerQuery, V1).await);
    assert_eq!(found["data"].as_array().unwrap().len(), 20, "{found}");
    assert_ne!(found["errors"], json!(null));
    for path in ["traces", "trace-summaries"] {
        let found = running.get(JaegerQuery, &format!("/api/v3/{path}?{TIME}")).await;
        assert_eq!((found.status, found.header("x-trunkline-partial")), (200, Some("true")));
    }
    let list = json(&running.get(Console, "/v1/traces?limit=30&overview=30").await);
    assert_eq!((&list["partial"], list["traces"].as_array().unwrap().len()), (&json!(true), 20));
    assert_eq!(
        (&list["overview"]["traces"], &list["overview"]["more"]),
        (&json!(20), &json!(true))
    );
}

#[tokio::test]
async fn summaries_that_cost_too_much_are_told_in_part_and_the_next_page_has_the_others() {
    let running = running(600, 0, 10 << 20, 0);
    let get = async |more: &str| {
        let target = format!("/api/v3/trace-summaries?{TIME}&query.pagination.pageSize=600{more}");
        running.get(JaegerQuery, &target).await
    };
    let first = get("").await;
    assert_eq!((first.status, first.header("x-trunkline-partial")), (200, Some("true")));
    let first = json(&first);
    // 256 are summed up together: 2.5 GiB are, and twice as much is not.
    assert_eq!(first["summaries"].as_array().unwrap().len(), 256);
    let token = first["nextPageToken"].as_str().unwrap();
    let second = json(&get(&format!("&query.pagination.pageToken={token}")).await);
    let id = |number: u64| json!(format!("{number:032x}"));
    assert_eq!(first["summaries"][255]["traceId"], id(600 - 255));
    assert_eq!(second["summaries"][0]["traceId"], id(600 - 256));
}

#[tokio::test]
async fn facets_that_cost_too_much_leave_the_overview_as_it_is() {
    let running = running(TRACES, 0, 0, EVERYTHING);
    let list = running.get(Console, "/v1/traces?overview=30&facet=a").await;
    assert_eq!(list.status, 200, "{}", list.text());
    let list = json(&list);
    assert_eq!(
        (&list["overview"]["traces"], &list["overview"]["more"]),
        (&json!(20), &json!(true))
    );
}
