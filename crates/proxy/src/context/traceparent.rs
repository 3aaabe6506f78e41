//! The `traceparent` field: version, trace id, parent span id, flags.
//!
//! `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`, W3C Trace Context level 2, §3.2.

use std::fmt;

use trunkline_model::trace::{SpanId, TraceId, write_hex};

/// Length of version 00, which later versions start with.
const BYTES: usize = 55;
/// The trace is recorded.
const SAMPLED: u8 = 0x01;
/// The trace id is random (level 2, §3.2.2.5.2).
const RANDOM: u8 = 0x02;

/// What a `traceparent` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traceparent {
    /// The trace.
    pub trace: TraceId,
    /// The sender's span.
    pub span: SpanId,
    /// Whether the trace is recorded.
    pub sampled: bool,
    /// Whether the trace id is random.
    pub random: bool,
}

impl Traceparent {
    /// Reads a field value. `None` where the standard calls it invalid: upper case, zeros, version
    /// `ff`, a wrong length. Of later versions the part that version 00 has is read (§4.3).
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (value, behind) = value.split_at_checked(BYTES)?;
        let mut parts = value.split(|byte| *byte == b'-');
        let version = hex_byte(parts.next()?)?;
        let trace = TraceId::from_hex(parts.next()?)?;
        let span = SpanId::from_hex(parts.next()?)?;
        let flags = hex_byte(parts.next()?)?;
        let ends_well = match version {
            0 => behind.is_empty(),
            0xff => false,
            _ => behind.is_empty() || behind.starts_with(b"-"),
        };
        (ends_well && parts.next().is_none()).then_some(Self {
            trace,
            span,
            sampled: flags & SAMPLED != 0,
            random: flags & RANDOM != 0,
        })
    }
}

impl Traceparent {
    /// The field's value, made without an allocation.
    pub fn text(&self) -> [u8; BYTES] {
        let flags = u8::from(self.sampled) * SAMPLED + u8::from(self.random) * RANDOM;
        let mut text = [b'-'; BYTES];
        let parts: [(usize, &[u8]); 4] =
            [(0, &[0]), (3, self.trace.bytes()), (36, self.span.bytes()), (53, &[flags])];
        for (start, bytes) in parts {
            if let Some(place) = text.get_mut(start..start + 2 * bytes.len()) {
                write_hex(bytes, place);
            }
        }
        text
    }
}

/// Two lower-case hex digits.
fn hex_byte(text: &[u8]) -> Option<u8> {
    let &[high, low] = text else { return None };
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    Some((digit(high)? << 4) | digit(low)?)
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn parse(text: &str) -> Option<Traceparent> {
        Traceparent::parse(text.as_bytes())
    }

    #[test]
    fn version_00_prints_and_parses_back() {
        for flags in ["00", "01", "02", "03"] {
            let text = format!("00-{TRACE}-{SPAN}-{flags}");
            assert_eq!(parse(&text).unwrap().to_string(), text);
        }
        let unknown = parse(&format!("00-{TRACE}-{SPAN}-ff")).unwrap();
        assert_eq!(unknown.to_string(), format!("00-{TRACE}-{SPAN}-03"));
    }

    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        assert!(parse(&format!("cc-{TRACE}-{SPAN}-01")).is_some());
        assert!(parse(&format!("cc-{TRACE}-{SPAN}-01-what-comes")).is_some());
        assert!(parse(&format!("cc-{TRACE}-{SPAN}-01.what")).is_none());
        assert!(parse(&format!("00-{TRACE}-{SPAN}-01-what-comes")).is_none());
    }

    #[test]
    fn what_the_standard_forbids_is_invalid() {
        let zeros = (&"0".repeat(32), &"0".repeat(16));
        for text in [
            String::new(),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", zeros.0),
            format!("00-{TRACE}-{}-01", zeros.1),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("0A-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-0x"),
            format!("00_{TRACE}_{SPAN}_01"),
            format!("00-{TRACE}-{SPAN}-01 "),
            format!("00-{TRACE}{SPAN}--01"),
        ] {
            assert_eq!(parse(&text), None, "{text}");
        }
    }
}
