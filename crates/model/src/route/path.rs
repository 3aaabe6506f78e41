//! The form of a path in which routes compare it, and the paths that no route ever sees.
//!
//! Two paths that RFC 3986 §6.2.2 calls equivalent must not take different routes, or a route that
//! protects `/admin` would be passed by as `/%61dmin`. So percent-encoded unreserved characters
//! are decoded and the remaining escapes get upper-case digits; nothing else changes. What is
//! forwarded is what was received, unless a filter rewrites it.
//!
//! - Empty segments count: `/a//b` is not `/a/b`.
//! - `%2F` is a character of its segment, not a border between two.
//! - Dot segments are refused, however they are written (`..`, `%2e%2e`, `..%2f`, `..\`, `..;x`):
//!   services resolve them at different moments, and every one of them is a way around a route.
//! - Broken escapes and `%00` are refused: services read them differently.

use std::borrow::Cow;

/// Why a path is refused before any route is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// It does not start with `/`: `*`, or the authority of a CONNECT.
    #[error("the path does not start with `/`")]
    Relative,
    /// It has a `.` or `..` segment.
    #[error("the path has a `.` or `..` segment")]
    DotSegment,
    /// A `%` without two hex digits behind it.
    #[error("the path has a `%` without two hex digits behind it")]
    Escape,
    /// `%00`.
    #[error("the path has a zero byte")]
    Zero,
}

/// The normal form of a path without its query. Borrows unless an escape had to be changed.
pub fn normal(path: &str) -> Result<Cow<'_, str>, BadPath> {
    let bytes = path.as_bytes();
    if bytes.first() != Some(&b'/') {
        return Err(BadPath::Relative);
    }
    // Folds without early exit: they become vector code, and most paths are short and clean.
    let special = |found, byte: &u8| found || *byte == b'%' || *byte == b'\\';
    let dotted = bytes.iter().zip(bytes.iter().skip(1));
    let dotted = dotted.fold(false, |found, (a, b)| found || (*a == b'/' && *b == b'.'));
    if !bytes.iter().fold(false, special) {
        return if dotted && has_dot_segment(path) {
            Err(BadPath::DotSegment)
        } else {
            Ok(Cow::Borrowed(path))
        };
    }
    let decoded = decode_unreserved(path)?;
    if has_dot_segment(&decoded) {
        return Err(BadPath::DotSegment);
    }
    Ok(decoded)
}

/// Whether a segment is `.` or `..`, with anything that some server takes for a segment's border:
/// `/`, `\`, either of them encoded, and `;`, which starts parameters.
pub fn has_dot_segment(path: &str) -> bool {
    let mut rest = path;
    loop {
        let end = border(rest);
        let (segment, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let name = segment.split(';').next().unwrap_or_default();
        if matches!(name, "." | "..") {
            return true;
        }
        if behind.is_empty() {
            return false;
        }
        let width = if behind.starts_with('%') { 3 } else { 1 };
        rest = behind.get(width..).unwrap_or_default();
    }
}

/// Index of the first border in a text, or its length.
fn border(text: &str) -> usize {
    let bytes = text.as_bytes();
    bytes
        .iter()
        .enumerate()
        .position(|(at, byte)| match byte {
            b'/' | b'\\' => true,
            b'%' => bytes.get(at + 1..at + 3).is_some_and(|digits| {
                digits.eq_ignore_ascii_case(b"2f") || digits.eq_ignore_ascii_case(b"5c")
            }),
            _ => false,
        })
        .unwrap_or(bytes.len())
}

fn decode_unreserved(path: &str) -> Result<Cow<'_, str>, BadPath> {
    if !path.contains('%') {
        return Ok(Cow::Borrowed(path));
    }
    let mut out = String::with_capacity(path.len());
    let mut parts = path.split('%');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.get(..2).ok_or(BadPath::Escape)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(BadPath::Escape);
        }
        let byte = u8::from_str_radix(digits, 16).map_err(|_| BadPath::Escape)?;
        match byte {
            0 => return Err(BadPath::Zero),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                out.extend(digits.chars().map(|digit| digit.to_ascii_uppercase()));
            }
        }
        out.push_str(part.get(2..).unwrap_or_default());
    }
    Ok(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equivalent_paths_have_one_normal_form() {
        assert_eq!(normal("/%61dmin%2fx%7E").unwrap(), "/admin%2Fx~");
        assert_eq!(normal("/a//b").unwrap(), "/a//b");
        assert!(matches!(normal("/a/b").unwrap(), Cow::Borrowed(_)));
        assert_eq!(normal("/größe").unwrap(), "/größe");
    }

    #[test]
    fn dot_segments_are_refused_however_they_are_written() {
        for path in [
            "/..",
            "/.",
            "/a/../b",
            "/a/./b",
            "/a/%2e%2E/b",
            "/a/.%2e",
            "/a/..%2fb",
            "/a%5c..",
            "/a\\..\\b",
            "/a/..;x=1/b",
            "/..%5C",
        ] {
            assert_eq!(normal(path), Err(BadPath::DotSegment), "{path}");
        }
    }

    #[test]
    fn dots_inside_a_segment_are_fine() {
        for path in ["/.well-known/x", "/a..b", "/...", "/a.", "/..a", "/.;", "/a/.b%20c"] {
            let refused = path == "/.;";
            assert_eq!(normal(path).is_err(), refused, "{path}");
        }
    }

    #[test]
    fn broken_escapes_and_zero_bytes_are_refused() {
        assert_eq!(normal("/a%2"), Err(BadPath::Escape));
        assert_eq!(normal("/a%+1"), Err(BadPath::Escape));
        assert_eq!(normal("/a%é"), Err(BadPath::Escape));
        assert_eq!(normal("/a%00"), Err(BadPath::Zero));
        assert_eq!(normal("*"), Err(BadPath::Relative));
        assert_eq!(normal(""), Err(BadPath::Relative));
    }

    proptest! {
        #[test]
        fn normal_forms_are_normal(path in "/[a-c./%2eEfF5\\\\;é]{0,12}") {
            if let Ok(once) = normal(&path) {
                let twice = normal(&once).map(Cow::into_owned);
                prop_assert_eq!(twice, Ok(once.clone().into_owned()));
            }
        }
    }
}
