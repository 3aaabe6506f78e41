//! Messages as bytes. Whoever made a head has checked its names and values; what could break the
//! framing of a line is refused here once more, because a single CR is all that an attacker needs.

use http::HeaderMap;
use std::io::Write as _;

use crate::buffer::Buffer;
use crate::http::Head;

/// A head that cannot be sent: a line of it would not be one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a first line with bytes that no line may have")]
pub struct Unsendable;

/// Writes a request's head, without the empty line: fields of the connection may follow, then
/// [`end_head`].
///
/// # Errors
/// A method or target that would break the line.
pub(super) fn begin_request(head: &Head, out: &mut Buffer) -> Result<(), Unsendable> {
    let (method, target) = (head.method(), head.target());
    let fits =
        |text: &str| !text.is_empty() && text.bytes().all(|b| matches!(b, 0x21..=0x7e | 0x80..));
    if !fits(method) || !fits(target) {
        return Err(Unsendable);
    }
    head.write_request(out);
    Ok(())
}

/// Writes a whole request's head with `more` fields at its end.
///
/// # Errors
/// A method or target that would break the line.
pub fn encode_request(
    head: &Head,
    more: &[(&str, &str)],
    out: &mut Buffer,
) -> Result<(), Unsendable> {
    begin_request(head, out)?;
    end_head(more, out);
    Ok(())
}

/// Writes a whole response's head with `more` fields at its end. A status outside of 100 to 999 is
/// sent as 502: it came from nowhere else than a service.
pub fn encode_response(head: &Head, more: &[(&str, &str)], out: &mut Buffer) {
    match head.status() {
        200 => out.extend(b"HTTP/1.1 200 OK\r\n"),
        status => {
            let status = if (100..=999).contains(&status) { status } else { 502 };
            let known = http::StatusCode::from_u16(status).ok();
            let phrase = known.and_then(|code| code.canonical_reason()).unwrap_or("");
            let _ = write!(out, "HTTP/1.1 {status} {phrase}\r\n");
        }
    }
    head.write_fields(out);
    end_head(more, out);
}

fn end_head(more: &[(&str, &str)], out: &mut Buffer) {
    for (name, value) in more {
        out.extend(name.as_bytes());
        out.extend(b": ");
        out.extend(value.as_bytes());
        out.extend(b"\r\n");
    }
    out.extend(b"\r\n");
}

/// Writes what stands before the content of a chunk.
pub fn chunk_start(bytes: usize, out: &mut Buffer) {
    let _ = write!(out, "{bytes:x}\r\n");
}

/// Writes what stands behind the content of a chunk.
pub fn chunk_end(out: &mut Buffer) {
    out.extend(b"\r\n");
}

/// Writes the end of a chunked body.
pub fn encode_trailers(trailers: Option<&HeaderMap>, out: &mut Buffer) {
    out.extend(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten() {
        if super::tokens::is_forbidden_trailer(name.as_str()) {
            continue;
        }
        out.extend(name.as_str().as_bytes());
        out.extend(b": ");
        out.extend(value.as_bytes());
        out.extend(b"\r\n");
    }
    out.extend(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Version;

    #[test]
    fn heads_are_lines() {
        let mut out = Buffer::default();
        let mut head = Head::request("GET", "/a", Version::Http11);
        head.append("Host", b"a");
        encode_request(&head, &[("X", "1")], &mut out).unwrap();
        assert_eq!(out.data(), b"GET /a HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n");
        head.set_target("/a b");
        assert_eq!(encode_request(&head, &[], &mut out), Err(Unsendable));
        let mut out = Buffer::default();
        encode_response(&Head::response(404, Version::Http11), &[], &mut out);
        assert_eq!(out.data(), b"HTTP/1.1 404 Not Found\r\n\r\n");
    }
}
