//! Zipkin's B3, in one field (`b3: trace-span-state-parent`) and in several (`x-b3-…`).
//!
//! Ids are 16 lower-case hex digits, trace ids 16 or 32; a trace id of 64 bits is the lower half of
//! ours, and goes out as it came in. The state is `0`, `1` or `d` for debug, and may stand alone:
//! then the caller has decided about a trace that starts here. Without a state the decision is ours.
//! Source: the specification of openzipkin/b3-propagation.

use trunkline_model::trace::{SpanId, TraceContext, TraceId};
use trunkline_net::http::Head;

use super::extract::{Said, sole};
use super::text::Text;

/// Name of the one field.
pub(super) const SINGLE: &str = "b3";

const MULTI_TRACE: &str = "x-b3-traceid";
const MULTI_SPAN: &str = "x-b3-spanid";
const MULTI_PARENT: &str = "x-b3-parentspanid";
const MULTI_SAMPLED: &str = "x-b3-sampled";
const MULTI_FLAGS: &str = "x-b3-flags";
/// Those of the several fields by which their use is known.
pub(super) const MULTI: [&str; 3] = [MULTI_TRACE, MULTI_SAMPLED, MULTI_FLAGS];

/// A caller's decision.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Deny,
    Accept,
    Debug,
}

impl State {
    fn parse(text: &[u8]) -> Option<Self> {
        match text {
            b"0" => Some(Self::Deny),
            b"1" => Some(Self::Accept),
            b"d" => Some(Self::Debug),
            _ => None,
        }
    }

    fn of(context: &TraceContext, debug: bool) -> Self {
        match (context.sampled, debug) {
            (true, true) => Self::Debug,
            (true, false) => Self::Accept,
            (false, _) => Self::Deny,
        }
    }

    const fn text(self) -> &'static [u8] {
        match self {
            Self::Deny => b"0",
            Self::Accept => b"1",
            Self::Debug => b"d",
        }
    }
}

fn said(ids: Option<(TraceId, SpanId)>, state: Option<State>) -> Said {
    let (trace, parent) = ids.unzip();
    Said {
        trace,
        parent,
        sampled: state.map(|state| state != State::Deny),
        debug: state == Some(State::Debug),
        random: false,
    }
}

/// Reads the one field.
pub(super) fn single(request: &Head) -> Option<Said> {
    let value = sole(request, SINGLE)?;
    let mut parts = value.split(|byte| *byte == b'-');
    let first = parts.next()?;
    let Some(span) = parts.next() else {
        return Some(said(None, Some(State::parse(first)?)));
    };
    let ids = (trace_id(first)?, SpanId::from_hex(span)?);
    let state = match parts.next() {
        Some(state) => Some(State::parse(state)?),
        None => None,
    };
    if let Some(parent) = parts.next() {
        SpanId::from_hex(parent)?;
    }
    parts.next().is_none().then(|| said(Some(ids), state))
}

/// Reads the several fields; of one that came twice, the first counts.
pub(super) fn multi(request: &Head) -> Option<Said> {
    let get = |name| request.get(name).map(<[u8]>::trim_ascii);
    let state = match (get(MULTI_FLAGS), get(MULTI_SAMPLED)) {
        (Some(b"1"), _) => Some(State::Debug),
        // Old tracers wrote words.
        (_, Some(b"1" | b"true")) => Some(State::Accept),
        (_, Some(b"0" | b"false")) => Some(State::Deny),
        (_, Some(_)) => return None,
        (_, None) => None,
    };
    let Some(trace) = get(MULTI_TRACE) else {
        return state.map(|state| said(None, Some(state)));
    };
    let ids = (trace_id(trace)?, SpanId::from_hex(get(MULTI_SPAN)?)?);
    Some(said(Some(ids), state))
}

/// 16 digits are the lower half of an id.
fn trace_id(text: &[u8]) -> Option<TraceId> {
    let Some(half) = SpanId::from_hex(text) else {
        return TraceId::from_hex(text);
    };
    let mut bytes = [0; 16];
    bytes.get_mut(8..)?.copy_from_slice(half.bytes());
    TraceId::new(bytes)
}

/// The bytes of a trace id without an upper half that is empty.
pub(super) fn shortest(trace: &TraceId) -> &[u8] {
    let bytes = trace.bytes();
    match bytes.split_at_checked(8) {
        Some(([0, 0, 0, 0, 0, 0, 0, 0], low)) => low,
        _ => bytes,
    }
}

/// Writes the one field.
pub(super) fn write_single(head: &mut Head, context: &TraceContext, span: SpanId, debug: bool) {
    let mut text = Text::<68>::new();
    let _ = text.push_hex(shortest(&context.trace))
        && text.push(b"-")
        && text.push_hex(span.bytes())
        && text.push(b"-")
        && text.push(State::of(context, debug).text())
        && text.push(b"-")
        && text.push_hex(context.span.bytes());
    head.set(SINGLE, text.as_bytes());
}

/// Writes those of the several fields that are the same for each attempt.
pub(super) fn settle_multi(head: &mut Head, context: &TraceContext, debug: bool) {
    let mut trace = Text::<32>::new();
    trace.push_hex(shortest(&context.trace));
    head.set(MULTI_TRACE, trace.as_bytes());
    set_span(head, MULTI_PARENT, context.span);
    // Debug implies that it is recorded, and is not said twice.
    match State::of(context, debug) {
        State::Debug => {
            head.remove(MULTI_SAMPLED);
            head.set(MULTI_FLAGS, b"1");
        }
        state => {
            head.remove(MULTI_FLAGS);
            head.set(MULTI_SAMPLED, state.text());
        }
    }
}

/// Writes that of the several fields which each attempt has of its own.
pub(super) fn write_multi(head: &mut Head, span: SpanId) {
    set_span(head, MULTI_SPAN, span);
}

fn set_span(head: &mut Head, name: &str, span: SpanId) {
    let mut text = Text::<16>::new();
    text.push_hex(span.bytes());
    head.set(name, text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::head;

    const LONG: &str = "80f198ee56343ba864fe8b2a57d3eff7";
    const SHORT: &str = "64fe8b2a57d3eff7";
    const SPAN: &str = "e457b5a2e4d86bd1";

    /// Trace, parent, decision, debug.
    fn shown(said: Option<Said>) -> String {
        let Some(said) = said else { return "invalid".into() };
        let trace = said.trace.map_or_else(|| "-".into(), |id| id.to_string());
        let parent = said.parent.map_or_else(|| "-".into(), |id| id.to_string());
        let sampled = said.sampled.map_or("?", |sampled| if sampled { "1" } else { "0" });
        format!("{trace} {parent} {}", if said.debug { "d" } else { sampled })
    }

    #[test]
    fn one_field_has_ids_and_a_state_or_a_state_alone() {
        let check = |value: &str, expected: &str| {
            assert_eq!(shown(single(&head(&[("B3", value)]))), expected, "{value}");
        };
        check(&format!("{LONG}-{SPAN}-1-05e3ac9a4f6e3b90"), &format!("{LONG} {SPAN} 1"));
        check(&format!("{LONG}-{SPAN}-d"), &format!("{LONG} {SPAN} d"));
        check(&format!("{LONG}-{SPAN}-0"), &format!("{LONG} {SPAN} 0"));
        check(&format!("{LONG}-{SPAN}"), &format!("{LONG} {SPAN} ?"));
        check(&format!(" {SHORT}-{SPAN} "), &format!("0000000000000000{SHORT} {SPAN} ?"));
        check("0", "- - 0");
        check("1", "- - 1");
        check("d", "- - d");
        for wrong in [
            String::new(),
            "2".into(),
            "true".into(),
            LONG.into(),
            format!("{LONG}-"),
            format!("{LONG}-{SPAN}-"),
            format!("{LONG}-{SPAN}-2"),
            format!("{LONG}-{SPAN}-1-"),
            format!("{LONG}-{SPAN}-1-05e3ac9a4f6e3b90-"),
            format!("{}-{SPAN}-1", &LONG[1..]),
            format!("{}-{SPAN}-1", LONG.to_uppercase()),
            format!("{}-{SPAN}-1", "0".repeat(32)),
            format!("{}-{SPAN}-1", "0".repeat(16)),
            format!("{LONG}-0000000000000000-1"),
        ] {
            check(&wrong, "invalid");
        }
        assert_eq!(single(&head(&[("b3", "0"), ("b3", "1")])), None);
    }

    #[test]
    fn several_fields_say_the_same() {
        let check = |fields: &[(&str, &str)], expected: &str| {
            assert_eq!(shown(multi(&head(fields))), expected, "{fields:?}");
        };
        let (trace, span) = (("X-B3-TraceId", LONG), ("X-B3-SpanId", SPAN));
        let ids = format!("{LONG} {SPAN}");
        check(&[trace, span], &format!("{ids} ?"));
        check(&[trace, span, ("X-B3-Sampled", "1")], &format!("{ids} 1"));
        check(&[trace, span, ("X-B3-Sampled", "true")], &format!("{ids} 1"));
        check(&[trace, span, ("x-b3-sampled", "0")], &format!("{ids} 0"));
        check(&[trace, span, ("x-b3-flags", "1")], &format!("{ids} d"));
        check(&[trace, span, ("x-b3-flags", "0"), ("x-b3-sampled", "0")], &format!("{ids} 0"));
        check(&[trace, ("x-b3-traceid", "x"), span], &format!("{ids} ?"));
        check(&[("x-b3-traceid", SHORT), span], &format!("0000000000000000{SHORT} {SPAN} ?"));
        check(&[("x-b3-sampled", "0")], "- - 0");
        check(&[("x-b3-flags", "1")], "- - d");
        check(&[trace], "invalid");
        check(&[span], "invalid");
        check(&[trace, ("x-b3-spanid", "1")], "invalid");
        check(&[trace, span, ("x-b3-sampled", "yes")], "invalid");
        check(&[], "invalid");
    }

    #[test]
    fn what_is_written_is_read_and_short_ids_stay_short() {
        for trace in [LONG.to_owned(), format!("0000000000000000{SHORT}")] {
            for (sampled, debug, state) in
                [(true, false, "1"), (false, false, "0"), (true, true, "d")]
            {
                let context = TraceContext {
                    trace: trace.parse().unwrap(),
                    span: "05e3ac9a4f6e3b90".parse().unwrap(),
                    parent: None,
                    sampled,
                    random: false,
                    threshold: None,
                };
                let mut out = head(&[("x-b3-flags", "1"), ("x-b3-sampled", "0")]);
                write_single(&mut out, &context, SPAN.parse().unwrap(), debug);
                settle_multi(&mut out, &context, debug);
                write_multi(&mut out, SPAN.parse().unwrap());
                let expected = format!("{trace} {SPAN} {state}");
                assert_eq!(shown(single(&out)), expected);
                assert_eq!(shown(multi(&out)), expected);
                let written = trace.trim_start_matches('0');
                assert_eq!(out.get_text(MULTI_TRACE), Some(written));
                assert_eq!(
                    out.get_text(SINGLE).unwrap(),
                    format!("{written}-{SPAN}-{state}-05e3ac9a4f6e3b90")
                );
                assert_eq!(out.get_text(MULTI_PARENT), Some("05e3ac9a4f6e3b90"));
                assert_eq!(out.has(MULTI_SAMPLED), !debug);
            }
        }
    }
}
