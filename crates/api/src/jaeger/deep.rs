//! `/api/deep-dependencies`, which the UI calls `/analytics/v1/dependencies`: the ways through the system that lead by one service, from the newest
//! traces of it. (Jaeger itself answers an example here.)

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use serde_json::json;
use trunkline_model::trace::TraceId;
use trunkline_query::search::Query;
use trunkline_query::{Skeleton, Trace};
use trunkline_store::source::Budget;

use super::envelope::{self, Failure};
use super::query;
use super::wanted::Wanted;
use crate::Wiring;
use crate::parameters::Parameters;

/// Traces that are looked at.
const TRACES_MAX: usize = 200;
/// Ways of an answer at most.
const PATHS_MAX: usize = 1_000;
/// Steps of a way at most: the nearest to its end.
const STEPS_MAX: usize = 50;
/// Spans above the end of a way that are looked at.
const ABOVE_MAX: usize = 1_000;
/// Steps between two looks at the budget.
const STEPS_PACE: u64 = 1_000;
/// Traces that are named for a way.
const EXAMPLES_MAX: usize = 3;

/// Services with their operations, from the first to the last.
type Path = Vec<(Arc<str>, Arc<str>)>;

pub(super) async fn dependencies(
    State(wiring): State<Wiring>,
    uri: Uri,
) -> Result<Response, Failure> {
    let parameters = Parameters::of(&uri)?;
    let service = parameters.one("service")?.ok_or_else(query::service_required)?.to_owned();
    let operation = parameters.one("operation")?.map(str::to_owned);
    let now = wiring.clock.wall_nanos();
    let start = query::millis(&parameters, "start")?.unwrap_or(0);
    // The UI of Jaeger sends 0 for both: it has no choice of a time.
    let end = query::millis(&parameters, "end")?.filter(|end| *end > 0).unwrap_or(now);
    let wanted = Wanted { service: Some(service.clone()), operation, ..Wanted::default() };
    let query = Query {
        predicate: wanted.predicate().map_err(|error| Failure::bad_request(error.to_string()))?,
        start_unix_nanos: start..=end,
        limit: TRACES_MAX,
        after: None,
    };
    let _room = wiring.reader.room().await?;
    let (traces, _) = wiring.reader.find_traces(query, false).await?;
    let text = wiring.reader.compute(move |budget| text(traces, &service, budget)).await?;
    Ok(envelope::response(StatusCode::OK, text))
}

fn text(traces: Vec<Trace>, service: &str, budget: &mut Budget) -> String {
    let mut found = BTreeMap::<Path, Vec<TraceId>>::new();
    for mut trace in traces {
        for path in paths(&Skeleton::of(&mut trace), service, budget) {
            if found.len() < PATHS_MAX || found.contains_key(&path) {
                let examples = found.entry(path).or_default();
                if examples.len() < EXAMPLES_MAX && !examples.contains(&trace.id) {
                    examples.push(trace.id);
                }
            }
        }
    }
    let dependencies: Vec<_> = found.iter().map(|(path, traces)| document(path, traces)).collect();
    json!({ "dependencies": dependencies }).to_string()
}

fn document(path: &Path, traces: &[TraceId]) -> serde_json::Value {
    let steps: Vec<_> = path
        .iter()
        .map(|(service, operation)| json!({ "service": &**service, "operation": &**operation }))
        .collect();
    let examples: Vec<_> = traces
        .iter()
        .map(|trace| json!({ "key": "exemplar_trace_id", "value": super::document::trace_id(*trace) }))
        .collect();
    json!({ "path": steps, "attributes": examples })
}

/// The ways to the last service of each branch that lead by this one; a service that calls itself
/// is one step. Where the budget ends, so does this.
fn paths(skeleton: &Skeleton, service: &str, budget: &mut Budget) -> HashSet<Path> {
    let mut found = HashSet::new();
    let mut steps = 0;
    for (index, row) in skeleton.rows.iter().enumerate() {
        steps += 1;
        // Where a branch ends: below it is nothing but this service.
        let end = (index + row.size as usize).min(skeleton.rows.len());
        let below = skeleton.rows.get(index + 1..end).unwrap_or_default();
        let enters =
            skeleton.ancestors(row).next().is_none_or(|parent| parent.service != row.service);
        if !enters || below.iter().any(|other| other.service != row.service) {
            continue;
        }
        let mut path = Path::new();
        let mut entered = row;
        if steps >= STEPS_PACE && budget.spend(std::mem::take(&mut steps), 0).is_err() {
            break;
        }
        for above in skeleton.ancestors(row).take(ABOVE_MAX) {
            if above.service != entered.service {
                path.push((Arc::clone(skeleton.service(entered)), Arc::clone(&entered.name)));
            }
            entered = above;
            steps += 1;
        }
        path.push((Arc::clone(skeleton.service(entered)), Arc::clone(&entered.name)));
        path.truncate(STEPS_MAX);
        path.reverse();
        if path.iter().any(|(name, _)| **name == *service) {
            found.insert(path);
        }
        if found.len() >= PATHS_MAX {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use trunkline_rt::Clock;
    use trunkline_store::source::Limits;

    use super::*;

    /// A way of fifty steps to each of two hundred leaves.
    #[test]
    fn looking_for_ways_ends_where_the_budget_does() {
        let service = |id: u8| if id <= 50 && id.is_multiple_of(2) { "api" } else { "web" };
        let spans: Vec<_> = (1..=255).map(|id| (id, (id - 1).min(50), service(id))).collect();
        let spans = crate::traces::tests::chain(&spans);
        let skeleton = Skeleton::of(&mut Trace::stored(spans).unwrap());
        let limits = Limits { rows: 1_500, ..Limits::default() };
        let mut budget = Budget::new(&Clock::system(), limits);
        paths(&skeleton, "none", &mut budget);
        assert!(budget.spend(0, 0).is_err());
        let mut budget = Budget::new(&Clock::system(), Limits::default());
        paths(&skeleton, "none", &mut budget);
        assert!(budget.spent().0 > 8_000, "{:?}", budget.spent());
    }

    #[test]
    fn a_way_ends_where_no_other_service_is_called() {
        let spans = crate::traces::tests::chain(&[
            (1, 0, "web"),
            (2, 1, "web"),
            (3, 2, "api"),
            (4, 3, "db"),
            (5, 1, "mail"),
        ]);
        let mut trace = trunkline_query::Trace::stored(spans).unwrap();
        let skeleton = Skeleton::of(&mut trace);
        let told = |service: &str| -> Vec<String> {
            let names =
                |path: &Path| path.iter().map(|(name, _)| &**name).collect::<Vec<_>>().join(">");
            let mut budget = Budget::new(&Clock::system(), Limits::default());
            let mut told: Vec<_> =
                paths(&skeleton, service, &mut budget).iter().map(names).collect();
            told.sort();
            told
        };
        assert_eq!(told("api"), ["web>api>db"]);
        assert_eq!(told("web"), ["web>api>db", "web>mail"]);
    }
}
