//! Jaeger's `uber-trace-id: trace:span:parent:flags`.
//!
//! Ids are hex without their leading zeros; the parent is not used any more and `0`; the colons may
//! be escaped (`%3A`). `jaeger-debug-id` alone asks for a new trace that is recorded: a person looks
//! for it by that id. `uberctx-…`, Jaeger's baggage, passes as any field does.
//! Source: the propagation format in Jaeger's documentation.

use trunkline_model::trace::{SpanId, TraceContext, TraceId};
use trunkline_net::http::Head;

use super::b3::shortest;
use super::extract::{Said, sole};
use super::text::{Text, hex_number};

/// Name of the field with the ids.
pub(super) const TRACE_ID: &str = "uber-trace-id";
/// Name of the field by which a person asks for a trace.
pub(super) const DEBUG_ID: &str = "jaeger-debug-id";

/// The trace is recorded.
const SAMPLED: u128 = 1;
/// A person wants to see it.
const DEBUG: u128 = 2;
/// Longest value: ids of 32 and 16 digits, twice, two digits of flags, three escaped colons.
const BYTES_MAX: usize = 32 + 16 + 16 + 2 + 3 * 3;

/// Reads both fields.
pub(super) fn read(request: &Head) -> Option<Said> {
    if let Some(said) = sole(request, TRACE_ID).and_then(ids) {
        return Some(said);
    }
    let asks = sole(request, DEBUG_ID).is_some_and(|id| !id.is_empty());
    asks.then_some(Said { sampled: Some(true), debug: true, ..Said::default() })
}

fn ids(value: &[u8]) -> Option<Said> {
    if value.len() > BYTES_MAX {
        return None;
    }
    let mut rest = value;
    let (trace, span, parent) = (part(&mut rest)?, part(&mut rest)?, part(&mut rest)?);
    let trace = TraceId::new(hex_number(trace, 32)?.to_be_bytes())?;
    let span = u64::try_from(hex_number(span, 16)?).ok()?;
    hex_number(parent, 16)?;
    let flags = hex_number(rest, 2)?;
    Some(Said {
        trace: Some(trace),
        parent: Some(SpanId::new(span.to_be_bytes())?),
        sampled: Some(flags & (SAMPLED | DEBUG) != 0),
        debug: flags & DEBUG != 0,
        random: false,
    })
}

/// What stands before the next colon, which is taken away as well.
fn part<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| matches!(byte, b':' | b'%'))?;
    let (part, colon) = rest.split_at_checked(end)?;
    *rest = match colon {
        [b':', behind @ ..] | [b'%', b'3', b'A' | b'a', behind @ ..] => behind,
        _ => return None,
    };
    Some(part)
}

/// Writes the field.
pub(super) fn write(head: &mut Head, context: &TraceContext, span: SpanId, debug: bool) {
    let flags: &[u8] = match (context.sampled, debug) {
        (true, true) => b"3",
        (true, false) => b"1",
        (false, _) => b"0",
    };
    let mut text = Text::<BYTES_MAX>::new();
    let _ = text.push_hex(shortest(&context.trace))
        && text.push(b":")
        && text.push_hex(span.bytes())
        && text.push(b":0:")
        && text.push(flags);
    head.set(TRACE_ID, text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::head;

    fn said(fields: &[(&str, &str)]) -> Option<Said> {
        read(&head(fields))
    }

    #[test]
    fn ids_come_without_zeros_and_with_escaped_colons() {
        let check = |value: &str, expected: &str| {
            let shown = said(&[("Uber-Trace-Id", value)]).map_or_else(
                || "invalid".into(),
                |said| {
                    let (trace, parent) = (said.trace.unwrap(), said.parent.unwrap());
                    format!("{trace} {parent} {:?} {}", said.sampled.unwrap(), said.debug)
                },
            );
            assert_eq!(shown, expected, "{value}");
        };
        let short = "000000000000000000000000000000ab 00000000000000cd";
        check("ab:cd:0:1", &format!("{short} true false"));
        check("AB:CD:0:0", &format!("{short} false false"));
        check("ab%3Acd%3a0%3A3", &format!("{short} true true"));
        check("ab:cd:12:2", &format!("{short} true true"));
        check("000000000000000000000000000000ab:cd:0:01", &format!("{short} true false"));
        check(
            "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1",
            "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 true false",
        );
        for wrong in [
            "",
            "ab",
            "ab:cd",
            "ab:cd:0",
            "ab:cd:0:",
            "ab:cd:0:1:2",
            "ab:cd::1",
            ":cd:0:1",
            "ab::0:1",
            "0:cd:0:1",
            "ab:0:0:1",
            "xy:cd:0:1",
            "ab:cd:x:1",
            "ab:cd:0:x",
            "ab:cd:0:001",
            "ab%3cd:0:1",
            "ab%cd:0:1",
            "ab:cd%",
            "4bf92f3577b34da6a3ce929d0e0e47360:cd:0:1",
            "ab:00f067aa0ba902b70:0:1",
        ] {
            check(wrong, "invalid");
        }
    }

    #[test]
    fn a_debug_id_alone_asks_for_a_trace() {
        let asked = Said { sampled: Some(true), debug: true, ..Said::default() };
        assert_eq!(said(&[("jaeger-debug-id", "bug-7")]), Some(asked));
        assert_eq!(said(&[("jaeger-debug-id", "bug-7"), ("uber-trace-id", "?")]), Some(asked));
        let both = said(&[("jaeger-debug-id", "bug-7"), ("uber-trace-id", "ab:cd:0:0")]).unwrap();
        assert_eq!((both.sampled, both.debug), (Some(false), false));
        assert_eq!(said(&[("jaeger-debug-id", "")]), None);
    }

    #[test]
    fn what_is_written_is_read() {
        for (sampled, debug) in [(true, false), (false, false), (true, true)] {
            let context = TraceContext {
                trace: "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap(),
                span: "00f067aa0ba902b7".parse().unwrap(),
                parent: None,
                sampled,
                random: true,
                threshold: None,
            };
            let mut head = head::<&str>(&[]);
            let span = "00000000000000cd".parse().unwrap();
            write(&mut head, &context, span, debug);
            let said = read(&head).unwrap();
            assert_eq!((said.trace, said.parent), (Some(context.trace), Some(span)));
            assert_eq!((said.sampled, said.debug), (Some(sampled), debug));
        }
    }
}
