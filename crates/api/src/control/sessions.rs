//! `/v1/sessions?limit=100`: open connections of callers.

use axum::Json;
use axum::extract::State;
use http::Uri;
use serde_json::{Value, json};

use crate::Wiring;
use crate::parameters::Parameters;
use crate::problem::Problem;

/// Sessions in an answer when nothing is asked for.
const LIMIT_DEFAULT: usize = 100;

/// Most sessions in an answer.
const LIMIT_MAX: usize = 10_000;

pub(super) async fn sessions(
    State(wiring): State<Wiring>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let parameters = Parameters::strict(&uri, &["limit"])?;
    let limit = parameters.parsed("limit", "expected a number")?.unwrap_or(LIMIT_DEFAULT);
    let sessions = wiring.ops.sessions(limit.min(LIMIT_MAX)).await;
    let sessions: Vec<_> = sessions
        .iter()
        .map(|session| {
            json!({
                "listener": session.listener.as_str(),
                "peer": session.peer,
                "age_seconds": session.age.as_secs_f64(),
                "requests": session.requests,
            })
        })
        .collect();
    Ok(Json(json!({ "sessions": sessions })))
}
