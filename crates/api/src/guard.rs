//! Keeps strangers out of the management surfaces, above all the pages that a local browser runs.
//!
//! A page of any site can make the browser on this machine send requests to loopback. Three rules
//! make that harmless. The `Host` must be ours, so that a foreign name that suddenly resolves to
//! 127.0.0.1 (DNS rebinding) reaches nothing. A request that changes something must not come from a
//! foreign page (`Origin`, `Sec-Fetch-Site`: Fetch standard, Fetch Metadata). Answers can be read by
//! pages of configured origins only (CORS). A surface beyond loopback asks everybody for a token.
//! Bodies are bounded in size and time, and every answer carries headers that keep it out of frames,
//! caches and scripts. It knows no user and no right: that is a later concern.

mod host;
mod origin;
mod token;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::console::page;
use crate::problem::Problem;
pub use token::{Token, TokenError};

/// Paths that need no token: probes of orchestrators, which tell no more than yes or no.
const OPEN_PATHS: &[&str] = &["/v1/live", "/v1/ready"];

/// What the guard is told. Cheap to share, replaced as a whole.
#[derive(Debug, Clone)]
pub struct Config {
    /// Host names that are ours besides `localhost`, in lower case; `*.` stands for any labels.
    pub names: Vec<String>,
    /// Origins of pages that may read answers and change things: `https://tools.example.com`.
    pub origins: Vec<String>,
    /// What callers of a surface beyond loopback must send as `Authorization: Bearer …`.
    pub token: Option<Token>,
    /// Largest body of a request, in bytes.
    pub body_bytes_max: usize,
    /// How long a body may take to arrive.
    pub body_time_max: Duration,
}

impl Default for Config {
    /// Only `localhost`, no foreign page, no token; bodies of 64 KiB within 10 s.
    fn default() -> Self {
        Self {
            names: Vec::new(),
            origins: Vec::new(),
            token: None,
            body_bytes_max: 64 * 1024,
            body_time_max: Duration::from_secs(10),
        }
    }
}

/// How a request came in: an extension that the accept loop puts into every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Over the run's unix socket, whose file mode and peer check have let it in.
    Unix,
    /// Over TCP.
    Tcp {
        /// Our address of the connection.
        local: SocketAddr,
        /// Whether the surface listens on loopback only.
        loopback_only: bool,
    },
}

/// Axum middleware: refuses what must not come in, hands on the rest with its body read, and puts
/// protective headers on every answer.
pub async fn guard(State(config): State<Arc<Config>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let origin = origin::configured(&config, &parts.headers).cloned();
    let mut response = match answer(&config, parts, body, next).await {
        Ok(response) => response,
        Err(problem) => {
            tracing::debug!(code = problem.code, detail = %problem.detail, "management request refused");
            refuse(problem)
        }
    };
    protect(response.headers_mut());
    if !config.origins.is_empty() {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
    }
    if let Some(origin) = origin {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

async fn answer(
    config: &Config,
    parts: Parts,
    body: Body,
    next: Next,
) -> Result<Response, Problem> {
    check(config, &parts)?;
    if parts.method == Method::OPTIONS {
        return Ok(origin::preflight(config, &parts.headers));
    }
    let body =
        if body.is_end_stream() { Body::empty() } else { read(config, &parts, body).await? };
    Ok(next.run(Request::from_parts(parts, body)).await)
}

fn refuse(problem: Problem) -> Response {
    let unauthorized = problem.status == StatusCode::UNAUTHORIZED;
    let mut response = problem.into_response();
    if unauthorized {
        let challenge = HeaderValue::from_static("Bearer realm=\"trunkline\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Everything that can be decided on the head of a request.
fn check(config: &Config, parts: &Parts) -> Result<(), Problem> {
    // A request without a way did not come through our accept loop: nothing is known of it.
    let way = parts.extensions.get::<Way>().copied().ok_or_else(|| {
        Problem::new(StatusCode::FORBIDDEN, "unknown_way", "the request came in unguarded")
    })?;
    let Way::Tcp { local, loopback_only } = way else {
        return Ok(());
    };
    if matches!(parts.method, Method::CONNECT | Method::TRACE) {
        let title = "this method is not served";
        return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", title));
    }
    host::check(config, parts, local)?;
    origin::check(config, parts)?;
    // A preflight never carries credentials (Fetch §4.8) and tells nothing. A browser cannot send
    // any when it opens the console's page, which holds nothing that is ours alone.
    let open = parts.method == Method::OPTIONS
        || OPEN_PATHS.contains(&parts.uri.path())
        || page::is_page(parts);
    if !loopback_only && !open {
        token::check(config.token.as_ref(), &parts.headers)?;
    }
    Ok(())
}

/// Paths that take larger bodies, by their end, with the bytes that they take: a trace in a file.
const LARGER: &[(&str, usize)] = &[("/api/transform", 4 << 20)];

/// Reads the body as a whole, within its limits.
async fn read(config: &Config, parts: &Parts, body: Body) -> Result<Body, Problem> {
    let larger = LARGER.iter().find(|(end, _)| parts.uri.path().ends_with(end));
    let bytes_max = larger.map_or(config.body_bytes_max, |(_, bytes)| *bytes);
    let too_large = || {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the body is too large")
            .detail(format!("at most {bytes_max} bytes are read"))
    };
    let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok());
    if announced.and_then(|v| v.parse::<u64>().ok()).is_some_and(|v| v > bytes_max as u64) {
        return Err(too_large());
    }
    let whole = Limited::new(body, bytes_max).collect();
    match tokio::time::timeout(config.body_time_max, whole).await {
        Ok(Ok(body)) => Ok(Body::from(body.to_bytes())),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Problem::bad_request(format!("the body broke off: {error}"))),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_timeout",
            "the body took too long to arrive",
        )),
    }
}

/// Headers that keep an answer out of frames, caches, other pages and guesses about its type.
const PROTECTION: &[(&str, &str)] = &[
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

fn protect(headers: &mut HeaderMap) {
    for (name, value) in PROTECTION {
        headers.entry(*name).or_insert_with(|| HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests;
