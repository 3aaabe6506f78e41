//! The paths that change something. Each answers when it is done, or says why it is not.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{StatusCode, Uri};
use serde::Deserialize;
use serde_json::json;
use trunkline_model::endpoint::EndpointState;
use trunkline_model::{EndpointId, ServiceName};

use crate::Wiring;
use crate::parameters::Parameters;
use crate::problem::Problem;

type Answer = Result<Response, Problem>;

pub(super) async fn reload(State(wiring): State<Wiring>) -> Answer {
    let done = wiring.commands.reload().await?;
    let document = json!({
        "schema": super::SCHEMA,
        "generation": done.generation,
        "changed": done.changed,
        "warnings": done.warnings,
    });
    Ok(Json(document).into_response())
}

pub(super) async fn restart(
    State(wiring): State<Wiring>,
    Path(name): Path<String>,
    uri: Uri,
) -> Answer {
    let parameters = Parameters::strict(&uri, &["dependants"])?;
    let dependants = parameters.flag("dependants")?;
    let service: ServiceName = name.parse().map_err(|_| unknown_service(&name))?;
    let dependants = wiring.commands.restart(service, dependants).await?;
    let dependants: Vec<_> = dependants.iter().map(ServiceName::as_str).collect();
    let document = json!({ "service": name, "restarted": true, "dependants": dependants });
    Ok(Json(document).into_response())
}

fn unknown_service(name: &str) -> Problem {
    crate::commands::Refused::UnknownService(name.to_owned()).into()
}

pub(super) async fn shutdown(State(wiring): State<Wiring>) -> Answer {
    wiring.commands.shutdown().await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "stopping": true }))).into_response())
}

pub(super) async fn upgrade(State(wiring): State<Wiring>) -> Answer {
    let done = wiring.commands.upgrade().await?;
    Ok(Json(json!({ "schema": super::SCHEMA, "pid": done.pid, "version": done.version }))
        .into_response())
}

/// The body of an override: `null` lifts it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Override {
    state: Option<String>,
}

/// States that a person may set; `starting` belongs to whoever starts the process.
const SETTABLE: &[EndpointState] =
    &[EndpointState::Ready, EndpointState::Draining, EndpointState::Maint, EndpointState::Down];

pub(super) async fn set_endpoint(
    State(wiring): State<Wiring>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let body: Override = serde_json::from_slice(&body).map_err(|error| {
        Problem::bad_request(format!("the body is not an override: {error}"))
            .hint("send {\"state\": \"draining\"}, or {\"state\": null} to lift an override")
    })?;
    let state = body.state.map(|word| settable(&word)).transpose()?;
    let endpoint = EndpointId::new(&id);
    wiring.ops.set_endpoint(endpoint, state).await.map_err(|error| {
        Problem::not_found(error.to_string()).hint("GET /v1/status lists endpoints")
    })?;
    let state = state.map(EndpointState::as_str);
    Ok(Json(json!({ "endpoint": id, "override": state })).into_response())
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
