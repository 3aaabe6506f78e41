//! `/v1/dependencies`: who calls whom, as spans tell and as the proxy saw.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use serde_json::json;
use trunkline_query::edges::{Edge, Sort};

use super::{answer, milliseconds, rfc3339};
use crate::Wiring;
use crate::control::SCHEMA;
use crate::control::logs::moment;
use crate::parameters::{Parameters, invalid};
use crate::problem::Problem;

/// How far back it goes when `since` is not given.
const LOOKBACK: Duration = Duration::from_hours(1);
/// Edges of an answer at most.
const EDGES_MAX: usize = 2_000;

pub(super) async fn dependencies(
    State(wiring): State<Wiring>,
    uri: Uri,
) -> Result<Response, Problem> {
    let parameters = Parameters::strict(&uri, &["since", "until", "service"])?;
    let now = wiring.clock.wall_nanos();
    let back = u64::try_from(LOOKBACK.as_nanos()).unwrap_or(u64::MAX);
    let to = moment(&parameters, "until", &wiring.clock)?.unwrap_or(now);
    let from = moment(&parameters, "since", &wiring.clock)?.unwrap_or(to.saturating_sub(back));
    if from > to {
        return Err(invalid("since", &rfc3339(from), "expected a time before `until`").into());
    }
    let service = parameters.one("service")?;
    let (mut edges, exact) = wiring.reader.edges(from..=to).await?;
    edges.retain(|edge| edge.sort != Sort::Local);
    edges.retain(|edge| service.is_none_or(|name| name == &*edge.caller || name == &*edge.callee));
    edges.sort_by_key(|edge| std::cmp::Reverse(edge.calls));
    edges.truncate(EDGES_MAX);
    let whole: u64 = edges.iter().map(|edge| edge.calls).sum();
    let mut callees = BTreeMap::<&str, (u64, u64)>::new();
    for edge in &edges {
        // Whoever only calls is in the picture too.
        callees.entry(&edge.caller).or_default();
        let (calls, failed) = callees.entry(&edge.callee).or_default();
        *calls += edge.calls;
        *failed += edge.failed;
    }
    let services: Vec<_> = callees
        .iter()
        .map(|(service, (calls, failed))| {
            json!({ "service": service, "calls": calls, "failed": failed })
        })
        .collect();
    let document = json!({
        "schema": SCHEMA,
        "from": rfc3339(from),
        "to": rfc3339(to),
        "exact": exact,
        "services": services,
        "edges": edges.iter().map(|edge| document(edge, whole)).collect::<Vec<_>>(),
    });
    Ok(answer(document.to_string()))
}

#[expect(clippy::cast_precision_loss, reason = "a share is shown, not counted with")]
fn document(edge: &Edge, whole: u64) -> serde_json::Value {
    json!({
        "caller": &*edge.caller,
        "callee": &*edge.callee,
        "kind": edge.sort.as_str(),
        "calls": edge.calls,
        "failed": edge.failed,
        "share": edge.calls as f64 / whole.max(1) as f64,
        "p50_ms": edge.p50_nanos.map(milliseconds),
        "p95_ms": edge.p95_nanos.map(milliseconds),
        "p99_ms": edge.p99_nanos.map(milliseconds),
        "source": edge.source.as_str(),
    })
}
