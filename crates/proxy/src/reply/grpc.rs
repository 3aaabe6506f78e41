//! Answers to gRPC calls: status 200 with gRPC's own status in the header block (Trailers-Only of
//! gRPC over HTTP/2). A client library shows them as errors of the call, not of the transport.

use std::fmt::Write as _;

use trunkline_model::reason::Kind;
use trunkline_net::http::Head;

use super::{Told, tell};

/// Whether the request is a gRPC call.
pub(super) fn is_asked(request: &Head) -> bool {
    content_type(request).is_some()
}

fn content_type(request: &Head) -> Option<&str> {
    let value = request.get_text("content-type")?;
    let behind = value.strip_prefix("application/grpc")?;
    (behind.is_empty() || behind.starts_with(['+', ';', '-'])).then_some(value)
}

/// The head of the answer, which is all of it.
pub(super) fn head(told: &Told<'_>, request: &Head) -> Head {
    let mut head = Head::response(200, request.version());
    tell(told, &mut head);
    let content_type = content_type(request).unwrap_or("application/grpc");
    head.set("content-type", content_type.as_bytes());
    let code = code(told.reply.reason.kind, told.reply.status);
    head.set("grpc-status", code.to_string().as_bytes());
    let message = match told.sentence() {
        Some(sentence) => format!("{sentence} ({})", told.reply.reason),
        None => format!("reference {}", told.reference),
    };
    head.set("grpc-message", escaped(&message).as_bytes());
    head
}

/// The code for a reason, or else for a status (gRPC, "HTTP to gRPC status code mapping").
fn code(kind: Kind, status: u16) -> u8 {
    const INVALID_ARGUMENT: u8 = 3;
    const DEADLINE_EXCEEDED: u8 = 4;
    const PERMISSION_DENIED: u8 = 7;
    const RESOURCE_EXHAUSTED: u8 = 8;
    const UNIMPLEMENTED: u8 = 12;
    const INTERNAL: u8 = 13;
    const UNAVAILABLE: u8 = 14;
    const UNAUTHENTICATED: u8 = 16;
    const UNKNOWN: u8 = 2;
    match (kind, status) {
        (Kind::RequestTimeout | Kind::AttemptTimeout | Kind::IdleTimeout, _) => DEADLINE_EXCEEDED,
        (Kind::BodyTooLarge | Kind::Overload, _) => RESOURCE_EXHAUSTED,
        (_, 400) => INVALID_ARGUMENT,
        (_, 401) => UNAUTHENTICATED,
        (_, 403) => PERMISSION_DENIED,
        (_, 404) => UNIMPLEMENTED,
        (_, 408 | 429 | 502..=504) => UNAVAILABLE,
        (_, 500) => INTERNAL,
        _ => UNKNOWN,
    }
}

/// Percent-encodes what is not printable ASCII, and `%` itself (gRPC over HTTP/2, "Responses").
fn escaped(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}
