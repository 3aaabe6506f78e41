//! A span as Zipkin describes it, version 2 of its model.

use std::net::IpAddr;

/// Which part a span has in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Not told: local work.
    #[default]
    None,
    /// The calling end.
    Client,
    /// The receiving end.
    Server,
    /// Sends a message.
    Producer,
    /// Takes a message.
    Consumer,
}

/// One end of a call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Endpoint {
    /// The service; empty where it is not known.
    pub service: String,
    /// Its address.
    pub ip: Option<IpAddr>,
    /// Its port; 0 where it is not known.
    pub port: u16,
}

/// Something that happened within a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// When, nanoseconds since the Unix epoch.
    pub time_unix_nanos: u64,
    /// What.
    pub value: String,
}

/// One span.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Span {
    /// Its trace; 0 is none.
    pub trace: u128,
    /// Its id; 0 is none.
    pub id: u64,
    /// The span it is a child of; 0 is none.
    pub parent: u64,
    /// The operation.
    pub name: String,
    /// Which part it has in a call.
    pub kind: Kind,
    /// When it began, nanoseconds since the Unix epoch; `None` where it was not told.
    pub start_unix_nanos: Option<u64>,
    /// How long it took.
    pub duration_nanos: u64,
    /// Who made it.
    pub local: Endpoint,
    /// The other end.
    pub remote: Endpoint,
    /// What happened within it.
    pub annotations: Vec<Annotation>,
    /// What is known of it.
    pub tags: Vec<(String, String)>,
}

/// A span has no id, or belongs to no trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a span has no valid id of its own or of a trace")]
pub struct NoId;

/// Reads an id of up to 16 (span) or 32 (trace) hex digits, in either case; 0 for what is none.
pub(super) fn id(text: &str, digits_max: usize) -> u128 {
    let digits = !text.is_empty() && text.len() <= digits_max;
    let digits = digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits { u128::from_str_radix(text, 16).unwrap_or(0) } else { 0 }
}
