//! The console's page: the files of `console/dist`, embedded when the binary is built.
//!
//! The page is no secret and needs no token: everything that it shows, it asks of the API, which does.
//! Files under `assets/` have a hash in their names and are kept by browsers for ever; the page itself
//! is asked for again each time and mostly answered 304. Paths that the page's own router knows lead to
//! the page when a browser asks for a document, and stay what they are for everybody else.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// One embedded file.
#[derive(Debug)]
pub(crate) struct File {
    /// Below the folder, with `/`.
    path: &'static str,
    plain: &'static [u8],
    /// The same, compressed; `None` where that saves nothing.
    gzip: Option<&'static [u8]>,
    /// Strong, of the plain bytes.
    etag: &'static str,
}

/// The page.
const INDEX: &str = "index.html";

/// Where files with a hash in their names are.
const HASHED: &str = "assets/";

/// First parts of paths that the page's router knows.
const ROUTED: &[&str] = &[
    "",
    "services",
    "graph",
    "requests",
    "traces",
    "compare",
    "dependencies",
    "resilience",
    "configuration",
    "logs",
    "routes",
];

/// The page may run and load what was embedded with it, and ask this server; nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Axum middleware: answers what is a file of the console, hands on the rest.
pub(crate) async fn serve(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if let Some(file) = find(FILES, &parts) {
        return answer(file, &parts);
    }
    // The same path has another answer for other callers.
    let varies = parts.uri.path() == "/";
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if varies {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    }
    response
}

/// Whether a request is answered by a file of the console, and by nothing else.
pub(crate) fn is_page(parts: &Parts) -> bool {
    find(FILES, parts).is_some()
}

/// Whether this binary was built with the console's page.
#[cfg(test)]
pub(crate) fn is_there() -> bool {
    FILES.iter().any(|file| file.path == INDEX)
}

/// The file that answers a request.
fn find<'a>(files: &'a [File], parts: &Parts) -> Option<&'a File> {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return None;
    }
    let path = parts.uri.path().strip_prefix('/')?;
    let named = |name: &str| files.iter().find(|file| file.path == name);
    let first = path.split('/').next().unwrap_or_default();
    if ROUTED.contains(&first) && !path.starts_with('/') {
        return if wants_html(&parts.headers) { named(INDEX) } else { None };
    }
    named(path).filter(|file| file.path != INDEX)
}

/// Whether the caller names HTML among what it takes: browsers do for documents, tools do not.
fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_html = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"));
        is_html && !parts.any(refuses)
    })
}

/// Whether a parameter is a weight of zero: `q=0`, `q=0.0`.
fn refuses(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, weight)| {
        name.trim().eq_ignore_ascii_case("q") && weight.trim().parse() == Ok(0.0_f32)
    })
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter();
    let accepted = accepted.filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip")) && !parts.any(refuses)
    })
}

fn answer(file: &'static File, parts: &Parts) -> Response {
    let gzip = file.gzip.filter(|_| takes_gzip(&parts.headers));
    let known = parts.headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_known = known.is_some_and(|known| {
        known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == file.etag)
    });
    let bytes = gzip.unwrap_or(file.plain);
    let body = if is_known || parts.method == Method::HEAD { &[] } else { bytes };
    let mut response = Response::new(Body::from(body));
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    let mut set = |name, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_TYPE, content_type(file.path));
    let keep = if file.path.starts_with(HASHED) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    set(header::CACHE_CONTROL, keep);
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::VARY, "accept, accept-encoding");
    set(header::ETAG, file.etag);
    if gzip.is_some() && !is_known {
        set(header::CONTENT_ENCODING, "gzip");
    }
    if parts.method == Method::HEAD && !is_known {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
    response
}

/// The media type by the end of a name.
fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
