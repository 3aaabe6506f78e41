//! Whether a request was sent by a page, and by whose.
//!
//! Browsers say so in `Origin` (Fetch §3.1) and `Sec-Fetch-Site` (Fetch Metadata §2.3), which pages
//! cannot set. Programs send neither. Reading is not refused here: without CORS headers the browser
//! does not let a foreign page see the answer.

use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::Config;
use crate::problem::Problem;

const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// How long a browser may remember the answer to a preflight, in seconds.
const PREFLIGHT_SECONDS: &str = "600";

/// Refuses a request that changes something and was sent by a foreign page.
pub(super) fn check(config: &Config, parts: &Parts) -> Result<(), Problem> {
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    let asks = parts.method == Method::OPTIONS && !is_preflight(&parts.headers);
    if reads || asks || configured(config, &parts.headers).is_some() {
        return Ok(());
    }
    for origin in parts.headers.get_all(header::ORIGIN) {
        if !is_own(origin, &parts.headers) {
            return Err(refused("Origin", origin));
        }
    }
    for site in parts.headers.get_all(SEC_FETCH_SITE) {
        if site != "same-origin" && site != "none" {
            return Err(refused("Sec-Fetch-Site", site));
        }
    }
    Ok(())
}

fn refused(name: &str, value: &HeaderValue) -> Problem {
    let value: String = String::from_utf8_lossy(value.as_bytes()).chars().take(100).collect();
    Problem::new(
        StatusCode::FORBIDDEN,
        "foreign_page",
        "a foreign page may not change anything here",
    )
    .detail(format!("`{name}: {}` is not ours", value.escape_debug()))
    .hint("add the page's origin to `origins` of the configuration's management section")
}

/// The origin of the request, if it is a configured one.
pub(super) fn configured<'a>(config: &Config, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let mut all = headers.get_all(header::ORIGIN).iter();
    let (origin, None) = (all.next()?, all.next()) else {
        return None;
    };
    config.origins.iter().any(|known| origin == known.as_str()).then_some(origin)
}

/// Whether the page was served under the very host that it now calls; [`super::host`] has made sure
/// that this host is ours.
fn is_own(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let Some(origin) = origin.to_str().ok() else {
        return false;
    };
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    matches!((authority, host), (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host))
}

fn is_preflight(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Answers `OPTIONS`; only a configured origin learns that it may go on.
pub(super) fn preflight(config: &Config, headers: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let mut set =
        |name, value| response.headers_mut().insert(name, HeaderValue::from_static(value));
    set(header::ALLOW, "GET, HEAD, POST, OPTIONS");
    if configured(config, headers).is_some() {
        set(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST");
        set(header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type");
        set(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
    }
    response
}
