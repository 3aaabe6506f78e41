//! `/v1/services/{name}/fault`: makes calls to a service slow, or fail, to see what protects it.

use axum::Json;
use axum::extract::{Path, State};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use trunkline_model::ServiceName;
use trunkline_model::ops::{Abort, Fault, Latency};
use trunkline_model::units::{Share, format_duration, parse_duration};

use crate::Wiring;
use crate::problem::Problem;

/// The body of an order; one that says nothing stops all faults.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    latency: Option<LatencyOrder>,
    abort: Option<AbortOrder>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LatencyOrder {
    delay: String,
    share: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AbortOrder {
    status: Option<u16>,
    share: Option<String>,
}

pub(super) async fn inject(
    State(wiring): State<Wiring>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let example = "send {\"abort\": {\"status\": 503, \"share\": \"50%\"}}, \
                   {\"latency\": {\"delay\": \"2s\"}}, or {} to stop";
    let order: Order = serde_json::from_slice(&body).map_err(|error| {
        Problem::bad_request(format!("the body is not a fault: {error}")).hint(example)
    })?;
    let fault = fault(&order).map_err(|wrong| Problem::bad_request(wrong).hint(example))?;
    let service: ServiceName =
        name.parse().map_err(|_| Problem::not_found(format!("no service is named `{name}`")))?;
    wiring
        .ops
        .inject(&service, fault)
        .map_err(|error| Problem::not_found(error.to_string()).hint("GET /v1/services"))?;
    Ok(Json(json!({
        "service": name,
        "latency": fault.latency.map(|latency| json!({
            "delay": format_duration(latency.delay), "share": latency.share.to_string(),
        })),
        "abort": fault.abort.map(|abort| json!({
            "status": abort.status, "share": abort.share.to_string(),
        })),
    })))
}

fn fault(order: &Order) -> Result<Fault, String> {
    let share = |text: &Option<String>| match text {
        None => Ok(Share::ALL),
        Some(text) => text.parse::<Share>().map_err(|error| error.to_string()),
    };
    let latency = match &order.latency {
        None => None,
        Some(latency) => {
            let delay = parse_duration(&latency.delay).map_err(|error| error.to_string())?;
            Some(Latency { delay, share: share(&latency.share)? })
        }
    };
    let abort = match &order.abort {
        None => None,
        Some(abort) => {
            let status = abort.status.unwrap_or(503);
            if !(400..=599).contains(&status) {
                return Err(format!("`{status}` is no status of an error"));
            }
            Some(Abort { status, share: share(&abort.share)? })
        }
    };
    Ok(Fault { latency, abort })
}
