//! `/v1/sessions?limit=100&service=orders&from=10.0.0.7`: open connections of callers, and
//! `/v1/sessions/cut?id=0-17`, which ends some of them at once.

use axum::Json;
use axum::extract::State;
use http::Uri;
use serde_json::{Value, json};
use trunkline_model::ServiceName;
use trunkline_model::ops::{OpenRequest, Session, SessionFilter};

use crate::Wiring;
use crate::parameters::{Parameters, invalid};
use crate::problem::Problem;

/// Sessions in an answer when nothing is asked for.
const LIMIT_DEFAULT: usize = 100;

/// Most sessions in an answer.
const LIMIT_MAX: usize = 10_000;

pub(super) async fn sessions(
    State(wiring): State<Wiring>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let parameters = Parameters::strict(&uri, &["limit", "id", "service", "from"])?;
    let limit = parameters.parsed("limit", "expected a number")?.unwrap_or(LIMIT_DEFAULT);
    let sessions = wiring.ops.sessions(filter(&parameters)?, limit.min(LIMIT_MAX)).await;
    let sessions: Vec<_> = sessions.iter().map(session).collect();
    Ok(Json(json!({ "sessions": sessions })))
}

pub(super) async fn cut(State(wiring): State<Wiring>, uri: Uri) -> Result<Json<Value>, Problem> {
    let parameters = Parameters::strict(&uri, &["id", "service", "from"])?;
    let which = filter(&parameters)?;
    if which == SessionFilter::default() {
        return Err(Problem::bad_request("nothing says which connections are to be cut")
            .hint("give `id`, `service` or `from`"));
    }
    let id = which.id;
    let cut = wiring.ops.cut_sessions(which).await;
    match id {
        Some(id) if cut == 0 => {
            let message = format!("no open connection has the id `{id}`");
            Err(Problem::not_found(message).hint("GET /v1/sessions lists them"))
        }
        _ => Ok(Json(json!({ "cut": cut }))),
    }
}

fn filter(parameters: &Parameters) -> Result<SessionFilter, Problem> {
    let service = parameters.one("service")?;
    let service = service.map(|name| {
        let wrong = |_| invalid("service", name, "expected the name of a service");
        name.parse::<ServiceName>().map_err(wrong)
    });
    Ok(SessionFilter {
        id: parameters.parsed("id", "expected an id such as 0-17")?,
        service: service.transpose()?,
        peer: parameters.parsed("from", "expected an address such as 10.0.0.7")?,
    })
}

fn session(session: &Session) -> Value {
    json!({
        "id": session.id.to_string(),
        "listener": session.listener.as_str(),
        "peer": session.peer,
        "age_seconds": session.age.as_secs_f64(),
        "requests": session.requests,
        "open": session.open.iter().map(request).collect::<Vec<_>>(),
    })
}

fn request(request: &OpenRequest) -> Value {
    json!({
        "method": request.method,
        "host": request.host,
        "target": request.target,
        "service": request.service.as_ref().map(ServiceName::as_str),
        "endpoint": request.endpoint.as_ref().map(trunkline_model::EndpointId::as_str),
        "age_seconds": request.age.as_secs_f64(),
        "bytes_received": request.bytes_received,
        "bytes_sent": request.bytes_sent,
    })
}
