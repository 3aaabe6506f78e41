//! What a request says of its trace, in the first format in which it says something valid.

use trunkline_model::trace::tracing::Format;
use trunkline_model::trace::{SpanId, TraceId};
use trunkline_net::http::Head;

use super::traceparent::Traceparent;
use super::{TRACEPARENT, b3, datadog, jaeger};

/// What a request says of its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Said {
    /// The trace; without one, the caller has decided and leaves the rest to us.
    pub(super) trace: Option<TraceId>,
    /// The caller's span.
    pub(super) parent: Option<SpanId>,
    /// Whether the trace is recorded; `None` where the caller leaves it to us.
    pub(super) sampled: Option<bool>,
    /// A person wants to see this one.
    pub(super) debug: bool,
    /// The trace id is known to be random.
    pub(super) random: bool,
}

/// The first valid word on the trace, and its format.
pub(super) fn extract(request: &Head, formats: &[Format]) -> Option<(Format, Said)> {
    formats.iter().find_map(|format| {
        let said = match format {
            Format::W3c => w3c(request),
            Format::B3 => b3::single(request),
            Format::B3Multi => b3::multi(request),
            Format::Jaeger => jaeger::read(request),
            Format::Datadog => datadog::read(request),
        };
        Some((*format, said?))
    })
}

fn w3c(request: &Head) -> Option<Said> {
    let parent = traceparent(request)?;
    Some(Said {
        trace: Some(parent.trace),
        parent: Some(parent.span),
        sampled: Some(parent.sampled),
        debug: false,
        random: parent.random,
    })
}

/// The one `traceparent`, if it is valid.
pub(super) fn traceparent(request: &Head) -> Option<Traceparent> {
    Traceparent::parse(sole(request, TRACEPARENT)?)
}

/// The value of the only field of this name. More than one is as bad as a malformed one: nobody
/// knows which to believe.
pub(super) fn sole<'a>(request: &'a Head, name: &'static str) -> Option<&'a [u8]> {
    if !request.has(name) {
        return None;
    }
    let mut fields = request.get_all(name);
    let first = fields.next()?;
    fields.next().is_none().then(|| first.trim_ascii())
}
