//! The paths that change something. Each answers when it is done, or says why it is not.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use serde_json::json;
use trunkline_model::ServiceName;

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
