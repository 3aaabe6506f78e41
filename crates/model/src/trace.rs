//! Trace context and spans: plain data, and the trait that readers of traces are given.
//!
//! Ids and flags follow W3C Trace Context level 2. A span here is what Trunkline itself records of
//! an exchange; spans of services join it in the store. [`tracing`] is what is wanted of traces.

mod threshold;
pub mod tracing;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

pub use threshold::{Digits, Threshold};

/// The two digits of every byte.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which would tell")]
const HEX: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 0x0f]];
        byte += 1;
    }
    pairs
};

/// Writes `bytes` as lower-case hex digits into `text`, as far as it has room. Every request needs
/// some: it is many times faster than formatting byte by byte.
pub fn write_hex(bytes: &[u8], text: &mut [u8]) {
    for (pair, byte) in text.as_chunks_mut().0.iter_mut().zip(bytes) {
        *pair = HEX.get(usize::from(*byte)).copied().unwrap_or_default();
    }
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// The id of these bytes; `None` for all zeros, which the standard forbids.
            pub fn new(bytes: [u8; $bytes]) -> Option<Self> {
                (bytes != [0; $bytes]).then_some(Self(bytes))
            }

            /// Its bytes, most significant first.
            pub const fn bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// Reads exactly the right number of lower-case hex digits.
            pub fn from_hex(text: &[u8]) -> Option<Self> {
                let mut bytes = [0_u8; $bytes];
                if text.len() != $bytes * 2 {
                    return None;
                }
                for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
                    let &[high, low] = pair else { return None };
                    *byte = (hex_digit(high)? << 4) | hex_digit(low)?;
                }
                Self::new(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; $bytes * 2];
                write_hex(&self.0, &mut text);
                f.write_str(std::str::from_utf8(&text).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::from_hex(text.as_bytes()).ok_or(InvalidId)
            }
        }
    };
}

hex_id!(
    /// 16 bytes that all spans of one trace share.
    TraceId, 16
);
hex_id!(
    /// 8 bytes that name a span within its trace.
    SpanId, 8
);

/// A text is not an id: wrong length, not lower-case hex, or all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of 32 (trace) or 16 (span) lower-case hex digits")]
pub struct InvalidId;

/// Lower case only: W3C Trace Context §3.2.2 forbids upper case.
const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// What an exchange carries from its caller and gives to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace: TraceId,
    /// Our span.
    pub span: SpanId,
    /// The caller's span, if it sent one.
    pub parent: Option<SpanId>,
    /// Whether the trace is recorded (flag 01).
    pub sampled: bool,
    /// Whether the trace id is random (flag 02, level 2).
    pub random: bool,
    /// The threshold by which that was decided; `None` where there was none, or nobody knows it.
    pub threshold: Option<Threshold>,
}

/// Which side of an exchange a span tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpanKind {
    /// The receiving side.
    Server,
    /// The calling side.
    Client,
    /// Neither.
    Internal,
}

impl SpanKind {
    /// The word used by OpenTelemetry and Jaeger.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Internal => "internal",
        }
    }
}

/// One span.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Its trace.
    pub trace: TraceId,
    /// Its id.
    pub id: SpanId,
    /// The span it is a child of.
    pub parent: Option<SpanId>,
    /// The service that it tells of.
    pub service: Arc<str>,
    /// The operation.
    pub name: Arc<str>,
    /// Which side.
    pub kind: SpanKind,
    /// Start, nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// How long it took.
    pub duration: Duration,
    /// Whether it failed (OpenTelemetry status `Error`).
    pub failed: bool,
    /// Attributes, by OpenTelemetry's semantic conventions where they name one.
    pub attributes: Vec<(Arc<str>, Attribute)>,
}

/// A value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// Text.
    Text(Arc<str>),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Yes or no.
    Bool(bool),
}

/// What traces are asked for. An empty field asks for nothing in particular.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TraceQuery {
    /// A service that has a span in the trace.
    pub service: Option<String>,
    /// An operation of a span in the trace (of that service, if one is given).
    pub operation: Option<String>,
    /// Attributes that one such span has, compared as text.
    pub attributes: Vec<(String, String)>,
    /// Earliest start, nanoseconds since the Unix epoch.
    pub start_unix_nanos_min: Option<u64>,
    /// Latest start, nanoseconds since the Unix epoch.
    pub start_unix_nanos_max: Option<u64>,
    /// Shortest span.
    pub duration_min: Option<Duration>,
    /// Longest span.
    pub duration_max: Option<Duration>,
    /// At most so many traces, newest first.
    pub limit: usize,
}

/// One trace: its spans in order of start.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Its id.
    pub id: TraceId,
    /// Its spans.
    pub spans: Vec<Span>,
}

/// What a list tells of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// Number of spans.
    pub spans: usize,
    /// Number of those that failed.
    pub failed: usize,
    /// Who took part: whoever has a span, and the services that were called.
    pub services: BTreeSet<Arc<str>>,
}

impl Outline {
    /// The outline of these spans of one trace.
    pub fn of(spans: &[Span]) -> Self {
        let mut services = BTreeSet::new();
        for span in spans {
            services.insert(Arc::clone(&span.service));
            let called = span.attributes.iter().find(|(name, _)| **name == *"peer.service");
            if let Some((_, Attribute::Text(called))) = called {
                services.insert(Arc::clone(called));
            }
        }
        let failed = spans.iter().filter(|span| span.failed).count();
        Self { spans: spans.len(), failed, services }
    }
}

/// Where traces are read from: the bounded buffer of the spine, later the store.
pub trait TraceSource: Send + Sync {
    /// Every service that has a span.
    fn services(&self) -> BTreeSet<Arc<str>>;
    /// Every operation of a service, with the kind of its spans.
    fn operations(&self, service: &str) -> BTreeSet<(Arc<str>, SpanKind)>;
    /// One trace.
    fn trace(&self, id: TraceId) -> Option<Trace>;
    /// What a list tells of a trace; cheaper than the trace where it is kept in memory.
    fn outline(&self, id: TraceId) -> Option<Outline> {
        self.trace(id).map(|trace| Outline::of(&trace.spans))
    }
    /// The traces that answer a query, newest first.
    fn find(&self, query: &TraceQuery) -> Vec<Trace>;
    /// Shows the spans of the traces that came last, at most `limit`, in no order.
    fn latest(&self, limit: usize, see: &mut dyn FnMut(&[Span])) {
        let query = TraceQuery { limit, ..TraceQuery::default() };
        self.find(&query).iter().for_each(|trace| see(&trace.spans));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_lower_case_hex_and_not_zero() {
        let id: SpanId = "00f067aa0ba902b7".parse().unwrap();
        assert_eq!(id.to_string(), "00f067aa0ba902b7");
        assert!("00F067AA0BA902B7".parse::<SpanId>().is_err());
        assert!("0000000000000000".parse::<SpanId>().is_err());
        assert!("00f067aa0ba902b".parse::<SpanId>().is_err());
    }
}
