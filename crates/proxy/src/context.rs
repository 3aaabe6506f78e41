//! Trace context and correlation: how an exchange is found again, here and in every service.
//!
//! Follows W3C Trace Context level 2. A valid `traceparent` continues the caller's trace and its
//! sampling decision; anything else starts a trace and drops `tracestate`, which belongs to the
//! broken one. Each attempt to forward gets a span of its own, written by [`inject`].
//! `x-request-id` is the caller's if it is sane, else ours.

mod correlation;
mod traceparent;
mod tracestate;

use trunkline_model::trace::{SpanId, TraceContext, TraceId};
use trunkline_model::units::Share;
use trunkline_net::http::{Correlation, Head};
use trunkline_rt::Random;

pub use correlation::REQUEST_ID;
pub use traceparent::Traceparent;

/// Name of the field that carries trace, span and flags.
pub const TRACEPARENT: &str = "traceparent";
/// Name of the field that carries what tracing systems add.
pub const TRACESTATE: &str = "tracestate";

/// Reads, or starts, the trace of a request, and leaves in its head what the service may see: one
/// clean `tracestate` or none, and one `x-request-id`. Returns the context and the correlation id.
pub fn begin(
    request: &mut Head,
    sample: Share,
    random: &mut Random,
) -> (TraceContext, Correlation) {
    let span = span_id(random);
    let context = if let Some(caller) = sole_traceparent(request) {
        tracestate::tidy(request);
        TraceContext {
            trace: caller.trace,
            span,
            parent: Some(caller.span),
            sampled: caller.sampled,
            random: caller.random,
        }
    } else {
        request.remove(TRACESTATE);
        let trace = trace_id(random);
        TraceContext { trace, span, parent: None, sampled: is_sampled(trace, sample), random: true }
    };
    (context, correlation::settle(request, random))
}

/// Makes `span` the parent of what the receiver of this head does.
pub fn inject(head: &mut Head, context: &TraceContext, span: SpanId) {
    let parent = Traceparent {
        trace: context.trace,
        span,
        sampled: context.sampled,
        random: context.random,
    };
    head.set(TRACEPARENT, &parent.text());
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

/// More than one field is as bad as a malformed one: nobody knows which to believe.
fn sole_traceparent(request: &Head) -> Option<Traceparent> {
    let mut fields = request.get_all(TRACEPARENT);
    let first = fields.next()?;
    if fields.next().is_some() {
        return None;
    }
    Traceparent::parse(first)
}

/// Decides on the last seven bytes of the trace id, as OpenTelemetry's consistent probability
/// sampling does: everyone who samples at least this share of traces keeps this one too.
fn is_sampled(trace: TraceId, share: Share) -> bool {
    let [_, _, _, _, _, _, _, _, _, tail @ ..] = *trace.bytes();
    let number = tail.iter().fold(0_u64, |n, byte| (n << 8) | u64::from(*byte));
    let whole = u64::from(Share::ALL.basis_points());
    let rejected = whole - u64::from(share.basis_points());
    // Both sides times 10 000: no division, no rounding; 2^56 * 10^4 needs 70 bits.
    u128::from(number) * u128::from(whole) >= u128::from(rejected) << 56
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_net::http::Version;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn request(fields: &[(&str, &str)]) -> Head {
        let mut head = Head::request("GET", "/", Version::Http11);
        for (name, value) in fields {
            head.append(name, value.as_bytes());
        }
        head
    }

    fn begun(fields: &[(&str, &str)]) -> (Head, TraceContext) {
        let mut head = request(fields);
        let (context, _) = begin(&mut head, Share::NONE, &mut Random::from_seed(1));
        (head, context)
    }

    #[test]
    fn a_callers_trace_and_decision_are_followed() {
        let (mut head, context) = begun(&[("Traceparent", VALID), ("tracestate", "a=1")]);
        assert_eq!(context.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.parent.unwrap().to_string(), "00f067aa0ba902b7");
        assert!(context.sampled && !context.random);
        assert_eq!(head.get_text("tracestate"), Some("a=1"));

        inject(&mut head, &context, context.span);
        let sent = Traceparent::parse(head.get("traceparent").unwrap()).unwrap();
        assert_eq!((sent.trace, sent.span, sent.sampled), (context.trace, context.span, true));
        assert_eq!(head.get_all("traceparent").count(), 1);
    }

    #[test]
    fn an_invalid_parent_restarts_the_trace_and_drops_its_state() {
        let upper = VALID.to_uppercase();
        for fields in [
            &[("traceparent", upper.as_str()), ("tracestate", "a=1")][..],
            &[("traceparent", VALID), ("traceparent", VALID), ("tracestate", "a=1")],
            &[("tracestate", "a=1")],
        ] {
            let (head, context) = begun(fields);
            assert_eq!(context.parent, None);
            assert!(context.random && !context.sampled);
            assert!(!head.has("tracestate"));
        }
    }

    #[test]
    fn the_share_of_sampled_traces_is_the_one_asked_for() {
        let mut random = Random::from_seed(3);
        let share: Share = "25%".parse().unwrap();
        let hits = (0..10_000).filter(|_| is_sampled(trace_id(&mut random), share)).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
        let all_ones = TraceId::new([0xff; 16]).unwrap();
        assert!(!is_sampled(all_ones, Share::NONE));
        assert!(is_sampled(TraceId::new([1; 16]).unwrap(), Share::ALL));
    }

    #[test]
    fn a_greater_share_keeps_what_a_smaller_one_kept() {
        let mut random = Random::from_seed(4);
        let (low, high) = ("10%".parse().unwrap(), "40%".parse().unwrap());
        for _ in 0..1_000 {
            let trace = trace_id(&mut random);
            assert!(!is_sampled(trace, low) || is_sampled(trace, high));
        }
    }
}
