//! OpenTelemetry's member of `tracestate`: `ot=th:c;rv:6e6d1a75832a2f`.
//!
//! `th` is the threshold by which the trace was sampled, `rv` the randomness that counts instead of
//! the trace id's. Other sub-keys pass as they are. Source: OpenTelemetry's specification, its pages
//! on the handling of `tracestate` and on probability sampling.

use trunkline_model::trace::Threshold;

use super::text::{Text, hex_number};

/// Key of the member.
pub(super) const KEY: &[u8] = b"ot";
/// Longest value of the member.
const BYTES_MAX: usize = 256;
/// Digits of an explicit randomness; neither fewer nor more.
const RANDOMNESS_DIGITS: usize = 14;

const THRESHOLD: &[u8] = b"th:";
const RANDOMNESS: &[u8] = b"rv:";

/// The member, with its key.
pub(super) type Member = Text<{ 2 + 1 + BYTES_MAX }>;

/// The value of the member; empty where there is none.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ot<'a>(pub(super) &'a [u8]);

impl<'a> Ot<'a> {
    fn entries(self) -> impl Iterator<Item = &'a [u8]> {
        self.0.split(|byte| *byte == b';').filter(|entry| !entry.is_empty())
    }

    fn value(self, key: &[u8]) -> Option<&'a [u8]> {
        self.entries().find_map(|entry| entry.strip_prefix(key))
    }

    /// The threshold by which the caller sampled.
    pub(super) fn threshold(self) -> Option<Threshold> {
        Threshold::parse(self.value(THRESHOLD)?)
    }

    /// The randomness that counts instead of the trace id's.
    pub(super) fn randomness(self) -> Option<u64> {
        let digits = self.value(RANDOMNESS)?;
        let exact = digits.len() == RANDOMNESS_DIGITS;
        let lower = !digits.iter().any(u8::is_ascii_uppercase);
        let number = hex_number(digits, RANDOMNESS_DIGITS).filter(|_| exact && lower)?;
        u64::try_from(number).ok()
    }

    /// The member with this threshold, or without any: empty, if nothing else is in it. `None`
    /// where it says so already.
    pub(super) fn with(self, threshold: Option<Threshold>) -> Option<Member> {
        let said = self.value(THRESHOLD);
        if said.is_some() == threshold.is_some() && self.threshold() == threshold {
            return None;
        }
        let mut member = Member::new();
        let mut begun = false;
        let mut add = |key: &[u8], value: &[u8]| {
            let lead: &[u8] = if begun { b";" } else { b"ot=" };
            if member.len() + lead.len() + key.len() + value.len() <= 3 + BYTES_MAX {
                begun |= member.push(lead) && member.push(key) && member.push(value);
            }
        };
        if let Some(threshold) = threshold {
            add(THRESHOLD, threshold.digits().as_bytes());
        }
        for entry in self.entries().filter(|entry| !entry.starts_with(THRESHOLD)) {
            add(b"", entry);
        }
        Some(member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threshold(text: &str) -> Option<Threshold> {
        Threshold::parse(text.as_bytes())
    }

    #[test]
    fn threshold_and_randomness_are_read() {
        let ot = Ot(b"rv:6e6d1a75832a2f;th:c;p:8");
        assert_eq!(ot.threshold(), threshold("c"));
        assert_eq!(ot.randomness(), Some(0x6e_6d1a_7583_2a2f));
        for wrong in ["", "th", "th:", "th:C", "th:c00000000000000", "xth:c", "th: c"] {
            assert_eq!(Ot(wrong.as_bytes()).threshold(), None, "{wrong}");
        }
        for wrong in ["rv:", "rv:6e", "rv:6E6D1A75832A2F", "rv:6e6d1a75832a2f0"] {
            assert_eq!(Ot(wrong.as_bytes()).randomness(), None, "{wrong}");
        }
    }

    #[test]
    fn a_threshold_is_put_in_front_changed_and_taken_away() {
        let check = |value: &str, new: &str, expected: Option<&str>| {
            let member = Ot(value.as_bytes()).with(threshold(new));
            let text = member.as_ref().map(|text| std::str::from_utf8(text.as_bytes()).unwrap());
            assert_eq!(text, expected, "{value} {new}");
        };
        check("", "", None);
        check("", "0", Some("ot=th:0"));
        check("rv:1;p:8", "c", Some("ot=th:c;rv:1;p:8"));
        check("rv:1;th:8", "c", Some("ot=th:c;rv:1"));
        check("rv:1;th:8", "", Some("ot=rv:1"));
        check("th:8", "", Some(""));
        check("th:8", "8", None);
        check("th:80", "8", None);
        check("th:X", "", Some(""));
        check("rv:1", "", None);
    }

    #[test]
    fn the_member_stays_within_its_bound() {
        let long = format!("a:{}", "x".repeat(254));
        let member = Ot(long.as_bytes()).with(threshold("c")).unwrap();
        assert_eq!(member.as_bytes(), b"ot=th:c");
        assert!(Ot(long.as_bytes()).with(None).is_none());
    }
}
