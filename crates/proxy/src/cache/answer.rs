//! An answer from what is stored: whole, or "not modified" to who has it already.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use trunkline_net::http::{Body, Head};

use super::fresh::date;
use super::store::Stored;

/// Fields that "not modified" carries (RFC 9110 §15.4.5).
const OF_NOT_MODIFIED: [&str; 7] =
    ["cache-control", "content-location", "date", "etag", "expires", "vary", "last-modified"];

/// An answer from the cache.
pub(crate) struct Hit {
    pub(crate) head: Head,
    pub(crate) body: Body,
}

impl Hit {
    pub(super) fn new(stored: &Arc<Stored>, request: &Head, now: Instant) -> Self {
        let ttl = match stored.fresh_for(now) {
            Ok(left) => i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            Err(stale) => -i64::try_from(stale.as_secs()).unwrap_or(i64::MAX),
        };
        let unchanged = stored.head.status() == 200 && has_it(stored, request);
        let mut head = if unchanged {
            let mut head = Head::response(304, request.version());
            for (name, value) in stored.head.fields() {
                if OF_NOT_MODIFIED.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                    head.append(name, value);
                }
            }
            head
        } else {
            stored.head.head()
        };
        head.set("age", stored.age(now).as_secs().to_string().as_bytes());
        head.set("cache-status", format!("trunkline; hit; ttl={ttl}").as_bytes());
        let body = if unchanged || request.method() == "HEAD" {
            Bytes::new()
        } else {
            stored.body.clone()
        };
        if !unchanged && head.status() != 204 && !head.has("content-length") {
            head.set("content-length", stored.body.len().to_string().as_bytes());
        }
        Self { head, body: Body::full(body) }
    }
}

/// Fields by which a request asks on a condition.
const CONDITIONS: [&str; 5] =
    ["if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range"];

/// Whether a request asks on a condition, which only what is stored could answer.
pub(super) fn has_condition(request: &Head) -> bool {
    CONDITIONS.iter().any(|name| request.has(name))
}

/// Whether a field is such a condition.
pub(super) fn is_condition(name: &[u8]) -> bool {
    CONDITIONS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
}

/// Whether the caller has what is stored (RFC 9110 §13.2.2).
fn has_it(stored: &Stored, request: &Head) -> bool {
    if request.has("if-none-match") {
        let tag = stored.head.get("etag").map(opaque);
        let mut lists = request.get_all("if-none-match");
        return lists.any(|list| {
            list.trim_ascii() == b"*"
                || list.split(|byte| *byte == b',').any(|one| tag == Some(opaque(one)))
        });
    }
    let since = date(request, "if-modified-since");
    matches!((since, stored.modified()), (Some(since), Some(modified)) if modified <= since)
}

/// A tag without its weakness: they are compared weakly here (RFC 9110 §8.8.3.2).
fn opaque(tag: &[u8]) -> &[u8] {
    let tag = tag.trim_ascii();
    tag.strip_prefix(b"W/").unwrap_or(tag)
}
