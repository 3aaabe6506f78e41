//! `/metrics`: every counter, histogram and state of this process as text for Prometheus.
//!
//! Numbers come from [`trunkline_model::ops::Ops::stats`] and are exact at the moment of the scrape;
//! nothing is collected between scrapes. What families exist is said once, in [`catalog`], which
//! feeds the exposition and `docs/reference/metrics.md`.

pub mod catalog;
mod negotiate;
mod policies;
mod process;
mod sources;
mod spans;
mod telemetry;
mod text;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};

use crate::Wiring;
use crate::commands::Readiness;
use crate::problem::Problem;
pub use telemetry::{Sample, Telemetry};
pub use text::Format;

/// The routes of the metrics surface.
pub(crate) fn router(wiring: &Wiring) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(async || "healthy\n"))
        .route("/-/ready", get(ready))
        .fallback(unknown_path)
        .with_state(wiring.clone())
}

async fn unknown_path(uri: Uri) -> Problem {
    Problem::not_found(format!("the metrics surface has no path `{}`", uri.path()))
        .hint("GET /metrics")
}

async fn ready(State(wiring): State<Wiring>) -> Response {
    match wiring.commands.readiness() {
        Readiness::Ready => "ready\n".into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response(),
    }
}

async fn metrics(State(wiring): State<Wiring>, headers: HeaderMap) -> Response {
    let format = negotiate::format(&headers);
    let stats = wiring.ops.stats().await;
    let instance = wiring.commands.instance();
    let model = wiring.commands.model();
    let mut writer = text::Writer::new(format);
    sources::instance(&mut writer, &instance, &stats);
    sources::stats(&mut writer, &stats, model.as_deref());
    policies::write(&mut writer, &wiring.ops.policies());
    if let Some(rollups) = wiring.reader.rollups() {
        spans::write(&mut writer, rollups);
    }
    if let Some(telemetry) = &wiring.telemetry {
        telemetry::write(&mut writer, &**telemetry);
    }
    process::write(&mut writer);
    let mut response = writer.finish().into_response();
    let kind = HeaderValue::from_static(format.content_type());
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Seconds of a moment since the Unix epoch; one before it counts as its beginning.
pub(crate) fn unix_seconds(moment: std::time::SystemTime) -> u64 {
    moment.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests;
