//! The callee's side of an attempt, as the proxy saw it: services that record nothing themselves
//! still appear in their traces.
//!
//! The span has the id that the callee was given as its parent, so that whatever the callee records
//! or calls in turn, if it passes the headers on, hangs below it.

use std::sync::Arc;

use trunkline_model::record::{Attempt, ExchangeRecord};
use trunkline_model::trace::{Span, SpanId, SpanKind};

use super::{Attributes, Keys, METHODS, nanos};

/// Segments of a path that a name keeps.
const SEGMENTS_MAX: usize = 8;
/// A segment longer than this is no word of an API.
const WORD_BYTES_MAX: usize = 32;

/// The span of the callee; `None` if the attempt was not answered, for then nobody knows whether
/// the callee took it.
pub(super) fn span(
    record: &ExchangeRecord,
    attempt: &Attempt,
    parent: SpanId,
    keys: &Keys,
) -> Option<Span> {
    let status = attempt.outcome.ok()?;
    let mut attributes = Attributes::new(6);
    attributes.method(&record.method, keys);
    let path = record.target.split('?').next().unwrap_or_default();
    attributes.text(&keys.path, path);
    attributes.int(&keys.status, i64::from(status));
    attributes.text(&keys.endpoint, attempt.endpoint.as_str());
    attributes.text(&keys.recorded_by, "proxy");
    if status >= 500 {
        attributes.text(&keys.error, &status.to_string());
    }
    let method = if METHODS.contains(&&*record.method) { &*record.method } else { "HTTP" };
    let start = attempt.offset + attempt.connect;
    Some(Span {
        trace: record.trace.trace,
        id: attempt.span,
        parent: Some(parent),
        service: Arc::from(attempt.service.as_str()),
        name: Arc::from(name(method, path, status)),
        kind: SpanKind::Server,
        start_unix_nanos: record.start_unix_nanos.saturating_add(nanos(start)),
        duration: attempt.duration.saturating_sub(attempt.connect),
        failed: status >= 500,
        attributes: attributes.0,
    })
}

/// What the span is called. A path that the callee does not know is made up by its caller: such
/// names would grow without end, and group nothing.
fn name(method: &str, path: &str, status: u16) -> String {
    if status == 404 { method.to_owned() } else { format!("{method} {}", template(path)) }
}

/// The path with what looks like an id replaced by `{id}`: names of spans are for grouping.
fn template(path: &str) -> String {
    let mut text = String::with_capacity(path.len().min(128));
    let mut segments = path.split('/').skip(1);
    for segment in segments.by_ref().take(SEGMENTS_MAX) {
        text.push('/');
        text.push_str(if is_word(segment) { segment } else { "{id}" });
    }
    if segments.next().is_some() {
        text.push_str("/**");
    }
    if text.is_empty() { "/".to_owned() } else { text }
}

/// Whether a segment is a part of an API rather than the name of one thing: words have no digits,
/// but for a version (`v1`).
fn is_word(segment: &str) -> bool {
    let version = segment.strip_prefix('v').is_some_and(|rest| {
        (1..=2).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_digit())
    });
    version
        || (segment.len() <= WORD_BYTES_MAX
            && segment.bytes().all(|byte| byte.is_ascii_alphabetic() || b"-_.".contains(&byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_nobody_knows_is_no_name() {
        assert_eq!(name("GET", "/orders/8812", 200), "GET /orders/{id}");
        assert_eq!(name("GET", "/wp/admin", 404), "GET");
    }

    #[test]
    fn a_name_groups_what_differs_by_an_id() {
        let check = |path: &str, expect: &str| assert_eq!(template(path), expect);
        check("/", "/");
        check("/payments/", "/payments/");
        check("/v1/payments/pay_8f3a/invoice", "/v1/payments/{id}/invoice");
        check("/users/ann%40example.com", "/users/{id}");
        check("/.well-known/jwks.json", "/.well-known/jwks.json");
        check("/a/b/c/d/e/f/g/h/i/j", "/a/b/c/d/e/f/g/h/**");
        check(&format!("/{}", "x".repeat(40)), "/{id}");
    }
}
