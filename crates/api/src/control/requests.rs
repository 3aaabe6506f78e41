//! `/v1/requests?limit=100&service=&status=failed&min_duration=&text=`: the last requests that came in
//! through the gateway, newest first; calls between services are in their traces.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::Uri;
use serde_json::{Value, json};
use trunkline_model::trace::{Outline, TraceSource};
use trunkline_model::{RouteId, ServiceName};

use super::logs::rfc3339;
use crate::Wiring;
use crate::console::recent::Request;
use crate::parameters::{ParameterError, Parameters, invalid};
use crate::problem::Problem;

/// Requests in an answer when nothing is asked for.
const LIMIT_DEFAULT: usize = 100;

/// Most requests in an answer.
const LIMIT_MAX: usize = 1_000;

pub(super) async fn requests(
    State(wiring): State<Wiring>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let query = Query::read(&uri)?;
    let gateway = wiring.commands.instance().project;
    let mut found = Vec::new();
    for request in wiring.console.recent.all() {
        if found.len() >= query.limit {
            break;
        }
        if !query.takes(&request) {
            continue;
        }
        let outline = outline(&request, &*wiring.traces);
        let services = services(&request, outline.as_ref(), &gateway);
        if query.service.as_ref().is_none_or(|service| services.contains(service.as_str())) {
            found.push(written(&request, outline.as_ref(), &services));
        }
    }
    Ok(Json(json!({ "schema": super::SCHEMA, "requests": found })))
}

/// What is asked for.
struct Query {
    limit: usize,
    service: Option<String>,
    failed: Option<bool>,
    duration_min: Option<Duration>,
    /// In lower case.
    text: Option<String>,
}

impl Query {
    fn read(uri: &Uri) -> Result<Self, ParameterError> {
        let known = ["limit", "service", "status", "min_duration", "text"];
        let parameters = Parameters::strict(uri, &known)?;
        let failed = match parameters.one("status")? {
            None => None,
            Some("failed") => Some(true),
            Some("ok") => Some(false),
            Some(other) => return Err(invalid("status", other, "expected failed or ok")),
        };
        let limit = parameters.parsed("limit", "expected a number")?.unwrap_or(LIMIT_DEFAULT);
        Ok(Self {
            limit: limit.min(LIMIT_MAX),
            service: parameters.one("service")?.map(str::to_owned),
            failed,
            duration_min: parameters.duration("min_duration")?,
            text: parameters.one("text")?.map(str::to_lowercase),
        })
    }

    fn takes(&self, request: &Request) -> bool {
        self.failed.is_none_or(|failed| request.failed == failed)
            && self.duration_min.is_none_or(|min| request.duration >= min)
            && self.text.as_ref().is_none_or(|text| line(request).contains(text.as_str()))
    }
}

/// What a person can search a request by, in lower case.
fn line(request: &Request) -> String {
    let route = request.route.as_ref().map_or("", RouteId::as_str);
    let service = request.service.as_ref().map_or("", ServiceName::as_str);
    let reason = request.reason.unwrap_or_default();
    format!(
        "{} {}{} {} {} {route} {service} {reason}",
        request.method, request.host, request.path, request.status, request.trace
    )
    .to_lowercase()
}

/// What the trace tells beyond the request itself, if it is kept.
fn outline(request: &Request, traces: &dyn TraceSource) -> Option<Outline> {
    request.sampled.then(|| traces.outline(request.trace)).flatten()
}

fn services<'a>(
    request: &'a Request,
    outline: Option<&'a Outline>,
    gateway: &str,
) -> BTreeSet<&'a str> {
    let traced = outline.iter().flat_map(|outline| &outline.services).map(|name| &**name);
    let traced = traced.filter(|name| *name != gateway);
    traced.chain(request.service.as_ref().map(ServiceName::as_str)).collect()
}

/// The document of one request.
pub(crate) fn document(request: &Request, traces: &dyn TraceSource, gateway: &str) -> Value {
    let outline = outline(request, traces);
    written(request, outline.as_ref(), &services(request, outline.as_ref(), gateway))
}

fn written(request: &Request, outline: Option<&Outline>, services: &BTreeSet<&str>) -> Value {
    json!({
        "trace": request.trace.to_string(),
        "sampled": request.sampled,
        "time": rfc3339(request.start_unix_nanos),
        "method": &*request.method,
        "host": &*request.host,
        "path": &*request.path,
        "status": request.status,
        "duration_ms": request.duration.as_secs_f64() * 1_000.0,
        "caller": request.caller,
        "listener": request.listener.as_str(),
        "service": request.service.as_ref().map(ServiceName::as_str),
        "route": request.route.as_ref().map(RouteId::as_str),
        "reason": request.reason,
        "spans": outline.map_or(0, |outline| outline.spans),
        "services": services,
        "failed": request.failed,
    })
}
