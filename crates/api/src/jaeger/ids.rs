//! Ids and words as Jaeger's clients write them.

use trunkline_model::trace::TraceId;

/// A trace id: hex digits in either case, of which leading zeros may be left out, or base64 of its
/// 8 or 16 bytes, as protobuf's JSON has it.
pub(super) fn trace_id(text: &str) -> Option<TraceId> {
    let hex = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hex {
        let padded = format!("{:0>32}", text.to_ascii_lowercase());
        return TraceId::from_hex(padded.as_bytes());
    }
    let bytes = from_base64(text)?;
    let mut id = [0; 16];
    id.get_mut(16_usize.checked_sub(bytes.len())?..)?.copy_from_slice(&bytes);
    if bytes.len() == 8 || bytes.len() == 16 { TraceId::new(id) } else { None }
}

/// Bytes of base64 (RFC 4648), in the standard or the URL alphabet, with or without padding.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for digit in text.bytes() {
        let six = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    // What is left over is part of a byte, and nothing.
    (count < 6 && bits & ((1 << count) - 1) == 0).then_some(bytes)
}

/// Yes or no, as Go's `strconv.ParseBool` reads it.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_may_be_hex_or_base64() {
        let check = |text: &str, expect: &str| {
            assert_eq!(trace_id(text).map(|id| id.to_string()), Some(expect.to_owned()), "{text}");
        };
        check("1", "00000000000000000000000000000001");
        check("ABCD", "0000000000000000000000000000abcd");
        check("AAAAAAAAAAAAAAAAAAAAAQ==", "00000000000000000000000000000001");
        check("EjRWeJq83vD+3LqYdlQyEA==", "123456789abcdef0fedcba9876543210");
        check("EjRWeJq83vD-3LqYdlQyEA", "123456789abcdef0fedcba9876543210");
        check("AAAAAAAAAAE=", "00000000000000000000000000000001");
        for wrong in ["", "0", "xyz", "AAAAAAAAAAAAAAAAAAAAAR==", "AAAA!AAAAAE=", "Zm9v"] {
            assert_eq!(trace_id(wrong), None, "{wrong}");
        }
    }
}
