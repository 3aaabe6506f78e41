//! Bytes and numbers of the grammar that are needed in more than one place.

/// Whether a byte may stand in a token (RFC 9110 §5.6.2).
pub(super) const fn is_token(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
        || byte.is_ascii_alphanumeric()
}

/// A `Content-Length`: digits alone, no sign, no list, no space (RFC 9110 §8.6).
pub(super) fn length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |length, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { length.checked_mul(10)?.checked_add(u64::from(digit)) }
    })
}

/// Whether a list has this element, without case.
pub(super) fn has_element(value: &[u8], element: &[u8]) -> bool {
    if value.len() == element.len() {
        return value.eq_ignore_ascii_case(element);
    }
    value.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(element))
}

/// Whether this field must not stand in trailers: framing, routing, and what a receiver has acted
/// on by then (RFC 9110 §6.5.1).
pub(super) fn is_forbidden_trailer(name: &str) -> bool {
    const FORBIDDEN: [&str; 14] = [
        "transfer-encoding",
        "content-length",
        "host",
        "connection",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "content-encoding",
        "content-type",
    ];
    FORBIDDEN.iter().any(|forbidden| forbidden.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_digits_alone() {
        for (value, expect) in [("0", Some(0)), ("10", Some(10)), ("007", Some(7))] {
            assert_eq!(length(value.as_bytes()), expect);
        }
        for value in ["", "+1", "-1", "1 ", "1,1", "0x1", "1.0", "99999999999999999999"] {
            assert_eq!(length(value.as_bytes()), None, "{value}");
        }
    }
}
