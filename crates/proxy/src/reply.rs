//! Answers that Trunkline makes itself: from a [`Reply`] to a head and a body.
//!
//! The caller is told who decided and why, in the form it prefers: a problem document (RFC 9457),
//! a small page, plain text, or gRPC's status fields. The same facts stand in
//! `x-trunkline-reason`. With [`Reasons::Id`] the caller gets a reference only; the log has the
//! rest under it.

mod accept;
mod forms;
mod grpc;

use bytes::Bytes;
use trunkline_filters::{Content, Reply};
use trunkline_model::Reasons;
use trunkline_model::reason::{Fact, HEADER, Kind, RETRY_AFTER, Reason};
use trunkline_model::trace::SpanId;
use trunkline_net::http::{Body, Head};

use accept::Form;

/// After how many seconds a caller may try again, where trying again makes sense.
const fn retry_after_seconds(kind: Kind) -> Option<u8> {
    match kind {
        Kind::Starting
        | Kind::Overload
        | Kind::SourceLimit
        | Kind::RateLimiter
        | Kind::Bulkhead
        | Kind::AdaptiveLimit
        | Kind::Shed => Some(1),
        Kind::NoEndpoint => Some(5),
        _ => None,
    }
}

/// The same for one answer: its reason may know better.
fn retry_after(reason: &Reason) -> Option<i64> {
    let told = reason.facts.iter().find(|(name, _)| *name == RETRY_AFTER);
    match told {
        Some((_, Fact::Number(seconds))) => Some((*seconds).max(1)),
        _ => retry_after_seconds(reason.kind).map(i64::from),
    }
}

/// What an answer in any form is made of.
struct Told<'a> {
    reply: &'a Reply,
    /// The span of the exchange: unique, and not the caller's to choose.
    reference: SpanId,
    reasons: Reasons,
}

/// The response to `request` that a reply becomes. `reference` is the exchange's span id, which
/// logs and traces carry too.
pub fn answer(reply: &Reply, request: &Head, reference: SpanId, reasons: Reasons) -> (Head, Body) {
    let told = Told { reply, reference, reasons };
    let explained = reply.content == Content::Explained;
    if explained && reply.status >= 400 && grpc::is_asked(request) {
        return (grpc::head(&told, request), Body::Empty);
    }
    let mut head = Head::response(reply.status, request.version());
    tell(&told, &mut head);
    for (name, value) in &reply.headers {
        head.set(name.as_str(), value.as_str().as_bytes());
    }
    if matches!(reply.status, 100..=199 | 204 | 304) {
        return (head, Body::Empty);
    }
    let body = match &reply.content {
        Content::Explained => {
            let form = accept::preferred(request);
            head.set("content-type", form.media_type().as_bytes());
            head.set("vary", b"accept");
            if form == Form::Html {
                head.set("content-security-policy", forms::PAGE_POLICY.as_bytes());
            }
            Bytes::from(told.body(form))
        }
        Content::Given { content_type, body } => {
            head.set("content-type", content_type.as_str().as_bytes());
            body.clone()
        }
        Content::Empty => Bytes::new(),
    };
    head.set("content-length", body.len().to_string().as_bytes());
    if request.method() == "HEAD" {
        return (head, Body::Empty);
    }
    (head, Body::full(body))
}

/// The fields that every form has.
fn tell(told: &Told<'_>, head: &mut Head) {
    head.set(HEADER, told.reason_field().as_bytes());
    // A fallback stands in for a failure.
    if told.reply.status >= 400 || told.reply.reason.kind.status() >= 500 {
        head.set("cache-control", b"no-store");
    }
    let failed = told.reply.status >= 400;
    if let Some(seconds) = retry_after(&told.reply.reason).filter(|_| failed) {
        head.set("retry-after", seconds.to_string().as_bytes());
    }
}

impl Told<'_> {
    /// The value of `x-trunkline-reason`.
    fn reason_field(&self) -> String {
        match self.reasons {
            Reasons::Full => self.reply.reason.to_string(),
            Reasons::Id => format!("id;ref=\"{}\"", self.reference),
        }
    }

    /// The sentence for people; `None` if they are told a reference only.
    fn sentence(&self) -> Option<&'static str> {
        match self.reasons {
            Reasons::Full => Some(self.reply.reason.kind.sentence()),
            Reasons::Id => None,
        }
    }

    /// The standard's words for the status.
    fn title(&self) -> &'static str {
        http::StatusCode::from_u16(self.reply.status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Answer of the gateway")
    }
}

#[cfg(test)]
mod tests;
