//! Datadog's `x-datadog-…`: decimal ids of 64 bits, a priority, and tags.
//!
//! The upper half of a trace id travels among the tags, as `_dd.p.tid`. A priority above zero keeps
//! the trace. A parent of 0 is none: so begin Datadog's synthetic tests. `x-datadog-origin` and the
//! other tags pass untouched. Source: the propagation of Datadog's tracing libraries.

use trunkline_model::trace::{SpanId, TraceContext, TraceId};
use trunkline_net::http::Head;

use super::extract::{Said, sole};
use super::text::{Text, decimal};

/// Name of the field with the lower half of the trace id.
pub(super) const TRACE_ID: &str = "x-datadog-trace-id";
const PARENT_ID: &str = "x-datadog-parent-id";
const PRIORITY: &str = "x-datadog-sampling-priority";
const TAGS: &str = "x-datadog-tags";

/// The tag with the upper half of the trace id, and what divides it from its value.
const UPPER_HALF: &[u8] = b"_dd.p.tid=";
/// Longest list of tags; Datadog's libraries take no longer one.
const TAGS_BYTES_MAX: usize = 512;

/// A person has asked for the trace.
const KEEP_FOR_PERSON: &[u8] = b"2";

/// Reads the fields.
pub(super) fn read(request: &Head) -> Option<Said> {
    let low = decimal(sole(request, TRACE_ID)?)?;
    if low == 0 {
        return None;
    }
    let mut parent = None;
    if request.has(PARENT_ID) {
        parent = SpanId::new(decimal(sole(request, PARENT_ID)?)?.to_be_bytes());
    }
    let mut sampled = None;
    if request.has(PRIORITY) {
        sampled = Some(keeps(sole(request, PRIORITY)?)?);
    }
    // A half that is not one is as good as none: the libraries go on without it as well.
    let high = sole(request, TAGS).and_then(upper_half).unwrap_or(0);
    let trace = TraceId::new(((u128::from(high) << 64) | u128::from(low)).to_be_bytes());
    Some(Said { trace, parent, sampled, debug: false, random: false })
}

/// Whether a priority keeps a trace.
fn keeps(priority: &[u8]) -> Option<bool> {
    let (negative, digits) = match priority {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let number = decimal(digits)?;
    Some(!negative && number > 0)
}

fn upper_half(tags: &[u8]) -> Option<u64> {
    let tag = tags.split(|byte| *byte == b',').find_map(|tag| tag.strip_prefix(UPPER_HALF))?;
    SpanId::from_hex(tag).map(|half| u64::from_be_bytes(*half.bytes()))
}

/// Writes those fields that are the same for each attempt.
pub(super) fn settle(head: &mut Head, context: &TraceContext, debug: bool) {
    let (high, low) = halves(&context.trace);
    let mut text = Text::<20>::new();
    text.push_decimal(u64::from_be_bytes(low));
    head.set(TRACE_ID, text.as_bytes());
    // Who wrote a priority that says the same may have meant more by it.
    if sole(head, PRIORITY).and_then(keeps) != Some(context.sampled) {
        let priority = match (context.sampled, debug) {
            (true, true) => KEEP_FOR_PERSON,
            (true, false) => b"1",
            (false, _) => b"0",
        };
        head.set(PRIORITY, priority);
    }
    if high != [0; 8] || head.has(TAGS) {
        settle_tags(head, high);
    }
}

/// The list of tags with the upper half of the trace id, or without any.
fn settle_tags(head: &mut Head, high: [u8; 8]) {
    let mut tags = Text::<TAGS_BYTES_MAX>::new();
    if high != [0; 8] {
        let _ = tags.push(UPPER_HALF) && tags.push_hex(&high);
    }
    let others = sole(head, TAGS).unwrap_or_default().split(|byte| *byte == b',');
    for tag in others.filter(|tag| !tag.is_empty() && !tag.starts_with(UPPER_HALF)) {
        let comma = usize::from(tags.len() > 0);
        if tags.len() + comma + tag.len() <= TAGS_BYTES_MAX {
            let _ = (comma == 0 || tags.push(b",")) && tags.push(tag);
        }
    }
    match tags.as_bytes() {
        [] => head.remove(TAGS),
        tags => head.set(TAGS, tags),
    }
}

/// Writes the field that each attempt has of its own.
pub(super) fn write(head: &mut Head, span: SpanId) {
    let mut text = Text::<20>::new();
    text.push_decimal(u64::from_be_bytes(*span.bytes()));
    head.set(PARENT_ID, text.as_bytes());
}

fn halves(trace: &TraceId) -> ([u8; 8], [u8; 8]) {
    let number = u128::from_be_bytes(*trace.bytes());
    let half = |number: u128| u64::try_from(number & u128::from(u64::MAX)).unwrap_or(0);
    (half(number >> 64).to_be_bytes(), half(number).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::head;

    fn check(fields: &[(&str, &str)], expected: &str) {
        let shown = read(&head(fields)).map_or_else(
            || "invalid".into(),
            |said| {
                let parent = said.parent.map_or_else(|| "-".into(), |id| id.to_string());
                format!("{} {parent} {:?}", said.trace.unwrap(), said.sampled)
            },
        );
        assert_eq!(shown, expected, "{fields:?}");
    }

    #[test]
    fn ids_are_decimal_halves() {
        let trace = ("X-Datadog-Trace-Id", "255");
        let parent = ("X-Datadog-Parent-Id", "16");
        let priority = "x-datadog-sampling-priority";
        let plain = "000000000000000000000000000000ff 0000000000000010";
        check(&[trace, parent], &format!("{plain} None"));
        for (text, keeps) in [("1", true), ("2", true), ("0", false), ("-1", false)] {
            check(&[trace, parent, (priority, text)], &format!("{plain} Some({keeps})"));
        }
        let tags = ("x-datadog-tags", "_dd.p.dm=-4,_dd.p.tid=640cfd8d00000000");
        check(&[trace, parent, tags], "640cfd8d0000000000000000000000ff 0000000000000010 None");
        for half in ["640CFD8D00000000", "640cfd8d", "", "0000000000000000"] {
            let tags = ("x-datadog-tags", &*format!("_dd.p.tid={half}"));
            check(&[trace, parent, tags], &format!("{plain} None"));
        }
        for none in [&[trace][..], &[trace, ("x-datadog-parent-id", "0")]] {
            check(none, "000000000000000000000000000000ff - None");
        }
    }

    #[test]
    fn what_is_no_number_is_invalid() {
        let trace = ("x-datadog-trace-id", "255");
        for text in ["", "0", "-1", "ff", "18446744073709551616", "1 2"] {
            check(&[("x-datadog-trace-id", text)], "invalid");
        }
        for text in ["", "-1", "x", "18446744073709551616"] {
            check(&[trace, ("x-datadog-parent-id", text)], "invalid");
        }
        for text in ["", "-", "keep", "1.5", "--1"] {
            check(&[trace, ("x-datadog-sampling-priority", text)], "invalid");
        }
        check(&[trace, trace], "invalid");
        check(&[], "invalid");
    }

    fn settled(trace: &str, sampled: bool, fields: &[(&str, &str)]) -> Head {
        let context = TraceContext {
            trace: trace.parse().unwrap(),
            span: "00f067aa0ba902b7".parse().unwrap(),
            parent: None,
            sampled,
            random: true,
            threshold: None,
        };
        let mut out = head(fields);
        settle(&mut out, &context, false);
        write(&mut out, "0000000000000010".parse().unwrap());
        let said = read(&out).unwrap();
        assert_eq!((said.trace, said.sampled), (Some(context.trace), Some(sampled)));
        assert_eq!(out.get_text(PARENT_ID), Some("16"));
        out
    }

    #[test]
    fn what_is_written_is_read_and_other_tags_stay() {
        let long = "640cfd8d0000000000000000000000ff";
        let tags = "_dd.p.dm=-4,_dd.p.tid=1111111111111111,_dd.p.usr=a";
        let out =
            settled(long, true, &[(TAGS, tags), (PRIORITY, "2"), ("x-datadog-origin", "rum")]);
        let expected = "_dd.p.tid=640cfd8d00000000,_dd.p.dm=-4,_dd.p.usr=a";
        assert_eq!(out.get_text(TAGS), Some(expected));
        assert_eq!(out.get_text(PRIORITY), Some("2"));
        assert_eq!(out.get_text("x-datadog-origin"), Some("rum"));

        let short = "000000000000000000000000000000ff";
        let out = settled(short, false, &[(TAGS, tags), (PRIORITY, "2")]);
        assert_eq!(out.get_text(TAGS), Some("_dd.p.dm=-4,_dd.p.usr=a"));
        assert_eq!(out.get_text(PRIORITY), Some("0"));
        assert!(!settled(short, true, &[]).has(TAGS));
        assert!(!settled(short, true, &[(TAGS, "_dd.p.tid=1111111111111111")]).has(TAGS));
    }

    #[test]
    fn tags_stay_within_their_bound() {
        let long = "640cfd8d0000000000000000000000ff";
        let tags = format!("a={},b=1", "x".repeat(600));
        let out = settled(long, true, &[(TAGS, &tags)]);
        assert_eq!(out.get_text(TAGS), Some("_dd.p.tid=640cfd8d00000000,b=1"));
    }
}
