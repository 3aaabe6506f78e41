//! `/v1/explain?method=GET&url=https://shop.localhost/api/orders&header=accept:text/html`: which
//! way a request would take, without sending it. `from=web` asks for a call of a service, whose
//! URL then has the name of the callee as its host.

use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};
use serde_json::Value;

use crate::Wiring;
use crate::explain::{Known, document, question};
use crate::problem::Problem;

pub(super) async fn explain(
    State(wiring): State<Wiring>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let question = question(&uri)?;
    let told = wiring.ops.explain(question.clone()).await;
    let commands = &wiring.commands;
    let Some(model) = commands.model() else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "no_configuration",
            "no configuration is in force yet",
        ));
    };
    let configuration = commands.configuration().await;
    let (stats, processes) = (wiring.ops.stats().await, commands.processes().await);
    let known = Known {
        model: &model,
        configuration: configuration.as_ref(),
        stats: Some(&stats),
        processes: &processes,
    };
    Ok(Json(document(&question, &told, &known)))
}
