//! How an attempt fails, and whether the service can have seen the request.

use std::error::Error;

use trunkline_model::reason::Kind;

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// For people: what the system or the codec said.
    pub(crate) detail: String,
    pub(crate) processed: Processed,
    /// The status of an answer that a person wants to see instead.
    pub(crate) status: Option<u16>,
}

/// Whether the service can have processed the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Processed {
    /// Certainly not: it was never sent, or the service says so. Any request can be sent again.
    No,
    /// The connection ended before a byte came back: one from the pool was closed when the request
    /// crossed, or the service ended with the connection in its queue. What is harmless to repeat
    /// can be sent again.
    Unlikely,
    /// It may have been: the answer began, or none came in time.
    Maybe,
}

impl Failure {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>, processed: Processed) -> Self {
        Self { kind, detail: detail.into(), processed, status: None }
    }

    /// The failure that a person injects: as if the service had answered so.
    pub(crate) fn injected(status: u16) -> Self {
        Self { status: Some(status), ..Self::new(Kind::Fault, "injected", Processed::Maybe) }
    }

    /// The failure of a stream of HTTP/2; `reused` tells whether the connection had served another
    /// request before.
    pub(crate) fn of_http2(error: &h2::Error, reused: bool) -> Self {
        let detail = whole(error);
        if error.is_library() {
            return Self::new(Kind::UpstreamProtocol, detail, Processed::Maybe);
        }
        let processed = match (is_left_out(error), reused) {
            (true, _) => Processed::No,
            (false, true) => Processed::Unlikely,
            (false, false) => Processed::Maybe,
        };
        Self::new(Kind::UpstreamReset, detail, processed)
    }
}

/// Whether an HTTP/2 peer said that it did not process the stream: `REFUSED_STREAM`, or a GOAWAY
/// that leaves the stream out (RFC 9113 §8.7).
fn is_left_out(error: &h2::Error) -> bool {
    let graceful = error.is_go_away() && error.is_remote();
    error.reason() == Some(h2::Reason::REFUSED_STREAM)
        || (graceful && error.reason() == Some(h2::Reason::NO_ERROR))
}

/// An error with its causes, in one line.
pub(crate) fn whole(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
