//! Orders about an endpoint: its state, its weight and its limit. They hold until they are taken back.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use trunkline_model::EndpointId;
use trunkline_model::endpoint::EndpointState;
use trunkline_model::ops::EndpointOrder;

use crate::Wiring;
use crate::problem::Problem;

type Answer = Result<Response, Problem>;

/// The body of an override: `null` lifts it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StateOrder {
    state: Option<String>,
}

/// The same for the weight.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WeightOrder {
    weight: Option<u32>,
}

/// The same for the requests at one time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitOrder {
    maxconn: Option<u32>,
}

/// The greatest weight that a person may order.
const WEIGHT_MAX: u32 = 65_535;

/// States that a person may set; `starting` belongs to whoever starts the process.
const SETTABLE: &[EndpointState] =
    &[EndpointState::Ready, EndpointState::Draining, EndpointState::Maint, EndpointState::Down];

pub(super) async fn set_state(
    State(wiring): State<Wiring>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let example = "send {\"state\": \"draining\"}, or {\"state\": null} to lift an override";
    let body: StateOrder = read(&body, example)?;
    let state = body.state.map(|word| settable(&word)).transpose()?;
    order(&wiring, &id, EndpointOrder::State(state)).await?;
    let state = state.map(EndpointState::as_str);
    Ok(Json(json!({ "endpoint": id, "override": state })).into_response())
}

pub(super) async fn set_weight(
    State(wiring): State<Wiring>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let example = "send {\"weight\": 10}, or {\"weight\": null} for the one that is written";
    let WeightOrder { weight } = read(&body, example)?;
    if weight.is_some_and(|weight| weight > WEIGHT_MAX) {
        return Err(Problem::bad_request(format!("a weight is at most {WEIGHT_MAX}")));
    }
    order(&wiring, &id, EndpointOrder::Weight(weight)).await?;
    Ok(Json(json!({ "endpoint": id, "weight": weight })).into_response())
}

pub(super) async fn set_limit(
    State(wiring): State<Wiring>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let example = "send {\"maxconn\": 50}, or {\"maxconn\": null} for the one that is written";
    let LimitOrder { maxconn } = read(&body, example)?;
    order(&wiring, &id, EndpointOrder::Limit(maxconn)).await?;
    Ok(Json(json!({ "endpoint": id, "maxconn": maxconn })).into_response())
}

fn read<T: DeserializeOwned>(body: &[u8], example: &'static str) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        Problem::bad_request(format!("the body is not an override: {error}")).hint(example)
    })
}

async fn order(wiring: &Wiring, id: &str, order: EndpointOrder) -> Result<(), Problem> {
    wiring.ops.order_endpoint(EndpointId::new(id), order).await.map_err(|error| {
        Problem::not_found(error.to_string()).hint("GET /v1/status lists endpoints")
    })
}

fn settable(word: &str) -> Result<EndpointState, Problem> {
    SETTABLE.iter().copied().find(|state| state.as_str() == word).ok_or_else(|| {
        let words: Vec<_> = SETTABLE.iter().map(|state| state.as_str()).collect();
        Problem::bad_request(format!(
            "`{word}` is not a state to set; there are: {}",
            words.join(", ")
        ))
    })
}
