//! Trace context and correlation: how an exchange is found again, here and in every service.
//!
//! [`begin`] reads the caller's trace in the first of the wanted formats that is valid, else starts
//! one: what is invalid never fails a request. [`settle`], once the route is known, decides whether
//! the trace is recorded and leaves in the head what is the same for each attempt; [`inject`] writes
//! the span of one attempt. W3C Trace Context is that of level 2. `x-request-id` is the caller's if
//! it is sane, else ours. None of it allocates, but for baggage that is too long.

mod extract;
mod formats;
mod text;

mod b3;
mod datadog;
mod jaeger;
mod traceparent;

mod baggage;
mod correlation;
mod ot;
mod sampler;
mod tracestate;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use trunkline_model::trace::tracing::{Format, Propagation, Tracing};
use trunkline_model::trace::{SpanId, TraceContext, TraceId};
use trunkline_net::http::{Correlation, Head};
use trunkline_rt::Random;

use extract::extract;
use formats::Formats;
use tracestate::State;

pub use correlation::REQUEST_ID;
pub use sampler::Sampler;
pub use traceparent::Traceparent;

/// Name of the field that carries trace, span and flags.
pub const TRACEPARENT: &str = "traceparent";
/// Name of the field that carries what tracing systems add.
pub const TRACESTATE: &str = "tracestate";

/// What is wanted of the traces of a gateway, at work.
#[derive(Debug)]
pub struct Tracer {
    /// How they come in and go out.
    pub propagation: Propagation,
    /// Which are recorded.
    pub sampler: Arc<Sampler>,
}

impl Tracer {
    /// Puts settings to work. A rate that stays as it was goes on counting.
    pub fn new(tracing: &Tracing, former: Option<&Self>) -> Self {
        let same = former.filter(|former| *former.sampler.sampling() == tracing.sample);
        let sampler = same.map_or_else(
            || Arc::new(Sampler::new(tracing.sample)),
            |former| Arc::clone(&former.sampler),
        );
        Self { propagation: tracing.propagate.clone(), sampler }
    }
}

/// What a caller asks of us, until that is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The format that its trace came in; `None` if it starts here.
    format: Option<Format>,
    /// Its decision, if it made one.
    sampled: Option<bool>,
    /// A person wants to see this one.
    debug: bool,
}

/// What is wanted of one request's trace.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Decides whether it is recorded.
    pub sampler: &'a Sampler,
    /// How it goes out.
    pub propagation: &'a Propagation,
    /// It comes in by that too, and not as [`begin`] was told.
    pub anew: bool,
    /// The caller is a service behind this gateway.
    pub inner: bool,
    /// Whether it is believed how many traces this one stands for: of a service behind this gateway,
    /// or of a trusted proxy. Anybody else could have one call count as a million.
    pub believed: bool,
    /// When that is asked.
    pub now: Instant,
}

/// What each attempt of a request is told its trace in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outgoing {
    formats: Formats,
    debug: bool,
}

/// Reads, or starts, the trace of a request, and leaves one `x-request-id` in its head. Whether it
/// is recorded is not decided before [`settle`].
pub fn begin(
    request: &mut Head,
    propagation: &Propagation,
    random: &mut Random,
) -> (TraceContext, Asked, Correlation) {
    let tried = propagation.tried();
    let (context, asked) = start(request, tried, span_id(random), random);
    let correlation = correlation::settle(request, tried.contains(&Format::Jaeger), random);
    (context, asked, correlation)
}

/// A trace that starts here and is not recorded.
pub fn fresh(random: &mut Random) -> TraceContext {
    let (span, trace) = (span_id(random), trace_id(random));
    TraceContext { trace, span, parent: None, sampled: false, random: true, threshold: None }
}

fn start(
    request: &Head,
    formats: &[Format],
    span: SpanId,
    random: &mut Random,
) -> (TraceContext, Asked) {
    let (format, said) = extract(request, formats).unzip();
    let said = said.unwrap_or_default();
    let context = TraceContext {
        trace: said.trace.unwrap_or_else(|| trace_id(random)),
        span,
        parent: said.parent,
        sampled: said.sampled.unwrap_or(false),
        random: said.random || said.trace.is_none(),
        threshold: None,
    };
    let format = format.filter(|_| said.trace.is_some());
    (context, Asked { format, sampled: said.sampled, debug: said.debug })
}

/// Decides whether the trace of a request is recorded, and leaves in its head what the service may
/// see of it and each attempt has in common.
pub fn settle(
    request: &mut Head,
    context: &mut TraceContext,
    (mut asked, wanted): (Asked, Wanted<'_>),
    random: &mut Random,
) -> Outgoing {
    if wanted.anew {
        (*context, asked) = start(request, wanted.propagation.tried(), context.span, random);
    }
    let formats = Formats::of(request, wanted.propagation);
    let speaks_w3c = formats.has(Format::W3c);
    let state = if speaks_w3c { state(request, context.trace, asked.format) } else { None };
    let ot = state.map(|state| state.ot()).unwrap_or_default();
    let randomness = ot.randomness().unwrap_or_else(|| context.trace.randomness());
    let said = (randomness, ot.threshold().filter(|_| wanted.believed));
    let decision = wanted.sampler.decide(asked, wanted.inner, said, wanted.now);
    (context.sampled, context.threshold) = (decision.sampled, decision.threshold);
    let settled = state.map(|state| state.settle(decision.threshold));
    match settled {
        Some(settled) => settled.put(request),
        None if speaks_w3c => tracestate::restart(request, decision.threshold),
        None => {}
    }
    if formats.has(Format::B3Multi) {
        b3::settle_multi(request, context, decision.debug);
    }
    if formats.has(Format::Datadog) {
        datadog::settle(request, context, decision.debug);
    }
    baggage::bound(request);
    Outgoing { formats, debug: decision.debug }
}

/// The caller's `tracestate`, where it is a list and belongs to this trace.
fn state(request: &Head, trace: TraceId, format: Option<Format>) -> Option<State<'_>> {
    if !request.has(TRACESTATE) {
        return None;
    }
    let belongs = match format {
        None => false,
        Some(Format::W3c) => true,
        Some(_) => extract::traceparent(request).is_some_and(|parent| parent.trace == trace),
    };
    belongs.then(|| State::read(request.get_all(TRACESTATE))).flatten()
}

/// Makes `span` the parent of what the receiver of this head does.
pub fn inject(head: &mut Head, context: &TraceContext, span: SpanId, outgoing: Outgoing) {
    let Outgoing { formats, debug } = outgoing;
    if formats.has(Format::W3c) {
        let TraceContext { trace, sampled, random, .. } = *context;
        let parent = Traceparent { trace, span, sampled, random };
        head.set(TRACEPARENT, &parent.text());
    }
    if formats.has(Format::B3) {
        b3::write_single(head, context, span, debug);
    }
    if formats.has(Format::B3Multi) {
        b3::write_multi(head, span);
    }
    if formats.has(Format::Jaeger) {
        jaeger::write(head, context, span, debug);
    }
    if formats.has(Format::Datadog) {
        datadog::write(head, span);
    }
}

/// A new span id.
pub fn span_id(random: &mut Random) -> SpanId {
    loop {
        if let Some(id) = SpanId::new(random.bytes8()) {
            return id;
        }
    }
}

fn trace_id(random: &mut Random) -> TraceId {
    loop {
        if let Some(id) = TraceId::new(random.bytes16()) {
            return id;
        }
    }
}
