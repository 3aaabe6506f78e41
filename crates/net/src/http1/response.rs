//! A response's head, and how its body is framed: that depends on the request as well.

use std::mem::MaybeUninit;

use super::body::Framing;
use super::fields::{Facts, range_in, take_fields};
use super::limits::Limits;
use super::refusal::Refusal;
use super::request::refusal_of;
use crate::http::{Head, Version};

/// A response's head, and what it says about its connection.
#[derive(Debug)]
pub struct Response {
    /// The head.
    pub head: Head,
    /// How its body is framed.
    pub framing: Framing,
    /// The service takes further requests on this connection.
    pub keep_alive: bool,
}

/// Reads the head of a response to a request of this method: `block` is one whole head with its
/// empty line.
///
/// # Errors
/// What makes it ambiguous, malformed or too large.
pub fn parse_response(block: &[u8], method: &str, limits: &Limits) -> Result<Response, Refusal> {
    read(block, method, limits).map(|(response, _)| response)
}

/// As `request::parse_ahead`.
pub(super) fn parse_ahead(data: &[u8], method: &str, limits: &Limits) -> Option<(Response, usize)> {
    let (response, end) = read(data, method, limits).ok()?;
    Some((response, end?))
}

/// The response, and the length of its head if it is a plain case.
fn read(data: &[u8], method: &str, limits: &Limits) -> Result<(Response, Option<usize>), Refusal> {
    let mut room = [const { MaybeUninit::uninit() }; Limits::FIELDS_MAX];
    let room = room.get_mut(..limits.fields.min(Limits::FIELDS_MAX)).unwrap_or_default();
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let complete = config.parse_response_with_uninit_headers(&mut parsed, data, room);
    let complete = complete.map_err(|error| refusal_of(error, data))?;
    let (httparse::Status::Complete(end), Some(minor), Some(status)) =
        (complete, parsed.version, parsed.code)
    else {
        return Err(Refusal::StartLine);
    };
    if !(100..=999).contains(&status) {
        return Err(Refusal::StartLine);
    }
    let block = data.get(..end).unwrap_or_default();
    let version = if minor == 0 { Version::Http10 } else { Version::Http11 };
    let first_line = first_line(block, parsed.reason.unwrap_or_default());
    let mut head = Head::received_response(block, status, version);
    let (facts, end) = take_fields(&mut head, block, parsed.headers, first_line)?;
    let framing = framing(status, method, &facts);
    let keep_alive = facts.persists(version) && framing != Framing::UntilClose;
    Ok((Response { head, framing, keep_alive }, end))
}

/// Where the content of the first line ends. Empty lines before it are no part of a head.
fn first_line(block: &[u8], reason: &str) -> Option<usize> {
    if !block.starts_with(b"HTTP/") {
        return None;
    }
    match range_in(block, reason.as_bytes()).end {
        // There is none: the space before it may be missing as well.
        0 if block.get(STATUS_BYTES) == Some(&b' ') => Some(STATUS_BYTES + 1),
        0 => Some(STATUS_BYTES),
        end => Some(end),
    }
}

/// Bytes of `HTTP/1.1 200`.
const STATUS_BYTES: usize = 12;

/// RFC 9112 §6.3.
fn framing(status: u16, method: &str, facts: &Facts) -> Framing {
    if method == "HEAD" || matches!(status, 100..=199 | 204 | 304) {
        return Framing::Empty;
    }
    match (facts.chunked, facts.length) {
        (true, _) => Framing::Chunked,
        (false, Some(0)) => Framing::Empty,
        (false, Some(length)) => Framing::Length(length),
        (false, None) => Framing::UntilClose,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, block: &str, expect: Result<(Framing, bool), Refusal>) {
        let response = parse_response(block.as_bytes(), method, &Limits::default());
        let found = response.map(|response| (response.framing, response.keep_alive));
        assert_eq!(found, expect, "{method} {block:?}");
    }

    #[test]
    fn framing_follows_status_method_and_fields() {
        let length = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
        check("GET", length, Ok((Framing::Length(3), true)));
        check("HEAD", length, Ok((Framing::Empty, true)));
        check("GET", "HTTP/1.1 304 \r\nContent-Length: 3\r\n\r\n", Ok((Framing::Empty, true)));
        check("GET", "HTTP/1.1 204\r\n\r\n", Ok((Framing::Empty, true)));
        check("GET", "HTTP/1.1 200 OK\r\n\r\n", Ok((Framing::UntilClose, false)));
        let chunked = "Transfer-Encoding: chunked\r\n";
        let block = format!("HTTP/1.1 200 OK\r\n{chunked}Connection: close\r\n\r\n");
        check("GET", &block, Ok((Framing::Chunked, false)));
        check(
            "GET",
            "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n",
            Ok((Framing::Length(3), false)),
        );
    }

    #[test]
    fn ambiguous_responses_are_refused_too() {
        let both = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";
        check("GET", both, Err(Refusal::LengthAndCoding));
        check("GET", "HTTP/1.1 99 x\r\n\r\n", Err(Refusal::StartLine));
        check("GET", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", Err(Refusal::Field));
        let coding = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n";
        check("GET", coding, Err(Refusal::Coding));
    }
}
