//! A request's head: its fields, its target, and how its body is framed.

use std::mem::MaybeUninit;

use super::body::Framing;
use super::fields::{Facts, range_in, take_fields};
use super::limits::Limits;
use super::refusal::Refusal;
use crate::http::{Head, Version, strict};

/// A request's head, and what it says about its connection.
#[derive(Debug)]
pub struct Request {
    /// The head. Its target is in origin form (`*` for OPTIONS, the authority for CONNECT); what an
    /// absolute target named is its `Host`.
    pub head: Head,
    /// How its body is framed.
    pub framing: Framing,
    /// The caller wants to send further requests on this connection.
    pub keep_alive: bool,
    /// The protocol it wants to switch to is named in its `Upgrade` field.
    pub upgrade: bool,
    /// It holds its body back until it is told `100 Continue`.
    pub expects_continue: bool,
}

/// Reads the head of a request: `block` is one whole head with its empty line.
///
/// # Errors
/// What makes it ambiguous, malformed or too large.
pub fn parse_request(block: &[u8], limits: &Limits) -> Result<Request, Refusal> {
    read(block, limits).map(|(request, _)| request)
}

/// Reads a request at the front of `data` at its first sight, and tells its length. `None` is what
/// is not all there, or no plain case, or wrong: that is for who looks at every byte.
pub(super) fn parse_ahead(data: &[u8], limits: &Limits) -> Option<(Request, usize)> {
    let (request, end) = read(data, limits).ok()?;
    Some((request, end?))
}

/// The request, and the length of its head if it is a plain case.
fn read(data: &[u8], limits: &Limits) -> Result<(Request, Option<usize>), Refusal> {
    let mut room = [const { MaybeUninit::uninit() }; Limits::FIELDS_MAX];
    let room = room.get_mut(..limits.fields.min(Limits::FIELDS_MAX)).unwrap_or_default();
    let mut parsed = httparse::Request::new(&mut []);
    let status = parsed.parse_with_uninit_headers(data, room);
    let status = status.map_err(|error| refusal_of(error, data))?;
    let (httparse::Status::Complete(end), Some(method), Some(target), Some(minor)) =
        (status, parsed.method, parsed.path, parsed.version)
    else {
        return Err(Refusal::StartLine);
    };
    let block = data.get(..end).unwrap_or_default();
    let version = if minor == 0 { Version::Http10 } else { Version::Http11 };
    let (method_at, target_at) =
        (range_in(block, method.as_bytes()), range_in(block, target.as_bytes()));
    // Empty lines before it are skipped by the tokenizer; they are not a part of it.
    let first_line = (method_at.start == 0).then_some(target_at.end + VERSION_BYTES);
    let mut head = Head::received_request(block, method_at, target_at, version);
    let (facts, end) = take_fields(&mut head, block, parsed.headers, first_line)?;
    settle_target(&mut head, method, target, limits)?;
    Ok((finish(head, &facts)?, end))
}

/// Bytes of ` HTTP/1.1`.
const VERSION_BYTES: usize = 9;

fn finish(head: Head, facts: &Facts) -> Result<Request, Refusal> {
    let framing = match (facts.chunked, facts.length) {
        (true, _) => Framing::Chunked,
        (false, Some(0) | None) => Framing::Empty,
        (false, Some(length)) => Framing::Length(length),
    };
    let version = head.version();
    // A caller of HTTP/1.0 must not send it, and it is ignored (RFC 9110 §7.8).
    let upgrade = facts.upgrade && facts.names_upgrade && version == Version::Http11;
    if upgrade && framing != Framing::Empty {
        return Err(Refusal::UpgradeWithBody);
    }
    let expects_continue = facts.expects && version == Version::Http11;
    let keep_alive = facts.persists(version);
    Ok(Request { head, framing, keep_alive, upgrade, expects_continue })
}

/// Brings the target into the form that later steps expect, and refuses what is no target.
fn settle_target(
    head: &mut Head,
    method: &str,
    target: &str,
    limits: &Limits,
) -> Result<(), Refusal> {
    if target.len() > limits.target_bytes {
        return Err(Refusal::TargetTooLong);
    }
    // A fragment never reaches a server (RFC 9112 §3.2); two readers would cut it differently.
    if !target.bytes().all(|byte| matches!(byte, 0x21..=0x7e) && byte != b'#') {
        return Err(Refusal::Target);
    }
    if method == "CONNECT" {
        let ends_in_port = target.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        });
        return if ends_in_port && !target.contains(['/', '@']) {
            Ok(())
        } else {
            Err(Refusal::Target)
        };
    }
    if target.starts_with('/') || (target == "*" && method == "OPTIONS") {
        return Ok(());
    }
    settle_absolute(head, target)
}

/// `http://host/path`: the host counts, and a `Host` field must say the same (RFC 9112 §3.2.2).
fn settle_absolute(head: &mut Head, target: &str) -> Result<(), Refusal> {
    let (scheme, rest) = target.split_once("://").ok_or(Refusal::Target)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(Refusal::Target);
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).ok_or(Refusal::Target)?;
    if authority.contains('@') {
        return Err(Refusal::Credentials);
    }
    strict::check_hosts(head, authority, scheme)?;
    let path = match path.as_bytes().first() {
        None => "/".to_owned(),
        Some(b'?') => format!("/{path}"),
        Some(_) => path.to_owned(),
    };
    head.set("Host", authority.as_bytes());
    head.set_target(&path);
    Ok(())
}

pub(super) fn refusal_of(error: httparse::Error, block: &[u8]) -> Refusal {
    match error {
        httparse::Error::HeaderName => {
            // A line that begins with space continues the one before, or would if that were allowed.
            let folds = block.windows(2).any(|pair| matches!(pair, [b'\n', b' ' | b'\t']));
            if folds { Refusal::Folded } else { Refusal::Field }
        }
        httparse::Error::HeaderValue => Refusal::Field,
        httparse::Error::NewLine => Refusal::LineEnd,
        httparse::Error::TooManyHeaders => Refusal::TooManyFields,
        httparse::Error::Version => Refusal::Version,
        httparse::Error::Status | httparse::Error::Token => Refusal::StartLine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(block: &str) -> Result<Request, Refusal> {
        parse_request(block.as_bytes(), &Limits::default())
    }

    fn check(fields: &str, expect: Result<Framing, Refusal>) {
        let block = format!("POST /a HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        assert_eq!(parse(&block).map(|request| request.framing), expect, "{fields:?}");
    }

    #[test]
    fn plain_heads_are_read_at_first_sight() {
        let ahead = |data: &str| {
            let found = parse_ahead(data.as_bytes(), &Limits::default());
            found.map(|(request, end)| (request.head.field_count(), end))
        };
        assert_eq!(ahead("GET / HTTP/1.1\r\nA: b\r\n\r\n"), Some((1, 24)));
        assert_eq!(ahead("GET / HTTP/1.1\r\nA: b\r\n\r\nGET"), Some((1, 24)));
        for other in [
            "GET / HTTP/1.1\r\nA: b\r\n",
            "GET / HTTP/1.1\nA: b\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(ahead(other), None, "{other:?}");
        }
    }

    #[test]
    fn framing_is_one_thing_or_refused() {
        check("", Ok(Framing::Empty));
        check("Content-Length: 0\r\n", Ok(Framing::Empty));
        check("content-length: 5\r\n", Ok(Framing::Length(5)));
        check("Transfer-Encoding: Chunked\r\n", Ok(Framing::Chunked));
        let both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n";
        check(both, Err(Refusal::LengthAndCoding));
        check("Content-Length: 5\r\nContent-Length: 5\r\n", Err(Refusal::Length));
        for length in ["+5", "5,5", "0x5", "", "-1", "5 5"] {
            check(&format!("Content-Length: {length}\r\n"), Err(Refusal::Length));
        }
        for coding in ["gzip", "gzip, chunked", "chunked, chunked", "xchunked", "identity", ""] {
            check(&format!("Transfer-Encoding: {coding}\r\n"), Err(Refusal::Coding));
        }
        let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n";
        check(twice, Err(Refusal::Coding));
    }

    #[test]
    fn fields_are_refused_that_somebody_could_read_otherwise() {
        check("A : b\r\n", Err(Refusal::Field));
        check("Transfer-Encoding : chunked\r\n", Err(Refusal::Field));
        check("A: b\r\n c\r\n", Err(Refusal::Folded));
        check("A\r\n", Err(Refusal::Field));
        check(": b\r\n", Err(Refusal::Field));
        check("A: b\0c\r\n", Err(Refusal::Field));
        check("A: b\rc\r\n", Err(Refusal::Field));
        check("A: b\x7f\r\n", Err(Refusal::Field));
        check(&"A: b\r\n".repeat(100), Err(Refusal::TooManyFields));
    }

    #[test]
    fn first_lines_are_strict() {
        for (line, expect) in [
            ("GET  / HTTP/1.1", Refusal::StartLine),
            ("GET / HTTP/1.1 ", Refusal::LineEnd),
            ("GET / HTTP/1.2", Refusal::Version),
            ("GET / HTTP/2.0", Refusal::Version),
            ("GET /", Refusal::StartLine),
            ("GET a HTTP/1.1", Refusal::Target),
            ("GET * HTTP/1.1", Refusal::Target),
            ("GET /a#b HTTP/1.1", Refusal::Target),
            ("GET ftp://a/ HTTP/1.1", Refusal::Target),
            ("CONNECT / HTTP/1.1", Refusal::Target),
        ] {
            let refused = parse(&format!("{line}\r\nHost: a\r\n\r\n")).unwrap_err();
            let near = matches!(expect, Refusal::StartLine | Refusal::LineEnd | Refusal::Version);
            assert!(refused == expect || near, "{line}: {refused:?}");
        }
    }

    #[test]
    fn absolute_targets_become_host_and_path() {
        let request = parse("GET http://Shop.test:80/a?b HTTP/1.1\r\nHost: shop.test\r\n\r\n");
        let head = request.unwrap().head;
        assert_eq!((head.target(), head.get_text("host")), ("/a?b", Some("Shop.test:80")));
        let request = parse("GET http://shop.test?b HTTP/1.1\r\nHost: shop.test\r\n\r\n");
        assert_eq!(request.unwrap().head.target(), "/?b");
        let other = parse("GET http://shop.test/ HTTP/1.1\r\nHost: bank.test\r\n\r\n");
        assert_eq!(other.unwrap_err(), Refusal::HostMismatch);
        let user = parse("GET http://me@shop.test/ HTTP/1.1\r\nHost: shop.test\r\n\r\n");
        assert_eq!(user.unwrap_err(), Refusal::Credentials);
    }

    #[test]
    fn connections_persist_as_their_version_says() {
        let keeps = |line: &str, fields: &str| {
            parse(&format!("GET / {line}\r\nHost: a\r\n{fields}\r\n")).unwrap().keep_alive
        };
        assert!(keeps("HTTP/1.1", "") && !keeps("HTTP/1.1", "Connection: Close\r\n"));
        assert!(!keeps("HTTP/1.0", "") && keeps("HTTP/1.0", "Connection: x, keep-alive\r\n"));
    }

    #[test]
    fn an_upgrade_has_no_body() {
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
        let block = |more: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{upgrade}{more}\r\n");
        assert!(parse(&block("")).unwrap().upgrade);
        assert_eq!(parse(&block("Content-Length: 1\r\n")).unwrap_err(), Refusal::UpgradeWithBody);
    }

    #[test]
    fn an_unchanged_line_goes_out_as_it_came() {
        let sent = |line: &str, change: fn(&mut Head)| {
            let mut head = parse(&format!("{line}\r\nHost:a\r\n\r\n")).unwrap().head;
            change(&mut head);
            let mut out = crate::buffer::Buffer::default();
            super::super::encode::encode_request(&head, &[], &mut out).unwrap();
            String::from_utf8(out.data().to_vec()).unwrap()
        };
        let line = "GET /a?b HTTP/1.1";
        assert_eq!(sent(line, |_| {}), format!("{line}\r\nHost:a\r\n\r\n"));
        let old = sent("GET /a?b HTTP/1.0", |_| {});
        assert_eq!(old, format!("{line}\r\nHost:a\r\n\r\n"));
        let moved = sent(line, |head| head.set_target("/c"));
        assert_eq!(moved, "GET /c HTTP/1.1\r\nHost:a\r\n\r\n");
        let renamed = sent(line, |head| head.set_method("PUT"));
        assert_eq!(renamed, "PUT /a?b HTTP/1.1\r\nHost:a\r\n\r\n");
        let removed = sent(line, |head| head.remove("host"));
        assert_eq!(removed, format!("{line}\r\n\r\n"));
    }

    #[test]
    fn unchanged_fields_go_out_as_they_came() {
        let fields = "Host:  a\r\nX-One:1\r\nx-tWO: 2 \r\nEmpty:\r\n";
        let mut head = parse(&format!("GET / HTTP/1.1\r\n{fields}\r\n")).unwrap().head;
        let written = |head: &Head| {
            let mut out = crate::buffer::Buffer::default();
            head.write_fields(&mut out);
            String::from_utf8(out.data().to_vec()).unwrap()
        };
        assert_eq!(written(&head), fields);
        head.set("x-one", b"3");
        head.remove("empty");
        head.append("More", b"4");
        assert_eq!(written(&head), "Host:  a\r\nX-One: 3\r\nx-tWO: 2 \r\nMore: 4\r\n");
    }
}
