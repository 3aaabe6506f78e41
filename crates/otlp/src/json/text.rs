//! JSON's texts and numbers, and base64 (RFC 4648 §4), for which no crate is worth its place here.

use std::fmt::Write as _;

/// Appends a text in quotes, escaped as RFC 8259 §7 asks.
pub fn quoted(into: &mut String, text: &str) {
    into.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        let (plain, special) = rest.split_at(at);
        into.push_str(plain);
        let mut chars = special.chars();
        // Writing into a String cannot fail.
        let _ = match chars.next() {
            Some('\n') => into.write_str("\\n"),
            Some('\t') => into.write_str("\\t"),
            Some('\r') => into.write_str("\\r"),
            Some(c @ ('"' | '\\')) => write!(into, "\\{c}"),
            Some(c) => write!(into, "\\u{:04x}", u32::from(c)),
            None => Ok(()),
        };
        rest = chars.as_str();
    }
    into.push_str(rest);
    into.push('"');
}

/// Appends a number; what JSON cannot express is a text, as proto3's mapping has it.
pub(super) fn double(into: &mut String, number: f64) {
    let _ = if number.is_nan() {
        into.write_str("\"NaN\"")
    } else if number.is_infinite() {
        into.write_str(if number > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" })
    } else {
        write!(into, "{number:?}")
    };
}

/// Bytes as base64, with padding.
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |six: u32| {
        let index = usize::try_from(six & 63).unwrap_or_default();
        char::from(DIGITS.get(index).copied().unwrap_or_default())
    };
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        text.push(digit(bits >> 18));
        text.push(digit(bits >> 12));
        text.push(if chunk.len() > 1 { digit(bits >> 6) } else { '=' });
        text.push(if chunk.len() > 2 { digit(bits) } else { '=' });
    }
    text
}
